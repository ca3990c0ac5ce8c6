import type { Type } from '@nestjs/common';
import type { HandlerFunction } from '../core/route-policy.js';
import { usedGuards } from '../core/used-guards.js';
import { RateLimitGuard } from './rate-limit.guard.js';

/** Knows which routes a guard that extends `RateLimitGuard` is in front of, by what Nest reads when it builds them. */
export class ThrottlingGuards {
  private readonly isEverywhere: boolean;

  /** @param globals the guards of `APP_GUARD` and `useGlobalGuards` */
  constructor(globals: readonly unknown[]) {
    this.isEverywhere = globals.some(isThrottling);
  }

  guard(controller: Type, handler: HandlerFunction): boolean {
    return this.isEverywhere || usedGuards(controller, handler).some(isThrottling);
  }
}

/** A class that extends it, or an instance of one. */
function isThrottling(guard: unknown): boolean {
  const type: unknown = typeof guard === 'function' ? guard : (guard as object | undefined)?.constructor;
  return typeof type === 'function' && type.prototype instanceof RateLimitGuard;
}
