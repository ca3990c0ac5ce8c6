import type { Clock } from '../../../core/clock.js';
import { createPrincipal, type PrincipalInit } from '../../../core/principal.js';
import type { HttpRequest } from '../../../core/request.js';

export const SECRET = 'Zx81mQ4vT7pLr2Wd9KsYh3NbGc6JfUaE';
export const OTHER_SECRET = '5hVtB0qXnM2yRjD8wKfPz7LgC4sUoA1i';

/** Stands still until it is told otherwise. */
export class StoppedClock implements Clock {
  constructor(public time = Date.UTC(2026, 10, 5, 12)) {}

  now(): number {
    return this.time;
  }

  pass(seconds: number): void {
    this.time += seconds * 1000;
  }
}

export function principal(init: Partial<PrincipalInit> = {}, scheme = 'session') {
  return createPrincipal({ id: 'alice', ...init }, scheme);
}

export function post(headers: HttpRequest['headers'] = {}, body?: unknown): HttpRequest {
  return { method: 'POST', headers, body };
}
