import { declaration } from '../../core/declarations.js';
import type { ConcurrencySettings } from './concurrency.options.js';

/**
 * How many requests may be under way at once, each until its answer has ended or its client has left: a number, the name
 * of a limit of `rateLimit.concurrency.limits`, or settings. Several at once: all of them must have a place. `false`
 * lifts what is declared further out.
 *
 * ```ts
 * @ConcurrencyLimit(5)
 * @ConcurrencyLimit({ max: 2, by: 'tenant' }, 'exports')
 * ```
 *
 * @throws SecurityConfigurationError at the start, for a name that is not declared and what is no limit
 */
export const ConcurrencyLimit = (
  ...limits: [false] | (number | string | ConcurrencySettings)[]
): ClassDecorator & MethodDecorator =>
  declaration({
    kind: 'concurrencyLimit',
    limits: limits[0] === false ? false : limits,
    decorator: `@ConcurrencyLimit(${limits.map(printed).join(', ')})`,
  });

function printed(limit: unknown): string {
  return typeof limit === 'object' ? '{…}' : JSON.stringify(limit);
}
