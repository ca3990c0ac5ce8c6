import type { ThrottlerModuleOptions, ThrottlerOptions, ThrottlerStorage } from '@nestjs/throttler';
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
import type { Enforcement } from '../core/profile.js';
import type { Principal } from '../core/principal.js';
import type { HttpRequest } from '../core/request.js';
import { checkConcurrencyOptions, type ConcurrencyOptions } from './concurrency/concurrency.options.js';
import { DURATION_FIX, isLimitName, LIMIT_FIX, LIMIT_NAME_FIX, parseDuration, parseLimit } from './limit-text.js';
import type { RateLimitAlgorithm, RateLimitStore } from './rate-limit.store.port.js';
import { ResilientRateLimitStore } from './resilient.store.js';
import { checkSlowDown, type SlowDownSettings } from './slow-down.options.js';

/** How often who may call. */
export interface RateLimitingOptions {
  /**
   * Limits by name, for `@RateLimit('name')`, `global` and `default`: `'100/minute'`, `'10/second burst 20'`, or
   * settings. Whoever calls several routes of one name spends of one quota.
   */
  limits?: Readonly<Record<string, string | RateLimitSettings>> | undefined;
  /**
   * The limits that hold for every route beside its own; `@SkipRateLimit()` lifts them.
   * @default []
   */
  global?: readonly string[] | undefined;
  /**
   * The limits of routes for which no `@RateLimit` and no `forFeature` says others.
   * @default []
   */
  default?: readonly string[] | undefined;
  /**
   * How is counted where a limit does not say.
   * @default 'sliding-window'
   */
  algorithm?: RateLimitAlgorithm | undefined;
  /**
   * Where counts are kept: a store of the library, or any `ThrottlerStorage` of @nestjs/throttler, which counts in its
   * own way.
   * @default a `MemoryRateLimitStore`
   */
  store?: RateLimitStore | ThrottlerStorage | undefined;
  /**
   * What holds while a shared store does not answer: `local` counts in this process, `open` lets everything through,
   * `closed` answers 503 `rate_limit_unavailable`. An event says when it stops answering, and when it is back.
   * @default 'local'
   */
  onStoreError?: 'local' | 'open' | 'closed' | undefined;
  /**
   * Milliseconds that a shared store has to answer, 1 to 60000.
   * @default 100
   */
  storeTimeout?: number | undefined;
  /**
   * The header fields that tell clients how they stand, one or several: `draft` (`RateLimit` and `RateLimit-Policy` of
   * draft-ietf-httpapi-ratelimit-headers-10 and -11), `draft-7`, `draft-6`, `legacy` (`X-RateLimit-*`). `Retry-After`
   * goes with every denial.
   * @default 'draft'; 'legacy' where `throttlers` are given
   */
  headers?: RateLimitHeaders | readonly RateLimitHeaders[] | false | undefined;
  /**
   * IPv6 clients are told apart by so many bits of their address, 32 to 128: whoever has one address has the whole /64.
   * @default 64
   */
  ipv6Prefix?: number | undefined;
  /**
   * Whether 429 is answered with a problem document (RFC 9457) of the type `quota-exceeded`.
   * @default false
   */
  problemDetails?: boolean | undefined;
  /**
   * Whether who asks for too much is denied, or only an event says so.
   * @default 'enforce'
   */
  enforcement?: Enforcement | undefined;
  /** How many requests may be under way at once, for `@ConcurrencyLimit`. */
  concurrency?: ConcurrencyOptions | undefined;
  /**
   * Requests that wait at once in this process, for limits with `delay`; from 0 to 1000000. Where one more comes, it is
   * denied.
   * @default 1000
   */
  maxDelayed?: number | undefined;
  /** As `ThrottlerModule.forRoot` takes them; they hold for every route, counted route by route. */
  throttlers?: ThrottlerOptions[] | undefined;
  /** As in `ThrottlerModule.forRoot`; the same as `store`. */
  storage?: ThrottlerStorage | undefined;
  /** As in `ThrottlerModule.forRoot`, for `throttlers`. */
  skipIf?: ThrottlerCommonOptions['skipIf'];
  /** As in `ThrottlerModule.forRoot`, for `throttlers`. */
  ignoreUserAgents?: RegExp[] | undefined;
  /** As in `ThrottlerModule.forRoot`, for `throttlers`. */
  getTracker?: ThrottlerCommonOptions['getTracker'];
  /** As in `ThrottlerModule.forRoot`, for `throttlers`. */
  generateKey?: ThrottlerCommonOptions['generateKey'];
  /** As in `ThrottlerModule.forRoot`, for `throttlers`. */
  errorMessage?: ThrottlerCommonOptions['errorMessage'];
  /** As in `ThrottlerModule.forRoot`, for `throttlers`. */
  setHeaders?: boolean | undefined;
  /** As in `ThrottlerModule.forRoot`; the same as `ipv6Prefix`. */
  ipv6SubnetPrefix?: number | undefined;
}

