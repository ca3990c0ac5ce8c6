import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, nearestName, OptionalRule, Rule } from '../../core/options.rules.js';
import { isLimitName, LIMIT_NAME_FIX } from '../limit-text.js';
import type { RateLimitKey } from '../rate-limiting.options.js';
import { checkNormalization, NORMALIZATION_FIX, normalizationProblem } from '../option-values.js';
import type { LeaseStore } from './lease.store.port.js';

/** How many requests may be under way at once. */
export interface ConcurrencyOptions {
  /**
   * Limits by name, for `@ConcurrencyLimit('name')`: a number, or settings. Routes of one name share their places.
   */
  limits?: Readonly<Record<string, number | ConcurrencySettings>> | undefined;
  /**
   * Where is kept who holds what. `rateLimit.onStoreError` and `storeTimeout` hold for a shared one.
   * @default a `MemoryLeaseStore`: each process counts for itself
   */
  store?: LeaseStore | undefined;
}

/** One limit of requests at the same time, spelt out. */
export interface ConcurrencySettings {
  /** How many may be under way, a whole number from 1 to 1000000. */
  max: number;
  /**
   * Whose requests share the places, as in a rate limit: `ip` is asked before anybody is authenticated, everything else
   * afterwards.
   * @default 'ip' for public routes, else 'user'
   */
  by?: RateLimitKey | undefined;
  /**
   * How the text is compared that a function of `by` answers, as in a rate limit; `false` for exactly.
   * @default NFKC, without invisible characters and blanks around it, in lower case
   */
  normalize?: ((key: string) => string) | false | undefined;
  /**
   * Whether routes with this limit share its places, or have them each.
   * @default 'shared' for limits with a name, 'route' for those written on a decorator
   */
  scope?: 'shared' | 'route' | undefined;
}

const MOST = 1_000_000;
// Milliseconds.
const SHORTEST_TTL = 1000;
const LONGEST_TTL = 3_600_000;
const KEYS = ['ip', 'user', 'tenant', 'api-key'];

function maxProblem(value: unknown): string | undefined {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST
    ? undefined
    : `must be a whole number from 1 to ${MOST}`;
}

const MAX_FIX = 'Say how many requests may be under way at once';

class SettingsRules {
  @Rule(maxProblem, MAX_FIX)
  max?: unknown;

  @OptionalRule(
    (value) =>
      typeof value === 'function' || KEYS.includes(value as string) ? undefined : `must be one of ${KEYS.join(', ')}`,
    "Name one of them, or give (context) => 'whatever is counted together'",
  )
  by?: unknown;

  @OptionalRule(normalizationProblem, NORMALIZATION_FIX)
  normalize?: unknown;

  @OptionalRule(
    (value) => (value === 'shared' || value === 'route' ? undefined : 'must be one of shared, route'),
    "Use 'shared' or 'route'",
  )
  scope?: unknown;
}

class ConcurrencyRules {
  @OptionalRule(
    (value) => (isRecord(value) ? undefined : `must be an object from names to limits, not ${describe(value)}`),
    'Write { exports: 2 }',
  )
  limits?: unknown;

  @OptionalRule(storeProblem, 'Give a MemoryLeaseStore, or a LeaseStore of your own')
  store?: unknown;
}

function storeProblem(value: unknown): string | undefined {
  if (!isRecord(value) || ['acquire', 'renew', 'release'].some((method) => typeof value[method] !== 'function')) {
    return `must be a store of leases, not ${describe(value)}`;
  }
  const { ttl } = value;
  if (
    ttl === undefined ||
    (Number.isInteger(ttl) && (ttl as number) >= SHORTEST_TTL && (ttl as number) <= LONGEST_TTL)
  ) {
    return undefined;
  }
  return `has a ttl that is no whole number from ${SHORTEST_TTL} to ${LONGEST_TTL}`;
}

/** Adds what is wrong with `rateLimit.concurrency` to `problems`. */
export function checkConcurrencyOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(ConcurrencyRules, options, path, problems);
  if (!isRecord(options) || !isRecord(options['limits'])) return;
  for (const [name, limit] of Object.entries(options['limits'])) {
    const where = `${path}.limits.${name}`;
    if (!isLimitName(name)) problems.push({ where, problem: 'is not a name', fix: LIMIT_NAME_FIX });
    checkConcurrencyLimit(limit, where, problems);
  }
}

/** Adds what is wrong with one limit, of `limits` or of a decorator, to `problems`. */
export function checkConcurrencyLimit(limit: unknown, where: string, problems: ConfigurationProblem[]): void {
  if (typeof limit !== 'number') {
    checkOptions(SettingsRules, limit, where, problems);
    return checkNormalization(limit, where, problems);
  }
  const problem = maxProblem(limit);
  if (problem !== undefined) problems.push({ where, problem, fix: MAX_FIX });
}

/** Adds a problem where no limit of that name is declared. */
export function checkConcurrencyName(
  name: string,
  names: ReadonlySet<string>,
  where: string,
  problems: ConfigurationProblem[],
): void {
  if (names.has(name)) return;
  const nearest = nearestName(name, names);
  problems.push({
    where,
    problem: `names the concurrency limit "${name}", which is not declared`,
    fix: nearest === undefined ? 'Declare it in rateLimit.concurrency.limits' : `Did you mean "${nearest}"?`,
  });
}
