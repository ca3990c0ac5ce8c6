import { HttpException, Inject, Injectable, Optional, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  ThrottlerGuard,
  type ThrottlerLimitDetail,
  type ThrottlerRequest,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import { failureOf } from '../core/application-functions.js';
import { denied, type Denied } from '../core/decision.js';
import { SecurityException } from '../core/errors.js';
import { Enforcer } from '../core/enforcer.js';
import type { AnswerField, Passage } from '../core/passage.js';
import type { Principal } from '../core/principal.js';
import { Call } from '../core/call.js';
import {
  callerOf,
  carriesRequest,
  clientAddressOf,
  httpRequestOf,
  passageOf,
  principalAdmittedBy,
  type HttpRequest,
} from '../core/request.js';
import { required } from '../core/root.js';
import type { GuardedRoute, LimitDenial, LimitStep } from '../core/route-policy.js';
import { RateLimitException } from './rate-limit.exception.js';
import { notBefore } from './rate-limit.headers.js';
import type { ThrottlerCommonOptions } from './rate-limiting.options.js';
import { RateLimiting } from './rate-limiting.js';
import { StoreUnavailableError } from './store-unavailable.error.js';
import { countHit, hashedKey } from './throttler-storage.port.js';

const RATE_LIMITED = denied('rate_limited');
const CONCURRENCY_EXCEEDED = denied('concurrency_exceeded');
const KEY_REFUSED = denied('rate_limit_key_refused');
const FAILED = denied('rate_limit_failed');
const TRANSPORT_UNSUPPORTED = denied('transport_unsupported');

/** What `enforcement: 'report'` lets pass. */
const RECORDED: ReadonlySet<Denied> = new Set([RATE_LIMITED, CONCURRENCY_EXCEEDED, KEY_REFUSED, FAILED]);

/**
 * Enforces rate limits. `SecurityGuard` includes it; alone, it is for `@UseGuards` where the global guard is switched
 * off.
 *
 * A class that extends it works as one that extends `ThrottlerGuard` of @nestjs/throttler, with the throttlers and the
 * store of `rateLimit`, and has the throttlers of the routes that it guards for itself: there `SecurityGuard` leaves them
 * to it.
 */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  /** By name, the throttler that a request was last asked for; they are asked in turn. */
  private readonly asked = new WeakMap<ExecutionContext, string>();

  constructor(
    // By name: ThrottlerGuard has its own parameters injected in these places.
    @Optional() @Inject(RateLimiting) private readonly limiting: RateLimiting,
    @Optional() @Inject(Enforcer) private readonly enforcer: Enforcer,
    reflector: Reflector,
  ) {
    required(limiting, RateLimitGuard.name);
    super(throttlersOver(limiting, enforcer), storageOver(limiting), reflector);
  }

  override async onModuleInit(): Promise<void> {
    // It would warn where there are none.
    if (this.limiting.throttlers.size > 0) await super.onModuleInit();
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.constructor !== RateLimitGuard) return this.limiting.throttlers.size === 0 || this.throttle(context);
    const execution = this.enforcer.receive(context);
    const route = this.enforcer.routeOf(execution);
    if (route === undefined) return true;
    await this.limitAddress(route, execution);
    // Another guard asks once the caller is known.
    if (route.isLimitedTwice === true && principalAdmittedBy(route, execution) === undefined) return true;
    const principal = carriesRequest(execution) ? callerOf(execution) : undefined;
    return this.limitPrincipal(route, execution, principal);
  }

  /** @internal Before anybody is authenticated. */
  limitAddress(route: GuardedRoute, execution: ExecutionContext): true | Promise<true> {
    return route.limitAddress === undefined || this.ask(route.limitAddress, 'address', route, execution, undefined);
  }

  /** @internal Once it is known who calls. */
  limitPrincipal(
    route: GuardedRoute,
    execution: ExecutionContext,
    principal: Principal | undefined,
  ): true | Promise<true> {
    return (
      route.limitPrincipal === undefined || this.ask(route.limitPrincipal, 'principal', route, execution, principal)
    );
  }

  /** @internal Both stages at once, for whoever is recognized before being authenticated. */
  limitBoth(route: GuardedRoute, execution: ExecutionContext, principal: Principal | undefined): true | Promise<true> {
    const passage = passageOf(httpRequestOf(execution));
    if (route.limitBoth === undefined || passage?.bothFirstAsked(route) !== true) {
      return this.limitAddress(route, execution);
    }
    return this.run(route.limitBoth, execution, principal, passage);
  }

  private ask(
    step: LimitStep,
    stage: 'address' | 'principal',
    route: GuardedRoute,
    execution: ExecutionContext,
    principal: Principal | undefined,
  ): true | Promise<true> {
    if (!carriesRequest(execution)) return this.withoutRequest(route, execution);
    const passage = passageOf(httpRequestOf(execution));
    // Denied by the edge's part of the guard, or asked already by the other of two guards.
    if (passage === undefined) return true;
    const isFirst = execution instanceof Call ? execution.firstAsked(stage) : passage.firstAsked(stage, route);
    return !isFirst || this.run(step, execution, principal, passage);
  }

  private run(
    step: LimitStep,
    execution: ExecutionContext,
    principal: Principal | undefined,
    passage: Passage,
  ): true | Promise<true> {
    const denial = step(execution, principal);
    if (denial === undefined) return true;
    return denial instanceof Promise
      ? denial.then(
          (settled) => settled === undefined || this.deny(settled, execution, principal, passage),
          (error: unknown) => this.failed(error, execution, principal, passage),
        )
      : this.deny(denial, execution, principal, passage);
  }

  /** A function of the application broke, or answers with an exception of its own; it is published like any denial. */
  private failed(
    error: unknown,
    execution: ExecutionContext,
    principal: Principal | undefined,
    passage: Passage | undefined,
    limit?: string,
  ): true {
    if (error instanceof HttpException) {
      this.enforcer.observeDenial(execution, FAILED);
      throw error;
    }
    this.limiting.functions.report(failureOf(error, limit === undefined ? 'A rate limit' : `The throttler "${limit}"`));
    const exception = new SecurityException(FAILED, { cause: error });
    return this.deny({ denial: FAILED, limit, exception, fields: [] }, execution, principal, passage);
  }

  /** As ThrottlerGuard does it, to which a store that is away would be an error of the server. */
  private async throttle(execution: ExecutionContext): Promise<boolean> {
    try {
      return await super.canActivate(execution);
    } catch (error) {
      if (error instanceof HttpException || execution.getType() !== 'http') throw error;
      const passage = passageOf(httpRequestOf(execution));
      if (!(error instanceof StoreUnavailableError)) {
        return this.failed(error, execution, undefined, passage, this.asked.get(execution));
      }
      const denial = { ...this.limiting.unavailable(error), limit: this.asked.get(execution) };
      return this.deny(denial, execution, undefined, passage);
    }
  }

  /** What comes of it is told without the name of the throttler. */
  protected override handleRequest(request: ThrottlerRequest): Promise<boolean> {
    this.asked.set(request.context, request.throttler.name ?? 'default');
    return super.handleRequest(request);
  }

  /** There is nobody to count; what asks for limits itself is not let through uncounted (fails closed). */
  private withoutRequest(route: GuardedRoute, execution: ExecutionContext): true {
    const { rateLimits, concurrencyLimits } = route.policy;
    const isUnlimited = rateLimits.limits === undefined && concurrencyLimits === undefined;
    return isUnlimited || this.enforcer.deny(execution, TRANSPORT_UNSUPPORTED);
  }

  private deny(
    { denial, limit, exception, fields: found }: LimitDenial,
    execution: ExecutionContext,
    principal: Principal | undefined,
    passage: Passage | undefined,
  ): true {
    if (this.limiting.records && RECORDED.has(denial)) {
      this.enforcer.recordDenial(execution, denial, principal, limit);
      return true;
    }
    const fields = notBefore(found, passage?.againAfter ?? 0);
    if (passage !== undefined) passage.fields = execution instanceof Call ? later(passage.fields, fields) : fields;
    return this.enforcer.deny(execution, denial, principal, { exception, limit, fields });
  }

  protected override async getTracker(request: HttpRequest): Promise<string> {
    return this.limiting.trackerOf({ request, principal: undefined, address: clientAddressOf(request) });
  }

  /** By route, as (class, handler) names are not unique. */
  protected override generateKey(execution: ExecutionContext, tracker: string, name: string): string {
    const route = this.enforcer.routeOf(execution);
    if (route === undefined) return super.generateKey(execution, tracker, name);
    return hashedKey(`${name}@${this.limiting.routeName(route.policy)}:${tracker}`);
  }

  /** Nobody has to come back who was let through. */
  protected override setResponseHeader(response: Record<string, unknown>, name: string, value: string | number): void {
    if (!this.limiting.records || !name.startsWith('Retry-After')) super.setResponseHeader(response, name, value);
  }

  protected override async throwThrottlingException(
    execution: ExecutionContext,
    detail: ThrottlerLimitDetail,
  ): Promise<void> {
    const limit = this.asked.get(execution);
    if (this.limiting.records) return this.enforcer.recordDenial(execution, RATE_LIMITED, undefined, limit);
    const message = await this.getErrorMessage(execution, detail);
    const exception = new RateLimitException(RATE_LIMITED, message === this.errorMessage ? undefined : message);
    this.enforcer.deny(execution, RATE_LIMITED, undefined, { exception, limit });
  }
}

