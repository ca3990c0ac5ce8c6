import { recognizeAcrossCopies } from '../core/copies.js';
import { ThrottlerException } from '@nestjs/throttler';
import type { DenialReason, Denied } from '../core/decision.js';
import {
  errorBody,
  messageOf,
  problemDocument,
  statusOf,
  type ProblemDocument,
  type SecurityErrorBody,
} from '../core/errors.js';

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
  #body: SecurityErrorBody | QuotaExceededProblem | ProblemDocument;

  /** @param violated the names of the limits, for a problem document */
  constructor(
    readonly decision: Denied,
    message = messageOf(decision.reason),
    private readonly violated?: readonly string[],
  ) {
    super(message);
    this.code = decision.reason;
    this.#body = errorBody(statusOf(decision.reason), message, this.code);
  }

  /** @internal Has a problem document for its body from here on; `limit` is the name of the one that denied. */
  becomeProblem(limit: string | undefined): void {
    const status = statusOf(this.code);
    if (this.code !== 'rate_limited') {
      this.#body = problemDocument(status, messageOf(this.code), this.code);
      return;
    }
    this.#body = {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: this.message,
      status,
      code: this.code,
      'violated-policies': this.violated ?? (limit === undefined ? [] : [limit]),
    };
  }

  override getStatus(): number {
    return statusOf(this.code);
  }

  override getResponse(): SecurityErrorBody | QuotaExceededProblem | ProblemDocument {
    return this.#body;
  }
}

recognizeAcrossCopies(RateLimitException, 'rate-limit-exception');
