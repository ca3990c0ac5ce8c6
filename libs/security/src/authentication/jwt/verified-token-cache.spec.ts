import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { VerifiedTokenCache } from './verified-token-cache.js';

const NOW = 1_000_000;
const LATER = NOW / 1000 + 60;

function cacheWith(token: string, exp = LATER, ttl = 300) {
  const cache = new VerifiedTokenCache<string>(10, ttl);
  cache.set(token, `value of ${token}`, exp, NOW, cache.generation);
  return cache;
}

describe('VerifiedTokenCache', () => {
  it('gives what was stored', () => {
    expect(cacheWith('a').get('a', NOW)).toBe('value of a');
  });

  it('knows nothing of other tokens', () => {
    expect(cacheWith('a').get('b', NOW)).toBeUndefined();
  });

  it('does not take a token for another that ends like it', () => {
    const end = `.${'s'.repeat(43)}`;
    const cache = cacheWith(`claims${end}`);
    expect(cache.get(`other claims${end}`, NOW)).toBeUndefined();
    expect(cache.get(`claims${end}`, NOW)).toBe(`value of claims${end}`);
  });

  it('keeps a token until the moment of its expiry, and not beyond', () => {
    expect(cacheWith('a').get('a', LATER * 1000 - 1)).toBe('value of a');
    expect(cacheWith('a').get('a', LATER * 1000)).toBeUndefined();
  });

  it('keeps a token for its time to live, and not longer', () => {
    expect(cacheWith('a', Infinity, 10).get('a', NOW + 9_999)).toBe('value of a');
    expect(cacheWith('a', Infinity, 10).get('a', NOW + 10_000)).toBeUndefined();
  });

  it('forgets a token that was found too old, even if the clock is set back then', () => {
    const cache = cacheWith('a');
    cache.get('a', LATER * 1000);
    expect(cache.get('a', NOW)).toBeUndefined();
  });

  it('discards what was stored in the future of a clock that was set back', () => {
    const cache = cacheWith('a');
    expect(cache.get('a', NOW - 1)).toBeUndefined();
    expect(cache.get('a', NOW)).toBeUndefined();
  });

  it('gives nothing when the time is no number', () => {
    expect(cacheWith('a').get('a', NaN)).toBeUndefined();
  });

  it.each([
    ['has expired', LATER - 60, NOW],
    ['expires at no number', NaN, NOW],
    ['is verified at no number', LATER, NaN],
  ])('does not store a token that %s', (_, exp, now) => {
    const cache = new VerifiedTokenCache<string>(10, 300);
    cache.set('a', 'value', exp, now, cache.generation);
    expect(cache.size).toBe(0);
  });

  it('is empty when it was cleared', () => {
    const cache = cacheWith('a');
    cache.clear();
    expect(cache.get('a', NOW)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  it('does not store what was begun before it was cleared', () => {
    const cache = cacheWith('a');
    const { generation } = cache;
    cache.clear();
    cache.set('b', 'value', LATER, NOW, generation);
    expect(cache.get('b', NOW)).toBeUndefined();
  });

  it('keeps tokens that are seen again, however many others come once', () => {
    const cache = cacheWith('a');
    for (let index = 0; index < 100; index++) {
      cache.set(`once ${index}`, 'value', LATER, NOW, cache.generation);
      expect(cache.get('a', NOW)).toBe('value of a');
    }
  });

  it('never holds more than its maximum', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(40)), { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 20 }), steps, (max, operations) => {
        const cache = new VerifiedTokenCache<number>(max, 300);
        for (const [store, token] of operations) {
          const found = cache.get(`${token}`, NOW);
          expect([token, undefined]).toContain(found);
          if (store) cache.set(`${token}`, token, LATER, NOW, cache.generation);
          expect(cache.size).toBeLessThanOrEqual(max);
        }
      }),
    );
  });
});
