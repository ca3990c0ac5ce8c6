import type { ThrottlerStorage } from '@nestjs/throttler';
import type { ConfigurationProblem } from '../core/errors.js';
import {
  checkOptions,
  describe,
  isRecord,
  Known,
  nearestName,
  OptionalRule,
  wholeNumber,
} from '../core/options.rules.js';
import { checkConcurrencyOptions } from './concurrency/concurrency.options.js';
import { isLimitName, LIMIT_NAME_FIX } from './limit-text.js';
import { flag, functionOr, oneOf, onlyFunction } from './option-values.js';
import {
  ALGORITHMS,
  checkAlgorithmForOnlyCounting,
  checkForOnlyCounting,
  checkLimit,
} from './rate-limit.settings.rules.js';
import type { RateLimitStore } from './rate-limit.store.port.js';
import { ResilientRateLimitStore } from './resilient.store.js';

const HEADERS = ['draft', 'draft-7', 'draft-6', 'legacy'] as const;

class RateLimitingRules {
  @OptionalRule(
    (value) => (isRecord(value) ? undefined : `must be an object from names to limits, not ${describe(value)}`),
    "Write { login: '5/minute' }",
  )
  limits?: unknown;

  @OptionalRule(namesProblem, "Write ['anonymous']")
  global?: unknown;

  @OptionalRule(namesProblem, "Write ['anonymous']")
  default?: unknown;

  @OptionalRule(oneOf(ALGORITHMS), "Leave it out for 'token-bucket'")
  algorithm?: unknown;

  @OptionalRule(storeProblem, 'Give a MemoryRateLimitStore, a RedisRateLimitStore or a ThrottlerStorage')
  store?: unknown;

  @OptionalRule(oneOf(['local', 'open', 'closed']), "Leave it out for 'local'")
  onStoreError?: unknown;

  @OptionalRule(wholeNumber(1, 60_000), 'Leave it out for 100 milliseconds')
  storeTimeout?: unknown;

  @OptionalRule(
    (value) =>
      value === false || [value].flat().every((style) => oneOf(HEADERS)(style) === undefined)
        ? undefined
        : `must be false or of ${HEADERS.join(', ')}`,
    "Leave it out for 'draft'",
  )
  headers?: unknown;

  @OptionalRule(wholeNumber(32, 128), 'Leave it out for 64')
  ipv6Prefix?: unknown;

  @OptionalRule(flag, 'Leave it out for the error body of the library')
  problemDetails?: unknown;

  @OptionalRule(oneOf(['enforce', 'report']), "Leave it out to deny; 'report' only records")
  enforcement?: unknown;

  @Known()
  concurrency?: unknown;

  @OptionalRule(wholeNumber(0, 1_000_000), 'Leave it out for 1000')
  maxDelayed?: unknown;

  @OptionalRule(
    (value) => (Array.isArray(value) ? undefined : `must be a list, not ${describe(value)}`),
    'Give them as ThrottlerModule.forRoot takes them: [{ ttl: 60_000, limit: 10 }]',
  )
  throttlers?: unknown;

  @OptionalRule(storeProblem, 'Give a ThrottlerStorage')
  storage?: unknown;

  @OptionalRule(onlyFunction, 'Give (context) => true')
  skipIf?: unknown;

  @OptionalRule(
    (value) =>
      Array.isArray(value) && value.every((item) => item instanceof RegExp)
        ? undefined
        : 'must be a list of expressions',
    'Give [/googlebot/i]',
  )
  ignoreUserAgents?: unknown;

  @OptionalRule(onlyFunction, "Give (request) => 'whom'")
  getTracker?: unknown;

  @OptionalRule(onlyFunction, "Give (context, tracker, name) => 'key'")
  generateKey?: unknown;

  @OptionalRule(
    functionOr((value) =>
      typeof value === 'string' ? undefined : `must be text or a function, not ${describe(value)}`,
    ),
    'Give the text of the message',
  )
  errorMessage?: unknown;

  @OptionalRule(flag, 'Leave it out to have them set')
  setHeaders?: unknown;

  @OptionalRule(wholeNumber(32, 128), 'Leave it out for 64')
  ipv6SubnetPrefix?: unknown;
}

function namesProblem(value: unknown): string | undefined {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
    ? undefined
    : `must be a list of names, not ${describe(value)}`;
}

function storeProblem(value: unknown): string | undefined {
  const store = value as Partial<RateLimitStore & ThrottlerStorage> | null;
  if (isRecord(value) && (isFunction(store?.increment) || isFunction(store?.consume))) return undefined;
  return `must be a store of rate limits, not ${describe(value)}`;
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function';
}

