import { describe, expect, it } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MemoryRateLimitStore } from './memory.store.js';
import type { Standing } from './rate-limit.store.port.js';
import { ALGORITHMS, chargeOf, limitOf, ManualClock } from './testing/limits.js';

const DAY = 86_400_000;

function storeOf(maxClients: number) {
  const clock = new ManualClock();
  const store = new MemoryRateLimitStore({ maxClients, clock });
  return { clock, store };
}

/** What is left to somebody, without a hit. */
function left(store: MemoryRateLimitStore, limit: ReturnType<typeof limitOf>, partition: string): Standing {
  return store.peek([chargeOf(limit, 0, partition)])[0] as Standing;
}

describe.each(ALGORITHMS)('A memory store with a %s that is flooded with clients', (algorithm) => {
  const limit = limitOf(algorithm, { window: DAY });

  it('never keeps more than its maximum, of all limits together', () => {
    const { store } = storeOf(1000);
    const other = limitOf(algorithm, { id: 'other', window: DAY });
    let most = 0;
    for (let i = 0; i < 10_000; i++) {
      store.consume([chargeOf(limit, 1, `${i}`)]);
      store.consume([chargeOf(limit, 2, `${i}`), chargeOf(other, 1, `${i}`)]);
      most = Math.max(most, store.size);
    }
    expect(most).toBe(1000);
    expect(store.size).toBe(1000);
  });

  it('goes on counting who has taken more than the flood', () => {
    const { store } = storeOf(1000);
    const blocking = limitOf(algorithm, { id: 'blocking', window: DAY, block: DAY });
    store.consume([chargeOf(limit, 10, 'exhausted'), chargeOf(limit, 3, 'busy'), chargeOf(blocking, 10, 'blocked')]);
    store.consume([chargeOf(blocking, 1, 'blocked')]);
    for (let i = 0; i < 20_000; i++) store.consume([chargeOf(limit, 1, `${i}`)]);
    expect(left(store, limit, 'exhausted')).toMatchObject({ remaining: 0 });
    expect(left(store, limit, 'busy')).toMatchObject({ remaining: 7 });
    expect(left(store, blocking, 'blocked')).toMatchObject({ allowed: false });
  });

  it('goes on counting who is blocked, though the flood has taken all it may', () => {
    const { store } = storeOf(1000);
    const blocking = limitOf(algorithm, { id: 'blocking', window: DAY, quota: 1, block: DAY });
    store.consume([chargeOf(blocking, 1, 'blocked')]);
    store.consume([chargeOf(blocking, 1, 'blocked')]);
    for (let i = 0; i < 20_000; i++) store.consume([chargeOf(limit, 10, `${i}`)]);
    expect(left(store, blocking, 'blocked')).toMatchObject({ allowed: false });
  });

  it('counts a client for whom another had to go from the beginning', () => {
    const { store } = storeOf(1);
    store.consume([chargeOf(limit, 10, 'a')]);
    expect(store.consume([chargeOf(limit, 1, 'b')])).toMatchObject([{ allowed: true, remaining: 9 }]);
    expect(left(store, limit, 'b')).toMatchObject({ remaining: 9 });
    expect(left(store, limit, 'a')).toMatchObject({ remaining: 10 });
  });

  it('forgets the one who has taken the least', () => {
    const { store } = storeOf(3);
    for (const [name, cost] of [
      ['a', 3],
      ['b', 1],
      ['c', 2],
      ['d', 4],
    ] as const) {
      store.consume([chargeOf(limit, cost, name)]);
    }
    expect(['a', 'b', 'c', 'd'].map((name) => left(store, limit, name).remaining)).toEqual([7, 10, 8, 6]);
  });

  it('forgets one who is not blocked before one who is, and of these the one who had taken less', () => {
    const { store } = storeOf(3);
    const blocking = limitOf(algorithm, { window: DAY, block: DAY });
    for (const [name, cost] of [
      ['a', 2],
      ['b', 1],
      ['c', 10],
    ] as const) {
      store.consume([chargeOf(blocking, cost, name)]);
      if (name !== 'c') store.consume([chargeOf(blocking, 10, name)]);
    }
    const known = () => ['a', 'b', 'c'].filter((name) => left(store, blocking, name).remaining < 10);
    expect(known()).toEqual(['a', 'b', 'c']);
    store.consume([chargeOf(blocking, 11, 'd')]);
    expect(known()).toEqual(['a', 'b']);
    // Whoever was blocked without having taken anything weighs the least.
    store.consume([chargeOf(blocking, 1, 'e')]);
    expect(known()).toEqual(['a', 'b']);
    store.consume([chargeOf(blocking, 5, 'f')]);
    store.consume([chargeOf(blocking, 6, 'f')]);
    store.consume([chargeOf(blocking, 1, 'g')]);
    expect(known()).toEqual(['a']);
  });
});

