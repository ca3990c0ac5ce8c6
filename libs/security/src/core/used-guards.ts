import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import type { HandlerFunction } from './route-policy.js';

// The metadata key of @UseGuards, which @nestjs/common does not export.
const GUARDS = '__guards__';

/** Lists the guards that `@UseGuards` puts in front of a handler in the order in which Nest runs them: the class's first. */
export function usedGuards(controller: Type, handler: HandlerFunction): readonly unknown[] {
  return [...guardsOn(controller), ...guardsOn(handler)];
}

function guardsOn(target: Type | HandlerFunction): readonly unknown[] {
  return (Reflect.getMetadata(GUARDS, target) as readonly unknown[] | undefined) ?? [];
}
