import type { LimitStanding } from '../core/passage.js';
import type { StoredLimit } from './rate-limit.store.port.js';

/**
 * Returns the milliseconds until so many units are available, worked out from how somebody stands: 0 where they are there
 * now, never too few, and with a token bucket at most one too many.
 */
export function unitsAfter(limit: StoredLimit, remaining: number, resetAfter: number, units: number): number {
  if (units <= remaining) return 0;
  const { algorithm, quota, window, burst, block } = limit;
  // Units come back one by one, the last of them at `resetAfter`.
  if (algorithm === 'token-bucket' && quota > 0) {
    return units > burst ? resetAfter : Math.max(0, resetAfter - Math.floor(((burst - units) * window) / quota));
  }
  // Of a sliding window at least one unit is back after a window, all of them up to two after the first was taken.
  return units === remaining + 1 ? Math.min(resetAfter, Math.max(window, block)) : resetAfter;
}

/** Returns the milliseconds until one unit more is available than there are, 0 where all are there. */
export function moreAfter(limit: StoredLimit, remaining: number, resetAfter: number): number {
  return unitsAfter(limit, remaining, resetAfter, remaining + 1);
}

/** Compares two standings: a denial is tighter than what allows, a longer one than a shorter, fewer units than more. */
export function isTighter(one: LimitStanding, other: LimitStanding): boolean {
  if (one.isDenied !== other.isDenied) return one.isDenied;
  return one.isDenied ? one.againAfter > other.againAfter : one.remaining < other.remaining;
}
