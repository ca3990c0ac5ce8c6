/** A limit of requests at the same time, as a store keeps it. Frozen; one object for each limit. */
export interface LeasedLimit {
  /** What is held: limits with one id share their places. Printable ASCII without spaces, at most 200 characters. */
  readonly id: string;
  /** How many may be held at once, a whole number of 1 or more. */
  readonly max: number;
}

/** One place of a limit, for somebody. */
export interface LeaseClaim {
  readonly limit: LeasedLimit;
  /** Whose: an address, a principal, a tenant. At most 256 characters, whatever they are. */
  readonly partition: string;
}

/** What one request holds until it is over. */
export interface Lease {
  /** No other lease has it, in any process. Letters, digits and `. _ -`, at most 64. */
  readonly id: string;
  /** No limit and partition comes twice. */
  readonly claims: readonly LeaseClaim[];
}

/**
 * Keeps who holds what. A store that lives in the process answers at once, one that is shared with a promise. Whatever it
 * throws or rejects with is a failure of the store, never a denial. Where `within` is given, nobody waits for longer than so
 * many milliseconds, and a shared store takes nothing later.
 */
export interface LeaseStore {
  /**
   * Milliseconds after which a lease ends that was not renewed, so that a process that crashed holds nothing for ever;
   * 1000 to 3600000. Absent where leases end with the process.
   */
  readonly ttl?: number | undefined;
  /** Takes a place of each claim or none at all. Answers with a claim that there is no place for, if there is one. */
  acquire(lease: Lease, within?: number): LeaseClaim | undefined | Promise<LeaseClaim | undefined>;
  /** Has leases last for `ttl` from now on; one that has ended is taken again, whatever others hold. */
  renew(leases: readonly Lease[], within?: number): void | Promise<void>;
  /** Ends a lease; one that is not held is no mistake, and frees nothing. */
  release(lease: Lease): void | Promise<void>;
}
