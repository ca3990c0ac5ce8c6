import type { RateLimitAlgorithm, RateLimitStore, Standing, StoredLimit } from '@palisade/nest';
import * as fc from 'fast-check';

/** A store and the clock that it counts by, in whole milliseconds. */
export interface PacedStore {
  readonly store: RateLimitStore;
  readonly clock: { now: number };
}

export interface Rate {
  readonly quota: number;
  /** Milliseconds. */
  readonly window: number;
}

export const HOUR = 3_600_000;

/** Common limits, and odd ones, of which no interval is a whole number of milliseconds. */
export const RATES: readonly (readonly [string, Rate])[] = [
  ['1/minute', { quota: 1, window: 60_000 }],
  ['5/minute', { quota: 5, window: 60_000 }],
  ['10/minute', { quota: 10, window: 60_000 }],
  ['7 in 1000 ms', { quota: 7, window: 1000 }],
  ['3 in 100 ms', { quota: 3, window: 100 }],
  ['1 in 1 ms', { quota: 1, window: 1 }],
];

export const rates: fc.Arbitrary<Rate> = fc.record({
  quota: fc.integer({ min: 1, max: 30 }),
  window: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.constantFrom(1000, 60_000)),
});

export function limitAt(algorithm: RateLimitAlgorithm, { quota, window }: Rate): StoredLimit {
  return Object.freeze({ id: 'paced', algorithm, quota, window, burst: quota, block: 0 });
}

async function ask({ store }: PacedStore, limit: StoredLimit, partition: string): Promise<Standing> {
  const [standing] = await store.consume([{ limit, partition, cost: 1 }]);
  return standing as Standing;
}

/**
 * When somebody comes who keeps to the rate: never sooner after the last time than `window / quota`.
 *
 * @param phase thousandths of the first interval that have gone by
 * @param late milliseconds by which intervals are longer
 */
export function evenArrivals({ quota, window }: Rate, phase: number, lasts: number, late: readonly number[]): number[] {
  const times: number[] = [];
  // Whole numbers, of which nothing is rounded before the end: else intervals would be shorter than the rate says.
  for (let i = 0, behind = 0; ; i++) {
    const at = Math.floor(((1000 * i + phase) * window) / (1000 * quota)) + behind;
    if (at >= lasts) return times;
    times.push(at);
    behind += late.length === 0 ? 0 : (late[i % late.length] as number);
  }
}

/** Of these times those that leave no more than the quota in any half-open window. */
export function withinQuota({ quota, window }: Rate, times: readonly number[]): number[] {
  const kept: number[] = [];
  for (const time of times.toSorted((one, other) => one - other)) {
    const earlier = kept.at(-quota);
    if (earlier === undefined || time - earlier >= window) kept.push(time);
  }
  return kept;
}

/** The arrivals that were denied, in milliseconds from the beginning. */
export async function deniedOf(
  paced: PacedStore,
  limit: StoredLimit,
  partition: string,
  arrivals: readonly number[],
): Promise<number[]> {
  const start = paced.clock.now;
  const denied: number[] = [];
  for (const arrival of arrivals) {
    paced.clock.now = start + arrival;
    if (!(await ask(paced, limit, partition)).allowed) denied.push(arrival);
  }
  return denied;
}

/** Comes again at once when it is served, and else in as many whole seconds as it is told. */
export async function obedient(
  paced: PacedStore,
  limit: StoredLimit,
  partition: string,
  lasts: number,
): Promise<{ served: number; deniedOnReturn: number }> {
  const end = paced.clock.now + lasts;
  let [served, deniedOnReturn] = [0, 0];
  let isReturning = false;
  while (paced.clock.now < end) {
    const { allowed, retryAfter } = await ask(paced, limit, partition);
    if (allowed) served++;
    else if (isReturning) deniedOnReturn++;
    isReturning = !allowed;
    if (!allowed) paced.clock.now += Math.max(1, Math.ceil(retryAfter / 1000)) * 1000;
  }
  return { served, deniedOnReturn };
}

/** Requests that pass of a client that never stops, in so many steps. */
export async function passedOf(
  paced: PacedStore,
  limit: StoredLimit,
  partition: string,
  steps: number,
  step: number,
): Promise<number> {
  let passed = 0;
  for (let i = 0; i < steps; i++) {
    while ((await ask(paced, limit, partition)).allowed) passed++;
    paced.clock.now += step;
  }
  return passed;
}
