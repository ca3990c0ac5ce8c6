import 'reflect-metadata';
import { HttpException, type ExecutionContext } from '@nestjs/common';
import type { ThrottlerOptions } from '@nestjs/throttler';
import { ApplicationFunctionError, failureOf } from '../core/application-functions.js';
import type { ConfigurationProblem } from '../core/errors.js';
import { describe, nearestName } from '../core/options.rules.js';
import type { RoutePolicy } from '../core/route-policy.js';
import { countedLimit, type CountedLimit } from './counted-limit.js';
import { compileTracker } from './partition.js';
import { throttlerKey } from './throttler-storage.port.js';
import { parseDuration } from './limit-text.js';
import { inputOf, type LimitFunctions } from './limit-functions.js';
import type { AskedCharge, LimitCharge, LimitRule, RuleDefaults, RulePlace } from './limit-rules.js';
import type { RateLimitContext, ThrottlerCommonOptions } from './rate-limiting.options.js';

// The metadata keys of @Throttle and @SkipThrottle, which @nestjs/throttler does not export.
const KEYS = {
  limit: 'THROTTLER:LIMIT',
  ttl: 'THROTTLER:TTL',
  blockDuration: 'THROTTLER:BLOCK_DURATION',
  getTracker: 'THROTTLER:TRACKER',
  generateKey: 'THROTTLER:KEY_GENERATOR',
} as const;
const SKIP = 'THROTTLER:SKIP';

/** What `@Throttle` says of one throttler for a route; what it does not say is the throttler's own. */
export type ThrottleOverride = Partial<Pick<ThrottlerOptions, keyof typeof KEYS>>;

/** What @nestjs/throttler's decorators say of a route. */
export interface ThrottlerDeclarations {
  readonly overrides: ReadonlyMap<string, ThrottleOverride>;
  readonly skipped: ReadonlySet<string>;
  /** Of these, what only the class says: a nearer `@RateLimit` beats it. */
  readonly skippedByClass: ReadonlySet<string>;
}

type Target = RoutePolicy['handler'] | RoutePolicy['controller'];

/** Reads `@Throttle` and `@SkipThrottle`, the handler's before the class's; adds unknown names to `problems`. */
export function readThrottlerDeclarations(
  { handler, controller, id }: RoutePolicy,
  names: ReadonlySet<string>,
  problems: ConfigurationProblem[],
): ThrottlerDeclarations {
  const targets: Target[] = [handler, controller];
  const onHandler = throttlersNamedOn(Reflect.getMetadataKeys(handler));
  const onClass = namesOnClass(controller, names);
  if (onHandler.length === 0 && onClass.length === 0) return NOTHING_DECLARED;
  const named = new Set([...onHandler, ...onClass]);
  const overrides = new Map<string, ThrottleOverride>();
  const skipped = new Set<string>();
  const skippedByClass = new Set<string>();
  for (const name of named) {
    // Where nothing has a name, they are for a guard of @nestjs/throttler.
    if (names.size > 0 && !names.has(name)) problems.push(undeclared(name, targets, names, id));
    const override: Record<string, unknown> = {};
    for (const [option, key] of Object.entries(KEYS)) {
      const value = nearest(targets, key + name);
      if (value !== undefined) override[option] = value;
    }
    if (Object.keys(override).length > 0) overrides.set(name, override as ThrottleOverride);
    if (nearest(targets, SKIP + name) !== true) continue;
    skipped.add(name);
    if (nearest([handler], SKIP + name) === undefined) skippedByClass.add(name);
  }
  return { overrides, skipped, skippedByClass };
}

/** Names the decorator as it was written: `@SkipThrottle()` alone is for the throttler "default". */
function undeclared(
  name: string,
  targets: readonly Target[],
  names: ReadonlySet<string>,
  where: string,
): ConfigurationProblem {
  const skip: unknown = nearest(targets, SKIP + name);
  const isBare = name === 'default' && skip === true;
  const written =
    skip === undefined
      ? `@Throttle({ ${name}: … })`
      : isBare
        ? '@SkipThrottle()'
        : `@SkipThrottle({ ${name}: ${String(skip)} })`;
  const similar = isBare ? undefined : nearestName(name, names);
  const all = [...names].map((one) => `${one}: ${skip === undefined ? '…' : 'true'}`).join(', ');
  return {
    where,
    problem: `${written} is for the throttler "${name}", which is not declared`,
    fix:
      similar === undefined
        ? `Name those that are: @${skip === undefined ? 'Throttle' : 'SkipThrottle'}({ ${all} })`
        : `Did you mean "${similar}"?`,
  };
}

/**
 * Adds what `@Throttle` cannot say of a limit of `rateLimit.limits` to `problems`: such a limit is compiled once, and has
 * its own word on who is counted together.
 */
