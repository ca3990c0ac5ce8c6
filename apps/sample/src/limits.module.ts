import { Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import { Redis } from 'ioredis';
import { CONFIGURATION, type Configuration } from './configuration.js';

/** Where requests are counted: in Redis, or, without a value, in this process. */
export class SharedCounts {
  readonly store: RedisRateLimitStore | undefined;
  private readonly redis: Redis | undefined;

  constructor(url: string | undefined) {
    if (url === undefined) return;
    const logger = new Logger('Redis');
    this.redis = new Redis(url, {
      // Who waits for an answer has gone long before Redis is back.
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(times * 50, 1000),
    });
    // The code says what happened, and never where, with which password.
    this.redis.on('error', (error: Error & { code?: string }) => logger.warn(error.code ?? error.name));
    this.store = new RedisRateLimitStore(this.redis, { prefix: 'ledger' });
  }

  close(): void {
    this.redis?.disconnect();
  }
}

@Module({
  providers: [
    {
      provide: SharedCounts,
      inject: [CONFIGURATION],
      useFactory: ({ redisUrl }: Configuration) => new SharedCounts(redisUrl),
    },
  ],
  exports: [SharedCounts],
})
export class LimitsModule implements OnApplicationShutdown {
  constructor(@Inject(SharedCounts) private readonly counts: SharedCounts) {}

  /** After the last request: Nest calls it when the server has closed. */
  onApplicationShutdown(): void {
    this.counts.close();
  }
}
