import { createHash } from 'node:crypto';
import type { Charge, RateLimitStore, Standing, StoredLimit } from './rate-limit.store.port.js';

/** What `ThrottlerStorage.increment` of @nestjs/throttler answers; times in seconds. */
export interface ThrottlerRecord {
  readonly totalHits: number;
  readonly timeToExpire: number;
  readonly isBlocked: boolean;
  readonly timeToBlockExpire: number;
}

/** Returns the key that @nestjs/throttler has for a count: text that `generateKey` made, or a hash. */
export function throttlerKey({ id, isWholeKey }: Pick<StoredLimit, 'id'> & KeyedLimit, partition: string): string {
  return isWholeKey === true ? partition : hashedKey(`${id}:${partition}`);
}

/** Hashes as `generateKey` of `ThrottlerGuard` does: hexadecimal SHA-256. */
export function hashedKey(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

interface KeyedLimit {
  readonly isWholeKey?: boolean;
}

/**
 * Counts one hit as `ThrottlerStorage.increment` does, so that a store serves a plain `ThrottlerModule` as well.
 *
 * @param ttl milliseconds
 * @param blockDuration milliseconds
 */
export async function countHit(
  store: Pick<RateLimitStore, 'consume'>,
  key: string,
  ttl: number,
  limit: number,
  blockDuration: number,
  throttlerName: string,
): Promise<ThrottlerRecord> {
  const stored: StoredLimit = {
    id: `throttler:${throttlerName}`,
    algorithm: 'fixed-window',
    quota: limit,
    window: ttl,
    burst: Math.max(1, limit),
    block: blockDuration,
  };
  const charge: Charge = { limit: stored, partition: key, cost: 1 };
  const [standing] = (await store.consume([charge])) as [Standing];
  const { allowed, remaining, resetAfter, retryAfter } = standing;
  return {
    totalHits: allowed ? limit - remaining : limit + 1,
    timeToExpire: Math.ceil(resetAfter / 1000),
    isBlocked: !allowed,
    // With a limit of 0 that is never, which no header can say.
    timeToBlockExpire: allowed ? 0 : Math.ceil((Number.isFinite(retryAfter) ? retryAfter : blockDuration) / 1000),
  };
}
