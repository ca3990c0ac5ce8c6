import { beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryRateLimitStore } from '../memory.store.js';
import type { Charge, RateLimitStore } from '../rate-limit.store.port.js';
import { BanBook, banCount } from './ban-book.js';

const HOUR = 3_600_000;
const REFRESH = 5000;
const WHO = '203.0.113.9';

/** A store as several processes share it: it answers with promises, and its questions are counted. */
class SharedStore implements RateLimitStore {
  asked = 0;
  answering: Promise<void> = Promise.resolve();

  constructor(private readonly memory: MemoryRateLimitStore) {}

  async consume(charges: readonly Charge[]) {
    await this.answering;
    return this.memory.consume(charges);
  }

  async peek(charges: readonly Charge[]) {
    this.asked++;
    const standings = this.memory.peek(charges);
    await this.answering;
    return standings;
  }

  async refund() {}

  async reset(counted: Parameters<RateLimitStore['reset']>[0]) {
    await this.answering;
    this.memory.reset(counted);
  }
}

let time = 0;
const clock = { now: () => time };
const count = banCount('rule', 'hax', { maxRetry: 3, findTime: 60_000, banTime: HOUR });
let memory: MemoryRateLimitStore;

beforeEach(() => {
  time = Date.UTC(2026, 0, 1);
  memory = new MemoryRateLimitStore({ clock });
});

describe('Bans in a store that answers at once', () => {
  let book: BanBook;
  beforeEach(() => {
    book = new BanBook(memory, [count], REFRESH, clock);
  });

  it('need no promise', () => {
    expect(book.isBanned(WHO)).toBe(false);
    expect(book.ban(WHO, HOUR)).toBe(true);
    expect(book.isBanned(WHO)).toBe(true);
    expect(book.isBanned('198.51.100.7')).toBe(false);
    time += HOUR;
    expect(book.isBanned(WHO)).toBe(false);
  });

  it('are there once, and are not prolonged', () => {
    expect(book.ban(WHO, HOUR)).toBe(true);
    time += 1000;
    expect(book.ban(WHO, HOUR)).toBe(false);
    time += HOUR - 1000;
    expect(book.isBanned(WHO)).toBe(false);
    expect(book.ban(WHO, HOUR)).toBe(true);
  });

  it('come of as many times as are too many, and then of as many again', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(() => book.count(count, WHO))).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  it('are lifted with what was counted', () => {
    void book.count(count, WHO);
    void book.count(count, WHO);
    void book.ban(WHO, HOUR);
    void book.unban(WHO);
    expect(book.isBanned(WHO)).toBe(false);
    expect(book.count(count, WHO)).toBe(false);
  });
});

describe('Bans in a store that is shared', () => {
  let store: SharedStore;
  let here: BanBook;
  let there: BanBook;
  beforeEach(() => {
    store = new SharedStore(memory);
    here = new BanBook(store, [count], REFRESH, clock);
    there = new BanBook(store, [count], REFRESH, clock);
  });

  it('are asked for every few seconds, for each address', async () => {
    for (let i = 0; i < 100; i++) expect(await here.isBanned(WHO)).toBe(false);
    expect(store.asked).toBe(1);
    await here.isBanned('198.51.100.7');
    expect(store.asked).toBe(2);
    time += REFRESH;
    await here.isBanned(WHO);
    expect(store.asked).toBe(3);
  });

  it('are asked for once by requests at the same time', async () => {
    await Promise.all(Array.from({ length: 50 }, () => here.isBanned(WHO)));
    expect(store.asked).toBe(1);
  });

  it('hold at once where they were made, and in other processes a few seconds later', async () => {
    expect(await here.isBanned(WHO)).toBe(false);
    expect(await there.isBanned(WHO)).toBe(false);
    await here.ban(WHO, HOUR);
    expect(here.isBanned(WHO)).toBe(true);
    expect(await there.isBanned(WHO)).toBe(false);
    time += REFRESH;
    expect(await there.isBanned(WHO)).toBe(true);
  });

  it('are lifted at once where that was done, and in other processes a few seconds later', async () => {
    await here.ban(WHO, HOUR);
    expect(await there.isBanned(WHO)).toBe(true);
    await here.unban(WHO);
    expect(await here.isBanned(WHO)).toBe(false);
    expect(await there.isBanned(WHO)).toBe(true);
    time += REFRESH;
    expect(await there.isBanned(WHO)).toBe(false);
  });

  it('end on time, even where that is sooner than they are asked for again', async () => {
    await here.ban(WHO, 2000);
    time += 1999;
    expect(await here.isBanned(WHO)).toBe(true);
    time += 1;
    expect(await here.isBanned(WHO)).toBe(false);
  });

  it('are not undone by an answer that was under way', async () => {
    let answer = (): void => undefined;
    store.answering = new Promise((resolve) => (answer = resolve));
    const asked = here.isBanned(WHO);
    const banning = here.ban(WHO, HOUR);
    answer();
    await Promise.all([asked, banning]);
    expect(await here.isBanned(WHO)).toBe(true);
  });

  it('are asked for again after a failure of the store', async () => {
    store.answering = Promise.reject(new Error('away'));
    await expect(here.isBanned(WHO)).rejects.toThrow('away');
    store.answering = Promise.resolve();
    expect(await here.isBanned(WHO)).toBe(false);
  });

  it('are made once by processes that count together', async () => {
    expect(await here.count(count, WHO)).toBe(false);
    expect(await there.count(count, WHO)).toBe(false);
    expect(await here.count(count, WHO)).toBe(true);
    const began = await Promise.all([here.ban(WHO, HOUR), here.ban(WHO, HOUR)]);
    time += 1;
    expect(await there.ban(WHO, HOUR)).toBe(false);
    expect(began).toContain(true);
  });
});
