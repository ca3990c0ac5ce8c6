import { Logger } from '@nestjs/common';
import type { ThrottlerOptions } from '@nestjs/throttler';
import type { ApplicationFunctions } from '../core/application-functions.js';
import type { Clock } from '../core/clock.js';
import type { ConfigurationProblem } from '../core/errors.js';
import type { SecurityEvents, StoreEvent } from '../core/events.js';
import type { DeclaredRateLimits, LimitDenial, RoutePolicy } from '../core/route-policy.js';
import type { Scheduler } from '../core/scheduler.js';
import { ConcurrencyLimiting } from './concurrency/concurrency-limiting.js';
import type { CountedLimit } from './counted-limit.js';
import { keyText } from './key-text.policy.js';
import { LimitCharging } from './limit-charging.js';
import { compileAlgorithmChoice, compileRule, limitOf, type LimitRule, type RuleDefaults } from './limit-rules.js';
import { LimitFunctions } from './limit-functions.js';
import { inTurn, NO_STEPS, type LimitSteps } from './limit-steps.js';
import { parseLimit } from './limit-text.js';
import { MemoryRateLimitStore } from './memory.store.js';
import { compileAddress, compileTracker, partitionOfKey, type AddressPartition } from './partition.js';
import { compileStandingFields } from './rate-limit.headers.js';
import type { RateLimitStore } from './rate-limit.store.port.js';
import { checkForOnlyCounting, checkLimit } from './rate-limit.settings.rules.js';
import {
  isRateLimitStore,
  rateLimitingOptionsOf,
  type RateLimitingOptions,
  type RateLimitSettings,
  type ThrottlerCommonOptions,
} from './rate-limiting.options.js';
import { checkName } from './rate-limiting.rules.js';
import { ResilientRateLimitStore } from './resilient.store.js';
import {
  checkOverride,
  compileThrottlerRule,
  readThrottlerDeclarations,
  type ThrottlerDeclarations,
} from './throttler-rules.js';
import { ThrottlerStorageStore } from './throttler-storage.store.js';
import { WaitingRoom } from './waiting-room.js';

const DEFAULT_MAX_DELAYED = 1000;

/** As for the store of counts. */
const CIRCUIT = { timeout: 100, failureThreshold: 5, halfOpenAfter: 1000 };

/** Knows the limits of the application and compiles, for a route, the steps that take what a request costs. */
export class RateLimiting {
  /** Whether who asks for too much is only recorded. */
  readonly records: boolean;
  readonly throttlers: ReadonlyMap<string, ThrottlerOptions>;
  readonly store: RateLimitStore;
  readonly options: RateLimitingOptions;
  /** Whoever is counted by an address. */
  readonly addressOf: AddressPartition;
  /** Whom throttlers count where they have no tracker of their own. */
  readonly trackerOf: AddressPartition;
  private readonly logger = new Logger('SecurityModule');
  readonly functions: LimitFunctions;
  private readonly names: ReadonlySet<string>;
  private readonly defaults: RuleDefaults;
  private readonly shared: ReadonlyMap<string, CountedLimit>;
  private readonly routeNames = new Map<RoutePolicy, string>();
  /** Whether the store only counts: it cannot be asked without, and nothing can be given back. */
  readonly keepsWhatItCounts: boolean;
  private readonly opened: ResilientRateLimitStore[] = [];
  private readonly waiting: WaitingRoom;
  private readonly charging: LimitCharging;
  private readonly concurrency: ConcurrencyLimiting;
  private readonly sharedRules = new Map<string, LimitRule>();
  /** Routes whose throttlers a guard of the application enforces. */
  private readonly throttledByGuard = new WeakSet<RoutePolicy>();

