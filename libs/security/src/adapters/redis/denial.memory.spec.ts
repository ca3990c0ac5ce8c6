import { describe, expect, it } from '@jest/globals';
import type { Charge, Standing, StoredLimit } from '../../rate-limiting/rate-limit.store.port.js';
import { DenialMemory } from './denial.memory.js';

const LIMIT: StoredLimit = { id: 'a', algorithm: 'fixed-window', quota: 5, window: 9000, burst: 5, block: 0 };

function charge(partition: string, cost = 1, limit = LIMIT): Charge {
  return { limit, partition, cost };
}

function standing(allowed: boolean, remaining: number, retryAfter = 0): Standing {
  return { allowed, remaining, resetAfter: 8000, retryAfter, takenAt: 1_000_000 };
}

function setUp(max = 10, longest = Infinity) {
  const clock = { now: 100 };
  const memory = new DenialMemory(max, longest, () => clock.now);
  const remember = (partition: string, cost: number, answer: Standing) =>
    memory.remember([charge(partition, cost)], [partition], [answer], clock.now);
  const recall = (partition: string, cost = 1) => memory.recall([charge(partition, cost)], [partition])?.[0];
  return { clock, memory, remember, recall };
}

describe('the memory of denials', () => {
  it('denies until the denial is over, and counts the time down', () => {
    const { clock, remember, recall } = setUp();
    remember('a', 1, standing(false, 0, 2000));
    clock.now += 500.5;
    expect(recall('a')).toEqual({
      allowed: false,
      remaining: 0,
      resetAfter: 7500,
      retryAfter: 1500,
      takenAt: 1_000_500,
    });
    clock.now += 1499;
    expect(recall('a')?.retryAfter).toBe(1);
    clock.now += 0.5;
    expect(recall('a')).toBeUndefined();
  });

  it('knows nothing of others, and nothing of who was allowed', () => {
    const { remember, recall } = setUp();
    remember('a', 1, standing(true, 3));
    remember('b', 1, standing(false, 0, 2000));
    expect(recall('a')).toBeUndefined();
    expect(recall('c')).toBeUndefined();
  });

  it('forgets a denial of which the store knows nothing any more, as another process had it forget', () => {
    const { memory, remember, recall } = setUp();
    const blocking: StoredLimit = { ...LIMIT, block: 60_000 };
    memory.remember([charge('a', 1, blocking)], ['a'], [standing(false, 0, 60_000)], 100);
    remember('a', 0, standing(true, 5));
    expect(memory.recall([charge('a', 1, blocking)], ['a'])).toBeUndefined();
    expect(recall('a')).toBeUndefined();
  });

  it('denies whoever asks for as much or more, and not for less', () => {
    const { remember, recall } = setUp();
    remember('a', 3, standing(false, 2, 2000));
    expect(recall('a', 4)?.allowed).toBe(false);
    expect(recall('a', 3)?.allowed).toBe(false);
    expect(recall('a', 2)).toBeUndefined();
  });

  it('denies for ever what is more than there ever is', () => {
    const { clock, remember, recall } = setUp();
    remember('a', 9, standing(false, 5, Infinity));
    clock.now += 1e12;
    expect(recall('a', 9)).toMatchObject({ allowed: false, resetAfter: 0, retryAfter: Infinity });
  });

  it('answers for all charges, as long as each of them is known', () => {
    const { memory, clock } = setUp();
    const charges = [charge('a'), charge('b', 2), charge('c')];
    const keys = ['a', 'b', 'c'];
    const answers = [standing(true, 4), standing(false, 1, 2000), standing(false, 0, 500)];
    memory.remember(charges, keys, answers, clock.now);
    expect(memory.recall(charges, keys)?.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 4],
      [false, 1],
      [false, 0],
    ]);
    expect(memory.recall([...charges, charge('d')], [...keys, 'd'])).toBeUndefined();
    expect(memory.recall([charge('a', 2), ...charges.slice(1)], keys)).toBeUndefined();
    expect(memory.recall([charge('a')], ['a'])).toBeUndefined();
    // One of the two may be allowed again by then.
    clock.now += 500;
    expect(memory.recall(charges, keys)).toBeUndefined();
  });

  it('adds what it learns of further charges', () => {
    const { memory, clock } = setUp();
    memory.remember([charge('a'), charge('b')], ['a', 'b'], [standing(false, 0, 2000), standing(true, 4)], clock.now);
    const others = [charge('a'), charge('c')];
    expect(memory.recall(others, ['a', 'c'])).toBeUndefined();
    memory.remember(others, ['a', 'c'], [standing(false, 0, 2000), standing(true, 3)], clock.now);
    expect(memory.recall(others, ['a', 'c'])).toHaveLength(2);
    expect(memory.recall([charge('b'), charge('a')], ['b', 'a'])).toHaveLength(2);
  });

  it.each([
    ['quota', { quota: 50, burst: 50 }],
    ['window', { window: 1000 }],
    ['block', { block: 1000 }],
  ])('knows nothing of a limit with the same counts and another %s', (_, change) => {
    const { memory, remember } = setUp();
    remember('a', 1, standing(false, 0, 2000));
    expect(memory.recall([charge('a', 1, { ...LIMIT })], ['a'])).toHaveLength(1);
    expect(memory.recall([charge('a', 1, { ...LIMIT, ...change })], ['a'])).toBeUndefined();
  });

  it('forgets what it is told to', () => {
    const { memory, remember, recall } = setUp();
    remember('a', 1, standing(false, 0, 2000));
    memory.forget('a');
    expect(recall('a')).toBeUndefined();
    expect(memory.size).toBe(0);
  });

  it('keeps no more than it may, and the newest', () => {
    const { memory, remember, recall } = setUp(3);
    for (const partition of ['a', 'b', 'c', 'a', 'd']) remember(partition, 1, standing(false, 0, 2000));
    expect(memory.size).toBe(3);
    expect(['a', 'b', 'c', 'd'].map((partition) => recall(partition)?.allowed)).toEqual([
      false,
      undefined,
      false,
      false,
    ]);
  });

  it('keeps nothing where it may keep none', () => {
    const { memory, remember } = setUp(0);
    remember('a', 1, standing(false, 0, 2000));
    expect(memory.size).toBe(0);
  });

  it('keeps nothing longer than it may', () => {
    const { clock, remember, recall } = setUp(10, 100);
    remember('a', 1, standing(false, 0, 2000));
    clock.now += 99;
    expect(recall('a')?.retryAfter).toBe(1901);
    clock.now += 1;
    expect(recall('a')).toBeUndefined();
  });
});
