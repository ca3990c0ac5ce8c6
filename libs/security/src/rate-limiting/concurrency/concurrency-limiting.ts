import { Logger, type ExecutionContext } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { failureOf } from '../../core/application-functions.js';
import { denied } from '../../core/decision.js';
import { SecurityException, type ConfigurationProblem } from '../../core/errors.js';
import type { Passage } from '../../core/passage.js';
import type { Principal } from '../../core/principal.js';
import { httpRequestOf, passageOf } from '../../core/request.js';
import type { LimitDenial, LimitStep, RoutePolicy } from '../../core/route-policy.js';
import type { Cancel, Scheduler } from '../../core/scheduler.js';
import { storableId } from '../counted-limit.js';
import { KEY_REFUSED, once } from '../limit-rules.js';
import { inputOf, type LimitFunctions } from '../limit-functions.js';
import { limitContextOf } from '../limit-context.js';
import { NO_STEPS, type LimitSteps } from '../limit-steps.js';
import { compilePartition, type KeyedPartition, type Partition } from '../partition.js';
import { RateLimitException } from '../rate-limit.exception.js';
import { retryFields } from '../rate-limit.headers.js';
import { isOver, whenOver } from '../request-end.js';
import { StoreUnavailableError } from '../store-unavailable.error.js';
import {
  checkConcurrencyLimit,
  checkConcurrencyName,
  type ConcurrencyOptions,
  type ConcurrencySettings,
} from './concurrency.options.js';
import type { Lease, LeaseClaim, LeasedLimit, LeaseStore } from './lease.store.port.js';
import { MemoryLeaseStore } from './memory-lease.store.js';
import { ResilientLeaseStore, type LeaseResilience } from './resilient-lease.store.js';

const CONCURRENCY_EXCEEDED = denied('concurrency_exceeded');
const UNAVAILABLE = denied('rate_limit_unavailable');
const CLIENT_GONE = denied('client_gone');
const REFUSED = denied('rate_limit_key_refused');
const FAILED = denied('rate_limit_failed');

/** Milliseconds until a client may come back: a place is free when some request is over, which nobody can foretell. */
const RETRY_AFTER = 1000;

/** How often a lease is renewed before it would end: one time that fails, or comes late, ends none. */
const RENEWALS = 3;

interface NamedLimit extends LeasedLimit {
  readonly name: string;
}

/** One limit of one route, compiled. */
interface ConcurrencyRule {
  readonly limit: NamedLimit;
  readonly byAddress: boolean;
  readonly partitionOf: KeyedPartition;
  readonly reportRefusal: () => void;
}

/** Compiles, for a route, the steps that take a place for a request and give it back when the request is over. */
export class ConcurrencyLimiting {
  private readonly logger = new Logger('SecurityModule');
  private readonly names: ReadonlySet<string>;
  private readonly store: LeaseStore;
  /** What is held in a store that has to hear of it again and again. */
  private readonly renewed: Set<Lease> | undefined;
  private readonly stopRenewing: Cancel | undefined;
  private readonly process = randomBytes(12).toString('base64url');
  private leases = 0;

  constructor(
    private readonly options: ConcurrencyOptions,
    private readonly addressOf: Partition,
    resilience: LeaseResilience,
    scheduler: Scheduler,
    private readonly functions: LimitFunctions,
  ) {
    this.names = new Set(Object.keys(options.limits ?? {}));
    const { store = new MemoryLeaseStore() } = options;
    this.store = store instanceof MemoryLeaseStore ? store : new ResilientLeaseStore(store, resilience);
    const { ttl } = this.store;
    if (ttl === undefined) return;
    this.renewed = new Set();
    this.stopRenewing = scheduler.every(Math.max(1, Math.floor(ttl / RENEWALS)), () => this.renew());
  }

  /**
   * @param route names the route, the same in every process that runs the application
   * @param problems gets what is wrong with what the route says
   */
  compile(policy: RoutePolicy, route: string, problems: ConfigurationProblem[]): LimitSteps {
    if (policy.concurrencyLimits === undefined) return NO_STEPS;
    const found = problems.length;
    const rules = this.rulesOf(policy, policy.concurrencyLimits, route, problems);
    if (problems.length > found) return NO_STEPS;
    return {
      limitAddress: this.stepOf(rules.filter(({ byAddress }) => byAddress)),
      limitPrincipal: this.stepOf(rules.filter(({ byAddress }) => !byAddress)),
    };
  }

  /** Renews nothing from now on; what is held is still given back. */
  close(): void {
    this.stopRenewing?.();
    if (this.store instanceof ResilientLeaseStore) this.store.close();
  }

  private rulesOf(
    policy: RoutePolicy,
    limits: readonly unknown[],
    route: string,
    problems: ConfigurationProblem[],
  ): readonly ConcurrencyRule[] {
    if (limits.length === 0) {
      problems.push({
        where: policy.id,
        problem: '@ConcurrencyLimit() says no limit',
        fix: 'Give a number, or false to lift one that is declared further out',
      });
    }
    const rules = new Map<string, ConcurrencyRule>();
    for (const [index, limit] of limits.entries()) {
      const isNamed = typeof limit === 'string';
      const definition = isNamed ? this.options.limits?.[limit] : (limit as number | ConcurrencySettings);
      if (isNamed) checkConcurrencyName(limit, this.names, policy.id, problems);
      else checkConcurrencyLimit(limit, `@ConcurrencyLimit of ${policy.id}`, problems);
      if (problems.length > 0 || definition === undefined) continue;
      const name = isNamed ? limit : index === 0 ? 'route' : `route-${index + 1}`;
      const rule = this.ruleOf(name, definition, isNamed, policy, route);
      rules.set(rule.limit.id, rule);
    }
    return [...rules.values()];
  }

