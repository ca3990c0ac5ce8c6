import { RateLimiterMemory } from 'rate-limiter-flexible';
import { isAllowed } from './flexible-answer.js';
import { WINDOW, type Limiter } from './limiter.js';

export function createLimiter(quota: number): Limiter {
  const limiter = new RateLimiterMemory({ points: quota, duration: WINDOW / 1000 });
  return {
    hit: (key) => isAllowed(limiter.consume(key)),
  };
}