  constructor(
    configured: RateLimitingOptions | readonly ThrottlerOptions[] | undefined,
    private readonly clock: Clock,
    private readonly events: SecurityEvents,
    scheduler: Scheduler,
    functions: Pick<ApplicationFunctions, 'patience' | 'report'>,
  ) {
    this.functions = new LimitFunctions(functions);
    const options = configured === undefined ? {} : rateLimitingOptionsOf(configured);
    this.options = options;
    this.records = options.enforcement === 'report';
    this.throttlers = new Map((options.throttlers ?? []).map((one) => [one.name ?? 'default', one]));
    this.names = new Set([...Object.keys(options.limits ?? {}), ...this.throttlers.keys()]);
    this.addressOf = compileAddress(options.ipv6Prefix ?? options.ipv6SubnetPrefix ?? 64);
    this.trackerOf = compileTracker(this.addressOf);
    this.store = this.storeOf(options);
    this.waiting = new WaitingRoom(scheduler, options.maxDelayed ?? DEFAULT_MAX_DELAYED);
    this.concurrency = new ConcurrencyLimiting(
      options.concurrency ?? {},
      this.addressOf,
      { ...CIRCUIT, ...this.resilienceOf('concurrency', options), timeout: options.storeTimeout ?? CIRCUIT.timeout },
      scheduler,
      this.functions,
    );
    const given = options.store ?? options.storage;
    this.keepsWhatItCounts = given !== undefined && !isRateLimitStore(given);
    // A ThrottlerStorage counts as it counts, and what it says of it is nearest to a fixed window.
    const algorithmOf = this.keepsWhatItCounts
      ? () => 'fixed-window' as const
      : compileAlgorithmChoice(options.algorithm);
    this.defaults = { algorithmOf, addressOf: this.addressOf, functions: this.functions };
    const { headers = this.throttlers.size > 0 ? 'legacy' : 'draft' } = options;
    this.charging = new LimitCharging({
      store: this.store,
      waiting: this.waiting,
      told: compileStandingFields(headers === false ? [] : [headers].flat()),
      records: this.records,
      keepsWhatItCounts: this.keepsWhatItCounts,
    });
    this.shared = new Map(
      Object.entries(options.limits ?? {}).map(([name, limit]) => [name, limitOf(limit, { name }, algorithmOf)]),
    );
  }

  /** As `ThrottlerGuard` takes them. */
  get throttlerOptions(): ThrottlerCommonOptions {
    const { skipIf, ignoreUserAgents, getTracker, generateKey, errorMessage, setHeaders } = this.options;
    const common = { skipIf, ignoreUserAgents, getTracker, generateKey, errorMessage, setHeaders };
    const given = Object.fromEntries(Object.entries(common).filter(([, value]) => value !== undefined));
    return { ...(given as Partial<ThrottlerCommonOptions>), throttlers: [...this.throttlers.values()] };
  }

  /** How a route is named where it is counted; by its id where it was not compiled. */
  routeName(policy: RoutePolicy): string {
    return this.routeNames.get(policy) ?? policy.id;
  }

  /** The limits that can be asked by their names. */
  get limitNames(): Iterable<string> {
    return this.shared.keys();
  }

  /** The limit of a name, as routes share it. */
  limitNamed(name: string): CountedLimit | undefined {
    return this.shared.get(name);
  }

  /**
   * Who is counted under a key, as where a function of `by` answers it.
   *
   * @throws TypeError where the key is not text, or blank
   */
  partitionOf(name: string, key: unknown): string {
    const settings = this.options.limits?.[name];
    const normalization = typeof settings === 'object' ? settings.normalize : undefined;
    const text = typeof key === 'string' ? keyText(key, normalization) : undefined;
    if (text === undefined || text === '') {
      throw new TypeError(`The key for the rate limit "${name}" is no text. Give text that is not blank`);
    }
    return partitionOfKey(text);
  }

  /** A guard of the application enforces the throttlers of this route in its own way; before it is compiled. */
  leaveThrottlersToGuard(policy: RoutePolicy): void {
    this.throttledByGuard.add(policy);
  }

