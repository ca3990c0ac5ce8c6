import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { AuthenticationGuard } from './authentication/authentication.guard.js';
import { AuthorizationGuard } from './authorization/authorization.guard.js';
import { Enforcer } from './core/enforcer.js';

/** The one global guard: route policy, then authentication, then authorization, whatever was imported in what order. */
@Injectable()
export class SecurityGuard implements CanActivate {
  constructor(
    private readonly enforcer: Enforcer,
    private readonly authentication: AuthenticationGuard,
    private readonly authorization: AuthorizationGuard,
  ) {}

  canActivate(execution: ExecutionContext): true | Promise<true> {
    const route = this.enforcer.routeOf(execution);
    const admitted = this.authentication.authenticate(route, execution);
    return admitted === true
      ? this.authorization.authorize(route, execution)
      : admitted.then(() => this.authorization.authorize(route, execution));
  }

  /** @internal The edge's part alone, where handlers have guards of their own. */
  admit(execution: ExecutionContext): true {
    const route = this.enforcer.routeOf(execution);
    return route === undefined || this.authentication.admit(route, execution);
  }
}
