import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SecurityConfigurationError } from '../core/errors.js';
import type { Charge, RateLimitStore, Standing, StoredLimit } from './rate-limit.store.port.js';
import type { ResilienceOptions } from './resilience.options.js';
import { ResilientRateLimitStore } from './resilient.store.js';
import { StoreUnavailableError } from './store-unavailable.error.js';

const LIMIT: StoredLimit = { id: 'a', algorithm: 'fixed-window', quota: 5, window: 9000, burst: 5, block: 0 };
const CHARGE: Charge = { limit: LIMIT, partition: 'somebody', cost: 1 };

function standing(remaining: number, takenAt: number): Standing {
  return { allowed: true, remaining, resetAfter: 9000, retryAfter: 0, takenAt };
}

/** Answers as it is told to, and remembers what it was asked. */
class ScriptedStore implements RateLimitStore {
  readonly asked: string[] = [];
  answer: () => readonly Standing[] | Promise<readonly Standing[]> = () => Promise.resolve([standing(4, 1000)]);

  consume(charges: readonly Charge[]) {
    this.asked.push(`consume ${charges.length}`);
    return this.answer();
  }

  peek(charges: readonly Charge[]) {
    this.asked.push(`peek ${charges.length}`);
    return this.answer();
  }

  async refund(charges: readonly Charge[]) {
    this.asked.push(`refund ${charges.length}`);
    await this.answer();
  }

  async reset(counted: readonly unknown[]) {
    this.asked.push(`reset ${counted.length}`);
    await this.answer();
  }
}

/** Counts in this process, down from five. */
class LocalStore implements RateLimitStore {
  taken = 0;
  resets = 0;

  consume(): readonly Standing[] {
    this.taken++;
    return [standing(5 - this.taken, 2000 + this.taken)];
  }

  peek(): readonly Standing[] {
    return [standing(5 - this.taken - 1, 2000)];
  }

  refund(charges: readonly Charge[]) {
    this.taken -= charges.length;
  }

  reset() {
    this.resets++;
  }
}

const refused = () => Promise.reject(new Error('ECONNREFUSED'));
const silent = () => new Promise<never>(() => undefined);

function setUp(options: ResilienceOptions = {}) {
  const shared = new ScriptedStore();
  const local = new LocalStore();
  const events: string[] = [];
  const store = new ResilientRateLimitStore(shared, {
    fallback: local,
    onTrip: (cause) => events.push(`trip: ${(cause as Error).message}`),
    onHeal: (away) => events.push(`heal after ${Math.round(away)}`),
    ...options,
  });
  const consume = async () => (await store.consume([CHARGE]))[0] as Standing;
  const failTimes = async (times: number) => {
    for (let time = 0; time < times; time++) await consume();
  };
  return { shared, local, events, store, consume, failTimes };
}

