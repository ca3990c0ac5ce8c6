import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MemoryRateLimitStore } from './memory.store.js';
import type { Standing, StoredLimit, TakenCharge } from './rate-limit.store.port.js';
import { ALGORITHMS, chargeOf, limitOf, ManualClock } from './testing/limits.js';

/** Something that happens to one client: a hit of this cost, after the clock was moved. */
interface Hit {
  readonly after: number;
  readonly cost: number;
}

interface Taken {
  readonly time: number;
  readonly cost: number;
}

const forwards = fc.oneof(fc.nat(30), fc.nat(500));
const anywhere = fc.oneof(
  { weight: 3, arbitrary: forwards },
  { weight: 1, arbitrary: fc.integer({ min: -500, max: 0 }) },
);
const hits = (after: fc.Arbitrary<number>) =>
  fc.array(fc.record({ after, cost: fc.integer({ min: 1, max: 7 }) }), { maxLength: 40, size: 'max' });

const limitsOf = (algorithm: StoredLimit['algorithm'], block: fc.Arbitrary<number> = fc.constant(0)) =>
  fc
    .record({
      quota: fc.integer({ min: 1, max: 20 }),
      window: fc.integer({ min: 1, max: 300 }),
      burst: fc.integer({ min: 1, max: 20 }),
      block,
    })
    .map((values) => limitOf(algorithm, algorithm === 'token-bucket' ? values : { ...values, burst: values.quota }));

const blocks = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 400 }));

/** Drives one client and answers with what was let through, at the time that went by: what was set back is none. */
function drive(limit: StoredLimit, schedule: readonly Hit[]): Taken[] {
  const clock = new ManualClock();
  const store = new MemoryRateLimitStore({ clock });
  const taken: Taken[] = [];
  let time = clock.time;
  for (const { after, cost } of schedule) {
    clock.time += after;
    time += Math.max(0, after);
    const [standing] = store.consume([chargeOf(limit, cost)]);
    if (standing?.allowed === true) taken.push({ time, cost });
  }
  return taken;
}

function sum(taken: readonly Taken[]): number {
  return taken.reduce((total, { cost }) => total + cost, 0);
}

/** What was taken from one of these on until another, for all of them. */
function* intervals(taken: readonly Taken[]): Iterable<{ duration: number; units: number }> {
  for (let i = 0; i < taken.length; i++) {
    for (let j = i; j < taken.length; j++) {
      const within = taken.slice(i, j + 1);
      yield { duration: (taken[j] as Taken).time - (taken[i] as Taken).time, units: sum(within) };
    }
  }
}

describe('A client of MemoryRateLimitStore, whatever it does and wherever the clock goes,', () => {
  it('takes no more than the quota of a fixed window from its first unit on', () => {
    fc.assert(
      fc.property(limitsOf('fixed-window'), hits(forwards), (limit, schedule) => {
        let rest = drive(limit, schedule);
        while (rest[0] !== undefined) {
          const end = rest[0].time + limit.window;
          expect(sum(rest.filter(({ time }) => time < end))).toBeLessThanOrEqual(limit.quota);
          rest = rest.filter(({ time }) => time >= end);
        }
      }),
    );
  });

  // A clock that is set back within a window makes it longer, so that others begin later than they seem to from here.
  it('takes no more than the quotas of two fixed windows in the time of one', () => {
    fc.assert(
      fc.property(limitsOf('fixed-window'), hits(anywhere), (limit, schedule) => {
        for (const { duration, units } of intervals(drive(limit, schedule))) {
          if (duration < limit.window) expect(units).toBeLessThanOrEqual(2 * limit.quota);
        }
      }),
    );
  });

  it('takes no more of a token bucket than the burst and what comes back meanwhile', () => {
    fc.assert(
      fc.property(limitsOf('token-bucket'), hits(anywhere), (limit, schedule) => {
        for (const { duration, units } of intervals(drive(limit, schedule))) {
          expect(units * limit.window).toBeLessThanOrEqual(limit.burst * limit.window + limit.quota * duration);
        }
      }),
    );
  });

  it('takes no more than the quota of a sliding window in any of the aligned windows', () => {
    fc.assert(
      fc.property(limitsOf('sliding-window'), hits(forwards), (limit, schedule) => {
        const units = new Map<number, number>();
        for (const { time, cost } of drive(limit, schedule)) {
          const window = Math.floor(time / limit.window);
          units.set(window, (units.get(window) ?? 0) + cost);
        }
        expect(Math.max(0, ...units.values())).toBeLessThanOrEqual(limit.quota);
      }),
    );
  });
});

