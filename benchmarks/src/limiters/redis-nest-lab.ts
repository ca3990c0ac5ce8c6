import { ThrottlerStorageRedisService } from '@nest-lab/throttler-storage-redis';
import { Redis } from 'ioredis';
import { WINDOW, type Limiter } from './limiter.js';

export function createLimiter(quota: number, port: number): Limiter {
  const storage = new ThrottlerStorageRedisService(new Redis(port, '127.0.0.1', { keyPrefix: `nest-lab-${quota}` }));
  return {
    hit: async (key) => !(await storage.increment(key, WINDOW, quota, WINDOW, 'default')).isBlocked,
  };
}
