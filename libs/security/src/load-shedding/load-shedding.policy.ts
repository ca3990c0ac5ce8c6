import type { RoutePriority } from '../core/route-policy.js';

/** The priorities that are shed, the first to go first. */
export const SHEDDABLE: readonly RoutePriority[] = ['low', 'normal', 'high'];

/** Samples in a row that must be over a threshold: one alone may be a garbage collection. */
const SAMPLES_TO_RISE = 2;

/** Samples in a row that must be calm before a level is left, so that shedding does not flap. */
const SAMPLES_TO_FALL = 4;

/** How much load there is: at level n the first n priorities are shed. */
export interface LoadState {
  readonly level: number;
  /** The levels that the last samples reached, the newest last. */
  readonly reached: readonly number[];
  /** Calm samples in a row. */
  readonly calm: number;
}

export const NO_LOAD: LoadState = Object.freeze({ level: 0, reached: Object.freeze([]), calm: 0 });

/** The lag above which a level begins: the threshold itself, twice as much, four times as much. */
export function thresholdOf(level: number, maxLag: number): number {
  return maxLag * 2 ** (level - 1);
}

/**
 * The state after a sample. The level rises to what the last samples all reached; it falls one by one, each after
 * samples of less than half of what it began with: not everybody comes back at once.
 *
 * @param lag milliseconds
 * @param maxLag the threshold, in milliseconds
 */
export function sampled({ level, reached: before, calm }: LoadState, lag: number, maxLag: number): LoadState {
  const reached = [...before.slice(1 - SAMPLES_TO_RISE), levelReached(lag, maxLag)];
  const sustained = reached.length < SAMPLES_TO_RISE ? 0 : Math.min(...reached);
  if (sustained > level) return { level: sustained, reached, calm: 0 };
  if (level === 0 || !(lag < thresholdOf(level, maxLag) / 2)) return { level, reached, calm: 0 };
  return calm + 1 < SAMPLES_TO_FALL ? { level, reached, calm: calm + 1 } : { level: level - 1, reached, calm: 0 };
}

function levelReached(lag: number, maxLag: number): number {
  let level = 0;
  while (level < SHEDDABLE.length && lag > thresholdOf(level + 1, maxLag)) level++;
  return level;
}