describe('ResilientRateLimitStore', () => {
  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('hands on what the shared store answers', async () => {
    const { store, consume, local, shared } = setUp();
    expect(await consume()).toEqual(standing(4, 1000));
    expect(await store.peek([CHARGE])).toEqual([standing(4, 1000)]);
    await store.refund([{ ...CHARGE, takenAt: 1000 }]);
    await store.reset([CHARGE]);
    expect(shared.asked).toEqual(['consume 1', 'peek 1', 'refund 1', 'reset 1']);
    expect(local.taken).toBe(0);
  });

  it('counts here when the shared store fails, whether it rejects or throws', async () => {
    const { shared, consume, local } = setUp();
    shared.answer = refused;
    expect(await consume()).toEqual(standing(4, 2001));
    shared.answer = () => {
      throw new TypeError('is no client');
    };
    expect(await consume()).toEqual(standing(3, 2002));
    expect(local.taken).toBe(2);
  });

  it('waits for an answer as long as it may take, and not longer', async () => {
    const { shared, consume } = setUp({ timeout: 100 });
    shared.answer = silent;
    const answer = jest.fn();
    void consume().then(answer);
    await jest.advanceTimersByTimeAsync(99);
    expect(answer).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(2);
    expect(answer).toHaveBeenCalledWith(standing(4, 2001));
  });

  it('gives each of several requests its own time', async () => {
    const { shared, consume } = setUp({ timeout: 100 });
    shared.answer = silent;
    const answered: string[] = [];
    void consume().then(() => answered.push('first'));
    await jest.advanceTimersByTimeAsync(60);
    void consume().then(() => answered.push('second'));
    await jest.advanceTimersByTimeAsync(45);
    expect(answered).toEqual(['first']);
    await jest.advanceTimersByTimeAsync(60);
    expect(answered).toEqual(['first', 'second']);
  });

  it('drops an answer that comes too late, good or bad, and counts once', async () => {
    const { shared, consume, local, events } = setUp({ timeout: 100 });
    const late: { resolve: (standings: readonly Standing[]) => void; reject: (error: Error) => void }[] = [];
    shared.answer = () => new Promise((resolve, reject) => late.push({ resolve, reject }));
    const answers = Promise.all([consume(), consume()]);
    await jest.advanceTimersByTimeAsync(150);
    expect((await answers).map(({ remaining }) => remaining)).toEqual([4, 3]);
    late[0]?.resolve([standing(1, 1000)]);
    late[1]?.reject(new Error('too late'));
    await jest.advanceTimersByTimeAsync(1);
    expect(local.taken).toBe(2);
    expect(events).toEqual([]);
  });

  it('gives back what a late answer took, and nothing where it denied or took nothing', async () => {
    const { shared, store } = setUp({ timeout: 100, onStoreError: 'closed' });
    const late: ((standings: readonly Standing[]) => void)[] = [];
    const given: unknown[] = [];
    shared.answer = () => new Promise((resolve) => late.push(resolve));
    shared.refund = async (charges) => void given.push(charges);
    const answers = Promise.allSettled(
      [1, 1, 0].map((cost) =>
        store.consume(
          [
            { ...CHARGE, cost },
            { ...CHARGE, partition: 'other' },
          ].slice(0, 1 + cost),
        ),
      ),
    );
    await jest.advanceTimersByTimeAsync(150);
    expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    late[0]?.([standing(4, 1000), standing(3, 1001)]);
    late[1]?.([standing(4, 1000), { ...standing(0, 1000), allowed: false }]);
    late[2]?.([standing(4, 1000)]);
    await jest.advanceTimersByTimeAsync(1);
    expect(given).toEqual([
      [
        { ...CHARGE, takenAt: 1000 },
        { ...CHARGE, partition: 'other', takenAt: 1001 },
      ],
    ]);
  });

  it('tells the store how long somebody waits', async () => {
    const { shared, store } = setUp({ timeout: 70 });
    const within: unknown[] = [];
    shared.consume = async (charges, limit?: number) => {
      within.push(limit);
      return charges.map(() => standing(4, 1000));
    };
    shared.refund = async (_, limit?: number) => void within.push(limit);
    shared.reset = async (_, limit?: number) => void within.push(limit);
    await store.consume([CHARGE]);
    await store.refund([{ ...CHARGE, takenAt: 1000 }]);
    await store.reset([CHARGE]);
    expect(within).toEqual([70, 70, 70]);
  });

  it('learns nothing from an answer that comes too late', async () => {
    const { shared, consume, failTimes, events } = setUp({ timeout: 100, failureThreshold: 3 });
    const late: { resolve: (standings: readonly Standing[]) => void; reject: (error: Error) => void }[] = [];
    shared.answer = () => new Promise((resolve, reject) => late.push({ resolve, reject }));
    const answers = Promise.all([consume(), consume()]);
    await jest.advanceTimersByTimeAsync(150);
    await answers;
    late[0]?.reject(new Error('too late'));
    await jest.advanceTimersByTimeAsync(1);
    expect(events).toEqual([]);
    late[1]?.resolve([standing(1, 1000)]);
    await jest.advanceTimersByTimeAsync(1);
    shared.answer = refused;
    await failTimes(1);
    expect(events).toEqual(['trip: ECONNREFUSED']);
  });

  it('reads answers that are there before it judges that they are late', async () => {
    const { shared, consume, local } = setUp({ timeout: 100 });
    // As when the process was busy: the timer is due, and so is the answer, which the next phase of the loop reads.
    shared.answer = () => new Promise((resolve) => setTimeout(() => resolve([standing(4, 1000)]), 100));
    const answer = consume();
    await jest.advanceTimersByTimeAsync(101);
    expect(await answer).toEqual(standing(4, 1000));
    expect(local.taken).toBe(0);
  });

  describe('where the store fails again and again', () => {
    it('does not ask it any more, and says so once', async () => {
      const { shared, consume, failTimes, events, store } = setUp({ failureThreshold: 3 });
      shared.answer = refused;
      await failTimes(10);
      expect(shared.asked).toHaveLength(3);
      expect(events).toEqual(['trip: ECONNREFUSED']);
      expect(store.isHealthy).toBe(false);
      expect((await consume()).takenAt).toBeGreaterThan(2000);
    });

    it('goes on asking where failures are not in a row', async () => {
      const { shared, failTimes, events } = setUp({ failureThreshold: 3 });
      for (let round = 0; round < 5; round++) {
        shared.answer = refused;
        await failTimes(2);
        shared.answer = () => Promise.resolve([standing(4, 1000)]);
        await failTimes(1);
      }
      expect(shared.asked).toHaveLength(15);
      expect(events).toEqual([]);
    });

    it('lets one request try after a while, and the others not wait for it', async () => {
      const { shared, consume, failTimes, store } = setUp({ failureThreshold: 3, halfOpenAfter: 1000 });
      shared.answer = refused;
      await failTimes(3);
      await jest.advanceTimersByTimeAsync(1000);
      let answer: (standings: readonly Standing[]) => void = () => undefined;
      shared.answer = () => new Promise((resolve) => (answer = resolve));
      const trying = consume();
      expect((await consume()).takenAt).toBeGreaterThan(2000);
      expect(shared.asked).toHaveLength(4);
      answer([standing(4, 1000)]);
      expect((await trying).takenAt).toBe(1000);
      expect(store.isHealthy).toBe(true);
    });

    it('says once that it is well again, and asks it', async () => {
      const { shared, failTimes, events } = setUp({ failureThreshold: 3, halfOpenAfter: 1000 });
      shared.answer = refused;
      await failTimes(3);
      for (let second = 0; second < 3; second++) {
        await jest.advanceTimersByTimeAsync(1000);
        await failTimes(5);
      }
      expect(shared.asked).toHaveLength(6);
      shared.answer = () => Promise.resolve([standing(4, 1000)]);
      await jest.advanceTimersByTimeAsync(1000);
      await failTimes(5);
      expect(shared.asked).toHaveLength(11);
      expect(events).toEqual(['trip: ECONNREFUSED', 'heal after 4000']);
    });

    it('takes no denial that is remembered here for an answer of it', async () => {
      const { shared, consume, failTimes, events, store } = setUp({ failureThreshold: 3, halfOpenAfter: 1000 });
      const remembered = [{ ...standing(0, 1000), allowed: false, retryAfter: 9000 }];
      for (let failure = 0; failure < 3; failure++) {
        shared.answer = () => remembered;
        expect(await consume()).toBe(remembered[0]);
        shared.answer = refused;
        await failTimes(1);
      }
      expect(events).toEqual(['trip: ECONNREFUSED']);
      await jest.advanceTimersByTimeAsync(1000);
      shared.answer = () => remembered;
      expect([await consume(), store.isHealthy]).toEqual([remembered[0], false]);
      shared.answer = () => Promise.resolve(remembered);
      expect([await consume(), store.isHealthy]).toEqual([remembered[0], true]);
    });

    it('takes what it allows at once for an answer of it', async () => {
      const { shared, consume, failTimes, store } = setUp({ failureThreshold: 3, halfOpenAfter: 1000 });
      shared.answer = () => {
        throw new Error('locked');
      };
      await failTimes(3);
      await jest.advanceTimersByTimeAsync(1000);
      shared.answer = () => [standing(4, 1000)];
      expect([(await consume()).takenAt, store.isHealthy]).toEqual([1000, true]);
    });

    it('tries again after a try that was not answered', async () => {
      const { shared, consume, failTimes } = setUp({ failureThreshold: 1, halfOpenAfter: 1000, timeout: 100 });
      shared.answer = refused;
      await failTimes(1);
      shared.answer = silent;
      for (let round = 0; round < 3; round++) {
        await jest.advanceTimersByTimeAsync(1000);
        void consume();
        await jest.advanceTimersByTimeAsync(150);
      }
      expect(shared.asked).toHaveLength(4);
    });
  });

  describe("with 'open'", () => {
    it('allows everything', async () => {
      const { shared, store } = setUp({ onStoreError: 'open', fallback: undefined });
      shared.answer = refused;
      const open = { allowed: true, remaining: 5, resetAfter: 0, retryAfter: 0, takenAt: Date.now() };
      expect(await store.consume([CHARGE, { ...CHARGE, cost: 99 }])).toEqual([open, open]);
      expect(await store.peek([CHARGE])).toEqual([open]);
    });

    it('has nothing given back that was never taken', async () => {
      const { shared, store, consume } = setUp({ onStoreError: 'open' });
      shared.answer = refused;
      const { takenAt } = await consume();
      shared.answer = () => Promise.resolve([]);
      await store.refund([{ ...CHARGE, takenAt }]);
      expect(shared.asked).toEqual(['consume 1']);
    });
  });

  describe("with 'closed'", () => {
    it('throws an error of its own that says when to come back', async () => {
      const { shared, store, consume } = setUp({ onStoreError: 'closed', failureThreshold: 2, halfOpenAfter: 1000 });
      shared.answer = refused;
      await expect(consume()).rejects.toMatchObject({ code: 'store_unavailable', retryAfter: 1000 });
      await expect(store.peek([CHARGE])).rejects.toThrow(StoreUnavailableError);
      await jest.advanceTimersByTimeAsync(400);
      const error = await consume().catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(error).toMatchObject({ retryAfter: 600, cause: new Error('ECONNREFUSED') });
    });

    it('throws at a reset that was not done, and not for what is not given back', async () => {
      const { shared, store } = setUp({ onStoreError: 'closed' });
      shared.answer = refused;
      await expect(store.reset([CHARGE])).rejects.toThrow(StoreUnavailableError);
      await expect(store.refund([{ ...CHARGE, takenAt: 1000 }])).resolves.toBeUndefined();
    });
  });

  describe("with 'local'", () => {
    it('gives back to whichever store took it', async () => {
      const { shared, store, consume, local } = setUp();
      const early = await consume();
      shared.answer = refused;
      const late = await consume();
      shared.answer = () => Promise.resolve([]);
      await store.refund([
        { ...CHARGE, takenAt: early.takenAt },
        { ...CHARGE, takenAt: late.takenAt },
      ]);
      expect(shared.asked).toEqual(['consume 1', 'consume 1', 'refund 1']);
      expect(local.taken).toBe(0);
    });

    it('forgets in both stores', async () => {
      const { shared, store, local } = setUp();
      await store.reset([CHARGE]);
      shared.answer = refused;
      await store.reset([CHARGE]);
      expect(local.resets).toBe(2);
      expect(shared.asked).toEqual(['reset 1', 'reset 1']);
    });

    it('answers to a peek from here', async () => {
      const { shared, store } = setUp();
      shared.answer = refused;
      expect(await store.peek([CHARGE])).toEqual([standing(4, 2000)]);
    });
  });

  it("counts hits as @nestjs/throttler's storages do", async () => {
    const { store } = setUp();
    expect(await store.increment('key', 9000, 5, 0, 'default')).toEqual({
      totalHits: 1,
      timeToExpire: 9,
      isBlocked: false,
      timeToBlockExpire: 0,
    });
  });

  describe('its timers', () => {
    it('are one for all requests', async () => {
      const { shared, consume } = setUp();
      shared.answer = silent;
      const answers = Promise.all(Array.from({ length: 50 }, consume));
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(150);
      await answers;
      expect(jest.getTimerCount()).toBe(0);
    });

    it('end by themselves when nothing is under way', async () => {
      const { consume } = setUp();
      await consume();
      await jest.advanceTimersByTimeAsync(150);
      expect(jest.getTimerCount()).toBe(0);
    });

    it('are gone once it is closed, and nobody waits', async () => {
      const { shared, store, consume, events } = setUp({ failureThreshold: 1 });
      shared.answer = silent;
      const waiting = consume();
      store.close();
      expect(jest.getTimerCount()).toBe(0);
      expect((await waiting).takenAt).toBe(2001);
      expect((await consume()).takenAt).toBe(2002);
      expect(shared.asked).toHaveLength(1);
      expect(events).toEqual([]);
    });
  });

  it.each<[string, ResilienceOptions, string]>([
    ["'local' without a fallback", {}, 'ResilientRateLimitStore.fallback: is missing'],
    ['an unknown policy', { onStoreError: 'ajar' as 'open' }, 'ResilientRateLimitStore.onStoreError'],
    ['a misspelt option', { timeOut: 5 } as ResilienceOptions, 'Did you mean "timeout"?'],
    ['no time', { onStoreError: 'open', timeout: 0 }, 'ResilientRateLimitStore.timeout'],
    ['a threshold of none', { onStoreError: 'open', failureThreshold: 0 }, 'ResilientRateLimitStore.failureThreshold'],
    ['a time that is no number', { onStoreError: 'open', halfOpenAfter: NaN }, 'ResilientRateLimitStore.halfOpenAfter'],
  ])('refuses %s', (_, options, message) => {
    const create = () => new ResilientRateLimitStore(new ScriptedStore(), options);
    expect(create).toThrow(SecurityConfigurationError);
    expect(create).toThrow(message);
  });
});
