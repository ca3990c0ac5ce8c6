import { HttpException, Injectable, Optional, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ApplicationFunctions, failureOf } from '../core/application-functions.js';
import { denied } from '../core/decision.js';
import { Enforcer } from '../core/enforcer.js';
import { required } from '../core/root.js';
import { ANONYMOUS } from '../core/principal.js';
import { SecurityException } from '../core/errors.js';
import { Call } from '../core/call.js';
import { callerOf, carriesRequest, commitCaller, httpRequestOf, principalAdmittedBy } from '../core/request.js';
import type { AuthenticationResult, GuardedRoute } from '../core/route-policy.js';

const ROUTE_UNKNOWN = denied('route_unknown');
const AUTHENTICATION_FAILED = denied('authentication_failed');
const TRANSPORT_UNSUPPORTED = denied('transport_unsupported');

/**
 * Finds out who calls, and denies with 401 where the route asks for a principal, with 403 where a site made the caller's
 * browser send the request. `SecurityGuard` includes it; alone, it is for `@UseGuards` where the global guard is switched off.
 */
@Injectable()
export class AuthenticationGuard implements CanActivate {
  private readonly enforcer: Enforcer;
  private readonly functions: ApplicationFunctions;

  constructor(@Optional() enforcer: Enforcer, @Optional() functions: ApplicationFunctions) {
    this.enforcer = required(enforcer, AuthenticationGuard.name);
    this.functions = required(functions, AuthenticationGuard.name);
  }

  canActivate(context: ExecutionContext): true | Promise<true> {
    const execution = this.enforcer.receive(context);
    return this.authenticate(this.enforcer.routeOf(execution), execution);
  }

  /** @internal The guard's part, for a route that was looked up already. */
  authenticate(route: GuardedRoute | undefined, execution: ExecutionContext): true | Promise<true> {
    if (route === undefined) return this.enforcer.deny(execution, ROUTE_UNKNOWN);
    this.admit(route, execution);
    if (route.authenticate === undefined) return this.admitAnybody(route, execution);
    // Credentials are read from HTTP requests only; on any other transport there are none to trust (fails closed).
    if (!carriesRequest(execution)) return this.enforcer.deny(execution, TRANSPORT_UNSUPPORTED);
    if (principalAdmittedBy(route, execution) !== undefined) return true;
    let result: AuthenticationResult | Promise<AuthenticationResult>;
    try {
      result =
        execution instanceof Call
          ? execution.authenticate(route.authenticate)
          : route.authenticate(httpRequestOf(execution));
    } catch (error) {
      return this.failed(execution, error);
    }
    return result instanceof Promise
      ? result.then(
          (settled) => this.settle(settled, route, execution),
          (error: unknown) => this.failed(execution, error),
        )
      : this.settle(result, route, execution);
  }

  /** @internal What was taken for granted before the request was routed holds for this route, or it is denied. */
  admit(route: GuardedRoute, execution: ExecutionContext): true {
    if (!carriesRequest(execution)) return true;
    const admission = execution instanceof Call ? execution.admit(route.admit) : route.admit(httpRequestOf(execution));
    return admission.allowed || this.enforcer.deny(execution, admission);
  }

  /** On Express another route may have let somebody in and handed the request on; this one knows nobody. */
  private admitAnybody(route: GuardedRoute, execution: ExecutionContext): true {
    if (carriesRequest(execution)) {
      if (callerOf(execution) !== undefined) commitCaller(execution, ANONYMOUS, route);
      const protection = route.protect(httpRequestOf(execution), undefined, false);
      if (!protection.allowed) return this.enforcer.deny(execution, protection);
    }
    return true;
  }

  /**
   * A strategy or another function of the application broke: an error of the server, published like any denial. There is
   * no challenge, which would send the caller away for other credentials (RFC 6750, section 3.1).
   */
  private failed(execution: ExecutionContext, error: unknown): never {
    if (error instanceof HttpException) {
      this.enforcer.observeDenial(execution, AUTHENTICATION_FAILED);
      throw error;
    }
    const failure = failureOf(error, 'Authentication');
    this.functions.report(failure);
    const exception = new SecurityException(AUTHENTICATION_FAILED, { cause: failure.cause ?? failure });
    return this.enforcer.deny(execution, AUTHENTICATION_FAILED, undefined, { exception });
  }

  private settle(result: AuthenticationResult, route: GuardedRoute, execution: ExecutionContext): true {
    if (!('principal' in result)) return this.enforcer.deny(execution, result.denial, undefined, result);
    const { principal, ambient } = result;
    const protection = route.protect(httpRequestOf(execution), principal, ambient === true);
    if (!protection.allowed) return this.enforcer.deny(execution, protection, principal);
    commitCaller(execution, principal, route);
    return true;
  }
}
