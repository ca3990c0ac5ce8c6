import { Injectable, Optional, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { denied, type Decision } from '../core/decision.js';
import { Enforcer } from '../core/enforcer.js';
import { required } from '../core/root.js';
import type { Principal } from '../core/principal.js';
import { carriesRequest, principalAdmittedBy } from '../core/request.js';
import type { GuardedRoute } from '../core/route-policy.js';

const ROUTE_UNKNOWN = denied('route_unknown');
const TRANSPORT_UNSUPPORTED = denied('transport_unsupported');
const PRINCIPAL_MISSING = denied('principal_missing');
const POLICY_DENIED = denied('policy_denied');

/**
 * Decides whether the principal may call. `SecurityGuard` includes it; alone, it is for `@UseGuards`, behind
 * `AuthenticationGuard`, where the global guard is switched off.
 */
@Injectable()
export class AuthorizationGuard implements CanActivate {
  private readonly enforcer: Enforcer;

  constructor(@Optional() enforcer: Enforcer) {
    this.enforcer = required(enforcer, AuthorizationGuard.name);
  }

  canActivate(context: ExecutionContext): true | Promise<true> {
    const execution = this.enforcer.receive(context);
    return this.authorize(this.enforcer.routeOf(execution), execution);
  }

  /** @internal The guard's part, for a route that was looked up already. */
  authorize(route: GuardedRoute | undefined, execution: ExecutionContext): true | Promise<true> {
    if (route === undefined) return this.enforcer.deny(execution, ROUTE_UNKNOWN);
    if (route.policy.access === 'public') return this.enforcer.allow(execution, undefined);
    if (!carriesRequest(execution)) return this.enforcer.deny(execution, TRANSPORT_UNSUPPORTED);
    const principal = principalAdmittedBy(route, execution);
    // Nobody authenticated the request, or a strategy let it pass without a user (fails closed).
    if (principal === undefined) return this.denyUnknown(route, execution);
    if (route.authorize === undefined) return this.enforcer.allow(execution, principal);
    const decision = route.authorize(principal, execution);
    return decision instanceof Promise
      ? this.settleLater(decision, route, principal, execution)
      : this.settle(decision, route, principal, execution);
  }

  private async settleLater(
    pending: Promise<Decision>,
    route: GuardedRoute,
    principal: Principal,
    execution: ExecutionContext,
  ): Promise<true> {
    let decision: Decision;
    try {
      decision = await pending;
    } catch (error) {
      this.enforcer.observeDenial(execution, POLICY_DENIED, principal);
      throw error;
    }
    return this.settle(decision, route, principal, execution);
  }

  private settle(decision: Decision, route: GuardedRoute, principal: Principal, execution: ExecutionContext): true {
    if (decision.allowed) return this.enforcer.allow(execution, principal);
    // Whoever is not known yet is asked who they are, rather than told that they may not.
    if (principal.kind === 'anonymous') return this.denyUnknown(route, execution);
    return this.enforcer.deny(execution, decision, principal, { challenges: route.challengesOf(decision, principal) });
  }

  private denyUnknown(route: GuardedRoute, execution: ExecutionContext): never {
    return this.enforcer.deny(execution, PRINCIPAL_MISSING, undefined, {
      challenges: route.challengesOf(PRINCIPAL_MISSING),
    });
  }
}
