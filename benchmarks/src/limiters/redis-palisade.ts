import type { StoredLimit } from '@palisade/nest';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import { Redis } from 'ioredis';
import { WINDOW, type Limiter } from './limiter.js';

export function createLimiter(quota: number, port: number): Limiter {
  const store = new RedisRateLimitStore(new Redis(port, '127.0.0.1'), { prefix: `palisade-${quota}` });
  const limit: StoredLimit = Object.freeze({
    id: 'bench',
    algorithm: 'sliding-window',
    quota,
    window: WINDOW,
    burst: quota,
    block: 0,
  });
  return {
    hit: async (partition) => (await store.consume([{ limit, partition, cost: 1 }]))[0]?.allowed === true,
  };
}
