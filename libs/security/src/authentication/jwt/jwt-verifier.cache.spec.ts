import { describe, expect, it, jest } from '@jest/globals';
import { JwtKeySet } from './jwt-key-set.js';
import type { VerifiedToken } from './jwt-verifier.js';
import { ISSUER, NOW, signatureOf, signedToken, signingKey, StoppedClock } from './testing/tokens.js';
import { verifierOf } from './testing/verifiers.js';

const es256 = signingKey('ES256');
const rs256 = signingKey('RS256');
const ed25519 = signingKey('EdDSA');
const verified = (outcome: unknown) => outcome as VerifiedToken;

describe('JwtVerifier, of a token it has seen before,', () => {
  it('gives the very same answer, at once', async () => {
    for (const key of [es256, ed25519]) {
      const verifier = verifierOf(key.alg);
      const token = signedToken(key);
      const first = await verifier.verify(token);
      expect(first.allowed).toBe(true);
      expect(verifier.verify(token)).toBe(first);
    }
  });

  it('verifies anew when the cache is off', () => {
    const verifier = verifierOf('ES256', { cache: false });
    const token = signedToken(es256);
    const first = verified(verifier.verify(token));
    const second = verified(verifier.verify(token));
    expect(second).not.toBe(first);
    expect(second.claims).toEqual(first.claims);
  });

  it('finds it expired in time', () => {
    const clock = new StoppedClock();
    const verifier = verifierOf('ES256', {}, clock);
    const token = signedToken(es256, { exp: NOW + 10 });
    expect(verified(verifier.verify(token)).allowed).toBe(true);
    clock.seconds = NOW + 14.999;
    expect(verified(verifier.verify(token)).allowed).toBe(true);
    clock.seconds = NOW + 15;
    expect(verifier.verify(token)).toMatchObject({ allowed: false, reason: 'token_expired' });
  });

  it('counts nothing that happened later than the clock says', () => {
    const clock = new StoppedClock();
    const verifier = verifierOf('ES256', {}, clock);
    const token = signedToken(es256, { iat: undefined, nbf: NOW });
    const first = verifier.verify(token);
    clock.seconds = NOW - 60;
    expect(verifier.verify(token)).toMatchObject({ allowed: false, reason: 'token_not_yet_valid' });
    clock.seconds = NOW;
    const again = verifier.verify(token);
    expect(again).toMatchObject({ allowed: true });
    expect(again).not.toBe(first);
  });

  it('asks the key provider again when the time to live is over', async () => {
    const clock = new StoppedClock();
    const keys = [es256.publicKey, undefined];
    const verifier = verifierOf('ES256', { key: () => keys.shift(), cache: { ttl: 30 } }, clock);
    const token = signedToken(es256);
    expect(verified(await verifier.verify(token)).allowed).toBe(true);
    clock.seconds = NOW + 29.999;
    expect(verified(await verifier.verify(token)).allowed).toBe(true);
    clock.seconds = NOW + 30;
    expect(await verifier.verify(token)).toMatchObject({ allowed: false, reason: 'token_key_unknown' });
  });

  it('forgets it when others come, and verifies it anew', () => {
    const verifier = verifierOf('HS256', { cache: { max: 2 } });
    const hs256 = signingKey('HS256');
    const token = signedToken(hs256);
    const first = verifier.verify(token);
    for (const jti of ['a', 'b', 'c']) verifier.verify(signedToken(hs256, { jti }));
    const again = verifier.verify(token);
    expect(again).not.toBe(first);
    expect(again).toEqual(first);
  });

  it('remembers no denial', async () => {
    const keys = new JwtKeySet();
    const verifier = verifierOf('ES256', { key: keys });
    const token = signedToken(es256);
    expect(verifier.verify(token)).toMatchObject({ allowed: false });
    keys.add(es256.publicKey);
    expect(verifier.verify(token)).toMatchObject({ allowed: true });
  });
});

