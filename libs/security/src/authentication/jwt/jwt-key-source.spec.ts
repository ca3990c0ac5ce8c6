import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { errors } from 'jose';
import { describe, expect, it, jest } from '@jest/globals';
import { ApplicationFunctionError } from '../../core/application-functions.js';
import { type ImportedKey, KeyRefusedError } from './imported-key.js';
import { keySourceOf } from './jwt-key-source.js';
import { JwtKeySet } from './jwt-key-set.js';
import type { JwtIssuerOptions, JwtKeyLike } from './jwt.options.js';
import { pemOf, signingKey } from './testing/tokens.js';

const rsa = signingKey('RS256').publicKey;
const elliptic = signingKey('ES256').publicKey;
const jwk = { ...rsa.export({ format: 'jwk' }), kid: 'a' };
const RS256 = { alg: 'RS256', kid: 'a' } as const;

const sourceOf = (options: Partial<JwtIssuerOptions>) =>
  keySourceOf({ issuer: 'issuer', dangerouslyAcceptAnyAudience: true, algorithms: ['RS256'], ...options });
const sourceFrom = (provide: () => unknown) => sourceOf({ key: provide as () => JwtKeyLike });

describe('keySourceOf', () => {
  it.each<[string, JwtIssuerOptions['key']]>([
    ['PEM', pemOf(rsa)],
    ['JWK', jwk],
    ['KeyObject', rsa],
    ['JWK Set', { keys: [jwk] }],
    ['JwtKeySet', new JwtKeySet([jwk])],
  ])('finds the key of a %s', async (_, key) => {
    const found = (await sourceOf({ key }).find(RS256)) as ImportedKey | undefined;
    expect(found?.keyObject.equals(rsa)).toBe(true);
  });

  it('finds a single JWK by its name, not by another', () => {
    expect(sourceOf({ key: jwk }).find({ alg: 'RS256', kid: 'b' })).toBeUndefined();
  });

  it('leaves out what a JWK Set publishes for another use', () => {
    const keys = [{ ...jwk, kid: 'enc', use: 'enc' }, jwk];
    expect(sourceOf({ key: { keys } }).find(RS256)).toBeDefined();
  });

  it('finds a secret for HS* alone', () => {
    const source = sourceOf({ algorithms: ['HS256'], secret: randomBytes(32) });
    expect(source.find({ alg: 'HS256', kid: 'anything' })).toBeDefined();
    expect(source.find({ alg: 'RS256' })).toBeUndefined();
  });

  it('follows a JwtKeySet', () => {
    const set = new JwtKeySet([jwk]);
    const source = sourceOf({ key: set });
    set.withdraw('a');
    expect(source.find(RS256)).toBeUndefined();
  });

  it.each<[string, Partial<JwtIssuerOptions>, RegExp]>([
    ['a key that fits no algorithm', { key: elliptic }, /fits none of the algorithms \(RS256\)/],
    ['a set no key of which fits', { key: new JwtKeySet([{ kid: 'a', key: elliptic }]) }, /fits none/],
    ['a JWK that declares another algorithm', { key: { ...jwk, alg: 'PS256' } }, /fits none/],
    ['an empty JWK Set', { key: { keys: [] } }, /list none/],
    ['a JWK Set whose keys are no list', { key: { keys: jwk as never } }, /list none/],
    ['a list of keys', { key: [jwk] as never }, /a list/],
    ['a secret below the width of the hash', { algorithms: ['HS512'], secret: randomBytes(63) }, /HS512 asks for: 64/],
  ])('refuses %s', (_, options, message) => {
    expect(() => sourceOf(options)).toThrow(KeyRefusedError);
    expect(() => sourceOf(options)).toThrow(message);
  });

  it('may have a set that is filled later', () => {
    const set = new JwtKeySet();
    const source = sourceOf({ key: set });
    set.add(jwk);
    expect(source.find(RS256)).toBeDefined();
  });
});

