import { createHash } from 'node:crypto';
import type { Standing, StoredLimit } from '../rate-limit.store.port.js';
import type { LockThreshold, ResolvedLockout } from './lockout.options.js';

/** What locks: an identifier from one address, an identifier from everywhere, an address for all identifiers. */
export type LockScope = 'pair' | 'account' | 'address';

/** A count of failures as the store keeps it. */
export interface LockLimit {
  readonly scope: LockScope;
  /** Takes a unit for an attempt, and locks nobody. */
  readonly counting: StoredLimit;
  /** The same count; whoever asks for more of it is locked. */
  readonly locking: StoredLimit;
}

/** Everything that is kept of attempts to sign in. */
export interface LockoutLimits {
  readonly pair: LockLimit;
  readonly account: LockLimit | undefined;
  readonly address: LockLimit | undefined;
  /** By the number of failures; `undefined` where there is no delay yet. */
  readonly delays: readonly (StoredLimit | undefined)[];
  /** A unit is taken of it where an identifier signed in from an address. */
  readonly familiar: StoredLimit | undefined;
  /** Bounds for how many addresses an identifier has that. */
  readonly familiarCount: StoredLimit | undefined;
  /** A unit is taken of it when an identifier is unlocked. */
  readonly unlocked: StoredLimit;
}

/** Addresses that are remembered for an identifier. */
const MOST_FAMILIAR = 10;

/** Any delay is on one count; what it is asked with costs nothing. */
const DELAY_WINDOW = 1000;

// No name of a rate limit has a colon.
export function compileLimits({ pair, account, address, delay, familiar }: ResolvedLockout): LockoutLimits {
  const unlockedFor = Math.max(...[pair, account].map((lock) => (lock ? Math.max(lock.window, lock.duration) : 0)));
  return {
    pair: lockLimit('pair', pair),
    account: account && lockLimit('account', account),
    address: address && lockLimit('address', address),
    delays: Array.from({ length: pair.maxFailures }, (_, failures) =>
      delay === undefined || failures < delay.after
        ? undefined
        : fixedWindow('delay', 1, DELAY_WINDOW, delayAfter(failures - delay.after, delay)),
    ),
    familiar: familiar === 0 ? undefined : fixedWindow('familiar', 1, familiar),
    familiarCount: familiar === 0 ? undefined : fixedWindow('familiar-count', MOST_FAMILIAR, familiar),
    unlocked: fixedWindow('unlocked', 1, unlockedFor),
  };
}

/** The delay doubles with each further failure. */
function delayAfter(further: number, { first, longest }: NonNullable<ResolvedLockout['delay']>): number {
  return Math.min(longest, first * 2 ** Math.min(further, 32));
}

function lockLimit(scope: LockScope, { maxFailures, window, duration }: LockThreshold): LockLimit {
  return {
    scope,
    counting: fixedWindow(scope, maxFailures, window),
    locking: fixedWindow(scope, maxFailures, window, duration),
  };
}

function fixedWindow(name: string, quota: number, window: number, block = 0): StoredLimit {
  return Object.freeze({ id: `lockout:${name}`, algorithm: 'fixed-window', quota, window, burst: quota, block });
}

/** Who is counted, under the names that the store keeps them by. */
export interface LockPartitions {
  readonly pair: string;
  readonly account: string;
  readonly address: string;
}

/**
 * No identifier lies in the store as it was typed: it may be an e-mail address. The hash has no key, which every process
 * would have to be given: it hides identifiers from whoever reads keys in passing, not from whoever can try them all.
 */
export function partitionsOf(identifier: string, address: string): LockPartitions {
  const account = createHash('sha256').update(`lockout:${identifier}`).digest('base64url');
  return { account, address, pair: `${account}|${address}` };
}

/** When a count or a lock began, by the clock of the store. */
export function beganAt({ takenAt, resetAfter }: Standing, lasts: number): number {
  return takenAt + resetAfter - lasts;
}
