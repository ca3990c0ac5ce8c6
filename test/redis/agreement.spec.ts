import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MemoryRateLimitStore, type Charge, type RateLimitStore, type StoredLimit } from '@palisade/nest';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import { connectIoredis } from './clients.js';
import { ALGORITHMS, newcomer } from './limits.js';
import { redisServer, withRedis } from './redis-server.js';
import { TimeTravel } from './time-travel.js';

const SCHEDULES = 500;

type Step =
  | { readonly kind: 'consume' | 'peek' | 'reset'; readonly after: number; readonly costs: readonly number[] }
  | { readonly kind: 'refund'; readonly after: number; readonly cost: number; readonly back: number };

const limits = fc
  .record({
    algorithm: fc.constantFrom(...ALGORITHMS),
    quota: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.constantFrom(1000, 1_000_000)),
    window: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constantFrom(1000, 3_600_000)),
    burst: fc.integer({ min: 1, max: 20 }),
    block: fc.constantFrom(0, 0, 7, 5000),
  })
  .map(({ burst, ...limit }) => ({
    ...limit,
    burst: limit.algorithm === 'token-bucket' ? burst : limit.quota,
  }));

const waits = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 60 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 4_000_000 }) },
);
const costs = fc.array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 30 })), {
  minLength: 3,
  maxLength: 3,
});
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('consume'), after: waits, costs }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('peek'), after: waits, costs }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('refund'),
      after: waits,
      cost: fc.integer({ min: 0, max: 4 }),
      back: fc.oneof(fc.integer({ min: -5, max: 100 }), fc.integer({ min: 0, max: 8_000_000 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reset'), after: waits, costs }) },
);

async function run(store: RateLimitStore, step: Step, charges: readonly Charge[], now: number): Promise<unknown> {
  if (step.kind === 'reset') return store.reset(charges.slice(0, 1));
  if (step.kind === 'refund') {
    return store.refund(charges.map((charge) => ({ ...charge, cost: step.cost, takenAt: now - step.back })));
  }
  const asked = charges.map((charge, index) => ({ ...charge, cost: step.costs[index] as number }));
  return step.kind === 'peek' ? store.peek(asked) : store.consume(asked);
}

withRedis('the store in Redis and the one in memory', () => {
  const server = redisServer();
  let redis: Redis;

  beforeAll(async () => {
    redis = (await connectIoredis(server().port)).client;
  });
  afterAll(() => redis.disconnect());

  it('answer the same to whatever is asked, to the unit and the millisecond', async () => {
    const schedule = fc.tuple(
      fc.array(limits, { minLength: 3, maxLength: 3 }),
      fc.array(steps, { minLength: 1, maxLength: 40 }),
      fc.boolean(),
    );
    let answers = 0;
    await fc.assert(
      fc.asyncProperty(schedule, async ([three, script, areApart]) => {
        const time = new TimeTravel(redis);
        time.now = 1_700_000_000_000;
        const shared = new RedisRateLimitStore(time, { denials: 0 });
        const local = new MemoryRateLimitStore({ maxClients: 100, clock: { now: () => time.now } });
        const who = newcomer();
        const charges = three.map((limit, index) => ({
          limit: Object.freeze<StoredLimit>({ ...limit, id: `limit-${index}` }),
          partition: areApart ? `${who}-${index}` : who,
          cost: 0,
        }));
        for (const step of script) {
          time.now += step.after;
          expect(await run(shared, step, charges, time.now)).toEqual(await run(local, step, charges, time.now));
          answers++;
        }
      }),
      { numRuns: SCHEDULES },
    );
    expect(answers).toBeGreaterThan(SCHEDULES);
  });

  it.each(ALGORITHMS)(
    'give nothing back for a clock that is set back, and not too late either: %s',
    async (algorithm) => {
      const time = new TimeTravel(redis);
      time.now = 1_700_000_000_000;
      const limit: StoredLimit = { id: 'api', algorithm, quota: 2, window: 10_000, burst: 2, block: 0 };
      const partition = newcomer();
      const stores: readonly RateLimitStore[] = [
        new RedisRateLimitStore(time, { denials: 0 }),
        new MemoryRateLimitStore({ maxClients: 10, clock: { now: () => time.now } }),
      ];
      for (const store of stores) await store.consume([{ limit, partition, cost: 2 }]);
      time.now -= 3_600_000;
      for (const store of stores) {
        expect(await store.consume([{ limit, partition, cost: 1 }])).toMatchObject([{ allowed: false, remaining: 0 }]);
      }
      time.now += 20_000;
      for (const store of stores) {
        expect(await store.consume([{ limit, partition, cost: 2 }])).toMatchObject([{ allowed: true, remaining: 0 }]);
      }
    },
  );

  it('count the last window too for a clock that is set back to it', async () => {
    const time = new TimeTravel(redis);
    time.now = 1_700_000_000_000;
    const limit: StoredLimit = { id: 'api', algorithm: 'sliding-window', quota: 2, window: 10_000, burst: 2, block: 0 };
    const charges = [{ limit, partition: newcomer(), cost: 1 }];
    const stores: readonly RateLimitStore[] = [
      new RedisRateLimitStore(time, { denials: 0 }),
      new MemoryRateLimitStore({ maxClients: 10, clock: { now: () => time.now } }),
    ];
    for (const wait of [0, 10_000]) {
      time.now += wait;
      for (const store of stores) expect(await store.consume(charges)).toMatchObject([{ allowed: true }]);
    }
    time.now -= 5000;
    for (const store of stores) expect(await store.consume(charges)).toMatchObject([{ allowed: false }]);
  });

  it.each([
    ['an earlier version of the script', 'f 1700000000000 2 1700000060000'],
    ['somebody else', ''],
  ])('start anew where a key was written by %s', async (_, line) => {
    const partition = newcomer();
    const limit: StoredLimit = { id: 'api', algorithm: 'fixed-window', quota: 2, window: 10_000, burst: 2, block: 0 };
    await redis.set(`palisade:{${partition}}:f:api`, line);
    const store = new RedisRateLimitStore(redis, { denials: 0 });
    for (const allowed of [true, true, false]) {
      expect(await store.consume([{ limit, partition, cost: 1 }])).toMatchObject([{ allowed }]);
    }
  });
});