/** One answer is for all calls of a request: whoever comes back when it says so is denied by none of them again. */
function later(told: readonly AnswerField[], fields: readonly AnswerField[]): readonly AnswerField[] {
  return secondsIn(told) > secondsIn(fields) ? told : fields;
}

function secondsIn(fields: readonly AnswerField[]): number {
  return Number(fields.find(({ key }) => key === 'retry-after')?.value ?? 0);
}

/** The throttlers, which `@SkipRateLimit` lifts as it lifts all limits. */
function throttlersOver({ throttlerOptions }: RateLimiting, enforcer: Enforcer): ThrottlerCommonOptions {
  const throttlers = throttlerOptions.throttlers.map((throttler) => {
    const { name = 'default', skipIf = throttlerOptions.skipIf } = throttler;
    return {
      ...throttler,
      skipIf: (execution: ExecutionContext) => {
        const { skipped = [] } = enforcer.routeOf(execution)?.policy.rateLimits ?? {};
        return skipped === true || skipped.includes(name) || skipIf?.(execution) === true;
      },
    };
  });
  return { ...throttlerOptions, throttlers };
}

/** The store of the application, as ThrottlerGuard asks for it. */
function storageOver({ store }: RateLimiting): ThrottlerStorage {
  return { increment: (...hit) => countHit(store, ...hit) };
}