describe('a key provider', () => {
  it.each<[string, () => unknown]>([
    ['a PEM', () => pemOf(rsa)],
    ['a JWK', () => jwk],
    ['a KeyObject', () => rsa],
    ['a private KeyObject', () => signingKey('RS256').privateKey],
    ['a promise', () => Promise.resolve(jwk)],
  ])('may give %s', async (_, provide) => {
    const found = (await sourceFrom(provide).find(RS256)) as ImportedKey | undefined;
    expect(found?.keyObject.equals(rsa)).toBe(true);
  });

  it.each([
    ['bytes', () => randomBytes(32)],
    ['a secret KeyObject', () => createSecretKey(randomBytes(32))],
  ])('may give a shared secret as %s, for HS* alone', (_, provide) => {
    expect(sourceFrom(provide).find({ alg: 'HS256' })).toMatchObject({ keyObject: { type: 'secret' } });
    expect(sourceFrom(provide).find({ alg: 'RS256' })).toBeInstanceOf(ApplicationFunctionError);
  });

  it('is told the algorithm and the name of the key, and answers at once when it can', () => {
    const provide = jest.fn(() => rsa);
    expect(sourceOf({ key: provide }).find(RS256)).not.toBeInstanceOf(Promise);
    expect(provide.mock.calls).toEqual([[RS256]]);
  });

  it.each<[string, () => unknown]>([
    ['gives nothing', () => undefined],
    ['gives null', () => null],
    ['gives a promise of nothing', () => Promise.resolve(undefined)],
    ["rejects as jose's key sets do where no key fits", () => Promise.reject(new errors.JWKSNoMatchingKey())],
    ["rejects as jose's key sets do where several fit", () => Promise.reject(new errors.JWKSMultipleMatchingKeys())],
  ])('that %s has no key', async (_, provide) => {
    expect(await sourceFrom(provide).find(RS256)).toBeUndefined();
  });

  it('that gives the key of another algorithm of the issuer has none for the token', () => {
    const source = sourceOf({ key: () => elliptic, algorithms: ['RS256', 'ES256'] });
    expect(source.find(RS256)).toBeUndefined();
    expect(source.find({ alg: 'ES256' })).toBeDefined();
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('the provider failed');
      },
    ],
    ['rejects', () => Promise.reject(new Error('the provider failed'))],
    ['gives a key of another type', () => elliptic],
    ['gives a promise of a key of another type', () => Promise.resolve(elliptic)],
    ['gives what is no key', () => 42],
    ['gives text that is no PEM', () => 'a shared secret that is written as text and so refused'],
    ['gives a secret as JWK', () => ({ kty: 'oct', k: randomBytes(64).toString('base64url') })],
    ['gives a secret that is too short', () => randomBytes(31)],
    ['gives a key for encryption', () => ({ ...jwk, use: 'enc' })],
    ['gives a list', () => [jwk]],
    ['gives a set in place of a key', () => ({ keys: [jwk] })],
    ['gives the address of its keys', () => 'https://id.example/jwks.json'],
  ])('that %s fails: nothing is known of the token', async (_, provide) => {
    expect(await sourceFrom(provide).find(RS256)).toBeInstanceOf(ApplicationFunctionError);
  });

  it('that gives a public key for HS256 fails: whoever knows it could sign', () => {
    for (const key of [pemOf(rsa), rsa, jwk, Buffer.from(pemOf(rsa))]) {
      const source = sourceOf({ key: () => key, algorithms: ['HS256'] });
      expect(source.find({ alg: 'HS256' })).toBeInstanceOf(ApplicationFunctionError);
    }
  });

  it('that answers later is asked for one key once at a time, and again after a failure', async () => {
    const answers: ((key: KeyObject | Error) => void)[] = [];
    const provide = jest.fn(
      () =>
        new Promise<KeyObject>((resolve, reject) => {
          answers.push((key) => (key instanceof Error ? reject(key) : resolve(key)));
        }),
    );
    const source = sourceOf({ key: provide as never });
    const waiting = [source.find(RS256), source.find(RS256), source.find({ alg: 'RS256', kid: 'b' })];
    expect(provide).toHaveBeenCalledTimes(2);
    answers.shift()?.(new Error('away'));
    expect(await waiting[0]).toBeInstanceOf(ApplicationFunctionError);
    expect(await waiting[1]).toBe(await waiting[0]);
    const again = source.find(RS256);
    expect(provide).toHaveBeenCalledTimes(3);
    for (const answer of answers) answer(rsa);
    expect(await again).toMatchObject({ algorithms: expect.any(Set) });
    expect(await waiting[2]).toMatchObject({ algorithms: expect.any(Set) });
  });

  it.each<[string, () => unknown]>([
    ['one PEM', () => pemOf(rsa)],
    ['one KeyObject', () => rsa],
    ['a JWK that is parsed anew', () => ({ ...jwk })],
  ])('that gives %s each time has it imported once', (_, provide) => {
    const source = sourceFrom(provide);
    expect(source.find(RS256)).toBe(source.find(RS256));
  });

  it('is believed when it gives the same bytes or JWK with another content', () => {
    const changing: Record<string, unknown> = { ...jwk };
    const source = sourceFrom(() => changing);
    expect(source.find(RS256)).toMatchObject({ kid: 'a' });
    Object.assign(changing, signingKey('RS256', 'other').publicKey.export({ format: 'jwk' }));
    const found = source.find(RS256);
    expect(found !== undefined && 'keyObject' in found && found.keyObject.equals(rsa)).toBe(false);
  });

  it('keeps a bounded number of keys imported', () => {
    let round = 0;
    const source = sourceFrom(() => ({ ...jwk, kid: `key-${round}` }));
    const first = source.find(RS256);
    expect(source.find(RS256)).toBe(first);
    for (round = 1; round <= 100; round++) source.find(RS256);
    round = 0;
    expect(source.find(RS256)).not.toBe(first);
  });
});
