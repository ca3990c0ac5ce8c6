import { createPublicKey, createSecretKey, KeyObject, type webcrypto } from 'node:crypto';
import { types } from 'node:util';
import type { JWK } from 'jose';
import { describe, isRecord } from '../../core/options.rules.js';
import type { JwtAlgorithm, JwtPublicKey } from './jwt.options.js';
import { emptySecret, FIX_PUBLIC, mistakeIn } from './key-mistakes.js';

/** A key, parsed once, with the algorithms it serves: the only thing that tokens are ever verified with. */
export interface ImportedKey {
  readonly kid?: string | undefined;
  /** A public key or a secret, never a private key. */
  readonly keyObject: KeyObject;
  readonly algorithms: ReadonlySet<JwtAlgorithm>;
}

/** Why a key is not taken. Names no material of the key, and no cause that could. */
export class KeyRefusedError extends Error {
  constructor(
    readonly problem: string,
    readonly fix: string,
    /** The key is sound and meant for something else than verifying tokens (RFC 7517, section 5). */
    readonly servesOtherUse = false,
  ) {
    super(`The key ${problem}. ${fix}`);
    this.name = 'KeyRefusedError';
  }
}

/** Longer key identifiers are neither configured nor looked up. */
export const MAX_KID_LENGTH = 256;

const RSA_BITS = 2048;
const RSA_ALGORITHMS: readonly JwtAlgorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const PSS_ALGORITHMS: Readonly<Record<string, JwtAlgorithm>> = { sha256: 'PS256', sha384: 'PS384', sha512: 'PS512' };
const CURVE_ALGORITHMS: Readonly<Record<string, JwtAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

/** RFC 7518, section 3.2: a secret has at least as many bytes as the hash. */
export const SECRET_BYTES: ReadonlyMap<JwtAlgorithm, number> = new Map([
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
]);

/** The command that makes a secret of sufficient length. */
export const FIX_SECRET =
  "Generate one: node -e \"console.log(require('node:crypto').randomBytes(64).toString('base64'))\"";
const FIX_OTHER_USE = 'Give a key that is there to verify signatures';

/** Takes a public key, or the public half of a private one. Throws {@link KeyRefusedError}. */
export function importPublicKey(key: JwtPublicKey, name?: string): ImportedKey {
  if (isCryptoKey(key)) return narrowed(importPublicKey(KeyObject.from(key), name), key);
  const jwk = isJwk(key) ? key : undefined;
  const kid: unknown = name ?? jwk?.kid;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) {
    throw new KeyRefusedError('has a kid that no token can name', `Use text of at most ${MAX_KID_LENGTH} characters`);
  }
  const keyObject = jwk === undefined ? publicKeyFrom(key) : publicKeyFromJwk(jwk);
  const algorithms = algorithmsOf(keyObject);
  if (jwk?.alg === undefined) return Object.freeze({ kid, keyObject, algorithms });

  const declared = jwk.alg as JwtAlgorithm;
  if (!algorithms.has(declared)) {
    throw new KeyRefusedError('declares an "alg" that it cannot verify tokens with', FIX_OTHER_USE, true);
  }
  return Object.freeze({ kid, keyObject, algorithms: new Set([declared]) });
}

