import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, OptionalRule } from '../../core/options.rules.js';
import { PREFIX_FIX, prefixProblem } from './redis.keys.js';

/** How leases are kept in Redis. */
export interface RedisLeaseStoreOptions {
  /**
   * What every key starts with; letters, digits and `. _ : ~ -`, at most 64.
   * @default 'palisade'
   */
  prefix?: string | undefined;
  /**
   * Milliseconds after which the places of a process that crashed are free, 1000 to 3600000. Processes renew theirs three
   * times in it.
   * @default 30000
   */
  ttl?: number | undefined;
}

class LeaseStoreRules {
  @OptionalRule(prefixProblem, PREFIX_FIX)
  prefix?: unknown;

  @OptionalRule(
    (value) =>
      Number.isInteger(value) && (value as number) >= 1000 && (value as number) <= 3_600_000
        ? undefined
        : 'must be a whole number from 1000 to 3600000',
    'Leave it out for 30000 milliseconds',
  )
  ttl?: unknown;
}

/** Adds what is wrong with the options to `problems`. */
export function checkRedisLeaseStoreOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(LeaseStoreRules, options, path, problems);
}