export type ThrottlerCommonOptions = Exclude<ThrottlerModuleOptions, readonly unknown[]>;

/** Which fields tell clients how they stand. */
export type RateLimitHeaders = 'draft' | 'draft-7' | 'draft-6' | 'legacy';

/** Whose requests are counted together. */
export type RateLimitKey = 'ip' | 'user' | 'tenant' | 'api-key' | ((context: RateLimitContext) => string | undefined);

/** What a function of a limit is told of the request. */
export interface RateLimitContext {
  readonly request: HttpRequest;
  /** Absent on public routes. */
  readonly principal: Principal | undefined;
  /** The client's address, behind trusted proxies. */
  readonly address: string | undefined;
  /** The arguments as the client gave them by name, over a transport that has some; absent over HTTP. */
  readonly args?: Readonly<Record<string, unknown>> | undefined;
}

/** One limit, spelt out. */
export interface RateLimitSettings {
  /** Units in a window, a whole number from 0 to 1000000000, or the whole limit: `'100/minute'`. */
  limit: number | string;
  /** Milliseconds, or text such as `'15 minutes'`, up to a year. Left out where `limit` says it. */
  window?: number | string | undefined;
  /**
   * Units that may be taken at once, with `token-bucket`.
   * @default as many as there are in a window
   */
  burst?: number | undefined;
  /**
   * @default that of `rateLimit.algorithm`; 'token-bucket' where a burst is given
   */
  algorithm?: RateLimitAlgorithm | undefined;
  /**
   * Whose requests are counted together. `ip` is asked before anybody is authenticated, everything else afterwards. An
   * anonymous caller is counted by address, one without a tenant or an API key as a user. A function that answers with
   * nothing has the address counted.
   * @default 'ip' for public routes, else 'user'
   */
  by?: RateLimitKey | undefined;
  /**
   * Units that a request takes, a whole number of 0 or more; what else a function answers counts as 1.
   * @default 1
   */
  cost?: number | ((context: RateLimitContext) => number) | undefined;
  /**
   * Which answers count: all, those of 400 and over, those below, or what the function answers for the status. A unit is
   * taken first and given back when the answer turns out not to count, so that requests at the same time cannot pass
   * together.
   * @default 'all'
   */
  countOn?: 'all' | 'failure' | 'success' | ((status: number) => boolean) | undefined;
  /**
   * How long whoever asked for more stays denied: milliseconds, or text such as `'15 minutes'`.
   * @default as long as it takes until there are units again
   */
  block?: number | string | undefined;
  /**
   * Which requests within the limit wait before they go on: `{ after: 60, step: '100 ms', max: '2 seconds' }`. Beyond the
   * limit they are denied.
   * @default none
   */
  delay?: SlowDownSettings | undefined;
  /** Other limits for those whose plan has one of these names: `{ pro: '1000/minute' }`. */
  plans?: Readonly<Record<string, string>> | undefined;
  /**
   * The plan of a caller; one that `plans` does not name has the limit itself.
   * @default the claim `plan`
   */
  plan?: ((context: RateLimitContext) => string | undefined) | undefined;
  /**
   * Whether routes with this limit share one quota, or have one each.
   * @default 'shared' for limits with a name, 'route' for those written on a decorator
   */
  scope?: 'shared' | 'route' | undefined;
}

const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const;
const HEADERS = ['draft', 'draft-7', 'draft-6', 'legacy'] as const;
const BIGGEST = 1_000_000_000;

export function oneOf(values: readonly string[]): (value: unknown) => string | undefined {
  return (value) => (values.includes(value as string) ? undefined : `must be one of ${values.join(', ')}`);
}

