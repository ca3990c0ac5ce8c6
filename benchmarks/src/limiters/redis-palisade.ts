import { RedisRateLimitStore } from '@palisade/nest/redis';
import { Redis } from 'ioredis';
import type { Limiter } from './limiter.js';
import { palisadeLimit } from './palisade-limit.js';

export function createLimiter(quota: number, port: number): Limiter {
  const store = new RedisRateLimitStore(new Redis(port, '127.0.0.1'), { prefix: `palisade-${quota}` });
  const limit = palisadeLimit(quota);
  return {
    hit: async (partition) => (await store.consume([{ limit, partition, cost: 1 }]))[0]?.allowed === true,
  };
}
