import type { ThrottlerModuleOptions, ThrottlerOptions, ThrottlerStorage } from '@nestjs/throttler';
import type { Enforcement } from '../core/profile.js';
import type { Principal } from '../core/principal.js';
import type { HttpRequest } from '../core/request.js';
import type { ConcurrencyOptions } from './concurrency/concurrency.options.js';
import type { RateLimitAlgorithm, RateLimitStore } from './rate-limit.store.port.js';
import type { SlowDownSettings } from './slow-down.options.js';

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
   * @default 'token-bucket'
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
   * Answers denials with problem documents (RFC 9457), `application/problem+json`: `rate_limited` of the type
   * `quota-exceeded`, everything else that the edge and the guards deny, and bodies that cannot be read, of the type
   * `about:blank` with `code`. Not: input that breaks rules (`validation_failed` and the other codes of validation), which
   * names its fields, exceptions that a handler throws (`LockoutException` too), empty answers (417, and those of the
   * endpoint for reports), and GraphQL.
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

/** Whose requests are counted together; a function answers with text, a number, or nothing. */
export type RateLimitKey = 'ip' | 'user' | 'tenant' | 'api-key' | ((context: RateLimitContext) => unknown);

/** What a function of a limit is told of the request. */
export interface RateLimitContext {
  readonly request: HttpRequest;
  /** Absent on public routes. */
  readonly principal: Principal | undefined;
  /** The client's address, behind trusted proxies. */
  readonly address: string | undefined;
  /** The fields of the body, as the client sent them; none where it sent no object. */
  readonly body: Readonly<Record<string, unknown>>;
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
   * Units that may be taken at once, with `token-bucket`; fewer than the quota deny whoever sends the quota at once.
   * @default as many as there are in a window
   */
  burst?: number | undefined;
  /**
   * @default that of `rateLimit.algorithm`; 'token-bucket' where a burst is given
   */
  algorithm?: RateLimitAlgorithm | undefined;
  /**
   * Whose requests are counted together. `ip` is asked before anybody is authenticated, everything else afterwards. An
   * anonymous caller is counted by address, one without a tenant or an API key as a user. A function answers with text or
   * a number; nothing (`undefined`, `null`, blank text) has the address counted, and a request is refused of which it
   * answers anything else, such as a list that the client sent in place of a name (400 `rate_limit_key_refused`).
   * @default 'ip' for public routes, else 'user'
   */
  by?: RateLimitKey | undefined;
  /**
   * How the text is compared that a function of `by` answers: one spelling for all that count together, or `false` where
   * each counts by itself, as for identifiers in which case matters.
   * @default NFKC, without invisible characters and blanks around it, in lower case
   */
  normalize?: ((key: string) => string) | false | undefined;
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

/** Whether a store can be asked and made to forget, which lockout and bans need; a `ThrottlerStorage` only counts. */
export function isRateLimitStore(store: RateLimitStore | ThrottlerStorage): store is RateLimitStore {
  return typeof (store as Partial<RateLimitStore>).consume === 'function';
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
