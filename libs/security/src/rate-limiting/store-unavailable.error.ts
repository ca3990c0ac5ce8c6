import { recognizeAcrossCopies } from '../core/copies.js';

/** Thrown in place of an answer where the shared store is away and its limits are closed then: 503, not 429. */
export class StoreUnavailableError extends Error {
  readonly code = 'store_unavailable';

  /** @param retryAfter milliseconds until the store is tried again */
  constructor(
    readonly retryAfter: number,
    cause?: unknown,
  ) {
    super('The store of the rate limits does not answer', { cause });
    this.name = 'StoreUnavailableError';
  }
}

recognizeAcrossCopies(StoreUnavailableError, 'store-unavailable');
