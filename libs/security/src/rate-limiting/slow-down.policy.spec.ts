import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countedLimit } from './counted-limit.js';
import { delayOf, scaledTo } from './slow-down.policy.js';

const slowDown = { after: 60, step: 100, max: 2000 };

function limitOf(quota: number, burst?: number) {
  const algorithm = burst === undefined ? 'sliding-window' : 'token-bucket';
  return countedLimit({ name: 'api' }, { quota, window: 60_000, burst }, algorithm, 0);
}

describe('A limit that slows down', () => {
  it.each([
    [99, 0],
    [41, 0],
    [40, 0],
    [39, 100],
    [38, 200],
    [20, 2000],
    [19, 2000],
    [0, 2000],
  ])('has a request wait that leaves %d of 100 units: %d ms', (remaining, delay) => {
    expect(delayOf(slowDown, limitOf(100), remaining)).toBe(delay);
  });

  it('counts what a bucket holds, not what comes back in its window', () => {
    expect(delayOf({ ...slowDown, after: 5 }, limitOf(1000, 10), 5)).toBe(0);
    expect(delayOf({ ...slowDown, after: 5 }, limitOf(1000, 10), 4)).toBe(100);
  });

  it('begins at the same share of the limit of a plan', () => {
    expect(scaledTo(slowDown, limitOf(100), limitOf(1000)).after).toBe(600);
    expect(scaledTo(slowDown, limitOf(100), limitOf(1)).after).toBe(0);
  });

  it('never waits longer than the longest delay, nor less for whoever has less left', () => {
    const units = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(units, units, units, fc.integer({ min: 1, max: 60_000 }), (after, one, other, max) => {
        const delay = (remaining: number) => delayOf({ after, step: 100, max }, limitOf(100), remaining);
        expect(delay(one)).toBeLessThanOrEqual(max);
        expect(delay(Math.min(one, other))).toBeGreaterThanOrEqual(delay(Math.max(one, other)));
      }),
    );
  });
});
