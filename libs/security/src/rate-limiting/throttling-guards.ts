import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import type { HandlerFunction } from '../core/route-policy.js';
import { RateLimitGuard } from './rate-limit.guard.js';

// The metadata key of @UseGuards, which @nestjs/common does not export.
const GUARDS = '__guards__';

/** Knows which routes a guard that extends `RateLimitGuard` is in front of, by what Nest reads when it builds them. */
export class ThrottlingGuards {
  private readonly isEverywhere: boolean;

  /** @param globals the guards of `APP_GUARD` and `useGlobalGuards` */
  constructor(globals: readonly unknown[]) {
    this.isEverywhere = globals.some(isThrottling);
  }

  guard(controller: Type, handler: HandlerFunction): boolean {
    return this.isEverywhere || guardsOf(controller).some(isThrottling) || guardsOf(handler).some(isThrottling);
  }
}

function guardsOf(target: Type | HandlerFunction): readonly unknown[] {
  return (Reflect.getMetadata(GUARDS, target) as readonly unknown[] | undefined) ?? [];
}

/** A class that extends it, or an instance of one. */
function isThrottling(guard: unknown): boolean {
  const type: unknown = typeof guard === 'function' ? guard : (guard as object | undefined)?.constructor;
  return typeof type === 'function' && type.prototype instanceof RateLimitGuard;
}