  /**
   * @param route names the route, the same in every process that runs the application
   * @param problems gets what is wrong with what the route says
   */
  compile(policy: RoutePolicy, route: string, problems: ConfigurationProblem[]): LimitSteps {
    this.routeNames.set(policy, route);
    // Whoever is denied by a rate limit takes no place.
    return inTurn(this.compileCounted(policy, route, problems), this.concurrency.compile(policy, route, problems));
  }

  private compileCounted(policy: RoutePolicy, route: string, problems: ConfigurationProblem[]): LimitSteps {
    const { limits, skipped } = policy.rateLimits;
    // Without any limit, @Throttle and @SkipThrottle are for a guard of @nestjs/throttler.
    if (this.names.size === 0 && limits === undefined && (skipped === true || skipped.length === 0)) return NO_STEPS;
    const found = problems.length;
    const rules = this.rulesOf(policy, route, problems);
    if (problems.length > found) return NO_STEPS;
    return this.charging.compile(rules);
  }

  /** Denies whom a limit has slowed down, as nobody may wait for them any more. */
  endWaiting(): void {
    this.waiting.close();
  }

  /** Leaves nothing running behind; stores and clients that were given are the application's to close. */
  close(): void {
    this.endWaiting();
    this.concurrency.close();
    for (const store of this.opened) store.close();
  }

  /**
   * The same store for what is counted beside the limits, with a word of its own on what holds while it is away;
   * `undefined` where it is one that only counts.
   */
  storeFor(owner: 'lockout' | 'bans', onStoreError: 'local' | 'open' | 'closed'): RateLimitStore | undefined {
    const { store = this.options.storage ?? this.store } = this.options;
    return isRateLimitStore(store) ? this.storeOf({ ...this.options, store, onStoreError }, owner) : undefined;
  }

  /** How it is answered that nobody could be counted. */
  unavailable(error: unknown): LimitDenial {
    return this.charging.unavailable(error);
  }

  private rulesOf(policy: RoutePolicy, route: string, problems: ConfigurationProblem[]): readonly LimitRule[] {
    const { rateLimits } = policy;
    const declared = readThrottlerDeclarations(policy, this.names, problems);
    for (const [name, override] of declared.overrides) {
      if (this.shared.has(name)) checkOverride(name, override, policy.id, problems);
    }
    const skips = skipsOf(rateLimits, declared);
    if (rateLimits.skipped !== true) {
      for (const name of rateLimits.skipped) checkName(name, this.names, policy.id, problems);
    }
    const rules = new Map<string, LimitRule>();
    const add = (rule: LimitRule) => rules.set(rule.id, rule);
    if (!this.throttledByGuard.has(policy)) {
      for (const [name, throttler] of this.throttlers) {
        if (skips(name)) continue;
        const place = { name, isPublic: policy.access === 'public', route, isNamed: true };
        add(compileThrottlerRule(throttler, declared.overrides.get(name), this.options, place, this.defaults));
      }
    }
    const own = rateLimits.limits ?? (rateLimits.skipped === true ? [] : (this.options.default ?? []));
    for (const name of this.options.global ?? []) if (!skips(name)) this.addNamed(name, policy, route, declared, add);
    own.forEach((limit, index) => {
      if (typeof limit === 'string' && parseLimit(limit) === undefined) {
        checkName(limit, this.names, policy.id, problems);
        const isNearer = policy.declaredAt.rateLimits === 'handler' && declared.skippedByClass.has(limit);
        if (this.names.has(limit) && (isNearer || !skips(limit))) this.addNamed(limit, policy, route, declared, add);
        return;
      }
      checkLimit(limit, `@RateLimit of ${policy.id}`, problems);
      if (this.keepsWhatItCounts) checkForOnlyCounting(limit, `@RateLimit of ${policy.id}`, problems);
      const name = index === 0 ? 'route' : `route-${index + 1}`;
      const definition = limit as string | RateLimitSettings;
      if (problems.length === 0) add(this.ruleOf(name, definition, { route, isPublic: isPublic(policy) }, false));
    });
    return [...rules.values()];
  }

