import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NO_LOAD, sampled, SHEDDABLE, type LoadState } from './load-shedding.policy.js';

const MAX = 100;

function after(lags: readonly number[], from: LoadState = NO_LOAD): LoadState {
  return lags.reduce((state, lag) => sampled(state, lag, MAX), from);
}

function times(count: number, lag: number): number[] {
  return Array<number>(count).fill(lag);
}

const lag = fc.oneof(
  fc.double({ min: 0, max: 1000, noNaN: true }),
  fc.constantFrom(0, 49, 50, 51, 100, 101, 200, 400, 1e9),
);

describe('Shedding', () => {
  it('begins with the second sample in a row that is over the threshold', () => {
    expect(after([101]).level).toBe(0);
    expect(after([101, 101]).level).toBe(1);
  });

  it('does not begin at the threshold itself', () => {
    expect(after(times(10, 100)).level).toBe(0);
  });

  it('begins for nobody who is slow now and then', () => {
    expect(after([5000, 10, 5000, 10, 5000, 10]).level).toBe(0);
  });

  it.each([
    [101, 1],
    [200, 1],
    [201, 2],
    [400, 2],
    [401, 3],
    [60_000, 3],
  ])('sheds at a lag of %d the first %d priorities', (late, level) => {
    expect(after([late, late]).level).toBe(level);
  });

  it('rises to what both samples reached', () => {
    expect(after([150, 60_000]).level).toBe(1);
    expect(after([150, 60_000, 60_000]).level).toBe(3);
  });

  it('goes on between half of the threshold and the threshold, however long', () => {
    expect(after([101, 101, ...times(100, 50)]).level).toBe(1);
    expect(after([101, 101, ...times(100, 99)]).level).toBe(1);
  });

  it('ends after four calm samples in a row, and not before', () => {
    expect(after([101, 101, ...times(3, 49)]).level).toBe(1);
    expect(after([101, 101, ...times(4, 49)]).level).toBe(0);
    expect(after([101, 101, 49, 49, 49, 60, 49, 49, 49]).level).toBe(1);
  });

  it('ends level by level, so that not everybody comes back at once', () => {
    const full = after([1000, 1000]);
    expect([4, 8, 12].map((count) => after(times(count, 0), full).level)).toEqual([2, 1, 0]);
  });

  it('ends by itself from whatever has been', () => {
    fc.assert(
      fc.property(fc.array(lag), (lags) => {
        expect(after(times(12, 0), after(lags)).level).toBe(0);
      }),
    );
  });

  it('never rises by one sample alone, and never falls by more than one level', () => {
    fc.assert(
      fc.property(fc.array(lag), lag, (lags, next) => {
        const calm = sampled(after(lags), 0, MAX);
        expect(sampled(calm, next, MAX).level).toBeLessThanOrEqual(calm.level);
        const before = after(lags).level;
        const { level } = after([...lags, next]);
        expect(level).toBeGreaterThanOrEqual(before - 1);
        expect(level).toBeLessThanOrEqual(SHEDDABLE.length);
      }),
    );
  });
});