export function checkOverride(
  name: string,
  override: ThrottleOverride,
  where: string,
  problems: ConfigurationProblem[],
): void {
  const { limit, ttl, blockDuration, getTracker, generateKey } = override;
  const report = (option: string, fix: string) =>
    problems.push({ where, problem: `@Throttle({ ${name}: … }) has a ${option} that a limit cannot have`, fix });
  const isDuration = (value: unknown) => typeof value === 'number' && parseDuration(value) !== undefined;
  if (limit !== undefined && (!Number.isSafeInteger(limit) || (limit as number) < 0)) report('limit', 'Give a number');
  if (ttl !== undefined && !isDuration(ttl)) report('ttl', 'Give whole milliseconds');
  if (blockDuration !== undefined && blockDuration !== 0 && !isDuration(blockDuration)) {
    report('blockDuration', 'Give whole milliseconds');
  }
  if (getTracker !== undefined) report('getTracker', `Say it with "by", in rateLimit.limits.${name}`);
  if (generateKey !== undefined) report('generateKey', `Say it with "by", in rateLimit.limits.${name}`);
}

const PREFIXES = [SKIP, ...Object.values(KEYS)];
const NO_NAMES: readonly string[] = [];

const NOTHING_DECLARED: ThrottlerDeclarations = {
  overrides: new Map(),
  skipped: new Set(),
  skippedByClass: new Set(),
};

// Of each application for itself, told apart by its set of names: a class is looked at once, not for each of its routes.
const classes = new WeakMap<ReadonlySet<string>, Map<RoutePolicy['controller'], readonly string[]>>();

function namesOnClass(controller: RoutePolicy['controller'], names: ReadonlySet<string>): readonly string[] {
  const known = classes.get(names) ?? new Map<RoutePolicy['controller'], readonly string[]>();
  classes.set(names, known);
  const found = known.get(controller) ?? throttlersNamedOn(Reflect.getMetadataKeys(controller));
  known.set(controller, found);
  return found;
}

/** Nearly every route has none: that is found out without making a list. */
function throttlersNamedOn(keys: readonly unknown[]): readonly string[] {
  let names: string[] | undefined;
  for (const key of keys) {
    if (typeof key !== 'string' || !key.startsWith('THROTTLER:')) continue;
    const prefix = PREFIXES.find((start) => key.startsWith(start));
    if (prefix !== undefined) (names ??= []).push(key.slice(prefix.length));
  }
  return names ?? NO_NAMES;
}

function nearest(targets: readonly Target[], key: string): unknown {
  for (const target of targets) {
    const value: unknown = Reflect.getMetadata(key, target);
    if (value !== undefined) return value;
  }
  return undefined;
}

type Resolved = Readonly<Record<'limit' | 'ttl' | 'block', number>>;

// Limits that functions answered, of one rule.
const REMEMBERED = 64;

