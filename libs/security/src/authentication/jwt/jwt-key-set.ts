import { recognizeAcrossCopies } from '../../core/copies.js';
import { KeyObject } from 'node:crypto';
import { type ConfigurationProblem, SecurityConfigurationError } from '../../core/errors.js';
import { isRecord } from '../../core/options.rules.js';
import { type ImportedKey, importPublicKey, KeyRefusedError } from './imported-key.js';
import type { JwtKeyHint, JwtPublicKey } from './jwt.options.js';
import { selectKey } from './jwt.policy.js';

/** A public key, with a name where it has none of its own. */
export type JwtKeySetEntry = JwtPublicKey | NamedJwtKey;

/** A key under the name that tokens call it by. */
export interface NamedJwtKey {
  /** What tokens call the key in their header; a JWK's own `kid` by default. */
  readonly kid?: string | undefined;
  readonly key: JwtPublicKey;
}

/** `removed` when at least one key is gone, `added` otherwise. */
export type JwtKeyChange = 'added' | 'removed';

/** Called after a change, before the call that made it returns. */
export type JwtKeyChangeListener = (change: JwtKeyChange) => void;

/**
 * The public keys of an issuer, which may change while the application runs. Each is parsed once, when it comes.
 *
 * Keys that are published for another use, such as encryption, are left out (RFC 7517, section 5). One key may go
 * without a name. Throws a {@link SecurityConfigurationError} for keys that are broken, weak or secret; the set is
 * then what it was before.
 *
 * @example
 * const keys = new JwtKeySet(jwks.keys);
 * keys.withdraw('2024-05'); // its tokens are refused from now on, remembered ones too
 */
export class JwtKeySet {
  private ring: readonly ImportedKey[];
  private listeners: readonly JwtKeyChangeListener[] = [];

  constructor(keys: readonly JwtKeySetEntry[] = []) {
    this.ring = importAll(keys, []);
  }

  /** Adds a key. Throws as the constructor does, also for a name that is taken. */
  add(key: JwtKeySetEntry): void {
    this.ring = importAll([key], this.ring);
    this.announce('added');
  }

  /** Takes the key of that name away; its tokens are refused at once. Answers whether there was one. */
  withdraw(kid: string): boolean {
    const rest = this.ring.filter((key) => key.kid !== kid);
    if (rest.length === this.ring.length) return false;
    this.ring = rest;
    this.announce('removed');
    return true;
  }

  /** Puts other keys in place of all. A key that stays stays as it is, with the tokens that it verified. */
  replace(keys: readonly JwtKeySetEntry[]): void {
    const before = this.ring;
    this.ring = importAll(keys, []).map((key) => before.find((old) => isSameKey(old, key)) ?? key);
    this.announce(before.every((key) => this.ring.includes(key)) ? 'added' : 'removed');
  }

  /** Calls the listener after each change. Returns the function that ends it. */
  onChange(listener: JwtKeyChangeListener): () => void {
    const entry: JwtKeyChangeListener = (change) => listener(change);
    this.listeners = [...this.listeners, entry];
    return () => {
      this.listeners = this.listeners.filter((other) => other !== entry);
    };
  }

  /** @internal */
  find(hint: JwtKeyHint): ImportedKey | undefined {
    return selectKey(this.ring, hint);
  }

  /** False once the key was withdrawn. @internal */
  has(key: ImportedKey): boolean {
    return this.ring.includes(key);
  }

  /** @internal */
  get names(): readonly string[] {
    return this.ring.flatMap(({ kid }) => (kid === undefined ? [] : [kid]));
  }

  /** @internal */
  get keys(): readonly ImportedKey[] {
    return this.ring;
  }

  /** Everybody hears of a change, whatever the others do: a listener that throws must not keep old keys in use. */
  private announce(change: JwtKeyChange): void {
    const failures: unknown[] = [];
    for (const listener of this.listeners) {
      try {
        listener(change);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'A listener of a JwtKeySet failed');
  }
}

function importAll(entries: readonly JwtKeySetEntry[], present: readonly ImportedKey[]): readonly ImportedKey[] {
  const problems: ConfigurationProblem[] = [];
  const ring = [...present];
  let leftOut: ConfigurationProblem | undefined;
  entries.forEach((entry, index) => {
    try {
      const key = importEntry(entry);
      checkDistinct(key, ring);
      ring.push(key);
    } catch (error) {
      if (!(error instanceof KeyRefusedError)) throw error;
      const problem = { where: `JwtKeySet[${index}]`, problem: error.problem, fix: error.fix };
      if (error.servesOtherUse) leftOut = problem;
      else problems.push(problem);
    }
  });
  // Keys were given and none serves: a mistake, not a set that is meant to be empty.
  if (ring.length === present.length && leftOut !== undefined) problems.push(leftOut);
  if (problems.length > 0) throw new SecurityConfigurationError(problems);
  return ring;
}

function importEntry(entry: JwtKeySetEntry): ImportedKey {
  return isNamed(entry) ? importPublicKey(entry.key, entry.kid) : importPublicKey(entry);
}

function isNamed(entry: JwtKeySetEntry): entry is NamedJwtKey {
  return isRecord(entry) && !(entry instanceof KeyObject) && 'key' in entry;
}

/** Two keys that a token could mean both are a mistake: neither would be found. */
function checkDistinct(key: ImportedKey, others: readonly ImportedKey[]): void {
  for (const other of others) {
    if (other.kid !== key.kid) continue;
    if (key.kid === undefined) {
      throw new KeyRefusedError('is the second one without a name', 'Give every key a kid: { kid, key }');
    }
    if ([...key.algorithms].some((algorithm) => other.algorithms.has(algorithm))) {
      throw new KeyRefusedError('has the kid of another key', 'Give every key a kid of its own');
    }
  }
}

function isSameKey(a: ImportedKey, b: ImportedKey): boolean {
  return (
    a.kid === b.kid &&
    a.algorithms.size === b.algorithms.size &&
    [...a.algorithms].every((algorithm) => b.algorithms.has(algorithm)) &&
    a.keyObject.equals(b.keyObject)
  );
}

recognizeAcrossCopies(JwtKeySet, 'jwt-key-set');
