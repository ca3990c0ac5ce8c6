import { describe, expect, it } from '@jest/globals';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SigningKey } from './signing-key.js';

const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const ed25519 = generateKeyPairSync('ed25519').privateKey;
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

describe('a signing key', () => {
  it.each([
    ['Ed25519', ed25519, 'EdDSA'],
    ['P-256', p256, 'ES256'],
  ] as const)('of type %s signs with its own algorithm', (_, key, algorithm) => {
    expect(SigningKey.fromPem(pemOf(key)).algorithm).toBe(algorithm);
  });

  it.each([
    ['Ed25519', ed25519],
    ['P-256', p256],
  ] as const)('of type %s is named by its JWK thumbprint', async (_, key) => {
    const signingKey = SigningKey.fromPem(pemOf(key));
    expect(signingKey.id).toBe(await calculateJwkThumbprint(await exportJWK(signingKey.publicKey)));
  });

  it('keeps the public half only in its public key', () => {
    expect(SigningKey.generate().publicKey.type).toBe('public');
  });

  it('may have its line breaks escaped, as environment files often have them', () => {
    const escaped = pemOf(ed25519).replaceAll('\n', '\\n');
    expect(SigningKey.fromPem(escaped).id).toBe(SigningKey.fromPem(pemOf(ed25519)).id);
  });

  it('derives the same secret for a purpose wherever it is read, and another for another purpose or key', () => {
    const key = SigningKey.fromPem(pemOf(p256));
    expect(key.derive('csrf')).toHaveLength(32);
    expect(SigningKey.fromPem(pemOf(p256)).derive('csrf')).toEqual(key.derive('csrf'));
    expect(key.derive('other')).not.toEqual(key.derive('csrf'));
    expect(SigningKey.fromPem(pemOf(ed25519)).derive('csrf')).not.toEqual(key.derive('csrf'));
  });

  it.each([
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey],
    ['X25519', generateKeyPairSync('x25519').privateKey],
  ])('of type %s is refused', (_, key) => {
    expect(() => SigningKey.fromPem(pemOf(key))).toThrow('must be an Ed25519 or a P-256 key');
  });

  it.each([
    ['no PEM', 'secret'],
    ['a public key', generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString()],
    [
      'an encrypted key',
      ed25519.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
    ],
  ])('is refused when it is %s', (_, pem) => {
    expect(() => SigningKey.fromPem(pem)).toThrow('must be an unencrypted private key as PKCS #8 PEM');
  });
});
