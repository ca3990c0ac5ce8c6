import { KeyObject } from 'node:crypto';
import { types } from 'node:util';
import type { JWK } from 'jose';
import { isRecord } from '../../core/options.rules.js';
import { type ImportedKey, importPublicKey, importSecret, KeyRefusedError, secretTooShort } from './imported-key.js';
import { JwtKeySet } from './jwt-key-set.js';
import type {
  JwtAlgorithm,
  JwtIssuerOptions,
  JwtKeyHint,
  JwtKeyLike,
  JwtKeyProvider,
  JwtPublicKey,
} from './jwt.options.js';
import { selectKey } from './jwt.policy.js';

/** Where the keys of one issuer come from. */
export interface JwtKeySource {
  /** The key of a token, which serves the token's algorithm. Never throws and never rejects. */
  find(hint: JwtKeyHint): ImportedKey | undefined | Promise<ImportedKey | undefined>;
  /** False once a key was withdrawn. */
  has(key: ImportedKey): boolean;
}

/**
 * The keys of an issuer from its options. Throws a {@link KeyRefusedError}, or what {@link JwtKeySet} throws, for keys
 * that are broken, weak, or of no use to the issuer's algorithms.
 */
export function keySourceOf({ secret, key, algorithms }: JwtIssuerOptions): JwtKeySource {
  if (secret !== undefined) return sourceOfOne(importSecretFor(algorithms, secret));
  if (typeof key === 'function') return new ProvidedKeys(key);
  if (key instanceof JwtKeySet || isJwkSet(key)) {
    const set = key instanceof JwtKeySet ? key : new JwtKeySet(key.keys);
    checkServed(set.keys, algorithms);
    return set;
  }
  const only = importPublicKey(key as JwtPublicKey);
  checkServed([only], algorithms);
  return sourceOfOne(only);
}

function isJwkSet(key: JwtIssuerOptions['key']): key is { readonly keys: readonly JWK[] } {
  if (!isRecord(key) || key instanceof KeyObject || !('keys' in key)) return false;
  if (Array.isArray(key.keys) && key.keys.length > 0) return true;
  throw new KeyRefusedError('has "keys" that list none', 'Give a JWK Set: { keys: [...] }');
}

function sourceOfOne(key: ImportedKey): JwtKeySource {
  const ring = [key];
  return { find: (hint) => selectKey(ring, hint), has: () => true };
}

function importSecretFor(algorithms: readonly JwtAlgorithm[], secret: string | Uint8Array | KeyObject): ImportedKey {
  const key = importSecret(secret);
  const unserved = algorithms.find((algorithm) => !key.algorithms.has(algorithm));
  if (unserved !== undefined) throw secretTooShort(unserved);
  return key;
}

/** A set may hold keys for other algorithms (RFC 7517, section 5) or be filled later, but not miss them altogether. */
function checkServed(keys: readonly ImportedKey[], algorithms: readonly JwtAlgorithm[]): void {
  if (keys.length === 0 || keys.some((key) => algorithms.some((algorithm) => key.algorithms.has(algorithm)))) return;
  throw new KeyRefusedError(
    `fits none of the algorithms (${algorithms.join(', ')})`,
    'List the algorithm that the issuer signs with, or give the key that it signs with',
  );
}

/** How many keys of a provider are kept imported. */
const MOST_KEPT = 100;

/** A function that finds keys. What it gives is imported once, however often it gives it. */
class ProvidedKeys implements JwtKeySource {
  private readonly byText = new Map<string, ImportedKey>();
  private readonly byObject = new WeakMap<KeyObject, ImportedKey>();

  constructor(private readonly provide: JwtKeyProvider) {}

  find(hint: JwtKeyHint): ImportedKey | undefined | Promise<ImportedKey | undefined> {
    try {
      const given = this.provide(hint);
      return isPromiseLike(given) ? this.findLater(given, hint) : this.usable(given, hint);
    } catch {
      return undefined; // No answer, or a key that is refused (fails closed).
    }
  }

  /** A function has nothing to withdraw: it stops giving the key. */
  has(): boolean {
    return true;
  }

  private async findLater(given: PromiseLike<JwtKeyLike | undefined>, hint: JwtKeyHint) {
    try {
      return this.usable(await given, hint);
    } catch {
      return undefined; // As above (fails closed).
    }
  }

  private usable(given: JwtKeyLike | undefined, { alg }: JwtKeyHint): ImportedKey | undefined {
    if (given === undefined || given === null) return undefined;
    const key = this.imported(given);
    return key.algorithms.has(alg) ? key : undefined;
  }

  /** Text is a public key and bytes are a secret, whatever the token says: neither can stand in for the other. */
  private imported(given: JwtKeyLike): ImportedKey {
    // Bytes may be overwritten in place, and cost little.
    if (types.isUint8Array(given)) return importSecret(given);
    if (given instanceof KeyObject) {
      const known = this.byObject.get(given);
      if (known !== undefined) return known;
      const key = given.type === 'secret' ? importSecret(given) : importPublicKey(given);
      this.byObject.set(given, key);
      return key;
    }
    // A JWK counts by what it says: it may come parsed anew each time, or be changed in place.
    const text = typeof given === 'string' ? given : JSON.stringify(given);
    const known = this.byText.get(text);
    if (known !== undefined) return known;
    const key = importPublicKey(given);
    if (this.byText.size >= MOST_KEPT) this.byText.clear();
    this.byText.set(text, key);
    return key;
  }
}

function isPromiseLike(value: unknown): value is PromiseLike<JwtKeyLike | undefined> {
  return isRecord(value) && typeof value['then'] === 'function';
}
