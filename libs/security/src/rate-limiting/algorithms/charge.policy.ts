import type { RateLimitAlgorithm, Standing, StoredLimit } from '../rate-limit.store.port.js';
import { block, blockedUntil, isBlocked, settleBlock, takenWhenBlocked } from './block.policy.js';
import type { Algorithm, Cells } from './cell.js';
import { fixedWindow } from './fixed-window.policy.js';
import { slidingWindow } from './sliding-window.policy.js';
import { tokenBucket } from './token-bucket.policy.js';

const ALGORITHMS: Readonly<Record<RateLimitAlgorithm, Algorithm>> = {
  'token-bucket': tokenBucket,
  'sliding-window': slidingWindow,
  'fixed-window': fixedWindow,
};

// More than the units of any limit.
const BLOCKED = 1e12;

/** Lets the time go by in a cell until `now`. All others here but `weightOf` want a cell that is settled. */
export function settle(cells: Cells, at: number, limit: StoredLimit, now: number): void {
  if (isBlocked(cells, at)) settleBlock(cells, at, now);
  if (!isBlocked(cells, at)) ALGORITHMS[limit.algorithm].settle(cells, at, limit, now);
}

/** Milliseconds until `cost` may be taken: 0 where it may be now, `Infinity` where it is more than there ever is. */
export function waitFor(cells: Cells, at: number, limit: StoredLimit, cost: number, now: number): number {
  // Where there is nothing to be had, a request that costs nothing is denied as well (fails closed).
  if (cost > limit.burst || limit.quota <= 0) return Infinity;
  if (isBlocked(cells, at)) return blockedUntil(cells, at) - now;
  return cost === 0 ? 0 : ALGORITHMS[limit.algorithm].waitFor(cells, at, limit, cost, now);
}

export function take(cells: Cells, at: number, limit: StoredLimit, cost: number, now: number): void {
  if (cost > 0) ALGORITHMS[limit.algorithm].take(cells, at, limit, cost, now);
}

/** Begins the block of somebody who asked for more, where the limit has one; a block that has begun is not prolonged. */
export function deny(cells: Cells, at: number, limit: StoredLimit, now: number): void {
  if (limit.block <= 0 || limit.quota <= 0 || isBlocked(cells, at)) return;
  block(cells, at, ALGORITHMS[limit.algorithm].missing(cells, at, limit, now), now, limit.block);
}

export function refund(cells: Cells, at: number, limit: StoredLimit, cost: number, takenAt: number, now: number): void {
  if (!isBlocked(cells, at)) ALGORITHMS[limit.algorithm].refund(cells, at, limit, cost, takenAt, now);
}

/** Milliseconds until all units are there again. */
export function resetAfter(cells: Cells, at: number, limit: StoredLimit, now: number): number {
  if (isBlocked(cells, at)) return blockedUntil(cells, at) - now;
  return limit.quota <= 0 ? 0 : ALGORITHMS[limit.algorithm].resetAfter(cells, at, limit, now);
}

export function standing(cells: Cells, at: number, limit: StoredLimit, retryAfter: number, now: number): Standing {
  const isEmpty = isBlocked(cells, at) || limit.quota <= 0;
  return {
    allowed: retryAfter === 0,
    remaining: isEmpty ? 0 : ALGORITHMS[limit.algorithm].remaining(cells, at, limit, now),
    resetAfter: resetAfter(cells, at, limit, now),
    retryAfter,
    takenAt: now,
  };
}

/**
 * What somebody gains from being forgotten, roughly: the units that are missing, which is also what it costs to bring a
 * cell to that weight. Whoever is blocked weighs more than anybody who is not.
 */
export function weightOf(cells: Cells, at: number, limit: StoredLimit, now: number): number {
  return isBlocked(cells, at)
    ? BLOCKED + takenWhenBlocked(cells, at)
    : ALGORITHMS[limit.algorithm].missing(cells, at, limit, now);
}
