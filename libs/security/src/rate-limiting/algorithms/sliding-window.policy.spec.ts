import { describe, expect, it } from '@jest/globals';
import { Counter } from '../testing/counter.js';
import { limitOf } from '../testing/limits.js';
import { slidingWindow } from './sliding-window.policy.js';

const counter = (quota = 10, window = 1000) => new Counter(slidingWindow, limitOf('sliding-window', { quota, window }));

describe('A sliding window', () => {
  // Times of hits of one unit, and how long each has to wait: two in a second.
  it.each([
    ['lets the quota through', [5000, 5999], [0, 0]],
    ['denies more until enough of it lies behind', [5000, 5000, 5000, 5999, 6000, 6000], [0, 0, 1000, 1, 0, 500]],
    ['lets one unit more through at an edge, and no second burst', [5999, 5999, 6000, 6000], [0, 0, 0, 500]],
    ['counts what lies less than a window back', [5000, 5500, 6499, 6500, 6500], [0, 0, 0, 0, 500]],
    ['serves an even pace, in step with the window', [5000, 5500, 6000, 6500, 7000, 7500, 8000], Array(7).fill(0)],
    ['serves an even pace, out of step with it', [5001, 5501, 6001, 6501, 7001, 7501, 8001], Array(7).fill(0)],
    ['forgets the window before the last', [5000, 5000, 7000, 7000], [0, 0, 0, 0]],
  ])('%s', (_, times, waits) => {
    const hits = counter(2);
    expect(times.map((time) => hits.take(time))).toEqual(waits);
  });

  it('says what is left, rounded down, and when all is there again', () => {
    const hits = counter();
    expect([hits.remaining(5000), hits.resetAfter(5000)]).toEqual([10, 0]);
    hits.take(5300, 4);
    expect([hits.remaining(5999), hits.resetAfter(5999)]).toEqual([6, 751]);
    expect([hits.remaining(6000), hits.resetAfter(6000)]).toEqual([7, 750]);
    expect([hits.remaining(6249), hits.remaining(6250)]).toEqual([7, 8]);
    expect([hits.remaining(6749), hits.resetAfter(6749)]).toEqual([9, 1]);
    expect([hits.remaining(6750), hits.resetAfter(6750)]).toEqual([10, 0]);
  });

  it.each([
    [1, 0],
    [2, 0],
    // Two of the eight must lie behind: the second was taken, as far as is known, when an eighth had gone by.
    [4, 1125],
    [9, 1750],
    [10, 1875],
  ])('makes a cost of %d wait %d ms', (cost, wait) => {
    const hits = counter();
    hits.take(5000, 8);
    expect(hits.waitFor(5000, cost)).toBe(wait);
  });

  it.each([
    ['gives back what was taken in this window', 6100, 6200, 7],
    ['gives back what was taken in the last one', 5000, 6200, 8],
    ['gives back nothing that was taken before', 4999, 6200, 5],
    ['gives back nothing that was taken in the future', 6201, 6200, 5],
  ])('%s', (_, takenAt, now, remaining) => {
    const hits = counter();
    hits.take(5000, 5);
    hits.take(6100, 2);
    hits.refund(now, 5, takenAt);
    expect(hits.remaining(now)).toBe(remaining);
  });

  it('never has more than the quota, whatever is given back', () => {
    const hits = counter();
    hits.take(5000, 4);
    hits.refund(5000, 9, 5000);
    expect(hits.remaining(5000)).toBe(10);
  });

  it('gives back nothing twice when all was given back and taken anew', () => {
    const hits = counter();
    hits.take(5000, 4);
    hits.refund(5100, 4, 5000);
    hits.take(5200, 4);
    hits.refund(5300, 4, 5000);
    expect(hits.remaining(5300)).toBe(6);
  });

  it.each([
    ['within the window', 6000, 2],
    ['to the window before', 5999, 1],
    ['before the epoch', -70_500, 1],
  ])('gives nothing when the clock is set back %s', (_, now, remaining) => {
    const hits = counter();
    hits.take(5000, 5);
    hits.take(6900, 4);
    expect(hits.remaining(6900)).toBe(6);
    expect(hits.remaining(now)).toBeLessThanOrEqual(remaining);
    expect(hits.waitFor(now)).toBeLessThanOrEqual(1000);
    expect(hits.remaining(now + 2000)).toBe(10);
  });

  it('keeps what was taken under a larger quota when the clock is set back', () => {
    const hits = counter(100);
    hits.take(6000, 80);
    const smaller = counter(10);
    smaller.cells.set(hits.cells);
    expect(smaller.waitFor(5000)).toBeGreaterThan(0);
    hits.cells.set(smaller.cells);
    expect(hits.remaining(5000)).toBe(20);
  });

  it('is exact at a hundred million a day', () => {
    const now = Date.UTC(2026, 0, 1);
    const hits = counter(1e8, 86_400_000);
    hits.take(now, 1e8);
    const wait = hits.waitFor(now);
    expect(wait).toBe(86_400_000);
    expect(hits.waitFor(now + wait - 1)).toBe(1);
    expect(hits.take(now + wait)).toBe(0);
  });
});
