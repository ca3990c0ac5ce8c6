import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { denied } from '../core/decision.js';
import { Enforcer } from '../core/enforcer.js';
import { commitPrincipal, httpRequestOf, principalAdmittedBy } from '../core/request.js';
import type { AuthenticationResult, GuardedRoute } from '../core/route-policy.js';

const ROUTE_UNKNOWN = denied('route_unknown');
const TRANSPORT_UNSUPPORTED = denied('transport_unsupported');

/**
 * Finds out who calls, and denies with 401 where the route asks for a principal. `SecurityGuard` includes it; alone, it
 * is for `@UseGuards` where the global guard is switched off.
 */
@Injectable()
export class AuthenticationGuard implements CanActivate {
  constructor(private readonly enforcer: Enforcer) {}

  canActivate(execution: ExecutionContext): true | Promise<true> {
    return this.authenticate(this.enforcer.routeOf(execution), execution);
  }

  /** @internal The guard's part, for a route that was looked up already. */
  authenticate(route: GuardedRoute | undefined, execution: ExecutionContext): true | Promise<true> {
    if (route === undefined) return this.enforcer.deny(execution, ROUTE_UNKNOWN);
    if (route.authenticate === undefined) return true;
    // Credentials are read from HTTP requests only; on any other transport there are none to trust (fails closed).
    if (execution.getType() !== 'http') return this.enforcer.deny(execution, TRANSPORT_UNSUPPORTED);
    const request = httpRequestOf(execution);
    if (principalAdmittedBy(route, request) !== undefined) return true;
    const result = route.authenticate(request);
    return result instanceof Promise
      ? result.then((settled) => this.settle(settled, route, execution))
      : this.settle(result, route, execution);
  }

  private settle(result: AuthenticationResult, route: GuardedRoute, execution: ExecutionContext): true {
    if (!('principal' in result)) return this.enforcer.deny(execution, result.denial, undefined, result);
    commitPrincipal(httpRequestOf(execution), result.principal, route);
    return true;
  }
}
