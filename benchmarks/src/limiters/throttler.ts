import { ThrottlerStorageService } from '@nestjs/throttler';
import { WINDOW, type Limiter } from './limiter.js';

export function createLimiter(quota: number): Limiter {
  const storage = new ThrottlerStorageService();
  return {
    hit: async (key) => !(await storage.increment(key, WINDOW, quota, WINDOW, 'default')).isBlocked,
  };
}
