import { describe, expect, it } from '@jest/globals';
import { Counter } from '../testing/counter.js';
import { limitOf } from '../testing/limits.js';
import { fixedWindow } from './fixed-window.policy.js';

const counter = (quota = 10, window = 1000) => new Counter(fixedWindow, limitOf('fixed-window', { quota, window }));

describe('A fixed window', () => {
  // Times of hits of one unit, and how long each has to wait: three in a second.
  it.each([
    ['lets the quota through', [5000, 5000, 5999], [0, 0, 0]],
    ['denies more until it is over', [5000, 5000, 5400, 5400, 5999], [0, 0, 0, 600, 1]],
    ['begins with the first unit, and ends when it is over', [5900, 6000, 6000, 6899, 6900], [0, 0, 0, 1, 0]],
    ['begins again with the first unit after it', [5000, 7700, 7700, 8699, 8699], [0, 0, 0, 0, 1]],
  ])('%s', (_, times, waits) => {
    const hits = counter(3);
    expect(times.map((time) => hits.take(time))).toEqual(waits);
  });

  it('says what is left and when all is there again', () => {
    const hits = counter();
    expect([hits.remaining(5000), hits.resetAfter(5000)]).toEqual([10, 0]);
    hits.take(5000, 4);
    expect([hits.remaining(5300), hits.resetAfter(5300)]).toEqual([6, 700]);
    expect([hits.remaining(6000), hits.resetAfter(6000)]).toEqual([10, 0]);
  });

  it('denies a cost that is more than what is left, and takes nothing', () => {
    const hits = counter();
    hits.take(5000, 8);
    expect(hits.take(5200, 3)).toBe(800);
    expect(hits.take(5200, 2)).toBe(0);
  });

  it.each([
    ['gives back what was taken in it', 5000, 5500, 10],
    ['gives back nothing that was taken in the one before', 4999, 5500, 6],
    ['gives back nothing that was taken in the future', 5501, 5500, 6],
    ['has nothing to give back when it is over', 5000, 6000, 10],
  ])('%s', (_, takenAt, now, remaining) => {
    const hits = counter();
    hits.take(5000, 4);
    hits.refund(now, 4, takenAt);
    expect(hits.remaining(now)).toBe(remaining);
  });

  it('never has more than the quota, whatever is given back', () => {
    const hits = counter();
    hits.take(5000, 4);
    hits.refund(5000, 9, 5000);
    expect(hits.remaining(5000)).toBe(10);
  });

  it('begins with the next unit when all was given back', () => {
    const hits = counter(1);
    hits.take(5000);
    hits.refund(5500, 1, 5000);
    hits.take(5500);
    expect(hits.waitFor(6000)).toBe(500);
  });

  it('keeps its end when the limit gets another window', () => {
    const hits = counter(1, 60_000);
    hits.take(5000);
    const shorter = new Counter(fixedWindow, limitOf('fixed-window', { quota: 1, window: 10 }));
    shorter.cells.set(hits.cells);
    expect(shorter.waitFor(6000)).toBe(59_000);
  });

  it.each([
    ['within it', 5100, 900],
    ['before it', 1000, 1000],
    ['before the epoch', -70_000, 1000],
  ])('gives nothing and lasts no longer when the clock is set back %s', (_, now, wait) => {
    const hits = counter(1);
    hits.take(5000);
    hits.waitFor(5600);
    expect(hits.waitFor(now)).toBe(wait);
    expect(hits.waitFor(now + wait - 1)).toBe(1);
    expect(hits.waitFor(now + wait)).toBe(0);
  });
});