describe('A memory store', () => {
  it.each(ALGORITHMS)(
    'forgets, of two who have taken as much with a %s, the one it would forget first',
    (algorithm) => {
      const { store } = storeOf(2);
      const long = limitOf(algorithm, { id: 'long', window: DAY });
      const short = limitOf(algorithm, { id: 'short', window: DAY / 2 });
      store.consume([chargeOf(long, 2), chargeOf(short, 2)]);
      store.consume([chargeOf(long, 5, 'bob')]);
      expect(left(store, long, 'alice')).toMatchObject({ remaining: 8 });
      expect(left(store, short, 'alice')).toMatchObject({ remaining: 10 });
    },
  );

  it('forgets one whose units are all there again before anybody else', () => {
    const { clock, store } = storeOf(2);
    const short = limitOf('fixed-window', { id: 'short' });
    const long = limitOf('fixed-window', { id: 'long', window: DAY });
    store.consume([chargeOf(short, 10), chargeOf(long, 1)]);
    clock.time += 1000;
    store.consume([chargeOf(long, 1, 'bob')]);
    expect(left(store, long, 'alice')).toMatchObject({ remaining: 9 });
    expect(left(store, long, 'bob')).toMatchObject({ remaining: 9 });
  });

  it('makes room of those whose units are all there again, a few with every client that comes', () => {
    const { clock, store } = storeOf(10_000);
    const limit = limitOf('fixed-window');
    for (let i = 0; i < 5000; i++) store.consume([chargeOf(limit, 1, `early ${i}`)]);
    clock.time += 60_000;
    for (let i = 0; i < 3000; i++) store.consume([chargeOf(limit, 1, `late ${i}`)]);
    expect(store.size).toBe(3000);
    for (let i = 0; i < 3000; i++) expect(left(store, limit, `late ${i}`)).toMatchObject({ remaining: 9 });
  });

  it('leaves those alone for a while, who may come again', () => {
    const { clock, store } = storeOf(100);
    const limit = limitOf('fixed-window');
    for (let i = 0; i < 10; i++) store.consume([chargeOf(limit, 1, `early ${i}`)]);
    clock.time += 10_999;
    for (let i = 0; i < 10; i++) store.consume([chargeOf(limit, 1, `late ${i}`)]);
    expect(store.size).toBe(20);
  });

  it('makes room of one to whom all was given back', () => {
    const { clock, store } = storeOf(100);
    const limit = limitOf('fixed-window', { window: DAY });
    store.consume([chargeOf(limit, 9, 'refunded')]);
    store.refund([{ ...chargeOf(limit, 9, 'refunded'), takenAt: clock.time }]);
    clock.time += 60_000;
    store.consume([chargeOf(limit, 1, 'new')]);
    expect(store.size).toBe(1);
  });

  it('forgets limits that nobody is counted for', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { store } = storeOf(10);
    const count = (from: number) => {
      for (let i = from; i < from + 20_000; i++)
        store.consume([chargeOf(limitOf('fixed-window', { id: `limit ${i}` }))]);
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = count(0);
    expect(count(20_000) - before).toBeLessThan(2_000_000);
  });

  it('keeps about twice the clients that count, however long it runs', () => {
    const { clock, store } = storeOf(100_000);
    const limit = limitOf('fixed-window');
    for (let i = 0; i < 60_000; i++) {
      store.consume([chargeOf(limit, 1, `${i}`)]);
      // 1,000 clients count at a time, and 11,000 would be found if they came back.
      clock.time += 1;
    }
    expect(store.size).toBeLessThan(25_000);
  });

  it('goes on counting somebody who comes while the others go', () => {
    const { clock, store } = storeOf(100);
    const limit = limitOf('fixed-window', { window: DAY });
    const short = limitOf('fixed-window', { id: 'short', window: 1 });
    for (let i = 0; i < 10; i++) {
      store.consume([chargeOf(limit)]);
      for (let j = 0; j < 1000; j++) store.consume([chargeOf(short, 1, `${i} ${j}`)]);
      clock.time += 60_000;
    }
    expect(left(store, limit, 'alice')).toMatchObject({ remaining: 0 });
  });

  it('has no timers', () => {
    const before = process.getActiveResourcesInfo();
    const { store } = storeOf(100);
    for (let i = 0; i < 1000; i++) store.consume([chargeOf(limitOf('fixed-window'), 1, `${i}`)]);
    expect(process.getActiveResourcesInfo()).toEqual(before);
  });
});