  private addNamed(
    name: string,
    policy: RoutePolicy,
    route: string,
    { overrides }: ThrottlerDeclarations,
    add: (rule: LimitRule) => void,
  ): void {
    const limit = this.options.limits?.[name];
    if (limit === undefined) return;
    const override = overrides.get(name);
    const place = { route, isPublic: isPublic(policy) };
    if (override === undefined) return add(this.namedRule(name, limit, place));
    // @Throttle({ name: … }) gives the route a quota of its own.
    const settings: RateLimitSettings = typeof limit === 'string' ? { limit } : limit;
    const text = typeof settings.limit === 'string' ? parseLimit(settings.limit) : undefined;
    const { limit: quota = text?.quota, ttl: window = settings.window ?? text?.window, blockDuration } = override;
    return add(
      this.ruleOf(
        name,
        {
          ...settings,
          limit: quota as number,
          window: window as number,
          block: (blockDuration as number | undefined) ?? settings.block,
          scope: 'route',
        },
        place,
        true,
      ),
    );
  }

  /** One rule for all routes that share a limit, which is most of them where it is global. */
  private namedRule(
    name: string,
    limit: string | RateLimitSettings,
    place: { readonly route: string; readonly isPublic: boolean },
  ): LimitRule {
    if (typeof limit === 'object' && limit.scope === 'route') return this.ruleOf(name, limit, place, true);
    const key = `${place.isPublic ? 'public' : 'known'} ${name}`;
    const rule = this.sharedRules.get(key) ?? this.ruleOf(name, limit, place, true);
    this.sharedRules.set(key, rule);
    return rule;
  }

  private ruleOf(
    name: string,
    definition: string | RateLimitSettings,
    { route, isPublic: open }: { readonly route: string; readonly isPublic: boolean },
    isNamed: boolean,
  ): LimitRule {
    return compileRule(definition, { name, isPublic: open, route, isNamed }, this.defaults);
  }

  private storeOf(options: RateLimitingOptions, owner: StoreEvent['store'] = 'rate-limit'): RateLimitStore {
    const given = options.store ?? options.storage;
    if (given === undefined) return new MemoryRateLimitStore({ clock: this.clock });
    if (given instanceof MemoryRateLimitStore || given instanceof ResilientRateLimitStore) return given;
    const store = new ResilientRateLimitStore(
      isRateLimitStore(given) ? given : new ThrottlerStorageStore(given, this.clock),
      {
        ...this.resilienceOf(owner, options),
        timeout: options.storeTimeout,
        fallback: new MemoryRateLimitStore({ clock: this.clock }),
      },
    );
    this.opened.push(store);
    return store;
  }

  private resilienceOf(owner: StoreEvent['store'], { onStoreError: policy = 'local' }: RateLimitingOptions) {
    const emit = (type: StoreEvent['type']) => {
      if (this.events.observed) this.events.emit({ type, time: this.clock.now(), store: owner, policy });
    };
    return {
      onStoreError: policy,
      onTrip: (cause: unknown) => {
        const { name } = cause instanceof Error ? cause : { name: 'an unknown failure' };
        // Its message may hold the address of the store, and a password in it.
        this.logger.warn(`The store of ${owner} does not answer (${name}). Until it does: ${policy}`);
        emit('store_unavailable');
      },
      onHeal: (away: number) => {
        this.logger.log(`The store of ${owner} answers again, after ${Math.round(away)} ms`);
        emit('store_recovered');
      },
    };
  }
}

function isPublic({ access }: RoutePolicy): boolean {
  return access === 'public';
}

function skipsOf({ skipped }: DeclaredRateLimits, declared: ThrottlerDeclarations): (name: string) => boolean {
  return (name) => skipped === true || skipped.includes(name) || declared.skipped.has(name);
}
