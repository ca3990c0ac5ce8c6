import { Logger, type ExecutionContext } from '@nestjs/common';
import { failureOf } from '../core/application-functions.js';
import { countedLimit, type CountedLimit, type LimitIdentity } from './counted-limit.js';
import { inputOf, type LimitFunctions } from './limit-functions.js';
import { parseDuration, parseLimit, type LimitText } from './limit-text.js';
import { compilePartition, type Partition } from './partition.js';
import type { RateLimitAlgorithm, Standing } from './rate-limit.store.port.js';
import type { RateLimitContext, RateLimitKey, RateLimitSettings } from './rate-limiting.options.js';
import { slowDownOf } from './slow-down.options.js';
import { delayOf, scaledTo } from './slow-down.policy.js';

const logger = new Logger('SecurityModule');

/** Logged once for a limit: clients can bring it about. */
export const KEY_REFUSED = 'answered with a key that is neither text nor a number; such requests are refused';

/** What a request is charged. */
export interface LimitCharge {
  readonly limit: CountedLimit;
  readonly partition: string;
  readonly cost: number;
  /** Whom a throttler tracks, where that is not the partition. */
  readonly tracker?: string | undefined;
}

/** What a rule charges a request. */
export type AskedCharge = LimitCharge | 'refused' | 'failed' | undefined;

/** One limit of one route, compiled. */
export interface LimitRule {
  readonly name: string;
  /** Whether it is asked before anybody is authenticated. */
  readonly byAddress: boolean;
  /** The same for rules that count together. */
  readonly id: string;
  /** Whether the limit is told in the header of answers. */
  readonly told: boolean;
  /** The statuses of the answers that count; `undefined` for all. */
  readonly counts: ((status: number) => boolean) | undefined;
  /** Milliseconds that a request waits which is allowed; absent where none does. */
  readonly delayOf?: ((limit: CountedLimit, remaining: number) => number) | undefined;
  /** The text of the error in place of the library's own. */
  readonly message?:
    | ((execution: ExecutionContext, charge: LimitCharge, standing: Standing) => string | Promise<string | undefined>)
    | undefined;
  /**
   * `undefined` where the limit does not hold for the request, `'refused'` where nobody can be counted for it, `'failed'`
   * where a function of the application gave no answer, which was reported.
   */
  chargeOf(context: RateLimitContext, execution: ExecutionContext | undefined): AskedCharge | Promise<AskedCharge>;
}

/** Chooses how a limit is counted, by what its settings say of it. */
export type AlgorithmChoice = (settings: Pick<RateLimitSettings, 'algorithm'>, hasBurst: boolean) => RateLimitAlgorithm;

/** What rules are made with. */
export interface RuleDefaults {
  readonly algorithmOf: AlgorithmChoice;
  readonly addressOf: Partition;
  readonly functions: LimitFunctions;
}

/** Where a rule stands. */
export interface RulePlace {
  readonly name: string;
  readonly isPublic: boolean;
  /** The route, for limits that each route has for itself. */
  readonly route: string;
  /** Whether the limit has a name of its own. */
  readonly isNamed: boolean;
}

/** Compiles the choice of algorithms; without `algorithm`, limits are token buckets. */
export function compileAlgorithmChoice(algorithm: RateLimitAlgorithm = 'token-bucket'): AlgorithmChoice {
  return (settings, hasBurst) => settings.algorithm ?? (hasBurst ? 'token-bucket' : algorithm);
}

/** Compiles settings that were checked. */
export function compileRule(
  definition: string | RateLimitSettings,
  place: RulePlace,
  { algorithmOf, addressOf, functions }: RuleDefaults,
): LimitRule {
  const settings = settingsOf(definition);
  const { by = place.isPublic ? 'ip' : 'user', scope = place.isNamed ? 'shared' : 'route' } = settings;
  const { name, isNamed } = place;
  const identity = { name, isNamed, route: scope === 'route' ? place.route : undefined };
  const limit = limitOf(settings, identity, algorithmOf);
  const plans = new Map(
    Object.entries(settings.plans ?? {}).map(([plan, text]) => [
      plan,
      limitOf({ ...settings, limit: text, window: undefined, burst: undefined }, { ...identity, plan }, algorithmOf),
    ]),
  );
  const where = `The rate limit "${place.name}"`;
  const key = typeof by === 'function' ? functions.orNothing(by, `${where}: by`) : by;
  const partitionOf = compilePartition(
    key,
    addressOf,
    functions.normalization(settings.normalize, `${where}: normalize`),
  );
  const reportRefusal = once(() => logger.warn(`${where}: by ${KEY_REFUSED}`));
  const costOf = compileCost(settings.cost, where, functions);
  const planOf = settings.plan === undefined ? planClaim : compilePlan(settings.plan, where, functions);
  const limitFor = plans.size === 0 ? () => limit : byPlan(limit, plans, planOf);
  return {
    name: place.name,
    byAddress: isByAddress(by, settings),
    id: limit.id,
    told: true,
    counts: compileCounts(settings.countOn, where, functions),
    delayOf: compileDelay(settings, limit, [...plans.values()]),
    chargeOf: (context) => {
      let partition: string | undefined;
      try {
        partition = partitionOf(context);
      } catch (error) {
        functions.report(failureOf(error, where, inputOf(context)));
        return 'failed';
      }
      if (partition !== undefined) return { limit: limitFor(context), partition, cost: costOf(context) };
      reportRefusal();
      return 'refused';
    },
  };
}

