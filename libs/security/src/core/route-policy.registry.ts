import { Injectable, type Type } from '@nestjs/common';
import type { GuardedRoute, HandlerFunction, RoutePolicy } from './route-policy.js';

/**
 * The compiled policies, by (class, handler): two classes that inherit one handler, or two controllers of one name,
 * never share a policy.
 */
@Injectable()
export class RoutePolicyRegistry {
  private readonly byHandler = new Map<HandlerFunction, Map<Type, GuardedRoute>>();

  /** Every policy of the application. */
  get policies(): readonly RoutePolicy[] {
    return [...this.byHandler.values()].flatMap((routes) => [...routes.values()].map(({ policy }) => policy));
  }

  /** The policy of a handler, or `undefined` where none was compiled: the guard denies then. */
  policyOf(controller: Type, handler: HandlerFunction): RoutePolicy | undefined {
    return this.find(controller, handler)?.policy;
  }

  /** @internal */
  find(controller: Type, handler: HandlerFunction): GuardedRoute | undefined {
    return this.byHandler.get(handler)?.get(controller);
  }

  /** @internal */
  add(route: GuardedRoute): void {
    const { controller, handler } = route.policy;
    const routes = this.byHandler.get(handler) ?? new Map<Type, GuardedRoute>();
    this.byHandler.set(handler, routes.set(controller, route));
  }
}
