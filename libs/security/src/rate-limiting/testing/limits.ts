import type { Charge, RateLimitAlgorithm, StoredLimit } from '../rate-limit.store.port.js';

export const ALGORITHMS: readonly RateLimitAlgorithm[] = ['token-bucket', 'sliding-window', 'fixed-window'];

/** Ten in a second, unless told otherwise. */
export function limitOf(algorithm: RateLimitAlgorithm, changes: Partial<StoredLimit> = {}): StoredLimit {
  const quota = changes.quota ?? 10;
  return Object.freeze({ id: 'requests', algorithm, quota, window: 1000, burst: quota, block: 0, ...changes });
}

export function chargeOf(limit: StoredLimit, cost = 1, partition = 'alice'): Charge {
  return { limit, partition, cost };
}

/** Stands still at a time that windows of a second begin at, until it is moved. */
export class ManualClock {
  time = Date.UTC(2026, 0, 1);

  now(): number {
    return this.time;
  }
}
