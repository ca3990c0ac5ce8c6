import type { ConfigurationProblem } from '../core/errors.js';
import { checkOptions, isRecord, Rule, OptionalRule } from '../core/options.rules.js';
import { DURATION_FIX, parseDuration } from './limit-text.js';
import type { SlowDown } from './slow-down.policy.js';

/** Requests that have to wait before they go on, of those that a limit allows. */
export interface SlowDownSettings {
  /**
   * Units of a window that may be taken without waiting, a whole number of 0 or more, below `limit`. Plans have the same
   * share of theirs.
   */
  after: number;
  /**
   * How much longer each further unit waits: milliseconds, or text such as `'100 ms'`, up to a minute.
   * @default '100 ms'
   */
  step?: number | string | undefined;
  /**
   * How long a request waits at most, up to a minute. Clients and proxies have time-outs of their own.
   * @default '2 seconds'
   */
  max?: number | string | undefined;
}

const DEFAULT_STEP = 100;
const DEFAULT_MAX = 2000;
const LONGEST_DELAY = 60_000;

function delayProblem(value: unknown): string | undefined {
  const delay = parseDuration(value);
  if (delay === undefined) return 'is no duration';
  return delay > LONGEST_DELAY ? 'is longer than a minute' : undefined;
}

class SlowDownRules {
  @Rule(
    (value) => (Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : 'must be a whole number from 0'),
    'Say how many units may be taken without waiting',
  )
  after?: unknown;

  @OptionalRule(delayProblem, DURATION_FIX)
  step?: unknown;

  @OptionalRule(delayProblem, DURATION_FIX)
  max?: unknown;
}

/**
 * Adds what is wrong with `delay` to `problems`.
 *
 * @param units what the limit lets through at once; `undefined` where that is wrong itself
 */
export function checkSlowDown(
  settings: unknown,
  units: number | undefined,
  where: string,
  problems: ConfigurationProblem[],
): void {
  checkOptions(SlowDownRules, settings, where, problems);
  if (!isRecord(settings)) return;
  const { after } = settings;
  if (units !== undefined && typeof after === 'number' && after >= units) {
    problems.push({
      where: `${where}.after`,
      problem: `is not below the limit of ${units}: no request would ever wait`,
      fix: 'Give a smaller number, or leave delay out',
    });
  }
}

/** Settings that were checked. */
export function slowDownOf({ after, step, max }: SlowDownSettings): SlowDown {
  return { after, step: parseDuration(step) ?? DEFAULT_STEP, max: parseDuration(max) ?? DEFAULT_MAX };
}
