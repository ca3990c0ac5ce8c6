import { SecurityConfigurationError, type ConfigurationProblem } from '../core/errors.js';
import { checkOptions, describe, Known, OptionalRule, wholeNumber } from '../core/options.rules.js';
import type { RateLimitStore } from './rate-limit.store.port.js';

/** What holds while the shared store does not answer. */
export interface ResilienceOptions {
  /**
   * `local`: this process counts for itself, so that each of several lets the whole quota through. `open`: everything
   * is allowed. `closed`: nothing is answered, and requests that a limit applies to end with 503.
   * @default 'local'
   */
  onStoreError?: 'open' | 'closed' | 'local' | undefined;
  /** Counts for `local`: the memory store. Required by it. */
  fallback?: RateLimitStore | undefined;
  /**
   * Milliseconds that an answer may take; 1 to 60,000.
   * @default 100
   */
  timeout?: number | undefined;
  /**
   * Failures in a row after which the store is not asked any more; 1 to 1,000.
   * @default 5
   */
  failureThreshold?: number | undefined;
  /**
   * Milliseconds after which one request tries again; 1 to 3,600,000.
   * @default 1000
   */
  halfOpenAfter?: number | undefined;
  /** Called when the store is not asked any more, with what it failed of last. Must not throw. */
  onTrip?: ((cause: unknown) => void) | undefined;
  /** Called when the store answers again, with the milliseconds that it was away. Must not throw. */
  onHeal?: ((away: number) => void) | undefined;
}

/** The options with their defaults. */
export interface CompiledResilience {
  readonly onStoreError: 'open' | 'closed' | 'local';
  readonly fallback: RateLimitStore | undefined;
  readonly timeout: number;
  readonly failureThreshold: number;
  readonly halfOpenAfter: number;
  readonly onTrip: (cause: unknown) => void;
  readonly onHeal: (away: number) => void;
}

class ResilienceRules {
  @OptionalRule(
    (value) =>
      value === 'open' || value === 'closed' || value === 'local' ? undefined : 'is none of the values it can have',
    "Use 'local', 'open' or 'closed'",
  )
  onStoreError?: unknown;

  @Known()
  fallback?: unknown;

  @OptionalRule(wholeNumber(1, 60_000), 'Leave it out for 100')
  timeout?: unknown;

  @OptionalRule(wholeNumber(1, 1000), 'Leave it out for 5')
  failureThreshold?: unknown;

  @OptionalRule(wholeNumber(1, 3_600_000), 'Leave it out for 1000')
  halfOpenAfter?: unknown;

  @OptionalRule(functionOrNothing, 'Write a function')
  onTrip?: unknown;

  @OptionalRule(functionOrNothing, 'Write a function')
  onHeal?: unknown;
}

/** @throws SecurityConfigurationError where an option is wrong */
export function compileResilience(options: ResilienceOptions, path: string): CompiledResilience {
  const problems: ConfigurationProblem[] = [];
  checkOptions(ResilienceRules, options, path, problems);
  const { onStoreError = 'local', fallback } = options;
  if (onStoreError === 'local' && fallback === undefined) {
    problems.push({
      where: `${path}.fallback`,
      problem: "is missing, and 'local' counts in it",
      fix: "Give a MemoryRateLimitStore, or choose 'open' or 'closed'",
    });
  }
  if (problems.length > 0) throw new SecurityConfigurationError(problems);
  return Object.freeze({
    onStoreError,
    fallback,
    timeout: options.timeout ?? 100,
    failureThreshold: options.failureThreshold ?? 5,
    halfOpenAfter: options.halfOpenAfter ?? 1000,
    onTrip: options.onTrip ?? (() => undefined),
    onHeal: options.onHeal ?? (() => undefined),
  });
}

function functionOrNothing(value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : `must be a function, not ${describe(value)}`;
}
