import {
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  randomBytes,
  type RSAPSSKeyPairKeyObjectOptions,
} from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { importPublicKey, importSecret, KeyRefusedError } from './imported-key.js';
import { certificateOf, pemOf, signingKey } from './testing/tokens.js';

const rsa = signingKey('RS256');
const p256 = signingKey('ES256');
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];

const algorithmsOf = (...key: Parameters<typeof importPublicKey>) => [...importPublicKey(...key).algorithms];
const jwkOf = (alg: 'RS256' | 'ES256' | 'EdDSA', members: object = {}) => ({
  ...signingKey(alg).publicKey.export({ format: 'jwk' }),
  ...members,
});

function refusalOf(importing: () => unknown): KeyRefusedError {
  try {
    importing();
  } catch (error) {
    if (error instanceof KeyRefusedError) return error;
    throw error;
  }
  throw new Error('The key was taken');
}

describe('importPublicKey', () => {
  it.each([
    ['RSA', rsa.publicKey, RSA_ALGORITHMS],
    ['P-256', p256.publicKey, ['ES256']],
    ['P-384', signingKey('ES384').publicKey, ['ES384']],
    ['P-521', signingKey('ES512').publicKey, ['ES512']],
    ['Ed25519', signingKey('EdDSA').publicKey, ['EdDSA']],
  ])('lets a key of type %s serve the algorithms of its type alone', (_, key, algorithms) => {
    expect(algorithmsOf(key)).toEqual(algorithms);
  });

  it.each([
    ['sha256', 'PS256'],
    ['sha512', 'PS512'],
  ])('binds an RSA-PSS key for %s to its hash', (hashAlgorithm, algorithm) => {
    const { publicKey } = generateKeyPairSync('rsa-pss', {
      modulusLength: 2048,
      hashAlgorithm,
      mgf1HashAlgorithm: hashAlgorithm,
    });
    expect(algorithmsOf(publicKey)).toEqual([algorithm]);
  });

  it.each([
    ['no parameters', { modulusLength: 2048 }],
    ['two hashes', { modulusLength: 2048, hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha512' }],
    ['a salt longer than the hash', { modulusLength: 2048, hashAlgorithm: 'sha256', saltLength: 64 }],
  ])('refuses an RSA-PSS key with %s', (_, parameters) => {
    const { publicKey } = generateKeyPairSync('rsa-pss', parameters as RSAPSSKeyPairKeyObjectOptions);
    expect(refusalOf(() => importPublicKey(publicKey)).problem).toMatch(/RSA-PSS/);
  });

  it.each([
    ['SPKI', pemOf(rsa.publicKey)],
    ['PKCS #1', rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }).toString()],
    ['a certificate', certificateOf(rsa)],
    ['a private key', pemOf(rsa.privateKey)],
  ])('takes the public key of a PEM: %s', (_, pem) => {
    expect(importPublicKey(pem).keyObject.equals(rsa.publicKey)).toBe(true);
  });

  it.each([
    ['KeyObject', p256.privateKey],
    ['JWK', p256.privateKey.export({ format: 'jwk' })],
  ])('turns a private %s into its public half', (_, key) => {
    const { keyObject } = importPublicKey(key);
    expect(keyObject.type).toBe('public');
    expect(keyObject.equals(p256.publicKey)).toBe(true);
  });

  it('calls a JWK by its kid, and by the name it is given before that', () => {
    expect(importPublicKey(jwkOf('ES256', { kid: 'own' })).kid).toBe('own');
    expect(importPublicKey(jwkOf('ES256', { kid: 'own' }), 'given').kid).toBe('given');
    expect(importPublicKey(jwkOf('ES256')).kid).toBeUndefined();
  });

  it('narrows a JWK to the algorithm it declares', () => {
    expect(algorithmsOf(jwkOf('RS256', { alg: 'PS384' }))).toEqual(['PS384']);
  });

  it('takes a JWK for signatures, with verifying among its operations', () => {
    expect(algorithmsOf(jwkOf('ES256', { use: 'sig', key_ops: ['verify'], alg: 'ES256' }))).toEqual(['ES256']);
  });

  it.each([
    ['an algorithm of another type', jwkOf('RS256', { alg: 'ES256' })],
    ['an algorithm for encryption', jwkOf('RS256', { alg: 'RSA-OAEP' })],
    ['a use for encryption', jwkOf('RS256', { use: 'enc' })],
    ['no verifying among its operations', jwkOf('ES256', { key_ops: ['sign'] })],
    ['operations that are no list', jwkOf('ES256', { key_ops: 'verify' as never })],
    ['an unknown type', { kty: 'AKP', pub: 'AAAA' }],
    [
      'the curve of Bitcoin',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' }),
    ],
    ['a type for agreement', generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })],
    ['Ed448', generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' })],
  ])('refuses, as meant for something else, a JWK with %s', (_, jwk) => {
    expect(refusalOf(() => importPublicKey(jwk)).servesOtherUse).toBe(true);
  });

  it('refuses RSA below 2048 bits', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(refusalOf(() => importPublicKey(publicKey)).problem).toMatch(/below 2048 bits/);
  });

  it('refuses an RSA exponent of 1, under which anybody can sign', () => {
    expect(refusalOf(() => importPublicKey(jwkOf('RS256', { e: 'AQ' }))).problem).toMatch(/exponent/);
  });

  it.each([
    ['a JWK', { kty: 'oct', k: randomBytes(64).toString('base64url') }],
    ['a JWK of another type that carries one', jwkOf('RS256', { k: randomBytes(64).toString('base64url') })],
    ['a KeyObject', createSecretKey(randomBytes(64))],
    ['bytes', randomBytes(64) as never],
  ])('refuses a shared secret as public key: %s', (_, key) => {
    expect(refusalOf(() => importPublicKey(key)).problem).toBe('is a shared secret');
  });

  it('explains a PEM that lost its line breaks on the way through the environment', () => {
    const refusal = refusalOf(() => importPublicKey(pemOf(rsa.publicKey).replaceAll('\n', '\\n')));
    expect(refusal.problem).toBe('is a PEM without line breaks');
    expect(refusal.fix).toContain('replaceAll("\\\\n", "\\n")');
  });

  it.each([
    ['no PEM', 'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A', 'is text and no PEM'],
    ['a broken PEM', '-----BEGIN PUBLIC KEY-----\nMIIBIjAN\n-----END PUBLIC KEY-----\n', 'no readable public key'],
    ['a broken JWK', { kty: 'EC', crv: 'P-256', x: 'MIIBIjAN', y: 'MIIBIjAN' }, 'no readable public key'],
    ['a JWK without a type', { n: 'MIIBIjAN', e: 'AQAB' }, 'no "kty"'],
    ['a number', 42 as never, 'is a number'],
    ['a name that is no text', jwkOf('ES256', { kid: 7 as never }), 'kid'],
    ['a name that is too long', jwkOf('ES256', { kid: 'k'.repeat(257) }), 'kid'],
  ])('refuses %s', (_, key, problem) => {
    expect(refusalOf(() => importPublicKey(key)).problem).toContain(problem);
  });

  it('never shows the material of a key it refuses, nor the cause that could', () => {
    const encrypted = rsa.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' });
    for (const key of [encrypted.toString(), { kty: 'RSA', n: 'MIIBIjAN', e: '??', d: 'MIIBIjAN' }]) {
      const refusal = refusalOf(() => importPublicKey(key));
      expect(refusal.cause).toBeUndefined();
      expect(`${refusal.message} ${refusal.stack}`).not.toMatch(/MII|PRIVATE KEY-----/);
    }
  });
});

