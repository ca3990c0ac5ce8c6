import type { Charge, Standing, StoredLimit } from '../../rate-limiting/rate-limit.store.port.js';

/** A charge of which the answer is known for a while. */
interface Known {
  readonly limit: StoredLimit;
  readonly cost: number;
  readonly standing: Standing;
  /** Milliseconds of the monotonic clock, as the next. */
  readonly answeredAt: number;
  readonly until: number;
}

/**
 * Remembers denials, so that whoever is denied costs no round trip until then: nothing comes back sooner for whoever
 * asks for as much again. The charges beside them are remembered with them, as answers name all.
 *
 * Bounded; the oldest are forgotten first, which costs a round trip and lets nobody through.
 */
export class DenialMemory {
  private readonly known = new Map<string, Known>();

  /**
   * @param max charges that are remembered
   * @param longest milliseconds for which they are, at most
   * @param now milliseconds of a monotonic clock: one that is set must not lengthen a denial
   */
  constructor(
    private readonly max: number,
    private readonly longest: number,
    private readonly now: () => number,
  ) {}

  get size(): number {
    return this.known.size;
  }

  /** The answer, where a charge is still denied and the others are known; `keys` are those of the charges. */
  recall(charges: readonly Charge[], keys: readonly string[]): readonly Standing[] | undefined {
    if (this.known.size === 0) return undefined;
    const now = this.now();
    const standings: Standing[] = [];
    let denied = false;
    for (const [index, charge] of charges.entries()) {
      const known = this.find(keys[index] as string, charge, now);
      if (known === undefined) return undefined;
      if (!known.standing.allowed) denied = true;
      standings.push(aged(known.standing, Math.floor(now - known.answeredAt)));
    }
    return denied ? standings : undefined;
  }

  /** `askedAt` is of before the question was sent: counted from there, a denial ends too early rather than too late. */
  remember(charges: readonly Charge[], keys: readonly string[], standings: readonly Standing[], askedAt: number): void {
    let shortest = this.longest;
    let denied = false;
    for (const { allowed, retryAfter } of standings) {
      if (allowed) continue;
      denied = true;
      shortest = Math.min(shortest, retryAfter);
    }
    // Another process may have had the store forget what was denied here under another limit, or for more.
    if (!denied) return this.disprove(keys);
    if (this.max === 0) return;
    for (const [index, { limit, cost }] of charges.entries()) {
      const key = keys[index] as string;
      const standing = standings[index] as Standing;
      this.known.delete(key);
      if (this.known.size >= this.max) this.forgetOldest();
      this.known.set(key, { limit, cost, standing, answeredAt: askedAt, until: askedAt + shortest });
    }
  }

  forget(key: string): void {
    this.known.delete(key);
  }

  private disprove(keys: readonly string[]): void {
    if (this.known.size > 0) for (const key of keys) this.known.delete(key);
  }

  private find(key: string, charge: Charge, now: number): Known | undefined {
    const known = this.known.get(key);
    if (known === undefined) return undefined;
    if (now >= known.until) {
      this.known.delete(key);
      return undefined;
    }
    // Who was denied much may be allowed less, and who was allowed little may be denied more.
    const covers = known.standing.allowed ? charge.cost <= known.cost : charge.cost >= known.cost;
    return covers && isSameLimit(known.limit, charge.limit) ? known : undefined;
  }

  private forgetOldest(): void {
    for (const key of this.known.keys()) {
      this.known.delete(key);
      return;
    }
  }
}

function aged(standing: Standing, elapsed: number): Standing {
  return {
    allowed: standing.allowed,
    remaining: standing.remaining,
    resetAfter: Math.max(0, standing.resetAfter - elapsed),
    retryAfter: standing.allowed ? 0 : standing.retryAfter - elapsed,
    takenAt: standing.takenAt + elapsed,
  };
}

/** Limits that share their counts may differ in all else: another plan's quota has another answer. */
function isSameLimit(one: StoredLimit, other: StoredLimit): boolean {
  return (
    one === other ||
    (one.quota === other.quota &&
      one.window === other.window &&
      one.burst === other.burst &&
      one.block === other.block &&
      one.algorithm === other.algorithm)
  );
}
