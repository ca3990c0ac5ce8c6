import 'reflect-metadata';
import type { HandlerFunction } from './route-policy.js';

const ORIGINAL = Symbol('palisade.original-handler');

/**
 * Tracing wraps handlers in functions of its own and copies their metadata along. This piece of it leads from such a
 * wrapper back to the handler that the policy was compiled for.
 */
export function markHandler(handler: HandlerFunction): void {
  Reflect.defineMetadata(ORIGINAL, handler, handler);
}

/** The handler that a function wraps, where its metadata came along. */
export function originalOf(handler: HandlerFunction): HandlerFunction | undefined {
  return Reflect.getOwnMetadata(ORIGINAL, handler) as HandlerFunction | undefined;
}
