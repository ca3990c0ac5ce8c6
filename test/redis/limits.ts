import type { Charge, RateLimitAlgorithm, StoredLimit } from '@palisade/nest';

export const ALGORITHMS: readonly RateLimitAlgorithm[] = ['token-bucket', 'sliding-window', 'fixed-window'];

/** In a test, nothing comes back. */
export const THIRTY_DAYS = 30 * 24 * 3_600_000;

let made = 0;

/** Who has never been counted. */
export function newcomer(): string {
  return `caller-${process.pid}-${++made}`;
}

export function limitOf(algorithm: RateLimitAlgorithm, quota: number, rest: Partial<StoredLimit> = {}): StoredLimit {
  return Object.freeze({ id: 'api', algorithm, quota, window: THIRTY_DAYS, burst: quota, block: 0, ...rest });
}

export function chargeOf(limit: StoredLimit, partition: string, cost = 1): Charge {
  return { limit, partition, cost };
}