/** Whether the store that was given is a `ThrottlerStorage` and nothing more. */
export function onlyCounts(rateLimit: unknown): boolean {
  if (!isRecord(rateLimit)) return false;
  const store = rateLimit['store'] ?? rateLimit['storage'];
  return isRecord(store) && !isFunction(store['consume']);
}

/** Adds what is said in vain of a store that is away to `problems`, where the one that was given has its own word on it. */
export function checkOutageOptions(options: Readonly<Record<string, unknown>>, problems: ConfigurationProblem[]): void {
  const { rateLimit } = options;
  if (!isRecord(rateLimit)) return;
  if (!((rateLimit['store'] ?? rateLimit['storage']) instanceof ResilientRateLimitStore)) return;
  for (const part of ['rateLimit', 'lockout', 'bans'] as const) {
    const given = options[part];
    for (const option of ['onStoreError', 'storeTimeout'] as const) {
      if (!isRecord(given) || given[option] === undefined) continue;
      problems.push({
        where: `${part}.${option}`,
        problem: 'is not asked: the store is a ResilientRateLimitStore, which says that itself',
        fix: 'Say it there, or give the store that it wraps',
      });
    }
  }
}

/** Adds what is wrong with `rateLimit` to `problems`; a list is that of `ThrottlerModule.forRoot`. */
export function checkRateLimitingOptions(given: unknown, path: string, problems: ConfigurationProblem[]): void {
  const options = Array.isArray(given) ? { throttlers: given as unknown[] } : given;
  checkOptions(RateLimitingRules, options, path, problems);
  if (!isRecord(options)) return;
  const names = new Set<string>();
  if (isRecord(options['limits'])) {
    for (const [name, limit] of Object.entries(options['limits'])) {
      names.add(name);
      const where = `${path}.limits.${name}`;
      if (!isLimitName(name)) {
        problems.push({
          where,
          problem: 'is not a name that the RateLimit field can carry',
          fix: LIMIT_NAME_FIX,
        });
      }
      checkLimit(limit, where, problems);
      if (onlyCounts(options)) checkForOnlyCounting(limit, where, problems);
    }
  }
  if (onlyCounts(options)) checkAlgorithmForOnlyCounting(options['algorithm'], path, problems);
  if (options['concurrency'] !== undefined) {
    checkConcurrencyOptions(options['concurrency'], `${path}.concurrency`, problems);
  }
  if (Array.isArray(options['throttlers'])) {
    options['throttlers'].forEach((throttler: unknown, index) =>
      checkThrottler(throttler, names, `${path}.throttlers[${index}]`, problems),
    );
  }
  for (const list of ['global', 'default'] as const) {
    if (!Array.isArray(options[list])) continue;
    for (const name of options[list] as unknown[]) checkName(name, names, `${path}.${list}`, problems);
  }
  for (const [one, other] of [
    ['store', 'storage'],
    ['ipv6Prefix', 'ipv6SubnetPrefix'],
  ] as const) {
    if (options[one] !== undefined && options[other] !== undefined) {
      problems.push({ where: `${path}.${other}`, problem: `is the same as ${one}`, fix: 'Keep one of them' });
    }
  }
}

function checkThrottler(throttler: unknown, names: Set<string>, where: string, problems: ConfigurationProblem[]): void {
  if (!isRecord(throttler)) {
    problems.push({ where, problem: `must be an object, not ${describe(throttler)}`, fix: 'Give { ttl, limit }' });
    return;
  }
  const { name = 'default' } = throttler;
  if (typeof name !== 'string' || !isLimitName(name)) {
    problems.push({ where: `${where}.name`, problem: 'is not a name', fix: 'Use letters, digits, "_", "-" and "."' });
  } else if (names.has(name)) {
    problems.push({ where: `${where}.name`, problem: 'is the name of another limit', fix: 'Give each its own name' });
  } else {
    names.add(name);
  }
  for (const key of ['ttl', 'limit'] as const) {
    const value = throttler[key];
    if (typeof value === 'function' || isCount(value)) continue;
    problems.push({
      where: `${where}.${key}`,
      problem: `must be a number or a function, not ${describe(value)}`,
      fix: key === 'ttl' ? 'Give milliseconds' : 'Give the number of requests',
    });
  }
}

/** @nestjs/throttler takes text from the environment for a number. */
function isCount(value: unknown): boolean {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0;
}

/** Adds a problem where a limit of that name is not declared. */
export function checkName(
  name: unknown,
  names: ReadonlySet<string>,
  where: string,
  problems: ConfigurationProblem[],
): void {
  if (typeof name !== 'string' || names.has(name)) return;
  const nearest = nearestName(name, names);
  problems.push({
    where,
    problem: `names the rate limit "${name}", which is not declared`,
    fix: nearest === undefined ? 'Declare it in rateLimit.limits' : `Did you mean "${nearest}"?`,
  });
}
