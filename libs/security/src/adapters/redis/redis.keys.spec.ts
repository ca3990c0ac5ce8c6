import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { RateLimitAlgorithm, StoredLimit } from '../../rate-limiting/rate-limit.store.port.js';
import { countKey, hashTag } from './redis.keys.js';

function limit(id: string, algorithm: RateLimitAlgorithm = 'fixed-window'): StoredLimit {
  return { id, algorithm, quota: 5, window: 9000, burst: 5, block: 0 };
}

/** What a cluster hashes of a key (Redis Cluster specification, "Hash tags"). */
function hashed(key: string): string {
  const open = key.indexOf('{');
  const close = open === -1 ? -1 : key.indexOf('}', open + 1);
  return close > open + 1 ? key.slice(open + 1, close) : key;
}

const partitions = fc.oneof(
  fc.string({ maxLength: 256, unit: 'binary' }),
  fc.string({ maxLength: 6, unit: fc.constantFrom('{', '}', ':', '#', 'a', '\ud800', '\udfff', '\0') }),
);
const ids = fc.string({ minLength: 1, maxLength: 200, unit: fc.constantFrom('{', '}', ':', 'a', 't', 'f', '#') });

describe('the key of a count', () => {
  it.each([
    ['192.0.2.1', 'palisade:{192.0.2.1}:f:api'],
    ['2001:db8:1:2::', 'palisade:{2001:db8:1:2::}:f:api'],
    ['user@bank.example', 'palisade:{user@bank.example}:f:api'],
  ])('shows a plain partition: %s', (partition, key) => {
    expect(countKey('palisade', { limit: limit('api'), partition })).toBe(key);
  });

  it.each([['a}b'], ['{}'], [''], ['#a'], ['a b'], ['a\nb'], ['é'], ['x'.repeat(65)]])(
    'shows the hash of any other: %j',
    (partition) => {
      expect(hashTag(partition)).toMatch(/^#[\w-]{43}$/);
    },
  );

  it('tells algorithms apart, so that a limit which changes to another starts anew', () => {
    const algorithms: RateLimitAlgorithm[] = ['token-bucket', 'sliding-window', 'fixed-window'];
    const keys = algorithms.map((algorithm) => countKey('p', { limit: limit('api', algorithm), partition: 'a' }));
    expect(keys).toEqual(['p:{a}:t:api', 'p:{a}:s:api', 'p:{a}:f:api']);
  });

  it('differs where the partition or the limit differs', () => {
    fc.assert(
      fc.property(partitions, ids, partitions, ids, (partition, id, otherPartition, otherId) => {
        const same = partition === otherPartition && id === otherId;
        const key = countKey('p', { limit: limit(id), partition });
        const other = countKey('p', { limit: limit(otherId), partition: otherPartition });
        expect(key === other).toBe(same);
      }),
    );
  });

  it('lies on the node of its partition, whatever the limit', () => {
    fc.assert(
      fc.property(partitions, ids, (partition, id) => {
        expect(hashed(countKey('p', { limit: limit(id), partition }))).toBe(hashTag(partition));
      }),
    );
  });

  it('is of bounded length', () => {
    fc.assert(
      fc.property(partitions, ids, (partition, id) => {
        expect(countKey('x'.repeat(64), { limit: limit(id), partition }).length).toBeLessThanOrEqual(333);
      }),
    );
  });
});
