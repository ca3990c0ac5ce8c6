import type { Charge, CountedPartition, RateLimitStore, Standing, TakenCharge } from './rate-limit.store.port.js';

/** Charges that are remembered; beyond, the oldest are not given back, which errs on the side of the limit. */
const MAX_REMEMBERED = 10_000;

/** Answers in place of the shared store while that is away. */
export interface StandIn {
  consume(charges: readonly Charge[]): Promise<readonly Standing[]>;
  peek(charges: readonly Charge[]): Promise<readonly Standing[]>;
  /** Gives back what was taken here, and returns the others: the shared store took those. */
  refund(charges: readonly TakenCharge[]): Promise<readonly TakenCharge[]>;
  reset(counted: readonly CountedPartition[]): Promise<void>;
}

/** Allows everything. */
export class OpenStandIn implements StandIn {
  private readonly own = new OwnCharges();

  /** @param now milliseconds since the epoch */
  constructor(private readonly now: () => number) {}

  async consume(charges: readonly Charge[]): Promise<readonly Standing[]> {
    const standings = await this.peek(charges);
    this.own.remember(charges, standings);
    return standings;
  }

  async peek(charges: readonly Charge[]): Promise<readonly Standing[]> {
    const takenAt = this.now();
    return charges.map(({ limit }) => ({
      allowed: true,
      remaining: limit.quota,
      resetAfter: 0,
      retryAfter: 0,
      takenAt,
    }));
  }

  async refund(charges: readonly TakenCharge[]): Promise<readonly TakenCharge[]> {
    return this.own.split(charges).others;
  }

  async reset(): Promise<void> {}
}

/** Counts in a store of this process. What it has counted is left to pass when the shared store answers again. */
export class LocalStandIn implements StandIn {
  private readonly own = new OwnCharges();

  constructor(private readonly store: RateLimitStore) {}

  async consume(charges: readonly Charge[]): Promise<readonly Standing[]> {
    const standings = await this.store.consume(charges);
    this.own.remember(charges, standings);
    return standings;
  }

  async peek(charges: readonly Charge[]): Promise<readonly Standing[]> {
    return this.store.peek(charges);
  }

  async refund(charges: readonly TakenCharge[]): Promise<readonly TakenCharge[]> {
    const { own, others } = this.own.split(charges);
    if (own.length > 0) await this.store.refund(own);
    return others;
  }

  async reset(counted: readonly CountedPartition[]): Promise<void> {
    await this.store.reset(counted);
  }
}

/** Answers nothing. */
export class ClosedStandIn implements StandIn {
  /** @param unavailable what is thrown */
  constructor(private readonly unavailable: () => Error) {}

  async consume(): Promise<never> {
    throw this.unavailable();
  }

  async peek(): Promise<never> {
    throw this.unavailable();
  }

  async refund(charges: readonly TakenCharge[]): Promise<readonly TakenCharge[]> {
    return charges;
  }

  async reset(): Promise<void> {}
}

/**
 * What was taken here and may be given back later, when the shared store answers again: there it would be a gift.
 */
class OwnCharges {
  private readonly known = new Set<string>();

  remember(charges: readonly Charge[], standings: readonly Standing[]): void {
    if (!standings.every(({ allowed }) => allowed)) return;
    for (const [index, charge] of charges.entries()) {
      if (charge.cost === 0) continue;
      if (this.known.size >= MAX_REMEMBERED) this.forgetOldest();
      this.known.add(nameOf({ ...charge, takenAt: (standings[index] as Standing).takenAt }));
    }
  }

  split(charges: readonly TakenCharge[]): { readonly own: TakenCharge[]; readonly others: readonly TakenCharge[] } {
    if (this.known.size === 0) return { own: [], others: charges };
    const own: TakenCharge[] = [];
    const others: TakenCharge[] = [];
    for (const charge of charges) (this.known.has(nameOf(charge)) ? own : others).push(charge);
    return { own, others };
  }

  private forgetOldest(): void {
    for (const name of this.known) {
      this.known.delete(name);
      return;
    }
  }
}

function nameOf({ limit, partition, takenAt }: TakenCharge): string {
  return `${takenAt} ${limit.id} ${partition}`;
}
