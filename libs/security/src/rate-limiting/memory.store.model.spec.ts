import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemoryRateLimitStore } from './memory.store.js';
import type { Charge, Standing, StoredLimit, TakenCharge } from './rate-limit.store.port.js';
import { ALGORITHMS, limitOf, ManualClock } from './testing/limits.js';
import { copyOf, referenceOf, type Reference } from './testing/references.js';

/** One client of one limit: the reference, and the blocks around it. */
class ModelClient {
  private reference: Reference;
  private blocked: { from: number; until: number } | undefined;
  /** What may be given back. What becomes of it after a block, a reset or a clock that was set back is left open. */
  taken: TakenCharge[] = [];

  constructor(private readonly limit: StoredLimit) {
    this.reference = referenceOf(limit);
  }

  settle(now: number): void {
    if (this.blocked !== undefined) {
      const ahead = Math.max(0, this.blocked.from - now);
      this.blocked = { from: this.blocked.from - ahead, until: this.blocked.until - ahead };
      if (now >= this.blocked.until) this.reset();
    }
    this.reference.settle(now);
  }

  waitFor(cost: number, now: number): number {
    if (this.limit.quota === 0 || cost > this.limit.burst) return Infinity;
    if (this.blocked !== undefined) return this.blocked.until - now;
    return this.millisecondsUntil(cost, now);
  }

  standing(cost: number, now: number): Standing {
    const retryAfter = this.waitFor(cost, now);
    const common = { allowed: retryAfter === 0, retryAfter, takenAt: now };
    if (this.limit.quota === 0) return { ...common, remaining: 0, resetAfter: 0 };
    if (this.blocked !== undefined) return { ...common, remaining: 0, resetAfter: this.blocked.until - now };
    return { ...common, remaining: this.reference.left(), resetAfter: this.millisecondsUntil(this.limit.burst, now) };
  }

  deny(now: number): void {
    if (this.limit.block === 0 || this.blocked !== undefined) return;
    this.blocked = { from: now, until: now + this.limit.block };
    this.taken = [];
  }

  take(charge: Charge, now: number): void {
    if (charge.cost === 0) return;
    this.reference.take(charge.cost);
    this.taken.push({ ...charge, takenAt: now });
  }

  refund({ cost, takenAt }: TakenCharge, now: number): void {
    this.settle(now);
    if (this.blocked === undefined) this.reference.refund(cost, takenAt);
  }

  reset(): void {
    this.reference = referenceOf(this.limit);
    this.blocked = undefined;
    this.taken = [];
  }

  /** One that may be asked what would be. */
  copy(): ModelClient {
    const copy = new ModelClient(this.limit);
    copy.reference = copyOf(this.reference);
    copy.blocked = this.blocked;
    return copy;
  }

  /** By trying one after the other. */
  private millisecondsUntil(units: number, now: number): number {
    for (let wait = 0; ; wait++) {
      const later = copyOf(this.reference);
      later.settle(now + wait);
      if (later.left() >= units) return wait;
    }
  }
}

class Model {
  private readonly clients = new Map<string, ModelClient>();

  client({ limit, partition }: Pick<Charge, 'limit' | 'partition'>): ModelClient {
    const name = `${limit.id} ${partition}`;
    const client = this.clients.get(name) ?? new ModelClient(limit);
    this.clients.set(name, client);
    return client;
  }

  consume(charges: readonly Charge[], now: number): Standing[] {
    return this.decide(
      charges,
      charges.map((charge) => this.client(charge)),
      now,
    );
  }

  peek(charges: readonly Charge[], now: number): Standing[] {
    return this.decide(
      charges,
      charges.map((charge) => this.client(charge).copy()),
      now,
    );
  }

  refundable(): TakenCharge[] {
    return [...this.clients.values()].flatMap(({ taken }) => taken);
  }

  forgetRefundable(): void {
    for (const client of this.clients.values()) client.taken = [];
  }

  private decide(charges: readonly Charge[], clients: readonly ModelClient[], now: number): Standing[] {
    for (const client of clients) client.settle(now);
    const waits = charges.map(({ cost }, i) => clients[i]?.waitFor(cost, now));
    const allowed = waits.every((wait) => wait === 0);
    return charges.map((charge, i) => {
      const client = clients[i] as ModelClient;
      if (allowed) client.take(charge, now);
      else if (waits[i] !== 0) client.deny(now);
      return { ...client.standing(allowed ? 0 : charge.cost, now), ...(allowed ? { allowed, retryAfter: 0 } : {}) };
    });
  }
}

type Step =
  | { readonly kind: 'consume' | 'peek'; readonly costs: readonly (number | undefined)[] }
  | { readonly kind: 'move'; readonly by: number }
  | { readonly kind: 'refund'; readonly which: number }
  | { readonly kind: 'reset'; readonly which: number };

const PARTITIONS = ['alice', 'bob'];

const charged = fc.array(fc.option(fc.nat(9), { nil: undefined, freq: 2 }), { minLength: 1, maxLength: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('consume' as const), costs: charged }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('peek' as const), costs: charged }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('move' as const), by: fc.integer({ min: 1, max: 15 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('move' as const), by: fc.integer({ min: -60, max: -1 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refund' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset' as const), which: fc.nat(3) }) },
);
const numbers = fc.record({
  quota: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 8 }) }, { weight: 1, arbitrary: fc.constant(0) }),
  window: fc.integer({ min: 1, max: 12 }),
  block: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 30 })),
});

describe.each(ALGORITHMS)('MemoryRateLimitStore with a %s', (algorithm) => {
  const limits = fc
    .tuple(numbers, numbers, fc.integer({ min: 1, max: 8 }))
    .map(([one, other, burst]) =>
      [one, other].map(({ quota, ...rest }, i) =>
        limitOf(algorithm, { id: `limit ${i}`, quota, burst: algorithm === 'token-bucket' ? burst : quota, ...rest }),
      ),
    );

  it('answers as the naive reference does, whatever is asked of it in whatever order', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60, size: 'max' }), (stored, steps) => {
        const clock = new ManualClock();
        const store = new MemoryRateLimitStore({ clock });
        const model = new Model();
        const counted = stored.flatMap((limit) => PARTITIONS.map((partition) => ({ limit, partition })));
        for (const taken of steps) {
          const now = clock.time;
          if (taken.kind === 'move') {
            clock.time += taken.by;
            if (taken.by < 0) model.forgetRefundable();
          } else if (taken.kind === 'refund') {
            const refundable = model.refundable();
            const charge = refundable[taken.which % refundable.length];
            if (charge === undefined) continue;
            const client = model.client(charge);
            client.taken = client.taken.filter((other) => other !== charge);
            client.refund(charge, now);
            store.refund([charge]);
            seen.add('refund');
          } else if (taken.kind === 'reset') {
            const client = counted[taken.which] as (typeof counted)[number];
            model.client(client).reset();
            store.reset([client]);
          } else {
            const charges = counted.flatMap((client, i) => {
              const cost = taken.costs[i];
              return cost === undefined ? [] : [{ ...client, cost }];
            });
            const standings = store[taken.kind](charges);
            expect(standings).toEqual(model[taken.kind](charges, now));
            for (const { allowed } of standings) seen.add(`${taken.kind} ${allowed ? 'allowed' : 'denied'}`);
          }
        }
      }),
      { numRuns: 300 },
    );
    // Nothing was left out by chance.
    expect([...seen].toSorted()).toEqual([
      'consume allowed',
      'consume denied',
      'peek allowed',
      'peek denied',
      'refund',
    ]);
  });
});
