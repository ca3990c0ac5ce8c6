import { Injectable } from '@nestjs/common';
import { nearestName } from '../core/options.rules.js';
import type { CountedLimit } from './counted-limit.js';
import type { Standing } from './rate-limit.store.port.js';
import { RateLimiting } from './rate-limiting.js';

/** How somebody stands with a limit of `rateLimit.limits`. */
export interface RateLimitStatus {
  readonly allowed: boolean;
  /** Units in a window. */
  readonly limit: number;
  /** Units that are left. */
  readonly remaining: number;
  /** Milliseconds until all units are there again. */
  readonly resetAfter: number;
  /** Milliseconds until as much may be taken, 0 where it is allowed, `Infinity` where it is more than there ever is. */
  readonly retryAfter: number;
}

/** What was taken, to be given back by `refund`. */
export interface RateLimitReceipt extends RateLimitStatus {
  /** @internal */
  readonly takenAt: number;
}

/**
 * The limits of `rateLimit.limits` for whatever a decorator cannot say: the size of an upload, the rows of a report, a
 * message of a socket. A key is what a function of `by` would answer, and counts together with it.
 *
 * ```ts
 * const receipt = await limiter.consume('export', user.id, { cost: rows.length });
 * if (!receipt.allowed) throw new ServiceUnavailableException();
 * ```
 */
@Injectable()
export class RateLimiter {
  constructor(private readonly limiting: RateLimiting) {}

  /**
   * Takes units, all or none.
   *
   * @param key who is counted
   * @throws where no limit has that name, or the store is away and `onStoreError` is `closed`
   */
  async consume(name: string, key: string, { cost = 1 }: { readonly cost?: number } = {}): Promise<RateLimitReceipt> {
    const limit = this.limitOf(name);
    const [standing] = await this.limiting.store.consume([
      { limit, partition: this.limiting.partitionOf(name, key), cost: checked(cost) },
    ]);
    return receiptOf(limit, standing as Standing);
  }

  /**
   * What `consume` would answer; nothing is taken.
   *
   * @throws as `consume`, and where `rateLimit` has a `ThrottlerStorage`
   */
  async peek(name: string, key: string, { cost = 1 }: { readonly cost?: number } = {}): Promise<RateLimitStatus> {
    const limit = this.limitOf(name, 'peek');
    const [standing] = await this.limiting.store.peek([
      { limit, partition: this.limiting.partitionOf(name, key), cost: checked(cost) },
    ]);
    return receiptOf(limit, standing as Standing);
  }

  /**
   * Gives back what a `consume` took.
   *
   * @throws as `consume`, and where `rateLimit` has a `ThrottlerStorage`
   */
  async refund(name: string, key: string, receipt: RateLimitReceipt, { cost = 1 } = {}): Promise<void> {
    const limit = this.limitOf(name, 'refund');
    if (!receipt.allowed) return;
    const { takenAt } = receipt;
    await this.limiting.store.refund([
      { limit, partition: this.limiting.partitionOf(name, key), cost: checked(cost), takenAt },
    ]);
  }

  /**
   * Forgets what was counted for a key.
   *
   * @throws as `consume`, and where `rateLimit` has a `ThrottlerStorage`
   */
  async reset(name: string, key: string): Promise<void> {
    const limit = this.limitOf(name, 'reset');
    await this.limiting.store.reset([{ limit, partition: this.limiting.partitionOf(name, key) }]);
  }

  private limitOf(name: string, question?: 'peek' | 'refund' | 'reset'): CountedLimit {
    // It would count as an outage of the storage.
    if (question !== undefined && this.limiting.keepsWhatItCounts) {
      throw new Error(
        `RateLimiter.${question} needs a store of the library: a ThrottlerStorage, which rateLimit has, only counts`,
      );
    }
    const limit = this.limiting.limitNamed(name);
    if (limit === undefined) {
      const nearest = nearestName(name, this.limiting.limitNames);
      const hint = nearest === undefined ? 'Declare it in rateLimit.limits' : `Did you mean "${nearest}"?`;
      throw new RangeError(`No rate limit is named "${name}". ${hint}`);
    }
    return limit;
  }
}

function checked(cost: number): number {
  if (!Number.isSafeInteger(cost) || cost < 0) throw new RangeError('A cost is a whole number of 0 or more');
  return cost;
}

function receiptOf(
  { quota }: CountedLimit,
  { allowed, remaining, resetAfter, retryAfter, takenAt }: Standing,
): RateLimitReceipt {
  return { allowed, limit: quota, remaining, resetAfter, retryAfter, takenAt };
}
