import { Injectable, type Type } from '@nestjs/common';
import { originalOf } from './handler-identity.js';
import type { GuardedRoute, HandlerFunction, RoutePolicy } from './route-policy.js';

/**
 * The compiled policies, by (class, handler): two classes that inherit one handler, or two controllers of one name,
 * never share a policy.
 */
@Injectable()
export class RoutePolicyRegistry {
  private readonly byController = new Map<Type, Map<HandlerFunction, GuardedRoute>>();
  private readonly originals = new WeakMap<HandlerFunction, HandlerFunction>();
  private readonly compiled: RoutePolicy[] = [];

  /** Every policy of the application. */
  get policies(): readonly RoutePolicy[] {
    return this.compiled;
  }

  /** The policy of a handler, or `undefined` where none was compiled: the guard denies then. */
  policyOf(controller: Type, handler: HandlerFunction): RoutePolicy | undefined {
    return this.find(controller, handler)?.policy;
  }

  /** @internal */
  find(controller: Type, handler: HandlerFunction): GuardedRoute | undefined {
    return this.byController.get(controller)?.get(handler) ?? this.findWrapped(controller, handler);
  }

  /** @internal */
  add(route: GuardedRoute): void {
    this.compiled.push(route.policy);
    this.put(route.policy.controller, route.policy.handler, route);
  }

  /** @internal Lets a route be found by another class and function as well, as executions give them. */
  addName(route: GuardedRoute, controller: Type, handler: HandlerFunction): void {
    this.put(controller, handler, route);
  }

  /** Remembers the wrapper for as long as it lives: it may be made anew for each request. */
  private findWrapped(controller: Type, wrapper: HandlerFunction): GuardedRoute | undefined {
    const original = this.originals.get(wrapper) ?? originalOf(wrapper);
    if (original === undefined) return undefined;
    this.originals.set(wrapper, original);
    return this.byController.get(controller)?.get(original);
  }

  private put(controller: Type, handler: HandlerFunction, route: GuardedRoute): void {
    const routes = this.byController.get(controller) ?? new Map<HandlerFunction, GuardedRoute>();
    this.byController.set(controller, routes.set(handler, route));
  }
}
