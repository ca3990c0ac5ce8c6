import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { resolveLockout } from './lockout.options.js';
import { beganAt, compileLimits, partitionsOf } from './lockout.policy.js';

describe('The limits of lockout', () => {
  it('are stored under names that no rate limit can have', () => {
    const { pair, account, address, familiar, familiarCount, unlocked } = compileLimits(resolveLockout());
    const ids = [pair.locking, account?.locking, address?.locking, familiar, familiarCount, unlocked].map(
      (limit) => limit?.id,
    );
    expect(new Set(ids).size).toBe(6);
    for (const id of ids) expect(id).toMatch(/^lockout:[a-z-]+$/);
  });

  it('count and lock under one name', () => {
    const { pair } = compileLimits(resolveLockout());
    expect(pair.counting.id).toBe(pair.locking.id);
    expect([pair.counting.block, pair.locking.block]).toEqual([0, 900_000]);
  });

  it('have delays that double, from the failure on that is said, up to the longest', () => {
    const { delays } = compileLimits(
      resolveLockout({ maxFailures: 8, delay: { after: 3, first: 1000, longest: 5000 } }),
    );
    expect(delays.map((delay) => delay?.block)).toEqual([
      undefined,
      undefined,
      undefined,
      1000,
      2000,
      4000,
      5000,
      5000,
    ]);
    expect(compileLimits(resolveLockout()).delays.every((delay) => delay === undefined)).toBe(true);
  });

  it('remember an unlocking for as long as any lock that it lifts', () => {
    const { unlocked } = compileLimits(resolveLockout({ account: { duration: '1 day' } }));
    expect(unlocked.window).toBe(86_400_000);
  });
});

describe('The names that somebody is counted under', () => {
  it('tell nothing of the identifier, and are short whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 4, maxLength: 2000 }), (identifier) => {
        const { account, pair } = partitionsOf(identifier, '2001:db8:ffff:ffff::/64');
        expect(account).toMatch(/^[\w-]{43}$/);
        expect(pair.length).toBeLessThanOrEqual(256);
        if (identifier.length > 12) expect(pair).not.toContain(identifier);
      }),
    );
  });

  it('are the same in every process, and others for others', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.ipV4(), fc.ipV4(), (one, other, here, there) => {
        expect(partitionsOf(one, here)).toEqual(partitionsOf(one, here));
        const isSame = one === other && here === there;
        expect(partitionsOf(one, here).pair === partitionsOf(other, there).pair).toBe(isSame);
      }),
    );
  });
});

it('A lock began as long ago as it has held', () => {
  const standing = { allowed: false, remaining: 0, resetAfter: 600, retryAfter: 600, takenAt: 10_000 };
  expect(beganAt(standing, 900)).toBe(9700);
});
