import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, OptionalRule } from '../../core/options.rules.js';
import { PREFIX_FIX, prefixProblem } from './redis.keys.js';

/** How counts are kept in Redis. */
export interface RedisRateLimitStoreOptions {
  /**
   * What every key starts with; letters, digits and `. _ : ~ -`, at most 64. Applications that share a Redis and not
   * their limits have different ones.
   * @default 'palisade'
   */
  prefix?: string | undefined;
  /**
   * Charges of denied callers that this process remembers, some 300 bytes each; 0 to 1,000,000. Whoever is remembered
   * costs no round trip until the denial is over.
   * @default 10000
   */
  denials?: number | undefined;
  /**
   * Milliseconds for which a denial is remembered at most; 1 or more. It bounds how long this process goes on to deny
   * somebody whom another one has reset.
   * @default Infinity
   */
  denialTtl?: number | undefined;
}

const MAX_DENIALS = 1_000_000;

class StoreRules {
  @OptionalRule(prefixProblem, PREFIX_FIX)
  prefix?: unknown;

  @OptionalRule(
    (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_DENIALS
        ? undefined
        : `must be a whole number from 0 to ${MAX_DENIALS}, not ${typeof value === 'number' ? value : describe(value)}`,
    'Leave it out for 10000',
  )
  denials?: unknown;

  @OptionalRule(
    (value) =>
      typeof value === 'number' && value >= 1
        ? undefined
        : `must be 1 millisecond or more, not ${typeof value === 'number' ? value : describe(value)}`,
    'Leave it out to remember denials until they are over',
  )
  denialTtl?: unknown;
}

/** Adds what is wrong with the options to `problems`. */
export function checkRedisRateLimitStoreOptions(
  options: unknown,
  path: string,
  problems: ConfigurationProblem[],
): void {
  checkOptions(StoreRules, options, path, problems);
}