describe('importSecret', () => {
  it.each([
    [32, ['HS256']],
    [47, ['HS256']],
    [48, ['HS256', 'HS384']],
    [63, ['HS256', 'HS384']],
    [64, ['HS256', 'HS384', 'HS512']],
  ])('lets %i bytes serve hashes that are no wider', (length, algorithms) => {
    expect([...importSecret(randomBytes(length)).algorithms]).toEqual(algorithms);
  });

  it('refuses 31 bytes', () => {
    expect(refusalOf(() => importSecret(randomBytes(31))).problem).toMatch(/shorter than 32 bytes/);
  });

  it('counts text in bytes of UTF-8', () => {
    expect([...importSecret('ä'.repeat(16)).algorithms]).toEqual(['HS256']);
  });

  it('takes a KeyObject of type secret', () => {
    expect(importSecret(createSecretKey(randomBytes(32))).keyObject.type).toBe('secret');
  });

  it.each([
    ['a public key as PEM', pemOf(rsa.publicKey)],
    ['a public key as the bytes of a PEM', Buffer.from(pemOf(rsa.publicKey))],
    ['a public key as a PEM in a KeyObject', createSecretKey(Buffer.from(pemOf(rsa.publicKey)))],
    ['a certificate', certificateOf(rsa)],
    ['a JWK', JSON.stringify(jwkOf('RS256'))],
  ])('refuses %s: whoever has it could sign', (_, secret) => {
    expect(refusalOf(() => importSecret(secret)).problem).toMatch(/no shared secret/);
  });

  it.each([
    ['a public KeyObject', createPublicKey(pemOf(rsa.publicKey))],
    ['a number', 42 as never],
    ['null', null as never],
  ])('refuses %s', (_, secret) => {
    expect(refusalOf(() => importSecret(secret)).problem).toMatch(/neither text, nor bytes/);
  });
});
