import { describe, expect, it } from '@jest/globals';
import { Counter } from '../testing/counter.js';
import { limitOf } from '../testing/limits.js';
import { tokenBucket } from './token-bucket.policy.js';

const counter = (quota = 10, burst = quota, window = 1000) =>
  new Counter(tokenBucket, limitOf('token-bucket', { quota, burst, window }));

describe('A token bucket', () => {
  // Times of hits of one unit, and how long each has to wait: one every 100 ms, two at once.
  it.each([
    ['lets the burst through at once', [5000, 5000], [0, 0]],
    ['denies more until a unit is back', [5000, 5000, 5000, 5060, 5099], [0, 0, 100, 40, 1]],
    ['gives units back one by one', [5000, 5000, 5100, 5100, 5200, 5250, 5300], [0, 0, 0, 100, 0, 50, 0]],
    ['never has more than the burst', [5000, 9000, 9000, 9000], [0, 0, 0, 100]],
  ])('%s', (_, times, waits) => {
    const hits = counter(10, 2);
    expect(times.map((time) => hits.take(time))).toEqual(waits);
  });

  it('says what is left, rounded down, and when all is there again, rounded up', () => {
    const hits = counter(3);
    expect([hits.remaining(5000), hits.resetAfter(5000)]).toEqual([3, 0]);
    hits.take(5000);
    // A unit takes 333 1/3 ms.
    expect([hits.remaining(5333), hits.resetAfter(5333)]).toEqual([2, 1]);
    expect([hits.remaining(5334), hits.resetAfter(5334)]).toEqual([3, 0]);
  });

  it('keeps the fraction of a millisecond', () => {
    const hits = counter(3, 1);
    const waits: number[] = [];
    for (let now = 5000; waits.length < 6; now += waits.at(-1) as number) {
      hits.take(now);
      waits.push(hits.waitFor(now));
    }
    // One that is served late is not made good for, but none waits longer than it must.
    expect(waits).toEqual([334, 334, 334, 334, 334, 334]);
    const spread = counter(3);
    expect([0, 0, 0, 334, 667, 1000].map((after) => spread.take(5000 + after))).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('makes a larger cost wait longer', () => {
    const hits = counter();
    hits.take(5000, 8);
    expect([1, 2, 3, 10].map((cost) => hits.waitFor(5000, cost))).toEqual([0, 0, 100, 800]);
  });

  it('takes a burst that is larger than the quota, and is long in paying it back', () => {
    const hits = counter(10, 50);
    expect(hits.take(5000, 50)).toBe(0);
    expect(hits.resetAfter(5000)).toBe(5000);
    expect(hits.waitFor(5000, 50)).toBe(5000);
  });

  it.each([
    ['a million a day', 1e6, 86_400_000, 87],
    ['a thousand million in a millisecond', 1e9, 1, 1],
    ['one in a year', 1, 31_536_000_000, 31_536_000_000],
  ])('is exact at %s', (_, quota, window, wait) => {
    const hits = counter(quota, quota, window);
    const now = Date.UTC(2026, 0, 1);
    hits.take(now, quota);
    expect(hits.remaining(now)).toBe(0);
    expect(hits.waitFor(now)).toBe(wait);
    expect(hits.waitFor(now + wait - 1)).toBe(1);
    expect(hits.take(now + wait)).toBe(0);
  });

  it.each([
    ['gives back what was taken', 5000, 5100, 9],
    ['gives back nothing that was taken before all was there again', 4000, 5100, 6],
    ['gives back nothing that was taken in the future', 5101, 5100, 6],
  ])('%s', (_, takenAt, now, remaining) => {
    const hits = counter();
    hits.take(4000, 4);
    hits.take(5000, 4);
    hits.take(5000, 1);
    hits.refund(now, 3, takenAt);
    expect(hits.remaining(now)).toBe(remaining);
  });

  it('never has more than the burst, whatever is given back', () => {
    const hits = counter();
    hits.take(5000, 4);
    hits.refund(5000, 9, 5000);
    expect(hits.remaining(5000)).toBe(10);
  });

  it.each([4999, 0, -70_000])('gives nothing when the clock is set back to %d, and begins to pay back there', (now) => {
    const hits = counter(10, 2);
    hits.take(5000, 2);
    expect(hits.waitFor(now)).toBe(100);
    expect(hits.waitFor(now + 99)).toBe(1);
    expect(hits.waitFor(now + 100)).toBe(0);
  });

  it('tells what is missing without being settled', () => {
    const hits = counter();
    hits.take(5000, 4);
    expect([hits.missing(4000), hits.missing(5000), hits.missing(5100), hits.missing(9000)]).toEqual([4, 4, 3, 0]);
  });
});
