import { Injectable, Optional, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { AuthenticationGuard } from './authentication/authentication.guard.js';
import { AuthorizationGuard } from './authorization/authorization.guard.js';
import { Enforcer } from './core/enforcer.js';
import { Call } from './core/call.js';
import { required } from './core/root.js';
import { httpRequestOf, principalAdmittedBy } from './core/request.js';
import type { GuardedRoute } from './core/route-policy.js';
import { LoadShedding } from './load-shedding/load-shedding.js';
import { RateLimitGuard } from './rate-limiting/rate-limit.guard.js';

/**
 * The one global guard: route policy, load, limits by address, authentication, limits by principal, authorization, whatever
 * was imported in what order.
 */
@Injectable()
export class SecurityGuard implements CanActivate {
  private readonly enforcer: Enforcer;

  constructor(
    @Optional() enforcer: Enforcer,
    @Optional() private readonly limits: RateLimitGuard,
    @Optional() private readonly authentication: AuthenticationGuard,
    @Optional() private readonly authorization: AuthorizationGuard,
    @Optional() private readonly load: LoadShedding,
  ) {
    this.enforcer = required(enforcer, SecurityGuard.name);
  }

  canActivate(context: ExecutionContext): true | Promise<true> {
    return context.getType() === 'http' ? this.decide(context) : this.decideOnce(context);
  }

  /** Handlers of messages have a guard of the package, and perhaps the global one and one of `@UseGuards` as well. */
  private decideOnce(context: ExecutionContext): true | Promise<true> {
    if (admitted.has(context)) return true;
    const decided = this.decide(context);
    return decided === true ? admit(context) : decided.then(() => admit(context));
  }

  private decide(context: ExecutionContext): true | Promise<true> {
    const execution = this.enforcer.receive(context);
    const route = this.enforcer.routeOf(execution);
    if (route === undefined && isPartOfAllowed(execution)) return true;
    if (route?.isOverloaded !== undefined) this.load.pass(route, execution);
    const limited = route === undefined || this.limit(route, execution);
    return limited === true
      ? this.authenticate(route, execution)
      : limited.then(() => this.authenticate(route, execution));
  }

  /** @internal Load and the edge's part alone, where handlers have guards of their own. */
  admit(context: ExecutionContext): true {
    const execution = this.enforcer.receive(context);
    const route = this.enforcer.routeOf(execution);
    if (route?.isOverloaded !== undefined) this.load.pass(route, execution);
    return route === undefined || this.authentication.admit(route, execution);
  }

  /** All limits in one question where it is known who calls; what is asked here is not asked again. */
  private limit(route: GuardedRoute, execution: ExecutionContext): true | Promise<true> {
    if (route.limitBoth === undefined || execution.getType() !== 'http') {
      return this.limits.limitAddress(route, execution);
    }
    const request = httpRequestOf(execution);
    const caller = route.recognize?.(request);
    if (caller === undefined) return this.limits.limitAddress(route, execution);
    // As it is where limits by principal are asked by themselves: functions of the application may read it there.
    if (caller.principal !== undefined) request.user = caller.principal;
    return this.limits.limitBoth(route, execution, caller.principal);
  }

  private authenticate(route: GuardedRoute | undefined, execution: ExecutionContext): true | Promise<true> {
    const admitted = this.authentication.authenticate(route, execution);
    return admitted === true ? this.authorize(route, execution) : admitted.then(() => this.authorize(route, execution));
  }

  private authorize(route: GuardedRoute | undefined, execution: ExecutionContext): true | Promise<true> {
    if (route?.limitPrincipal === undefined) return this.authorization.authorize(route, execution);
    const principal = principalAdmittedBy(route, execution);
    const limited = this.limits.limitPrincipal(route, execution, principal);
    return limited === true
      ? this.authorization.authorize(route, execution)
      : limited.then(() => this.authorization.authorize(route, execution));
  }
}

/** Load and the edge's part, in front of every handler, where handlers have guards of their own for the rest. */
export class AdmissionGuard implements CanActivate {
  constructor(private readonly guard: SecurityGuard) {}

  canActivate(execution: ExecutionContext): true {
    return this.guard.admit(execution);
  }
}

// Of the process: Nest makes another instance of the guard for each module that names it with @UseGuards.
const admitted = new WeakSet<ExecutionContext>();

function admit(context: ExecutionContext): true {
  admitted.add(context);
  return true;
}

/** What has no rules of its own, and is asked only for a part of what an allowed call answers. */
function isPartOfAllowed(execution: ExecutionContext): boolean {
  return execution instanceof Call && execution.followOrigin();
}
