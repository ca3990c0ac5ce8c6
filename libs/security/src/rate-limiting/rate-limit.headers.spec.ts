import { describe, expect, it } from '@jest/globals';
import { countedLimit } from './counted-limit.js';
import { compileStandingFields, retryFields, type ToldStanding } from './rate-limit.headers.js';
import type { RateLimitHeaders } from './rate-limiting.options.js';

const minute = countedLimit({ name: 'perminute' }, { quota: 50, window: 60_000, burst: undefined }, 'fixed-window', 0);
const hour = countedLimit({ name: 'perhour' }, { quota: 1000, window: 3_600_000, burst: undefined }, 'fixed-window', 0);
const short = countedLimit(
  { name: 'short', suffix: '-short' },
  { quota: 3, window: 500, burst: undefined },
  'fixed-window',
  500,
);

const ALLOWED = { isDenied: false, againAfter: 0 };

const STANDINGS: readonly ToldStanding[] = [
  { limit: minute, remaining: 12, resetAfter: 29_001, ...ALLOWED },
  { limit: hour, remaining: 7, resetAfter: 1_800_000, ...ALLOWED },
];

function told(styles: readonly RateLimitHeaders[], standings = STANDINGS): Record<string, string> {
  const fields = compileStandingFields(styles)?.(standings) ?? [];
  for (const { name, key } of fields) expect(key).toBe(name.toLowerCase());
  return Object.fromEntries(fields.map(({ name, value }) => [name, value]));
}

describe('what clients are told of their limits', () => {
  it('is every limit, as structured fields', () => {
    expect(told(['draft'])).toEqual({
      'RateLimit-Policy': '"perminute";q=50;w=60, "perhour";q=1000;w=3600',
      RateLimit: '"perminute";r=12;t=30, "perhour";r=7;t=1800',
    });
  });

  it('is the one that denies first, in the older drafts', () => {
    expect(told(['draft-7'])).toEqual({
      'RateLimit-Policy': '50;w=60, 1000;w=3600',
      RateLimit: 'limit=1000, remaining=7, reset=1800',
    });
    expect(told(['draft-6'])).toEqual({
      'RateLimit-Policy': '50;w=60, 1000;w=3600',
      'RateLimit-Limit': '1000',
      'RateLimit-Remaining': '7',
      'RateLimit-Reset': '1800',
    });
  });

  it('is under the names that @nestjs/throttler uses', () => {
    const standings = [...STANDINGS, { limit: short, remaining: 2, resetAfter: 400, ...ALLOWED }];
    expect(told(['legacy'], standings)).toEqual({
      'X-RateLimit-Limit': '1000',
      'X-RateLimit-Remaining': '7',
      'X-RateLimit-Reset': '1800',
      'X-RateLimit-Limit-short': '3',
      'X-RateLimit-Remaining-short': '2',
      'X-RateLimit-Reset-short': '1',
    });
  });

  it('is one field of each name where several styles are asked for', () => {
    const fields = compileStandingFields(['draft', 'legacy', 'draft-6', 'draft'])?.(STANDINGS) ?? [];
    const keys = fields.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toContain('x-ratelimit-limit');
    expect(fields[0]?.value).toContain('"perminute"');
  });

  it('is nothing where no limit was asked, or nothing is to be told', () => {
    expect(told(['draft'], [])).toEqual({});
    expect(told(['draft', 'legacy'], [])).toEqual({});
    expect(compileStandingFields([])).toBeUndefined();
  });

  it('never asks to wait for longer than a window', () => {
    expect(told(['draft'], [{ limit: minute, remaining: 0, resetAfter: 119_000, ...ALLOWED }])['RateLimit']).toBe(
      '"perminute";r=0;t=60',
    );
  });
});

describe('Retry-After', () => {
  it.each([
    [1, '1'],
    [1000, '1'],
    [1001, '2'],
    [0, '1'],
  ])('of %d milliseconds is %s', (milliseconds, seconds) => {
    expect(retryFields(milliseconds, '')).toEqual([{ name: 'Retry-After', key: 'retry-after', value: seconds }]);
  });

  it('is under the name of the throttler as well', () => {
    expect(retryFields(1500, '-short').map(({ name }) => name)).toEqual(['Retry-After', 'Retry-After-short']);
  });

  it('is left out where waiting does not help', () => {
    expect(retryFields(Infinity, '')).toEqual([]);
  });
});
