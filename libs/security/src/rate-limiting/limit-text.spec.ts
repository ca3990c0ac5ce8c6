import { describe, expect, it } from '@jest/globals';
import { parseDuration, parseLimit } from './limit-text.js';

describe('the text of a limit', () => {
  it.each([
    ['100/minute', 100, 60_000, undefined],
    ['5/15 minutes', 5, 900_000, undefined],
    ['5/15minutes', 5, 900_000, undefined],
    ['5 / 15 min', 5, 900_000, undefined],
    ['10/second burst 20', 10, 1000, 20],
    ['1/day', 1, 86_400_000, undefined],
    ['0/hour', 0, 3_600_000, undefined],
    ['3/500ms', 3, 500, undefined],
  ])('reads %s', (text, quota, window, burst) => {
    expect(parseLimit(text)).toEqual({ quota, window, burst });
  });

  it.each([
    '',
    '/minute',
    '100',
    '100/',
    '100/fortnight',
    '-1/minute',
    '1.5/minute',
    '100/0 minutes',
    '100/minute burst',
    '100/minute burst -1',
    '100/minute/hour',
    '1e3/minute',
    '100/MINUTE',
    ' 100/minute',
    '100/toString',
    '100/400 days',
  ])('refuses %j', (text) => {
    expect(parseLimit(text)).toBeUndefined();
  });
});

describe('a duration', () => {
  it.each([
    [1, 1],
    [60_000, 60_000],
    ['hour', 3_600_000],
    ['2 hours', 7_200_000],
    ['30s', 30_000],
  ])('reads %j', (value, milliseconds) => {
    expect(parseDuration(value)).toBe(milliseconds);
  });

  it.each([0, -1, 1.5, NaN, Infinity, '0 seconds', '1 week', 'constructor', null, undefined, {}, '1000'])(
    'refuses %j',
    (value) => {
      expect(parseDuration(value)).toBeUndefined();
    },
  );
});
