import type { Type } from '@nestjs/common';
import { AuthenticationGuard } from './authentication/authentication.guard.js';
import { AuthorizationGuard } from './authorization/authorization.guard.js';
import type { HandlerFunction } from './core/route-policy.js';
import { usedGuards } from './core/used-guards.js';
import { RateLimitGuard } from './rate-limiting/rate-limit.guard.js';
import type { GuardPart } from './security.enforcement.policy.js';
import { AdmissionGuard, SecurityGuard } from './security.guard.js';
import { MessageGuard } from './security.messages.js';

/** The guards of the package that can be used one by one, with the names of what they run. */
export const GUARD_PARTS: readonly (readonly [GuardPart, Type])[] = [
  ['SecurityGuard', SecurityGuard],
  ['AuthenticationGuard', AuthenticationGuard],
  ['AuthorizationGuard', AuthorizationGuard],
  ['RateLimitGuard', RateLimitGuard],
];

/** The guards in front of one handler, in the order in which they run. */
export interface GuardsOfHandler {
  readonly parts: readonly GuardPart[];
  /** The names of guards that are not the package's. */
  readonly others: readonly string[];
}

/** Tells the guards in front of a handler, by what Nest reads when it prepares the handler. */
export class GuardsInFront {
  /**
   * @param globals the guards of `APP_GUARD` and `useGlobalGuards`
   * @param standIns what stands under the classes of the guards: tests replace them
   */
  constructor(
    private readonly globals: readonly unknown[],
    private readonly standIns: ReadonlyMap<unknown, GuardPart>,
  ) {}

  of(controller: Type, handler: HandlerFunction): GuardsOfHandler {
    const parts: GuardPart[] = [];
    const others: string[] = [];
    for (const guard of [...this.globals, ...usedGuards(controller, handler)]) {
      const type = typeOf(guard);
      const part = this.standIns.get(guard) ?? partOf(type);
      if (part !== undefined) parts.push(part);
      else if (type !== AdmissionGuard && type !== MessageGuard) others.push(type?.name || 'a guard without a name');
    }
    return { parts, others };
  }
}

function typeOf(guard: unknown): Type | undefined {
  const type: unknown = typeof guard === 'function' ? guard : (guard as object | undefined)?.constructor;
  return typeof type === 'function' ? (type as Type) : undefined;
}

/** A class that extends one of them runs the same part; one that extends `RateLimitGuard` only has throttlers. */
function partOf(type: Type | undefined): GuardPart | undefined {
  if (type === undefined) return undefined;
  const found = GUARD_PARTS.find(([, guard]) => type === guard || type.prototype instanceof guard);
  return found?.[0] === 'RateLimitGuard' && type !== RateLimitGuard ? undefined : found?.[0];
}
