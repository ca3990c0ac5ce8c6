import { MemoryRateLimitStore, type StoredLimit } from '@palisade/nest';
import { WINDOW, type Limiter } from './limiter.js';

export function createLimiter(quota: number): Limiter {
  const store = new MemoryRateLimitStore({ maxClients: 2_000_000 });
  const limit: StoredLimit = Object.freeze({
    id: 'bench',
    algorithm: 'sliding-window',
    quota,
    window: WINDOW,
    burst: quota,
    block: 0,
  });
  return { hit: (partition) => store.consume([{ limit, partition, cost: 1 }])[0]?.allowed === true };
}
