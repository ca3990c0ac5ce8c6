import { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { WINDOW, type Limiter } from './limiter.js';

export function createLimiter(quota: number, port: number): Limiter {
  const limiter = new RateLimiterRedis({
    storeClient: new Redis(port, '127.0.0.1'),
    keyPrefix: `flexible-${quota}`,
    points: quota,
    duration: WINDOW / 1000,
  });
  return {
    hit: (key) =>
      limiter.consume(key).then(
        () => true,
        // It rejects for a denial as well.
        (reason: unknown) => {
          if (reason instanceof RateLimiterRes) return false;
          throw reason;
        },
      ),
  };
}
