import { createHash } from 'node:crypto';
import type { LimitText } from './limit-text.js';
import type { RateLimitAlgorithm, StoredLimit } from './rate-limit.store.port.js';

/** A limit as stores count it, with what clients are told of it. */
export interface CountedLimit extends StoredLimit {
  readonly name: string;
  /** Its item of `RateLimit-Policy`. */
  readonly policy: string;
  /** What the fields of @nestjs/throttler carry behind their names: `-short`; empty for all others. */
  readonly suffix: string;
  /** Whether partitions are whole keys, which the application makes; the id is then no part of them. */
  readonly isWholeKey: boolean;
}

export interface LimitIdentity {
  readonly name: string;
  /** `false` where the application gave it no name. */
  readonly isNamed?: boolean | undefined;
  /** The route that has a quota of its own; absent where routes share one. */
  readonly route?: string | undefined;
  readonly plan?: string | undefined;
  readonly suffix?: string | undefined;
  readonly isWholeKey?: boolean | undefined;
}

const LONGEST_ID = 200;
const PRINTABLE = /^[\x21-\x7e]+$/;

/** @param block milliseconds, 0 for none */
export function countedLimit(
  { name, isNamed = true, route, plan, suffix = '', isWholeKey = false }: LimitIdentity,
  { quota, window, burst }: LimitText,
  algorithm: RateLimitAlgorithm,
  block: number,
): CountedLimit {
  // No name has a colon. Limits without one that routes share are told apart by what they say.
  const key = isNamed ? name : route === undefined ? `:${name}:${quota}:${window}:${burst ?? quota}` : `:${name}`;
  return Object.freeze({
    id: storableId([key, route, plan].filter((part) => part !== undefined).join('@')),
    algorithm,
    quota,
    window,
    burst: Math.max(1, algorithm === 'token-bucket' ? (burst ?? quota) : quota),
    block,
    name,
    // The draft counts windows in whole seconds (draft-ietf-httpapi-ratelimit-headers-10, section 3.1.2).
    policy: `"${name}";q=${quota};w=${Math.ceil(window / 1000)}`,
    suffix,
    isWholeKey,
  });
}

/** An id that a store takes: names of plans and classes may hold anything. */
export function storableId(id: string): string {
  if (id.length <= LONGEST_ID && PRINTABLE.test(id)) return id;
  return createHash('sha256').update(id).digest('base64url');
}
