import { recognizeAcrossCopies } from '../../core/copies.js';
import type { Denied } from '../../core/decision.js';
import { SecurityException } from '../../core/errors.js';

/**
 * Thrown where an attempt is not looked at: 429 `account_locked`, whether there is such an account or not; 503
 * `rate_limit_unavailable` where attempts cannot be counted.
 */
export class LockoutException extends SecurityException {
  constructor(
    decision: Denied,
    /** Milliseconds until there is any use in trying again; `Retry-After` says it in seconds. */
    readonly retryAfter: number,
  ) {
    super(decision);
  }
}

recognizeAcrossCopies(LockoutException, 'lockout-exception');
