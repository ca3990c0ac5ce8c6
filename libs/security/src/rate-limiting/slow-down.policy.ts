import type { StoredLimit } from './rate-limit.store.port.js';

/** Which requests within a limit have to wait, and how long; times in milliseconds. */
export interface SlowDown {
  /** Units that may be taken without waiting. */
  readonly after: number;
  /** For each unit beyond. */
  readonly step: number;
  readonly max: number;
}

/** Milliseconds that a request waits which was allowed, with so many units left. */
export function delayOf({ after, step, max }: SlowDown, { burst }: StoredLimit, remaining: number): number {
  const beyond = burst - remaining - after;
  return beyond > 0 ? Math.min(beyond * step, max) : 0;
}

/** The same share of another limit: a plan with ten times the units has ten times as many without waiting. */
export function scaledTo(slowDown: SlowDown, from: StoredLimit, to: StoredLimit): SlowDown {
  return { ...slowDown, after: Math.floor((slowDown.after * to.burst) / from.burst) };
}