function flag(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`;
}

export function functionOr(check: (value: unknown) => string | undefined): (value: unknown) => string | undefined {
  return (value) => (typeof value === 'function' ? undefined : check(value));
}

export const onlyFunction = functionOr((value) => `must be a function, not ${describe(value)}`);

/** A function that is not asynchronous: a promise would be taken for an answer, whatever it becomes. */
export function atOnce(value: unknown): string | undefined {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]'
    ? 'must answer at once'
    : onlyFunction(value);
}

function atOnceOr(check: (value: unknown) => string | undefined): (value: unknown) => string | undefined {
  return (value) => (typeof value === 'function' ? atOnce(value) : check(value));
}

class SettingsRules {
  @OptionalRule(
    (value) =>
      typeof value === 'string'
        ? parseLimit(value) === undefined
          ? 'is not the text of a limit'
          : undefined
        : wholeNumber(0, BIGGEST)(value),
    LIMIT_FIX,
  )
  limit?: unknown;

  @OptionalRule((value) => (parseDuration(value) === undefined ? 'is no duration' : undefined), DURATION_FIX)
  window?: unknown;

  @OptionalRule(wholeNumber(1, BIGGEST), 'Leave it out for as many as there are in a window')
  burst?: unknown;

  @OptionalRule(oneOf(ALGORITHMS), "Leave it out for 'sliding-window'")
  algorithm?: unknown;

  @OptionalRule(
    atOnceOr(oneOf(['ip', 'user', 'tenant', 'api-key'])),
    "Name one of them, or give (context) => 'whatever is counted together'",
  )
  by?: unknown;

  @OptionalRule(atOnceOr(wholeNumber(0, BIGGEST)), 'Leave it out for 1, or give (context) => units')
  cost?: unknown;

  @OptionalRule(atOnceOr(oneOf(['all', 'failure', 'success'])), "Leave it out for 'all', or give (status) => true")
  countOn?: unknown;

  @OptionalRule((value) => (parseDuration(value) === undefined ? 'is no duration' : undefined), DURATION_FIX)
  block?: unknown;

  @Known()
  delay?: unknown;

  @OptionalRule(
    (value) =>
      isRecord(value) &&
      Object.values(value).every((plan) => typeof plan === 'string' && parseLimit(plan) !== undefined)
        ? undefined
        : 'must be an object from plans to the text of limits',
    "Write { pro: '1000/minute' }",
  )
  plans?: unknown;

  @OptionalRule(atOnce, 'Give (context) => name, or leave it out for the claim `plan`')
  plan?: unknown;

  @OptionalRule(oneOf(['shared', 'route']), "Use 'shared' or 'route'")
  scope?: unknown;
}

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

  @OptionalRule(oneOf(ALGORITHMS), "Leave it out for 'sliding-window'")
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

/** Whether a store can be asked and made to forget, which lockout and bans need; a `ThrottlerStorage` only counts. */
export function isRateLimitStore(store: RateLimitStore | ThrottlerStorage): store is RateLimitStore {
  return typeof (store as Partial<RateLimitStore>).consume === 'function';
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
    }
  }
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

/** Adds what is wrong with one limit, of `limits` or of a decorator, to `problems`. */
export function checkLimit(limit: unknown, where: string, problems: ConfigurationProblem[]): void {
  if (typeof limit === 'string') {
    const text = parseLimit(limit);
    if (text === undefined) problems.push({ where, problem: 'is not the text of a limit', fix: LIMIT_FIX });
    else if (text.burst === 0) problems.push({ where, problem: 'has a burst of 0', fix: 'Let at least 1 through' });
    return;
  }
  checkOptions(SettingsRules, limit, where, problems);
  if (!isRecord(limit)) return;
  const { limit: quota, window, burst, algorithm } = limit;
  const text = typeof quota === 'string' ? parseLimit(quota) : undefined;
  if (quota === undefined) problems.push({ where, problem: 'has no limit', fix: LIMIT_FIX });
  if (typeof quota === 'number' && window === undefined) {
    problems.push({ where, problem: 'has no window', fix: DURATION_FIX });
  }
  if (text?.burst === 0) problems.push({ where, problem: 'has a burst of 0', fix: 'Let at least 1 through' });
  if (text !== undefined && window !== undefined) {
    problems.push({ where: `${where}.window`, problem: 'is said by the limit as well', fix: 'Keep one of them' });
  }
  const hasBurst = burst !== undefined || text?.burst !== undefined;
  if (hasBurst && algorithm !== undefined && algorithm !== 'token-bucket') {
    problems.push({
      where: `${where}.burst`,
      problem: `means nothing to the algorithm ${describe(algorithm) === 'a string' ? String(algorithm) : 'given'}`,
      fix: "Use 'token-bucket', or leave it out",
    });
  }
  if (limit['delay'] !== undefined) {
    const units = burst ?? text?.burst ?? text?.quota ?? quota;
    checkSlowDown(limit['delay'], typeof units === 'number' ? units : undefined, `${where}.delay`, problems);
  }
  const { plans } = limit;
  for (const [plan, definition] of Object.entries(isRecord(plans) ? plans : {})) {
    const inPlan = typeof definition === 'string' ? parseLimit(definition)?.burst : undefined;
    if (inPlan === undefined) continue;
    if (inPlan > 0 && (algorithm === undefined || algorithm === 'token-bucket')) continue;
    problems.push({
      where: `${where}.plans.${plan}`,
      problem: inPlan === 0 ? 'has a burst of 0' : 'has a burst, which means nothing to the algorithm of the limit',
      fix: "Let at least 1 through, with 'token-bucket', or leave it out",
    });
  }
  if (limit['plan'] !== undefined && limit['plans'] === undefined) {
    problems.push({ where: `${where}.plan`, problem: 'names plans that are not there', fix: 'Add plans' });
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

/** The options as an object, whatever they were given as; they must have been checked. */
export function rateLimitingOptionsOf(given: RateLimitingOptions | readonly ThrottlerOptions[]): RateLimitingOptions {
  return isThrottlerList(given) ? { throttlers: [...given] } : given;
}

function isThrottlerList(
  given: RateLimitingOptions | readonly ThrottlerOptions[],
): given is readonly ThrottlerOptions[] {
  return Array.isArray(given);
}
