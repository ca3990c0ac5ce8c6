import { MemoryStore } from 'express-rate-limit';
import { WINDOW, type Limiter } from './limiter.js';

export function createLimiter(quota: number): Limiter {
  const store = new MemoryStore();
  store.init({ windowMs: WINDOW } as Parameters<MemoryStore['init']>[0]);
  return { hit: async (key) => (await store.increment(key)).totalHits <= quota };
}