describe('JwtVerifier, when keys change,', () => {
  const other = signingKey('ES256', 'other');
  const ringOf = () =>
    new JwtKeySet([
      { kid: 'a', key: es256.publicKey },
      { kid: 'b', key: other.publicKey },
    ]);

  it.each<[string, (keys: JwtKeySet) => unknown]>([
    ['withdrawn', (keys) => keys.withdraw('a')],
    ['replaced', (keys) => keys.replace([{ kid: 'b', key: other.publicKey }])],
    ['exchanged under its name', (keys) => keys.replace([{ kid: 'a', key: other.publicKey }])],
  ])('denies the tokens of a key that was %s, remembered or not', (_, change) => {
    const keys = ringOf();
    const verifier = verifierOf('ES256', { key: keys });
    const token = signedToken(es256, {}, { kid: 'a' });
    expect(verifier.verify(token)).toMatchObject({ allowed: true });
    change(keys);
    expect(verifier.verify(token)).toMatchObject({ allowed: false });
  });

  it('keeps what it remembers when a key is added or the same keys are given again', () => {
    const keys = ringOf();
    const verifier = verifierOf('ES256', { key: keys });
    const token = signedToken(es256, {}, { kid: 'a' });
    const first = verifier.verify(token);
    keys.add({ kid: 'c', key: rs256.publicKey });
    keys.replace(
      [...ringOf().keys]
        .map(({ kid, keyObject }) => ({ kid, key: keyObject }))
        .concat({ kid: 'c', key: rs256.publicKey }),
    );
    expect(verifier.verify(token)).toBe(first);
  });

  it('says whose keys were withdrawn, not whose were added', () => {
    const keys = ringOf();
    const verifier = verifierOf('ES256', { key: keys });
    const issuers: string[] = [];
    verifier.onKeysChanged((issuer) => issuers.push(issuer));
    keys.add({ kid: 'c', key: rs256.publicKey });
    expect(issuers).toEqual([]);
    keys.withdraw('b');
    expect(issuers).toEqual([ISSUER]);
  });

  it('says so without a cache as well', () => {
    const keys = ringOf();
    const verifier = verifierOf('ES256', { key: keys, cache: false });
    const listener = jest.fn();
    verifier.onKeysChanged(listener);
    keys.withdraw('b');
    expect(listener).toHaveBeenCalledTimes(1);
  });

  it('no longer listens once it is closed', () => {
    const keys = ringOf();
    const verifier = verifierOf('ES256', { key: keys });
    const token = signedToken(es256, {}, { kid: 'a' });
    const listener = jest.fn();
    verifier.onKeysChanged(listener);
    verifier.verify(token);
    verifier.close();
    keys.withdraw('a');
    expect(listener).not.toHaveBeenCalled();
    expect(verifier.verify(token)).toMatchObject({ allowed: false });
  });

  describe('while a token is being verified,', () => {
    const ed = { kid: 'ed', key: ed25519.publicKey };
    const otherEd = { kid: 'other', key: signingKey('EdDSA', 'other').publicKey };
    const token = signedToken(ed25519, {}, { kid: 'ed' });

    it('denies it when its key is withdrawn', async () => {
      const keys = new JwtKeySet([ed, otherEd]);
      const pending = verifierOf('EdDSA', { key: keys }).verify(token);
      keys.withdraw('ed');
      expect(await pending).toMatchObject({ allowed: false, reason: 'token_key_unknown' });
    });

    it('denies it without a cache as well', async () => {
      const keys = new JwtKeySet([ed, otherEd]);
      const pending = verifierOf('EdDSA', { key: keys, cache: false }).verify(token);
      keys.withdraw('ed');
      expect(await pending).toMatchObject({ allowed: false, reason: 'token_key_unknown' });
    });

    it('denies it when its key is withdrawn and put back as another', async () => {
      const keys = new JwtKeySet([ed]);
      const pending = verifierOf('EdDSA', { key: keys }).verify(token);
      keys.replace([{ kid: 'ed', key: otherEd.key }]);
      expect(await pending).toMatchObject({ allowed: false, reason: 'token_key_unknown' });
    });

    it('takes it when another key is withdrawn, and does not remember it', async () => {
      const keys = new JwtKeySet([ed, otherEd]);
      const verifier = verifierOf('EdDSA', { key: keys });
      const pending = verifier.verify(token);
      keys.withdraw('other');
      expect(await pending).toMatchObject({ allowed: true });
      const next = verifier.verify(token);
      expect(next).toBeInstanceOf(Promise);
      expect(await next).toMatchObject({ allowed: true });
      expect(verifier.verify(token)).not.toBeInstanceOf(Promise);
    });
  });

  it('lets no forger use a header that is remembered', () => {
    const verifier = verifierOf('ES256');
    const [header, payload] = signedToken(es256).split('.');
    verifier.verify(signedToken(es256));
    const forged = `${header}.${payload}.${signatureOf(other, `${header}.${payload}`).toString('base64url')}`;
    expect(verifier.verify(forged)).toMatchObject({ allowed: false, reason: 'token_signature_invalid' });
  });
});