/** The limit that settings, which were checked, make. */
export function limitOf(
  definition: string | RateLimitSettings,
  identity: LimitIdentity,
  algorithmOf: AlgorithmChoice,
): CountedLimit {
  const settings = settingsOf(definition);
  const text = textOf(settings);
  return countedLimit(
    identity,
    text,
    algorithmOf(settings, text.burst !== undefined),
    parseDuration(settings.block) ?? 0,
  );
}

function settingsOf(definition: string | RateLimitSettings): RateLimitSettings {
  return typeof definition === 'string' ? { limit: definition } : definition;
}

/** A plan is that of somebody who is known, and so is a cost that is asked for. */
function isByAddress(by: RateLimitKey, { plans, cost }: RateLimitSettings): boolean {
  return by === 'ip' && plans === undefined && typeof cost !== 'function';
}

function textOf({ limit, window, burst }: RateLimitSettings): LimitText {
  // What is neither was refused by the check; were it not, nothing would be allowed (fails closed).
  const text = typeof limit === 'string' ? parseLimit(limit) : undefined;
  return {
    quota: text?.quota ?? (typeof limit === 'number' ? limit : 0),
    window: text?.window ?? parseDuration(window) ?? 1000,
    burst: burst ?? text?.burst,
  };
}

function compileCost(
  cost: RateLimitSettings['cost'] = 1,
  where: string,
  functions: LimitFunctions,
): (context: RateLimitContext) => number {
  if (typeof cost === 'number') return () => cost;
  const unitsOf = functions.orNothing(cost, `${where}: cost`, isCost, 'a whole number of 0 or more; it costs 1');
  return (context) => unitsOf(context) ?? 1;
}

function isCost(units: unknown): boolean {
  return Number.isSafeInteger(units) && (units as number) >= 0;
}

function compilePlan(
  plan: NonNullable<RateLimitSettings['plan']>,
  where: string,
  functions: LimitFunctions,
): NonNullable<RateLimitSettings['plan']> {
  const isPlan = (answer: unknown) => typeof answer === 'string' || answer === undefined || answer === null;
  return functions.orNothing(plan, `${where}: plan`, isPlan, 'the name of a plan; the limit itself holds');
}

function compileCounts(
  countOn: RateLimitSettings['countOn'] = 'all',
  where: string,
  functions: LimitFunctions,
): LimitRule['counts'] {
  if (typeof countOn === 'function') return functions.counting(countOn, `${where}: countOn`);
  if (countOn === 'all') return undefined;
  return countOn === 'failure' ? (status) => status >= 400 : (status) => status < 400;
}

function compileDelay(
  { delay }: RateLimitSettings,
  limit: CountedLimit,
  plans: readonly CountedLimit[],
): LimitRule['delayOf'] {
  if (delay === undefined) return undefined;
  const slowDown = slowDownOf(delay);
  if (plans.length === 0) return (asked, remaining) => delayOf(slowDown, asked, remaining);
  const byLimit = new Map(plans.map((plan) => [plan, scaledTo(slowDown, limit, plan)]));
  return (asked, remaining) => delayOf(byLimit.get(asked) ?? slowDown, asked, remaining);
}

function byPlan(
  otherwise: CountedLimit,
  plans: ReadonlyMap<string, CountedLimit>,
  planOf: NonNullable<RateLimitSettings['plan']>,
): (context: RateLimitContext) => CountedLimit {
  return (context) => plans.get(planOf(context) ?? '') ?? otherwise;
}

const planClaim: NonNullable<RateLimitSettings['plan']> = ({ principal }) =>
  principal?.claims['plan'] as string | undefined;

/** Nobody can fill the log with what is said once. */
export function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) act();
    isDone = true;
  };
}