  private ruleOf(
    name: string,
    definition: number | ConcurrencySettings,
    isNamed: boolean,
    { access }: RoutePolicy,
    route: string,
  ): ConcurrencyRule {
    const settings: ConcurrencySettings = typeof definition === 'number' ? { max: definition } : definition;
    const { max, by = access === 'public' ? 'ip' : 'user', scope = isNamed ? 'shared' : 'route' } = settings;
    const where = `The concurrency limit "${name}"`;
    const key = typeof by === 'function' ? this.functions.orNothing(by, `${where}: by`) : by;
    const normalization = this.functions.normalization(settings.normalize, `${where}: normalize`);
    return {
      limit: Object.freeze({ name, id: storableId(scope === 'route' ? `${name}@${route}` : name), max }),
      byAddress: by === 'ip',
      partitionOf: compilePartition(key, this.addressOf, normalization),
      reportRefusal: once(() => this.logger.warn(`${where}: by ${KEY_REFUSED}`)),
    };
  }

  private stepOf(rules: readonly ConcurrencyRule[]): LimitStep | undefined {
    if (rules.length === 0) return undefined;
    return (execution, principal) => {
      const claims = claimsOf(rules, execution, principal, this.functions);
      if (!Array.isArray(claims)) return claims as LimitDenial;
      return this.take({ id: `${this.process}.${(this.leases++).toString(36)}`, claims }, execution);
    };
  }

  private take(lease: Lease, execution: ExecutionContext): ReturnType<LimitStep> {
    let isHeld = false;
    // Before the store is asked: the client may leave meanwhile.
    const cancel = whenOver(execution, () => {
      if (isHeld) this.release(lease);
    });
    if (cancel === undefined) return gone(lease);
    const settle = (refused: LeaseClaim | undefined): LimitDenial | undefined => {
      if (refused !== undefined) {
        cancel();
        return exceeded(refused);
      }
      if (isOver(execution)) {
        cancel();
        this.release(lease);
        return gone(lease);
      }
      isHeld = true;
      this.renewed?.add(lease);
      return undefined;
    };
    const fail = (error: unknown): LimitDenial => {
      cancel();
      return this.failed(error, lease);
    };
    try {
      const answer = this.store.acquire(lease);
      return answer instanceof Promise ? answer.then(settle, fail) : settle(answer);
    } catch (error) {
      return fail(error);
    }
  }

  private release(lease: Lease): void {
    this.renewed?.delete(lease);
    attempt(
      () => this.store.release(lease),
      (error) => this.logger.error('A place could not be given back', error instanceof Error ? error.stack : undefined),
    );
  }

  private renew(): void {
    if (this.renewed === undefined || this.renewed.size === 0) return;
    const leases = [...this.renewed];
    attempt(
      () => this.store.renew(leases),
      (error) => this.logger.error('Leases could not be renewed', error instanceof Error ? error.stack : undefined),
    );
  }

  private failed(error: unknown, { claims }: Lease): LimitDenial {
    // What the application chose for a store that is away is no news; anything else is a defect (fails closed).
    const isAway = error instanceof StoreUnavailableError;
    if (!isAway) {
      this.logger.error('A concurrency limit could not be asked', error instanceof Error ? error.stack : undefined);
    }
    return {
      denial: UNAVAILABLE,
      limit: nameOf(claims[0]),
      exception: new RateLimitException(UNAVAILABLE),
      fields: retryFields(isAway ? error.retryAfter : RETRY_AFTER, ''),
    };
  }
}

function claimsOf(
  rules: readonly ConcurrencyRule[],
  execution: ExecutionContext,
  principal: Principal | undefined,
  functions: LimitFunctions,
): readonly LeaseClaim[] | LimitDenial {
  const context = limitContextOf(execution, principal, passageOf(httpRequestOf(execution)) as Passage);
  const claims: LeaseClaim[] = [];
  for (const { limit, partitionOf, reportRefusal } of rules) {
    let partition: string | undefined;
    try {
      partition = partitionOf(context);
    } catch (error) {
      functions.report(failureOf(error, `The concurrency limit "${limit.name}"`, inputOf(context)));
      return { denial: FAILED, limit: limit.name, exception: new SecurityException(FAILED), fields: [] };
    }
    if (partition === undefined) {
      reportRefusal();
      return { denial: REFUSED, limit: limit.name, exception: new SecurityException(REFUSED), fields: [] };
    }
    claims.push({ limit, partition });
  }
  return claims;
}

function exceeded(refused: LeaseClaim): LimitDenial {
  return {
    denial: CONCURRENCY_EXCEEDED,
    limit: nameOf(refused),
    exception: new RateLimitException(CONCURRENCY_EXCEEDED),
    fields: retryFields(RETRY_AFTER, ''),
  };
}

/** Whoever leaves at once must not have a handler run that nothing counts. */
function gone({ claims }: Lease): LimitDenial {
  return {
    denial: CLIENT_GONE,
    limit: nameOf(claims[0]),
    exception: new SecurityException(CLIENT_GONE),
    fields: [],
  };
}

/** A store may answer with a claim of its own making. */
function nameOf(claim: LeaseClaim | undefined): string {
  return (claim?.limit as Partial<NamedLimit> | undefined)?.name ?? claim?.limit.id ?? '';
}

function attempt(call: () => void | Promise<void>, failed: (error: unknown) => void): void {
  try {
    const done = call();
    if (done instanceof Promise) done.catch(failed);
  } catch (error) {
    failed(error);
  }
}
