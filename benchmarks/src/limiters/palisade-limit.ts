import type { StoredLimit } from '@palisade/nest';
import { WINDOW } from './limiter.js';

/** What both stores of Palisade count. */
export function palisadeLimit(quota: number): StoredLimit {
  return Object.freeze({
    id: 'bench',
    algorithm: 'sliding-window',
    quota,
    window: WINDOW,
    burst: quota,
    block: 0,
  });
}
