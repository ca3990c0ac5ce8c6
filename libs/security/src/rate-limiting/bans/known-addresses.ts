/** What is known of an address, from when until when (milliseconds since the epoch). */
interface Known {
  readonly isBanned: boolean;
  readonly since: number;
  readonly until: number;
}

// Addresses that are remembered, in each of two generations.
const GENERATION = 8192;

/**
 * What a shared store said of addresses in the last few seconds. Bounded: where there are too many, the older half goes
 * at once, and is asked for again.
 */
export class KnownAddresses {
  private young = new Map<string, Known>();
  private old = new Map<string, Known>();

  get size(): number {
    return this.young.size + this.old.size;
  }

  /** `undefined` where nothing is known any more. */
  isBanned(address: string, now: number): boolean | undefined {
    const known = this.young.get(address) ?? this.old.get(address);
    // A clock that was set back would keep it for as long as that.
    return known === undefined || known.until <= now || now < known.since ? undefined : known.isBanned;
  }

  /** @param lasts milliseconds */
  set(address: string, isBanned: boolean, now: number, lasts: number): void {
    if (this.young.size >= GENERATION) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(address, { isBanned, since: now, until: now + lasts });
  }

  delete(address: string): void {
    this.young.delete(address);
    this.old.delete(address);
  }
}