/** Takes a shared secret; text counts in UTF-8. Throws {@link KeyRefusedError}. */
export function importSecret(secret: string | Uint8Array | KeyObject | webcrypto.CryptoKey): ImportedKey {
  if (isCryptoKey(secret)) return narrowed(importSecret(KeyObject.from(secret)), secret);
  const bytes = bytesOfSecret(secret);
  const text = bytes.toString('latin1');
  // Whoever verifies HS256 with the issuer's public key lets everybody sign (RFC 8725, section 2.1).
  if (text.includes('-----BEGIN ') || /^\s*\{[^]*"kty"/.test(text)) {
    throw new KeyRefusedError('is a PEM or a JWK, which is no shared secret', 'Give a public key as `key`');
  }
  const algorithms = new Set<JwtAlgorithm>();
  for (const [algorithm, length] of SECRET_BYTES) {
    if (bytes.length >= length) algorithms.add(algorithm);
  }
  if (algorithms.size === 0) {
    throw new KeyRefusedError('is shorter than 32 bytes (RFC 7518, section 3.2)', FIX_SECRET);
  }
  return Object.freeze({ kid: undefined, keyObject: createSecretKey(bytes), algorithms });
}

/** The problem of a secret that is too short for one of the algorithms. */
export function secretTooShort(algorithm: JwtAlgorithm): KeyRefusedError {
  const bytes = SECRET_BYTES.get(algorithm);
  return new KeyRefusedError(
    `is shorter than ${algorithm} asks for: ${bytes} bytes (RFC 7518, section 3.2)`,
    FIX_SECRET,
  );
}

/** The bytes of a secret, for the checks at start-up. */
export function bytesOfSecret(secret: unknown): Buffer {
  const mistake = emptySecret(secret);
  if (mistake !== undefined) throw new KeyRefusedError(mistake.problem, mistake.fix);
  if (typeof secret === 'string') return Buffer.from(secret, 'utf8');
  if (types.isUint8Array(secret)) return Buffer.from(secret);
  if (secret instanceof KeyObject && secret.type === 'secret') return secret.export();
  if (isCryptoKey(secret) && secret.type === 'secret') return bytesOfSecret(KeyObject.from(secret));
  throw new KeyRefusedError(
    'is neither text, nor bytes, nor a KeyObject of type "secret"',
    'Give a shared secret, or a public key as `key`',
  );
}

function isJwk(key: unknown): key is JWK {
  return isRecord(key) && !(key instanceof KeyObject) && !types.isUint8Array(key) && !isCryptoKey(key);
}

/** A key of the Web Cryptography API, as jose's key sets answer with. */
export function isCryptoKey(key: unknown): key is webcrypto.CryptoKey {
  return types.isCryptoKey(key);
}

/** Such a key was made for one algorithm, and says which. */
function narrowed(imported: ImportedKey, { algorithm, type, usages }: webcrypto.CryptoKey): ImportedKey {
  if (type !== 'private' && !usages.includes('verify')) {
    throw new KeyRefusedError('is a CryptoKey without the usage "verify"', FIX_OTHER_USE, true);
  }
  const prefix = HASHED.get(algorithm.name);
  if (prefix === undefined) return imported;
  const { hash } = algorithm as webcrypto.RsaHashedKeyAlgorithm;
  const only = `${prefix}${hash.name.replace('SHA-', '')}` as JwtAlgorithm;
  if (imported.algorithms.has(only)) return Object.freeze({ ...imported, algorithms: new Set([only]) });
  throw new KeyRefusedError('is a CryptoKey for an algorithm that signs no tokens', FIX_OTHER_USE, true);
}

/** The algorithms of the Web Cryptography API whose keys are bound to a hash. */
const HASHED: ReadonlyMap<string, string> = new Map([
  ['RSASSA-PKCS1-v1_5', 'RS'],
  ['RSA-PSS', 'PS'],
  ['HMAC', 'HS'],
]);

function publicKeyFrom(key: unknown): KeyObject {
  if (key instanceof KeyObject) {
    if (key.type === 'secret') throw sharedSecret();
    return key.type === 'private' ? createPublicKey(key) : key;
  }
  if (types.isUint8Array(key)) throw sharedSecret();
  const mistake = mistakeIn(key);
  if (mistake !== undefined) throw new KeyRefusedError(mistake.problem, mistake.fix);
  if (typeof key !== 'string') throw new KeyRefusedError(`is ${describe(key)}, not a key`, FIX_PUBLIC);
  try {
    return createPublicKey(key);
  } catch {
    throw new KeyRefusedError('is a PEM that holds no readable public key', FIX_PUBLIC);
  }
}

function publicKeyFromJwk(jwk: JWK): KeyObject {
  const mistake = mistakeIn(jwk);
  if (mistake !== undefined) throw new KeyRefusedError(mistake.problem, mistake.fix);
  if (jwk.kty === 'oct' || jwk.k !== undefined) throw sharedSecret();
  if (jwk.use !== undefined && jwk.use !== 'sig') {
    throw new KeyRefusedError('has a "use" other than "sig" (RFC 7517, section 4.2)', FIX_OTHER_USE, true);
  }
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify'))) {
    throw new KeyRefusedError('has "key_ops" without "verify" (RFC 7517, section 4.3)', FIX_OTHER_USE, true);
  }
  if (jwk.kty !== 'RSA' && jwk.kty !== 'EC' && jwk.kty !== 'OKP') {
    throw new KeyRefusedError('has no "kty" of RSA, EC or OKP', FIX_OTHER_USE, typeof jwk.kty === 'string');
  }
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch {
    // Node's own message quotes members of the key.
    throw new KeyRefusedError('is a JWK that holds no readable public key', FIX_PUBLIC);
  }
}

function sharedSecret(): KeyRefusedError {
  return new KeyRefusedError('is a shared secret', 'Give it as `secret`; keys of issuers are public keys');
}

/** RFC 7518, sections 3.3 to 3.5, and RFC 8037, section 3.1: a key serves the algorithms of its type, no others. */
function algorithmsOf(key: KeyObject): ReadonlySet<JwtAlgorithm> {
  const details = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
      checkRsa(details);
      return new Set(RSA_ALGORITHMS);
    case 'rsa-pss':
      checkRsa(details);
      return new Set([pssAlgorithmOf(details)]);
    case 'ec': {
      const algorithm = CURVE_ALGORITHMS[details.namedCurve ?? ''];
      if (algorithm !== undefined) return new Set([algorithm]);
      throw new KeyRefusedError('lies on a curve other than P-256, P-384 and P-521', FIX_OTHER_USE, true);
    }
    case 'ed25519':
      return new Set(['EdDSA']);
    default:
      throw new KeyRefusedError('is of a type that verifies no token', 'Use RSA, P-256, P-384, P-521 or Ed25519', true);
  }
}

type KeyDetails = NonNullable<KeyObject['asymmetricKeyDetails']>;

function checkRsa({ modulusLength = 0, publicExponent = 0n }: KeyDetails): void {
  if (modulusLength < RSA_BITS) {
    throw new KeyRefusedError(`is an RSA key below ${RSA_BITS} bits (RFC 7518, section 3.3)`, 'Use a longer key');
  }
  // With an exponent of 1 every signature is its own message: anybody can write one.
  if (publicExponent < 3n) throw new KeyRefusedError('is an RSA key with a public exponent below 3', 'Use another key');
}

/** RFC 4055, section 3.1: the parameters of such a key bind it to one hash. */
function pssAlgorithmOf({ hashAlgorithm, mgf1HashAlgorithm, saltLength = 0 }: KeyDetails): JwtAlgorithm {
  const algorithm = PSS_ALGORITHMS[hashAlgorithm ?? ''];
  const longestSalt = Number(hashAlgorithm?.slice(-3)) / 8;
  if (algorithm === undefined || mgf1HashAlgorithm !== hashAlgorithm || saltLength > longestSalt) {
    throw new KeyRefusedError(
      'is an RSA-PSS key whose parameters fit none of PS256, PS384 and PS512',
      'Use one hash for message and mask and a salt of its length, or a key of type RSA',
    );
  }
  return algorithm;
}
