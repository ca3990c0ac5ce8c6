import { describe, expect, it } from '@jest/globals';
import { SecurityConfigurationError } from '../core/errors.js';
import { MemoryRateLimitStore } from './memory.store.js';
import type { Standing, StoredLimit } from './rate-limit.store.port.js';
import { ALGORITHMS, chargeOf, limitOf, ManualClock } from './testing/limits.js';

function storeWithClock() {
  const clock = new ManualClock();
  const store = new MemoryRateLimitStore({ clock });
  const hit = (limit: StoredLimit, cost = 1, partition = 'alice') =>
    store.consume([chargeOf(limit, cost, partition)])[0] as Standing;
  const look = (limit: StoredLimit, cost = 1, partition = 'alice') =>
    store.peek([chargeOf(limit, cost, partition)])[0] as Standing;
  return { clock, store, hit, look };
}

describe.each(ALGORITHMS)('MemoryRateLimitStore with a %s', (algorithm) => {
  it('tells how a client stands after each hit', () => {
    const { clock, hit } = storeWithClock();
    expect(hit(limitOf(algorithm), 4)).toEqual({
      allowed: true,
      remaining: 6,
      resetAfter: { 'token-bucket': 400, 'sliding-window': 1750, 'fixed-window': 1000 }[algorithm],
      retryAfter: 0,
      takenAt: clock.time,
    });
  });

  it('denies what is more than is left, and takes nothing', () => {
    const { hit, look } = storeWithClock();
    const limit = limitOf(algorithm);
    hit(limit, 8);
    expect(hit(limit, 3)).toMatchObject({ allowed: false, remaining: 2 });
    expect(look(limit, 2)).toMatchObject({ allowed: true });
  });

  it('allows as much when the client has waited as told, and not before', () => {
    const { clock, hit, look } = storeWithClock();
    const limit = limitOf(algorithm);
    hit(limit, 10);
    const { retryAfter } = hit(limit, 3);
    clock.time += retryAfter - 1;
    expect(look(limit, 3)).toMatchObject({ allowed: false, retryAfter: 1 });
    clock.time += 1;
    expect(hit(limit, 3)).toMatchObject({ allowed: true });
  });

  it('takes nothing with a cost of 0, and denies it to nobody but who is blocked', () => {
    const { hit } = storeWithClock();
    const limit = limitOf(algorithm, { block: 5000 });
    hit(limit, 10);
    expect(hit(limit, 0)).toMatchObject({ allowed: true, remaining: 0, retryAfter: 0 });
    expect(hit(limitOf(algorithm, { quota: 5 }), 0)).toMatchObject({ allowed: true, remaining: 0, retryAfter: 0 });
    hit(limit);
    expect(hit(limit, 0)).toMatchObject({ allowed: false, retryAfter: 5000 });
  });

  it('never allows a cost that is more than there ever is', () => {
    const { hit } = storeWithClock();
    const limit = limitOf(algorithm, { block: 5000 });
    expect(hit(limitOf(algorithm), 11)).toMatchObject({ allowed: false, remaining: 10, retryAfter: Infinity });
    expect(hit(limit, 11)).toMatchObject({ allowed: false, remaining: 0, retryAfter: Infinity });
    expect(hit(limit, 1)).toMatchObject({ allowed: false, retryAfter: 5000 });
  });

  it.each([0, 1])('allows nothing where the quota is 0, at a cost of %d', (cost) => {
    const { store, hit } = storeWithClock();
    const limit = limitOf(algorithm, { quota: 0, burst: 1, block: 5000 });
    const denied = { allowed: false, remaining: 0, resetAfter: 0, retryAfter: Infinity };
    expect(hit(limit, cost)).toMatchObject(denied);
    expect(store.size).toBe(0);
  });

  it('keeps what was counted while the client has a plan with a quota of 0', () => {
    const { clock, store, hit, look } = storeWithClock();
    const limit = limitOf(algorithm);
    const nothing = limitOf(algorithm, { quota: 0 });
    const { takenAt } = hit(limit, 10);
    clock.time += 10;
    hit(nothing);
    store.refund([{ ...chargeOf(nothing, 10), takenAt }]);
    expect(look(limit)).toMatchObject({ allowed: false });
  });

  it('denies a cost that is no number', () => {
    const { hit } = storeWithClock();
    expect(hit(limitOf(algorithm), NaN)).toMatchObject({ allowed: false });
  });

  it('blocks who asked for more, and lets them start anew afterwards', () => {
    const { clock, hit } = storeWithClock();
    const limit = limitOf(algorithm, { block: 5000 });
    hit(limit, 9);
    expect(hit(limit, 2)).toMatchObject({ allowed: false, remaining: 0, resetAfter: 5000, retryAfter: 5000 });
    clock.time += 4999;
    expect(hit(limit)).toMatchObject({ allowed: false, remaining: 0, resetAfter: 1, retryAfter: 1 });
    clock.time += 1;
    expect(hit(limit, 10)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('lets who was blocked for less than the window start anew as well', () => {
    const { clock, hit } = storeWithClock();
    const limit = limitOf(algorithm, { block: 5 });
    hit(limit, 10);
    hit(limit);
    clock.time += 5;
    expect(hit(limit, 10)).toMatchObject({ allowed: true });
  });

  it('answers a look as it would answer a hit, and blocks nobody by it', () => {
    const { store, hit, look } = storeWithClock();
    const limit = limitOf(algorithm, { block: 5000 });
    expect(look(limit)).toMatchObject({ allowed: true, remaining: 9 });
    expect(store.size).toBe(0);
    hit(limit, 10);
    expect(look(limit)).toMatchObject({ allowed: false, retryAfter: 5000 });
    expect(look(limit, 0)).toMatchObject({ allowed: true });
  });

  it('gives nothing back to who is blocked, or was since', () => {
    const { clock, store, hit, look } = storeWithClock();
    const limit = limitOf(algorithm, { block: 5 });
    const { takenAt } = hit(limit, 10);
    clock.time += 1;
    hit(limit);
    store.refund([{ ...chargeOf(limit, 10), takenAt }]);
    expect(look(limit)).toMatchObject({ allowed: false, retryAfter: 5 });
    clock.time += 5;
    hit(limit, 10);
    store.refund([{ ...chargeOf(limit, 10), takenAt }]);
    expect(look(limit, 0)).toMatchObject({ remaining: 0 });
  });

  it('does not prolong a block when the clock is set back', () => {
    const { clock, hit } = storeWithClock();
    const limit = limitOf(algorithm, { block: 5000 });
    hit(limit, 11);
    clock.time -= 3_600_000;
    expect(hit(limit)).toMatchObject({ allowed: false, retryAfter: 5000 });
    clock.time += 5000;
    expect(hit(limit, 10)).toMatchObject({ allowed: true });
  });

  it('lets go of a client whom a clock that was set back has found without units', () => {
    const { clock, hit } = storeWithClock();
    const limit = limitOf(algorithm);
    hit(limit, 10);
    clock.time -= 3_600_000;
    clock.time += hit(limit).retryAfter;
    expect(hit(limit)).toMatchObject({ allowed: true });
  });

  it('takes of all limits or of none', () => {
    const { store, look } = storeWithClock();
    const narrow = limitOf(algorithm, { id: 'narrow', quota: 2 });
    const wide = limitOf(algorithm, { id: 'wide' });
    const charges = [chargeOf(wide, 3), chargeOf(narrow, 2), chargeOf(wide, 1, 'bob')];
    expect(store.consume(charges)).toMatchObject([{ remaining: 7 }, { remaining: 0 }, { remaining: 9 }]);
    expect(store.consume(charges)).toMatchObject([
      { allowed: true, remaining: 7, retryAfter: 0 },
      { allowed: false, remaining: 0 },
      { allowed: true, remaining: 9, retryAfter: 0 },
    ]);
    expect(look(wide, 0)).toMatchObject({ remaining: 7 });
    expect(look(wide, 0, 'bob')).toMatchObject({ remaining: 9 });
  });

  it('takes nothing of the others where one of the costs is no number', () => {
    const { store, look } = storeWithClock();
    const [one, other] = [limitOf(algorithm, { id: 'one' }), limitOf(algorithm, { id: 'other' })];
    store.consume([chargeOf(one, 3), chargeOf(other, NaN)]);
    expect(look(one, 0)).toMatchObject({ remaining: 10 });
  });

  it('takes of as many limits as it is given', () => {
    const { store } = storeWithClock();
    const charges = Array.from({ length: 50 }, (_, i) => chargeOf(limitOf(algorithm, { id: `limit ${i}` }), i % 10));
    const remaining = charges.map(({ cost }) => 10 - cost);
    expect(store.consume(charges).map((standing) => standing.remaining)).toEqual(remaining);
    expect(store.peek(charges.map((charge) => ({ ...charge, cost: 0 }))).map((standing) => standing.remaining)).toEqual(
      remaining,
    );
  });

  it('blocks nobody but by the limits that deny', () => {
    const { store, look } = storeWithClock();
    const narrow = limitOf(algorithm, { id: 'narrow', quota: 2, block: 5000 });
    const wide = limitOf(algorithm, { id: 'wide', block: 5000 });
    const [, denied] = store.consume([chargeOf(wide, 3), chargeOf(narrow, 3)]);
    expect(denied).toMatchObject({ allowed: false });
    expect(look(narrow)).toMatchObject({ allowed: false, retryAfter: 5000 });
    expect(look(wide, 0)).toMatchObject({ allowed: true, remaining: 10 });
  });

  it('counts every limit and partition by itself', () => {
    const { hit, look } = storeWithClock();
    hit(limitOf(algorithm, { id: 'a' }), 10);
    expect(look(limitOf(algorithm, { id: 'b' }))).toMatchObject({ allowed: true });
    expect(look(limitOf(algorithm, { id: 'a' }), 1, 'bob')).toMatchObject({ allowed: true });
    expect(look(limitOf(algorithm, { id: 'a', quota: 12 }), 2)).toMatchObject({ allowed: true, remaining: 0 });
  });

  it('forgets what is reset, blocks included', () => {
    const { store, hit } = storeWithClock();
    const limit = limitOf(algorithm, { block: 5000 });
    hit(limit, 11);
    store.reset([
      { limit, partition: 'alice' },
      { limit, partition: 'nobody' },
    ]);
    expect(store.size).toBe(0);
    expect(hit(limit, 10)).toMatchObject({ allowed: true });
  });

  it('gives nothing back to somebody it does not know', () => {
    const { clock, store, look } = storeWithClock();
    const limit = limitOf(algorithm);
    store.refund([{ ...chargeOf(limit, 4), takenAt: clock.time }]);
    expect(look(limit)).toMatchObject({ remaining: 9 });
    expect(store.size).toBe(0);
  });
});

describe('MemoryRateLimitStore', () => {
  it('counts limits of one id apart where they differ in their algorithm', () => {
    const { hit } = storeWithClock();
    for (const algorithm of ALGORITHMS) expect(hit(limitOf(algorithm), 10)).toMatchObject({ allowed: true });
    for (const algorithm of ALGORITHMS) expect(hit(limitOf(algorithm))).toMatchObject({ allowed: false });
  });

  it.each([
    ['of any characters', '✓\ud800 ä', '✓\ud801 ä'],
    ['of many characters', `${'ä'.repeat(20)}1`, `${'ä'.repeat(20)}2`],
    ['of many characters of many languages', `${'✓'.repeat(20)}1`, `${'✓'.repeat(20)}2`],
    ['longer than the store keeps', `${'a'.repeat(5000)}1`, `${'a'.repeat(5000)}2`],
    ['that are names of Object', '__proto__', 'constructor'],
    ['without characters', '', ' '],
  ])('tells partitions apart %s', (_, one, other) => {
    const { hit, look } = storeWithClock();
    const limit = limitOf('fixed-window');
    hit(limit, 10, one);
    expect(look(limit, 1, one)).toMatchObject({ allowed: false });
    expect(look(limit, 1, other)).toMatchObject({ allowed: true });
  });

  it('answers nothing where nothing is charged', () => {
    const { store } = storeWithClock();
    expect([store.consume([]), store.peek([])]).toEqual([[], []]);
  });

  it('takes whole milliseconds of a clock that has fractions', () => {
    const { clock, hit } = storeWithClock();
    const began = clock.time;
    clock.time += 0.75;
    expect(hit(limitOf('fixed-window'), 10)).toMatchObject({ takenAt: began });
    clock.time = began + 999.9;
    expect(hit(limitOf('fixed-window'))).toMatchObject({ allowed: false, retryAfter: 1 });
  });

  it.each([NaN, Infinity, -Infinity, 1e300])('fails where the clock says %d', (time) => {
    const { clock, store, hit, look } = storeWithClock();
    const limit = limitOf('fixed-window');
    hit(limit);
    clock.time = time;
    expect(() => hit(limit)).toThrow(RangeError);
    expect(() => look(limit)).toThrow(RangeError);
    expect(() => store.refund([{ ...chargeOf(limit), takenAt: 0 }])).toThrow(RangeError);
  });

  it('takes nothing where one of the charges cannot be read', () => {
    const { store, look } = storeWithClock();
    const limit = limitOf('fixed-window');
    expect(() => store.consume([chargeOf(limit), null as never])).toThrow(TypeError);
    expect(look(limit, 0)).toMatchObject({ remaining: 10 });
  });

  it.each([0, -1, 1.5, NaN, Infinity, 8_000_001, '10' as unknown as number])('refuses %p clients', (maxClients) => {
    expect(() => new MemoryRateLimitStore({ maxClients })).toThrow(SecurityConfigurationError);
  });

  it('reads the time of the system where it is given no clock', () => {
    const before = Date.now();
    const [standing] = new MemoryRateLimitStore().consume([chargeOf(limitOf('fixed-window'))]);
    expect(standing?.takenAt).toBeGreaterThanOrEqual(before);
    expect(standing?.takenAt).toBeLessThanOrEqual(Date.now());
  });
});

describe('MemoryRateLimitStore as a storage of @nestjs/throttler', () => {
  it('counts the hits of each key and throttler', async () => {
    const { store } = storeWithClock();
    const hit = (key: string, name: string) => store.increment(key, 10_000, 2, 0, name);
    expect(await hit('a', 'short')).toEqual({
      totalHits: 1,
      timeToExpire: 10,
      isBlocked: false,
      timeToBlockExpire: 0,
    });
    expect(await hit('a', 'long')).toMatchObject({ totalHits: 1 });
    expect(await hit('b', 'short')).toMatchObject({ totalHits: 1 });
    expect(await hit('a', 'short')).toMatchObject({ totalHits: 2, isBlocked: false });
    expect(await hit('a', 'short')).toMatchObject({ totalHits: 3, isBlocked: true, timeToBlockExpire: 10 });
  });

  it('blocks for as long as it is told', async () => {
    const { clock, store } = storeWithClock();
    const hit = () => store.increment('a', 1000, 1, 60_000, 'default');
    await hit();
    expect(await hit()).toMatchObject({ isBlocked: true, timeToBlockExpire: 60 });
    clock.time += 59_001;
    expect(await hit()).toMatchObject({ isBlocked: true, timeToBlockExpire: 1 });
    clock.time += 999;
    expect(await hit()).toMatchObject({ isBlocked: false, totalHits: 1 });
  });

  it('counts on where the time to live is worked out anew for each hit', async () => {
    const { clock, store } = storeWithClock();
    for (let ttl = 10_000; ttl > 7000; ttl -= 1000) {
      await store.increment('a', ttl, 3, 0, 'until');
      clock.time += 1000;
    }
    expect(await store.increment('a', 7000, 3, 0, 'until')).toMatchObject({ isBlocked: true, timeToBlockExpire: 7 });
  });
});