describe.each(ALGORITHMS)('MemoryRateLimitStore with a %s', (algorithm) => {
  /** A store in which some has happened. */
  function after(limit: StoredLimit, schedule: readonly Hit[]) {
    const clock = new ManualClock();
    const store = new MemoryRateLimitStore({ clock });
    const taken: TakenCharge[] = [];
    for (const { after: moved, cost } of schedule) {
      clock.time += moved;
      const [standing] = store.consume([chargeOf(limit, cost)]);
      if (standing?.allowed === true) taken.push({ ...chargeOf(limit, cost), takenAt: standing.takenAt });
    }
    const look = (cost: number) => store.peek([chargeOf(limit, cost)])[0] as Standing;
    return { clock, store, taken, look };
  }

  it('allows what was denied when the client has waited as told, and not a millisecond before', () => {
    fc.assert(
      fc.property(
        limitsOf(algorithm, blocks),
        hits(anywhere),
        fc.integer({ min: 1, max: 20 }),
        (limit, schedule, cost) => {
          const { clock, store, look } = after(limit, schedule);
          const [denied] = store.consume([chargeOf(limit, cost)]) as [Standing];
          fc.pre(!denied.allowed && denied.retryAfter !== Infinity);
          clock.time += denied.retryAfter - 1;
          expect(look(cost)).toMatchObject({ allowed: false, retryAfter: 1 });
          clock.time += 1;
          expect(look(cost)).toMatchObject({ allowed: true, retryAfter: 0 });
        },
      ),
    );
  });

  it('has everything again at the time it tells, and not a millisecond before', () => {
    fc.assert(
      fc.property(limitsOf(algorithm, blocks), hits(anywhere), (limit, schedule) => {
        const { clock, look } = after(limit, schedule);
        const { resetAfter } = look(0);
        fc.pre(resetAfter > 0);
        clock.time += resetAfter - 1;
        expect(look(0).remaining).toBeLessThan(limit.burst);
        clock.time += 1;
        expect(look(0)).toMatchObject({ allowed: true, remaining: limit.burst, resetAfter: 0 });
      }),
    );
  });

  // Of a sliding window the last counts as well.
  const windows = algorithm === 'sliding-window' ? 2 : 1;

  it('gives nothing when the clock is set back, and keeps nobody out for longer than the limit says', () => {
    fc.assert(
      fc.property(
        limitsOf(algorithm, blocks),
        hits(anywhere),
        fc.integer({ min: 1, max: 1e12 }),
        (limit, schedule, back) => {
          const { clock, store, look } = after(limit, schedule);
          const before = look(1);
          clock.time -= back;
          const [standing] = store.consume([chargeOf(limit, 1)]) as [Standing];
          expect(standing.remaining).toBeLessThanOrEqual(before.remaining);
          if (!before.allowed) expect(standing.allowed).toBe(false);
          expect(standing.retryAfter).toBeLessThanOrEqual(Math.max(windows * limit.window, limit.block));
        },
      ),
    );
  });

  it('changes nothing by being asked', () => {
    fc.assert(
      fc.property(limitsOf(algorithm, blocks), hits(anywhere), hits(anywhere), (limit, schedule, looks) => {
        const [asked, unasked] = [after(limit, []), after(limit, [])];
        for (const [i, { after: moved, cost }] of schedule.entries()) {
          const away = looks[i] ?? { after: 0, cost: 1 };
          asked.clock.time += away.after;
          asked.look(away.cost);
          asked.clock.time += moved - away.after;
          unasked.clock.time += moved;
          const charges = [chargeOf(limit, cost)];
          expect(asked.store.consume(charges)).toEqual(unasked.store.consume(charges));
        }
      }),
    );
  });

  it('answers a look as it answers the hit that follows', () => {
    fc.assert(
      fc.property(limitsOf(algorithm, blocks), hits(anywhere), fc.nat(20), (limit, schedule, cost) => {
        const { store, look } = after(limit, schedule);
        expect([look(cost)]).toEqual(store.consume([chargeOf(limit, cost)]));
      }),
    );
  });

  it('has no more than everything, whatever is given back', () => {
    fc.assert(
      fc.property(
        limitsOf(algorithm, blocks),
        hits(anywhere),
        fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 9 }))),
        (limit, schedule, refunds) => {
          const { clock, store, taken, look } = after(limit, schedule);
          const { remaining, allowed } = look(0);
          for (const [which, times] of refunds) {
            const charge = taken[which] ?? { ...chargeOf(limit, 3), takenAt: clock.time };
            store.refund(Array.from({ length: times }, () => charge));
          }
          expect(look(0).remaining).toBeGreaterThanOrEqual(remaining);
          expect(look(0).remaining).toBeLessThanOrEqual(limit.burst);
          expect(look(0).allowed).toBe(allowed);
        },
      ),
    );
  });

  it('takes of all limits or of none', () => {
    const costs = fc.array(fc.nat(6), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.tuple(limitsOf(algorithm, blocks), limitsOf(algorithm), limitsOf(algorithm)),
        fc.array(fc.tuple(fc.nat(50), costs), { maxLength: 30, size: 'max' }),
        (stored, schedule) => {
          const clock = new ManualClock();
          const store = new MemoryRateLimitStore({ clock });
          const limits = stored.map((limit, i) => Object.freeze({ ...limit, id: `limit ${i}` }));
          for (const [moved, charged] of schedule) {
            clock.time += moved;
            const nothing = limits.map((limit) => chargeOf(limit, 0));
            const before = store.peek(nothing);
            const standings = store.consume(limits.map((limit, i) => chargeOf(limit, charged[i] as number)));
            const allAllowed = standings.every(({ allowed }) => allowed);
            const now = store.peek(nothing);
            standings.forEach(({ allowed }, i) => {
              const [was, is] = [before[i] as Standing, now[i] as Standing];
              if (allAllowed) expect(is.remaining).toBe(was.remaining - (charged[i] as number));
              else if (allowed || limits[i]?.block === 0) expect(is).toEqual(was);
            });
          }
        },
      ),
    );
  });
});
