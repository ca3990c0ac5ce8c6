import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import * as fc from 'fast-check';
import type { Redis } from 'ioredis';
import {
  deniedOf,
  evenArrivals,
  HOUR,
  limitAt,
  obedient,
  passedOf,
  rates,
  RATES,
  withinQuota,
  type PacedStore,
} from '../support/pacing.js';
import { connectIoredis } from './clients.js';
import { ALGORITHMS, newcomer } from './limits.js';
import { redisServer, withRedis } from './redis-server.js';
import { TimeTravel } from './time-travel.js';

// Each request is a round trip.
const FEW = { numRuns: 15 };
const MOST = 600;

withRedis('limits in Redis', () => {
  const server = redisServer();
  let redis: Redis;

  beforeAll(async () => {
    redis = (await connectIoredis(server().port)).client;
  });
  afterAll(() => redis.disconnect());

  function inRedis(offset = 0): PacedStore {
    const clock = new TimeTravel(redis);
    clock.now = 1_700_000_040_000 + offset;
    return { store: new RedisRateLimitStore(clock, { denials: 0 }), clock };
  }

  const cases = ALGORITHMS.flatMap((algorithm) => RATES.map(([name, rate]) => ({ algorithm, name, rate })));

  it.each(cases)('deny nobody who keeps to $name by a $algorithm', async ({ algorithm, rate }) => {
    const arrivals = evenArrivals(rate, 0, Math.min(HOUR, (MOST * rate.window) / rate.quota), []);
    expect(await deniedOf(inRedis(), limitAt(algorithm, rate), newcomer(), arrivals)).toEqual([]);
  });

  it.each(ALGORITHMS)(
    'deny nobody whose intervals are never shorter than the rate says, by a %s',
    async (algorithm) => {
      const late = fc.array(fc.nat(40), { maxLength: 20 });
      await fc.assert(
        fc.asyncProperty(rates, fc.nat(999), late, fc.nat(60_000), async (rate, phase, delays, offset) => {
          const arrivals = evenArrivals(rate, phase, (100 * rate.window) / rate.quota, delays);
          expect(await deniedOf(inRedis(offset), limitAt(algorithm, rate), newcomer(), arrivals)).toEqual([]);
        }),
        FEW,
      );
    },
  );

  it.each(ALGORITHMS)('serve whoever comes back in as many seconds as they say, by a %s', async (algorithm) => {
    await fc.assert(
      fc.asyncProperty(rates, fc.nat(60_000), async (rate, offset) => {
        const answers = await obedient(inRedis(offset), limitAt(algorithm, rate), newcomer(), 3 * rate.window);
        expect(answers.deniedOnReturn).toBe(0);
      }),
      FEW,
    );
  });

  it.each(ALGORITHMS)('let no more through than the quota and what comes back, by a %s', async (algorithm) => {
    const more = algorithm === 'sliding-window' ? 1 : 0;
    await fc.assert(
      fc.asyncProperty(rates, fc.nat(60_000), async (rate, offset) => {
        const step = Math.max(1, Math.floor(rate.window / 10));
        const passed = await passedOf(inRedis(offset), limitAt(algorithm, rate), newcomer(), 30, step);
        expect(passed).toBeLessThanOrEqual(rate.quota + (rate.quota * 29 * step) / rate.window + more);
      }),
      FEW,
    );
  });

  it.each(['token-bucket', 'fixed-window'] as const)(
    'deny no pattern that has no more than the quota in any window, by a %s',
    async (algorithm) => {
      const times = (window: number) => fc.array(fc.nat(window * 5), { maxLength: 80, size: 'max' });
      const patterns = rates.chain((rate) =>
        times(rate.window).map((all) => ({ rate, arrivals: withinQuota(rate, all) })),
      );
      await fc.assert(
        fc.asyncProperty(patterns, fc.nat(60_000), async ({ rate, arrivals }, offset) => {
          expect(await deniedOf(inRedis(offset), limitAt(algorithm, rate), newcomer(), arrivals)).toEqual([]);
        }),
        FEW,
      );
    },
  );
});
