import { KeyObject } from 'node:crypto';
import { types } from 'node:util';
import type { JWK } from 'jose';
import { ApplicationFunctionError, failureOf, isThenable, type Patience } from '../../core/application-functions.js';
import { isRecord } from '../../core/options.rules.js';
import {
  type ImportedKey,
  importPublicKey,
  importSecret,
  isCryptoKey,
  KeyRefusedError,
  secretTooShort,
} from './imported-key.js';
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

/** The key of a token, nothing where there is none, or why it could not be found out. */
export type FoundKey = ImportedKey | undefined | ApplicationFunctionError;

/** Where the keys of one issuer come from. */
export interface JwtKeySource {
  /** The key of a token, which serves the token's algorithm. Never throws and never rejects. */
  find(hint: JwtKeyHint): FoundKey | Promise<FoundKey>;
  /** False once a key was withdrawn. */
  has(key: ImportedKey): boolean;
  /** What the keys are called; absent where a function of the application knows them. */
  readonly names?: readonly string[] | undefined;
}

/**
 * The keys of an issuer from its options. Throws a {@link KeyRefusedError}, or what {@link JwtKeySet} throws, for keys
 * that are broken, weak, or of no use to the issuer's algorithms.
 */
export function keySourceOf(options: JwtIssuerOptions, patience?: Patience): JwtKeySource {
  const { secret, key, algorithms } = options;
  if (secret !== undefined) return sourceOfOne(importSecretFor(algorithms, secret));
  if (typeof key === 'function') return new ProvidedKeys(key, options, patience);
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
  return { find: (hint) => selectKey(ring, hint), has: () => true, names: key.kid === undefined ? [] : [key.kid] };
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
  throw servesNone(algorithms);
}

function servesNone(algorithms: readonly JwtAlgorithm[]): KeyRefusedError {
  return new KeyRefusedError(
    `fits none of the algorithms (${algorithms.join(', ')})`,
    'List the algorithm that the issuer signs with, or give the key that it signs with',
  );
}

/** How many keys of a provider are kept imported. */
const MOST_KEPT = 100;

/**
 * A function that finds keys. What it gives is imported once, however often it gives it. While it looks for a key, it is
 * not asked for that key again. A failure is told to all who wait, and remembered for nobody.
 */
class ProvidedKeys implements JwtKeySource {
  private readonly byText = new Map<string, ImportedKey>();
  private readonly byObject = new WeakMap<object, ImportedKey>();
  private readonly pending = new Map<string, Promise<FoundKey>>();
  private readonly algorithms: readonly JwtAlgorithm[];
  private readonly where: string;

  constructor(
    private readonly provide: JwtKeyProvider,
    { issuer, algorithms }: JwtIssuerOptions,
    private readonly patience: Patience | undefined,
  ) {
    this.algorithms = algorithms;
    this.where = `authentication.jwt.key of the issuer "${issuer}"`;
  }

  find(hint: JwtKeyHint): FoundKey | Promise<FoundKey> {
    if (this.pending.size > 0) {
      const asked = this.pending.get(nameOf(hint));
      if (asked !== undefined) return asked;
    }
    try {
      const given = this.provide(hint);
      return isThenable<JwtKeyLike | undefined>(given) ? this.findLater(given, hint) : this.usable(given, hint);
    } catch (error) {
      return foundBy(error, this.where, hint);
    }
  }

  /** A function has nothing to withdraw: it stops giving the key. */
  has(): boolean {
    return true;
  }

  private findLater(given: PromiseLike<JwtKeyLike | undefined>, hint: JwtKeyHint): Promise<FoundKey> {
    const name = nameOf(hint);
    const found = Promise.resolve(this.patience === undefined ? given : this.patience.await(given, this.where)).then(
      (settled) => {
        this.pending.delete(name);
        try {
          return this.usable(settled, hint);
        } catch (error) {
          return foundBy(error, this.where, hint);
        }
      },
      (error: unknown) => {
        this.pending.delete(name);
        return foundBy(error, this.where, hint);
      },
    );
    this.pending.set(name, found);
    return found;
  }

  private usable(given: JwtKeyLike | undefined, { alg }: JwtKeyHint): ImportedKey | undefined {
    if (given === undefined || given === null) return undefined;
    const key = this.imported(given);
    if (key.algorithms.has(alg)) return key;
    // A token may name the key of another of the issuer's algorithms; a key that serves none of them is a mistake.
    if (this.algorithms.some((algorithm) => key.algorithms.has(algorithm))) return undefined;
    throw servesNone(this.algorithms);
  }

  /** Text is a public key and bytes are a secret, whatever the token says: neither can stand in for the other. */
  private imported(given: JwtKeyLike): ImportedKey {
    // Bytes may be overwritten in place, and cost little.
    if (types.isUint8Array(given)) return importSecret(given);
    if (given instanceof KeyObject || isCryptoKey(given)) {
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

function nameOf({ alg, kid }: JwtKeyHint): string {
  return kid === undefined ? alg : `${alg} ${kid}`;
}

/** How jose's key sets say that no key fits the token: nobody's fault but the client's. */
const UNKNOWN_TO_JOSE: ReadonlySet<unknown> = new Set(['ERR_JWKS_NO_MATCHING_KEY', 'ERR_JWKS_MULTIPLE_MATCHING_KEYS']);

/** Nothing but "there is no such key" is told the client; whatever else went wrong is an error of the server. */
function foundBy(error: unknown, where: string, hint: JwtKeyHint): FoundKey {
  if (error instanceof KeyRefusedError) {
    return new ApplicationFunctionError(where, `answered with a key that ${error.problem}. ${error.fix}`);
  }
  if (isRecord(error) && UNKNOWN_TO_JOSE.has(error['code'])) return undefined;
  return failureOf(error, where, hint);
}
