import type { ThrottlerStorage } from '@nestjs/throttler';
import type { Clock } from '../core/clock.js';
import type { CountedLimit } from './counted-limit.js';
import type { Charge, RateLimitStore, Standing } from './rate-limit.store.port.js';
import { throttlerKey } from './throttler-storage.port.js';

/**
 * A storage of @nestjs/throttler in the place of a store. It counts as it counts, whatever the algorithm; it cannot be
 * asked without counting, and what it has counted stays.
 */
export class ThrottlerStorageStore implements RateLimitStore {
  constructor(
    private readonly storage: ThrottlerStorage,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  async consume(charges: readonly Charge[]): Promise<readonly Standing[]> {
    const standings: Standing[] = [];
    for (const charge of charges) standings.push(await this.count(charge));
    return standings;
  }

  async peek(): Promise<readonly Standing[]> {
    throw new Error('A ThrottlerStorage cannot be asked without counting');
  }

  refund(): void {}

  async reset(): Promise<void> {
    throw new Error('A ThrottlerStorage cannot be made to forget');
  }

  private async count({ limit, partition, cost }: Charge): Promise<Standing> {
    const { id, window, quota, block } = limit;
    const key = throttlerKey(limit, partition);
    const { name = id } = limit as Partial<CountedLimit>;
    const takenAt = this.clock.now();
    let standing: Standing = { allowed: true, remaining: quota, resetAfter: window, retryAfter: 0, takenAt };
    for (let unit = 0; unit < cost && standing.allowed; unit++) {
      const record = await this.storage.increment(key, window, quota, block, name);
      standing = {
        allowed: !record.isBlocked,
        remaining: record.isBlocked ? 0 : Math.max(0, quota - record.totalHits),
        resetAfter: record.timeToExpire * 1000,
        retryAfter: record.isBlocked ? record.timeToBlockExpire * 1000 : 0,
        takenAt,
      };
    }
    return standing;
  }
}
