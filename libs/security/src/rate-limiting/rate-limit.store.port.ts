/**
 * How requests are counted.
 *
 * - `token-bucket` (GCRA): units come back one by one, `quota` of them in a `window`, and up to `burst` may be taken at
 *   once.
 * - `sliding-window`: the count of this window and those units of the last one that lie less than `window` back, as
 *   though they had been spread evenly. Windows are aligned to the epoch.
 * - `fixed-window`: `quota` from the first unit on, until `window` is over.
 */
export type RateLimitAlgorithm = 'token-bucket' | 'sliding-window' | 'fixed-window';

/** A limit as a store counts it. Frozen; one object for each limit, so that stores may keep things by it. */
export interface StoredLimit {
  /** What is counted: limits with one id share their counts. Printable ASCII without spaces, at most 200 characters. */
  readonly id: string;
  readonly algorithm: RateLimitAlgorithm;
  /** Units in a window, a whole number from 0 to 1e9; where it is 0, nothing is ever allowed. */
  readonly quota: number;
  /** Milliseconds, a whole number of 1 or more. */
  readonly window: number;
  /** Units that may be taken at once by `token-bucket`, at least 1; `quota` for the others. */
  readonly burst: number;
  /** Milliseconds for which whoever asked for more stays denied, and then starts anew; 0 for as long as it takes. */
  readonly block: number;
}

/** Units that somebody takes of a limit. */
export interface Charge {
  readonly limit: StoredLimit;
  /** Who: an address, a principal, a tenant. At most 256 characters, whatever they are. */
  readonly partition: string;
  /**
   * A whole number of 0 or more. With 0 nothing is taken, and only somebody who is blocked is denied, or
   * everybody where the quota is 0.
   */
  readonly cost: number;
}

/** How somebody stands with a limit. */
export interface Standing {
  readonly allowed: boolean;
  /** Whole units that are left, never negative. */
  readonly remaining: number;
  /** Milliseconds until all units are there again. */
  readonly resetAfter: number;
  /** Milliseconds until as much may be taken, 0 where it is allowed; `Infinity` where it is more than there ever is. */
  readonly retryAfter: number;
  /** Milliseconds since the epoch, by the clock of the store. */
  readonly takenAt: number;
}

/** A charge that was taken and is to be given back. */
export interface TakenCharge extends Charge {
  /** That of the standing which came of it: what was taken in a window that is over is not given back to the next. */
  readonly takenAt: number;
}

/** Whose count, and of which limit. */
export type CountedPartition = Pick<Charge, 'limit' | 'partition'>;

/**
 * Keeps the counts. A store that lives in the process answers at once, one that is shared with a promise. Whatever it
 * throws or rejects with is a failure of the store, never a denial.
 *
 * Where `within` is given, nobody waits for longer than so many milliseconds, and whoever asked is answered as while the
 * store is away: what is changed later would be changed behind their back, so that a shared store changes nothing then.
 */
export interface RateLimitStore {
  /**
   * Takes all charges or none: where one is denied, nothing is taken of the others, whose standings stay `allowed` and
   * say what is left. The standings are in the order of the charges. No limit and partition comes twice.
   */
  consume(charges: readonly Charge[], within?: number): readonly Standing[] | Promise<readonly Standing[]>;
  /** What `consume` would answer; nothing is taken and nobody is blocked. */
  peek(charges: readonly Charge[]): readonly Standing[] | Promise<readonly Standing[]>;
  /** Gives back what was taken; never more than is missing, and nothing to somebody who is blocked. */
  refund(charges: readonly TakenCharge[], within?: number): void | Promise<void>;
  /** Forgets what was counted, blocks included. */
  reset(counted: readonly CountedPartition[], within?: number): void | Promise<void>;
}
