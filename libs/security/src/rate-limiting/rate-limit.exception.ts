import { recognizeAcrossCopies } from '../core/copies.js';
import { ThrottlerException } from '@nestjs/throttler';
import type { DenialReason, Denied } from '../core/decision.js';
import { errorBody, messageOf, statusOf, type SecurityErrorBody } from '../core/errors.js';

/** A problem document (RFC 9457) of the type `quota-exceeded` (draft-ietf-httpapi-ratelimit-headers, section 5.1). */
export interface QuotaExceededProblem {
  readonly type: 'https://iana.org/assignments/http-problem-types#quota-exceeded';
  readonly title: string;
  readonly status: number;
  readonly code: DenialReason;
  readonly 'violated-policies': readonly string[];
}

/**
 * Thrown when a rate limit denies: 429 `rate_limited`; 503 `rate_limit_unavailable` where requests cannot be counted. A
 * `ThrottlerException` to filters that catch those of @nestjs/throttler.
 */
export class RateLimitException extends ThrottlerException {
  readonly code: DenialReason;
  readonly #body: SecurityErrorBody | QuotaExceededProblem;

  /** @param violated the names of the limits, for a problem document; without them the body is the library's own */
  constructor(
    readonly decision: Denied,
    message = messageOf(decision.reason),
    violated?: readonly string[],
  ) {
    super(message);
    const status = statusOf(decision.reason);
    this.code = decision.reason;
    this.#body =
      violated === undefined
        ? errorBody(status, message, this.code)
        : {
            type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
            title: message,
            status,
            code: this.code,
            'violated-policies': violated,
          };
  }

  override getStatus(): number {
    return statusOf(this.code);
  }

  override getResponse(): SecurityErrorBody | QuotaExceededProblem {
    return this.#body;
  }
}

recognizeAcrossCopies(RateLimitException, 'rate-limit-exception');
