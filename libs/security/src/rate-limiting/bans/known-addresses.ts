/** What is known of an address, until when (milliseconds since the epoch). */
interface Known {
  readonly isBanned: boolean;
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
    return known === undefined || known.until <= now ? undefined : known.isBanned;
  }

  set(address: string, isBanned: boolean, until: number): void {
    if (this.young.size >= GENERATION) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(address, { isBanned, until });
  }

  delete(address: string): void {
    this.young.delete(address);
    this.old.delete(address);
  }
}
