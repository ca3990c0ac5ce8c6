import { beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Lease, LeaseClaim, LeasedLimit } from './lease.store.port.js';
import { MemoryLeaseStore } from './memory-lease.store.js';

const exports: LeasedLimit = { id: 'exports', max: 2 };
const all: LeasedLimit = { id: 'all', max: 3 };

function claim(limit: LeasedLimit, partition = 'alice'): LeaseClaim {
  return { limit, partition };
}

describe('The store of leases in memory', () => {
  let store: MemoryLeaseStore;
  let leases = 0;

  beforeEach(() => {
    store = new MemoryLeaseStore();
  });

  function lease(...claims: LeaseClaim[]): Lease {
    return { id: `p.${leases++}`, claims };
  }

  it('has as many places as there are, for each partition of each limit', () => {
    expect(store.acquire(lease(claim(exports)))).toBeUndefined();
    expect(store.acquire(lease(claim(exports)))).toBeUndefined();
    expect(store.acquire(lease(claim(exports)))).toEqual(claim(exports));
    expect(store.acquire(lease(claim(exports, 'bob')))).toBeUndefined();
    expect(store.acquire(lease(claim(all)))).toBeUndefined();
  });

  it('has a place again once one is given back', () => {
    const first = lease(claim(exports));
    store.acquire(first);
    store.acquire(lease(claim(exports)));
    store.release(first);
    expect(store.acquire(lease(claim(exports)))).toBeUndefined();
    expect(store.acquire(lease(claim(exports)))).toEqual(claim(exports));
  });

  it('frees nothing for a lease that is given back twice, or was never held', () => {
    const first = lease(claim(exports));
    store.acquire(first);
    store.acquire(lease(claim(exports)));
    const refused = lease(claim(exports));
    store.acquire(refused);
    store.release(refused);
    store.release(first);
    store.release(first);
    expect(store.acquire(lease(claim(exports)))).toBeUndefined();
    expect(store.acquire(lease(claim(exports)))).toEqual(claim(exports));
  });

  it('takes nothing of the others where one claim is refused', () => {
    store.acquire(lease(claim(exports)));
    store.acquire(lease(claim(exports)));
    for (let i = 0; i < 10; i++) expect(store.acquire(lease(claim(all), claim(exports)))).toEqual(claim(exports));
    for (let i = 0; i < 3; i++) expect(store.acquire(lease(claim(all)))).toBeUndefined();
  });

  it.each([Number.NaN, 0, -1])('lets nobody through where the limit is %d', (max) => {
    expect(store.acquire(lease(claim({ id: 'broken', max })))).toBeDefined();
  });

  it('agrees with a list of what is held, and keeps nothing when that is empty', () => {
    const limits = [exports, all];
    const claims = fc
      .uniqueArray(fc.tuple(fc.constantFrom(...limits), fc.constantFrom('alice', 'bob', '')), {
        minLength: 1,
        selector: ([limit, partition]) => `${limit.id} ${partition}`,
      })
      .map((pairs) => pairs.map(([limit, partition]) => claim(limit, partition)));
    const step = fc.oneof(
      claims.map((taken) => ({ taken })),
      fc.nat({ max: 20 }).map((given) => ({ given })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const tried = new MemoryLeaseStore();
        const held: Lease[] = [];
        for (const action of steps) {
          if ('taken' in action) {
            const next = lease(...action.taken);
            const isFull = ({ limit, partition }: LeaseClaim) =>
              held.flatMap((one) => one.claims).filter((one) => one.limit === limit && one.partition === partition)
                .length >= limit.max;
            expect(tried.acquire(next)).toEqual(next.claims.find(isFull));
            if (!next.claims.some(isFull)) held.push(next);
          } else {
            const [given] = held.splice(action.given % Math.max(1, held.length), 1);
            if (given !== undefined) tried.release(given);
          }
          expect(tried.size).toBe(held.length);
        }
        for (const rest of held) tried.release(rest);
        expect(tried).toEqual(new MemoryLeaseStore());
      }),
    );
  });
});
