import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { isAllowed } from './flexible-answer.js';
import { WINDOW, type Limiter } from './limiter.js';

export function createLimiter(quota: number, port: number): Limiter {
  const limiter = new RateLimiterRedis({
    storeClient: new Redis(port, '127.0.0.1'),
    keyPrefix: `flexible-${quota}`,
    points: quota,
    duration: WINDOW / 1000,
  });
  return {
    hit: (key) => isAllowed(limiter.consume(key)),
  };
}
