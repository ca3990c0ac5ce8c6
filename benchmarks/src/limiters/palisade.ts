import { MemoryRateLimitStore } from '@palisade/nest';
import type { Limiter } from './limiter.js';
import { palisadeLimit } from './palisade-limit.js';

export function createLimiter(quota: number): Limiter {
  const store = new MemoryRateLimitStore({ maxClients: 2_000_000 });
  const limit = palisadeLimit(quota);
  return { hit: (partition) => store.consume([{ limit, partition, cost: 1 }])[0]?.allowed === true };
}