/** Compiles a throttler for a route: a fixed window, of each route for itself, that denies for as long as it lasts. */
export function compileThrottlerRule(
  throttler: ThrottlerOptions,
  override: ThrottleOverride | undefined,
  common: Omit<ThrottlerCommonOptions, 'throttlers'>,
  place: RulePlace,
  { addressOf, functions }: RuleDefaults,
): LimitRule {
  const { name } = place;
  const options = { ...throttler, ...override };
  const getTracker = options.getTracker ?? common.getTracker;
  const generateKey = options.generateKey ?? common.generateKey;
  const skipIf = throttler.skipIf ?? common.skipIf;
  const ignored = throttler.ignoreUserAgents ?? common.ignoreUserAgents ?? [];
  const trackerOf = compileTracker(addressOf);
  const suffix = name === 'default' ? '' : `-${name}`;
  // A key that the application makes is the whole of what is counted together.
  const route = generateKey === undefined ? place.route : undefined;
  const limits = new Map<string, CountedLimit>();

  function limitOf({ limit, ttl, block }: Resolved): CountedLimit {
    const key = `${limit}/${ttl}/${block}`;
    let known = limits.get(key);
    if (known === undefined) {
      const text = { quota: limit, window: Math.max(1, ttl), burst: undefined };
      known = countedLimit({ name, route, suffix, isWholeKey: generateKey !== undefined }, text, 'fixed-window', block);
      if (limits.size >= REMEMBERED) limits.clear();
      limits.set(key, known);
    }
    return known;
  }

  const where = `The throttler "${name}"`;

  async function chargeLater(context: RateLimitContext, execution: ExecutionContext): Promise<LimitCharge | undefined> {
    const input = inputOf(context);
    const number = async (option: 'limit' | 'ttl' | 'blockDuration', otherwise?: number): Promise<number> => {
      const value: unknown = options[option];
      const answer =
        typeof value === 'function'
          ? await functions.answerOf(
              () => (value as (of: ExecutionContext) => unknown)(execution),
              `${where}: ${option}`,
              input,
            )
          : value;
      return countOf(answer ?? otherwise, option, name);
    };
    const agent = context.request.headers['user-agent'] ?? '';
    const skips = skipIf && functions.answerAtOnce(() => skipIf(execution), `${where}: skipIf`, input);
    if (skips === true || ignored.some((pattern) => agent.search(pattern) !== -1)) return undefined;
    const limit = await number('limit');
    const ttl = await number('ttl');
    const block = await number('blockDuration', ttl);
    const tracked =
      getTracker &&
      (await functions.answerOf(() => getTracker(context.request, execution), `${where}: getTracker`, input));
    const tracker = textOf(tracked) ?? trackerOf(context);
    const key =
      generateKey &&
      functions.answerAtOnce(() => generateKey(execution, tracker, name), `${where}: generateKey`, input);
    return { limit: limitOf({ limit, ttl, block }), partition: textOf(key) ?? tracker, cost: 1, tracker };
  }

  /** What breaks is an error of the server; an exception of Nest is the answer itself. */
  async function askedLater(context: RateLimitContext, execution: ExecutionContext): Promise<AskedCharge> {
    try {
      return await chargeLater(context, execution);
    } catch (error) {
      if (error instanceof HttpException) throw error;
      functions.report(failureOf(error, where, inputOf(context)));
      return 'failed';
    }
  }

  const isPlain = [getTracker, generateKey, skipIf].every((given) => given === undefined) && ignored.length === 0;
  const known = isPlain ? constantsOf(options, name) : undefined;
  const constant = known && limitOf(known);
  return {
    name,
    byAddress: getTracker === undefined && generateKey === undefined,
    id: `${name}@${place.route}`,
    told: throttler.setHeaders ?? common.setHeaders ?? true,
    counts: undefined,
    message: compileMessage(common.errorMessage, functions),
    chargeOf: (context, execution) => {
      if (constant !== undefined) return { limit: constant, partition: trackerOf(context), cost: 1 };
      // Its functions ask for a context, and outside of a request there is none.
      return execution === undefined ? undefined : askedLater(context, execution);
    },
  };
}

/** Without text, the message is the library's own, as ThrottlerGuard has it. */
function compileMessage(
  errorMessage: ThrottlerCommonOptions['errorMessage'],
  functions: LimitFunctions,
): LimitRule['message'] {
  if (errorMessage === undefined || errorMessage === '') return undefined;
  if (typeof errorMessage === 'string') return () => errorMessage;
  const where = 'rateLimit.errorMessage';
  return async (execution, { limit, partition, tracker = partition }, { resetAfter, retryAfter }) => {
    const detail = {
      limit: limit.quota,
      ttl: limit.window,
      key: throttlerKey(limit, partition),
      tracker,
      totalHits: limit.quota + 1,
      timeToExpire: Math.ceil(resetAfter / 1000),
      isBlocked: true,
      // With a limit of 0 that is never, which no number of seconds says.
      timeToBlockExpire: Math.ceil((Number.isFinite(retryAfter) ? retryAfter : limit.block) / 1000),
    };
    // A text that cannot be told changes nothing of the denial.
    try {
      const text = await functions.answerOf(() => errorMessage(execution, detail), where, [tracker, detail.key]);
      if (typeof text === 'string') return text;
      functions.report(new ApplicationFunctionError(where, `answered with ${describe(text)}, not with text`));
    } catch (error) {
      functions.report(failureOf(error, where, [tracker, detail.key]));
    }
    return undefined;
  };
}

function constantsOf({ limit, ttl, blockDuration }: ThrottlerOptions, name: string): Resolved | undefined {
  if ([limit, ttl, blockDuration].some((value) => typeof value === 'function')) return undefined;
  const window = countOf(ttl, 'ttl', name);
  return { limit: countOf(limit, 'limit', name), ttl: window, block: countOf(blockDuration ?? window, 'block', name) };
}

/** A parameter that is repeated is a list: to a store it would be an error, and enough of these look like an outage. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : JSON.stringify(value ?? undefined);
}

/** As @nestjs/throttler: text from the environment counts as a number, anything else is an error of the application. */
function countOf(value: unknown, option: string, name: string): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number === 'number' && Number.isFinite(number) && number >= 0) return Math.floor(number);
  throw new ApplicationFunctionError(
    `The throttler "${name}": ${option}`,
    `is ${typeof value === 'number' ? 'below 0 or not finite' : describe(value)}, not a number of 0 or more`,
  );
}
