import { declaration } from '../core/declarations.js';
import type { RateLimitSettings } from './rate-limiting.options.js';

/**
 * How often who may call: the name of a limit of `rateLimit.limits`, `'10/minute'`, or settings. Several at once: all of
 * them must allow. Takes the place of `rateLimit.default`; what is in `rateLimit.global` holds beside it.
 *
 * ```ts
 * @RateLimit('login')
 * @RateLimit('10/minute', { limit: '1000/day', by: 'tenant' })
 * ```
 *
 * @throws SecurityConfigurationError at the start, for a name that is not declared and what is no limit
 */
export const RateLimit = (...limits: (string | RateLimitSettings)[]): ClassDecorator & MethodDecorator =>
  declaration({ kind: 'rateLimit', limits, decorator: `@RateLimit(${limits.map(printed).join(', ')})` });

/**
 * Lifts the rate limits, those of `rateLimit.global` included; with names, only these.
 *
 * @throws SecurityConfigurationError at the start, for a name that is not declared
 */
export const SkipRateLimit = (...names: string[]): ClassDecorator & MethodDecorator =>
  declaration({ kind: 'skipRateLimit', names, decorator: `@SkipRateLimit(${names.map(printed).join(', ')})` });

function printed(limit: unknown): string {
  return typeof limit === 'string' ? JSON.stringify(limit) : '{…}';
}
