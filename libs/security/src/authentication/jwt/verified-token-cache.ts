/** A token that was verified, as long as its verification counts. */
interface Entry<T> {
  readonly token: string;
  readonly value: T;
  /** Milliseconds since the epoch, as the next. */
  readonly storedAt: number;
  readonly expiresAt: number;
}

/**
 * Remembers what came of verifying a token. Bounded by two generations: when the young one is full the old one is
 * forgotten, and a token that is seen again is young again. Only valid tokens get here, so nobody can push others out
 * without holding tokens of a trusted issuer.
 *
 * Looked up by the end of the signature, as hashing a whole token costs several times what comparing it does. Who does
 * not know that end learns nothing from how long it takes: it is found by its hash, which is seeded by the process.
 */
export class VerifiedTokenCache<T> {
  /** By {@link keyOf}. */
  private young = new Map<string, Entry<T>>();
  private old = new Map<string, Entry<T>>();
  private cleared = 0;
  private readonly half: number;
  private readonly ttl: number;

  /** `max` tokens, at least 2; each for at most `ttlSeconds`. */
  constructor(max: number, ttlSeconds: number) {
    this.half = Math.floor(max / 2);
    this.ttl = ttlSeconds * 1000;
  }

  /** Counts how often the cache was emptied: taken before a verification begins, and given to {@link set}. */
  get generation(): number {
    return this.cleared;
  }

  get size(): number {
    return this.young.size + this.old.size;
  }

  /** `now` in milliseconds since the epoch. */
  get(token: string, now: number): T | undefined {
    const key = keyOf(token);
    const young = this.young.get(key);
    const entry = young ?? this.old.get(key);
    // The end alone is no proof: another token may have the same.
    if (entry === undefined || entry.token !== token) return undefined;
    // `nbf` and `iat` were in the past when the token was stored; a clock that was set back before that moment, or
    // gives no number, counts for nothing (fails closed).
    if (now >= entry.storedAt && now < entry.expiresAt) {
      if (young === undefined) this.insert(entry);
      return entry.value;
    }
    this.young.delete(key);
    this.old.delete(key);
    return undefined;
  }

  /**
   * Stores what was verified; `exp` in seconds, `Infinity` without. Nothing is stored when the cache was emptied since
   * `generation`: the key may be the one that was withdrawn.
   */
  set(token: string, value: T, exp: number, now: number, generation: number): void {
    const expiresAt = Math.min(exp * 1000, now + this.ttl);
    if (generation !== this.cleared || !(now < expiresAt)) return;
    // A copy: the token may be a view that keeps its whole header line in memory, other cookies included.
    const copy = Buffer.from(token, 'latin1').toString('latin1');
    this.insert({ token: copy, value, storedAt: now, expiresAt });
  }

  clear(): void {
    this.young = new Map();
    this.old = new Map();
    this.cleared++;
  }

  private insert(entry: Entry<T>): void {
    if (this.young.size >= this.half) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(keyOf(entry.token), entry);
  }
}

/** Base64url characters: 192 bits of the signature, which nobody guesses. */
const KEY_LENGTH = 32;

function keyOf(token: string): string {
  return token.slice(-KEY_LENGTH);
}
