import type { ConfigurationProblem } from '../core/errors.js';
import { checkOptions, describe, isRecord, OptionalRule, wholeNumber } from '../core/options.rules.js';
import type { Enforcement } from '../core/profile.js';
import type { LoadProbe } from './event-loop.probe.js';

/**
 * When requests are answered 503 `overloaded` so that others can be served: by `@Priority`, those of low priority first.
 */
export interface LoadSheddingOptions {
  /**
   * Milliseconds that the event loop may be late, 1 to 60000. Above, requests of low priority are shed; above twice as
   * much, those without `@Priority` as well; above four times, those of high priority.
   * @default 200
   */
  maxEventLoopLag?: number | undefined;
  /**
   * Milliseconds between two samples, 10 to 10000. Shedding begins after two of them, and ends level by level, each after
   * four.
   * @default 250
   */
  sampleInterval?: number | undefined;
  /**
   * Seconds after which clients are told to come back (`Retry-After`), 1 to 3600.
   * @default 5
   */
  retryAfter?: number | undefined;
  /**
   * Whether requests are shed, or only events say so.
   * @default 'enforce'
   */
  enforcement?: Enforcement | undefined;
  /**
   * What is asked for the lag, for another measure of load in milliseconds.
   * @default that of the event loop
   */
  probe?: LoadProbe | undefined;
}

export const DEFAULT_MAX_LAG = 200;
export const DEFAULT_SAMPLE_INTERVAL = 250;
export const DEFAULT_RETRY_AFTER = 5;

class LoadSheddingRules {
  @OptionalRule(wholeNumber(1, 60_000), `Leave it out for ${DEFAULT_MAX_LAG} milliseconds`)
  maxEventLoopLag?: unknown;

  @OptionalRule(wholeNumber(10, 10_000), `Leave it out for ${DEFAULT_SAMPLE_INTERVAL} milliseconds`)
  sampleInterval?: unknown;

  @OptionalRule(wholeNumber(1, 3600), `Leave it out for ${DEFAULT_RETRY_AFTER} seconds`)
  retryAfter?: unknown;

  @OptionalRule(
    (value) => (value === 'enforce' || value === 'report' ? undefined : 'must be one of enforce, report'),
    "Leave it out to shed; 'report' only records",
  )
  enforcement?: unknown;

  @OptionalRule(
    (value) =>
      isRecord(value) && typeof value['lag'] === 'function'
        ? undefined
        : `must be an object with lag(), not ${describe(value)}`,
    'Leave it out for that of the event loop',
  )
  probe?: unknown;
}

/** Adds what is wrong with `loadShedding` to `problems`. */
export function checkLoadSheddingOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(LoadSheddingRules, options, path, problems);
}
