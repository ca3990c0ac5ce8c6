import { describe, expect, it } from '@jest/globals';
import { MemoryRateLimitStore, type RateLimitAlgorithm } from '@palisade/nest';
import * as fc from 'fast-check';
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

const ALGORITHMS: readonly RateLimitAlgorithm[] = ['token-bucket', 'sliding-window', 'fixed-window'];

// The arrivals of an hour, and no more of limits that are full a thousand times sooner.
const MOST = 3000;

function inMemory(offset = 0): PacedStore {
  const clock = { now: Date.UTC(2026, 0, 1) + offset };
  return { store: new MemoryRateLimitStore({ clock: { now: () => clock.now } }), clock };
}

function lasts(quota: number, window: number): number {
  return Math.min(HOUR, (MOST * window) / quota);
}

const late = fc.array(fc.nat(40), { maxLength: 20 });
const phases = fc.nat(999);

describe.each(ALGORITHMS)('a %s', (algorithm) => {
  it.each(RATES)('denies nobody who keeps to %s for an hour, whatever the phase', async (_, rate) => {
    const limit = limitAt(algorithm, rate);
    // In step with windows of the epoch first, where a share that is rounded up counts one too many.
    for (const offset of [0, 1, Math.floor(rate.window / 3)]) {
      for (const phase of [0, 250, 999]) {
        const arrivals = evenArrivals(rate, phase, lasts(rate.quota, rate.window), []);
        expect(await deniedOf(inMemory(offset), limit, 'paced', arrivals)).toEqual([]);
      }
    }
  });

  it('denies nobody whose intervals are never shorter than the rate says', async () => {
    await fc.assert(
      fc.asyncProperty(rates, phases, late, fc.nat(60_000), async (rate, phase, delays, offset) => {
        const arrivals = evenArrivals(rate, phase, (300 * rate.window) / rate.quota, delays);
        expect(await deniedOf(inMemory(offset), limitAt(algorithm, rate), 'paced', arrivals)).toEqual([]);
      }),
    );
  });

  it('serves whoever comes back in as many seconds as it says', async () => {
    await fc.assert(
      fc.asyncProperty(rates, fc.nat(60_000), async (rate, offset) => {
        const answers = await obedient(inMemory(offset), limitAt(algorithm, rate), 'obedient', 50 * rate.window);
        expect(answers.deniedOnReturn).toBe(0);
      }),
    );
  });

  it('lets no more through than the quota, and what comes back meanwhile', async () => {
    // The last window of a sliding one counts as though it had been spread evenly, which is one unit off at most.
    const more = algorithm === 'sliding-window' ? 1 : 0;
    await fc.assert(
      fc.asyncProperty(rates, fc.nat(60_000), async (rate, offset) => {
        const step = Math.max(1, Math.floor(rate.window / 20));
        const steps = 100;
        const passed = await passedOf(inMemory(offset), limitAt(algorithm, rate), 'greedy', steps, step);
        const elapsed = (steps - 1) * step;
        expect(passed).toBeLessThanOrEqual(rate.quota + (rate.quota * elapsed) / rate.window + more);
      }),
    );
  });
});

describe.each(['token-bucket', 'fixed-window'] as const)('a %s', (algorithm) => {
  it('denies no pattern of requests that has no more than the quota in any window', async () => {
    const times = (window: number) => fc.array(fc.nat(window * 8), { maxLength: 150, size: 'max' });
    const patterns = rates.chain((rate) =>
      times(rate.window).map((all) => ({ rate, arrivals: withinQuota(rate, all) })),
    );
    await fc.assert(
      fc.asyncProperty(patterns, fc.nat(60_000), async ({ rate, arrivals }, offset) => {
        expect(await deniedOf(inMemory(offset), limitAt(algorithm, rate), 'bursty', arrivals)).toEqual([]);
      }),
    );
  });

  it.each([
    ['1/minute', { quota: 1, window: 60_000 }, 60],
    ['5/minute', { quota: 5, window: 60_000 }, 300],
    ['10/minute', { quota: 10, window: 60_000 }, 600],
  ])('gives whoever obeys it all of %s', async (_, rate, hourly) => {
    const { served, deniedOnReturn } = await obedient(inMemory(1), limitAt(algorithm, rate), 'obedient', HOUR);
    expect(served).toBeGreaterThanOrEqual(hourly);
    expect(deniedOnReturn).toBe(0);
  });
});
