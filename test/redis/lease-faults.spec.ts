import { Controller, Get } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConcurrencyLimit, Public, type RateLimitingOptions } from '@palisade/nest';
import { RedisLeaseStore } from '@palisade/nest/redis';
import { setTimeout as delay } from 'node:timers/promises';
import { startEdge, type EdgeApplication } from '../e2e/edge.harness.js';
import { CLIENTS, type Connection } from './clients.js';
import { printedFindings, SLACK } from './findings.js';
import { redisServer, until, withRedis } from './redis-server.js';

const MAX = 4;
const CALLERS = 12;
/** Milliseconds, as all that follows; leases are renewed three times in it, on a busy machine as well. */
const TTL = 3000;
/** Longer than a Redis of a busy machine takes that answers at all. */
const TIMEOUT = 1000;
/** Of a request. */
const WORK = 20;
/** What the application tries Redis again after, and what its clients take to connect. */
const RECOVERY = 1200;

const lines = printedFindings();

/** What runs at the same time, in the handlers of one application. */
class Work {
  running = 0;
  peak = 0;
  private held: (() => void)[] = [];

  async begin(end: Promise<unknown>): Promise<void> {
    this.running++;
    this.peak = Math.max(this.peak, this.running);
    await end;
    this.running--;
  }

  /** Ends when {@link open} is called. */
  hold(): Promise<void> {
    return this.begin(new Promise<void>((end) => this.held.push(end)));
  }

  open(): void {
    for (const end of this.held.splice(0)) end();
  }
}

/** Callers who ask again as soon as they are answered. */
class Callers {
  /** How often each status was the answer. */
  readonly statuses: Record<number, number> = {};
  private isStopped = false;
  private readonly all: Promise<unknown>;

  constructor(private readonly app: EdgeApplication) {
    this.all = Promise.all(Array.from({ length: CALLERS }, () => this.call()));
  }

  get answers(): number {
    return Object.values(this.statuses).reduce((sum, count) => sum + count, 0);
  }

  async goOn(answers: number): Promise<void> {
    const enough = this.answers + answers;
    await until(`${answers} requests are answered`, () => this.answers >= enough);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.all;
  }

  private async call(): Promise<void> {
    while (!this.isStopped) {
      const { status } = await this.app.send('/work');
      this.statuses[status] = (this.statuses[status] ?? 0) + 1;
      await delay(1);
    }
  }
}

withRedis('while requests hold places', () => {
  const server = redisServer();

  describe.each(CLIENTS.filter(({ topology }) => topology === 'single'))('over $name', ({ connect, name }) => {
    let connection: Connection;
    let work: Work;
    let app: EdgeApplication;
    let callers: Callers | undefined;

    @Controller()
    @Public()
    @ConcurrencyLimit('work')
    class Routes {
      @Get('work')
      async work() {
        await work.begin(delay(WORK));
        return {};
      }

      @Get('hold')
      async hold() {
        await work.hold();
        return {};
      }
    }

    beforeEach(async () => {
      await server().command('flushall');
      connection = await connect([server().port]);
      work = new Work();
    });
    afterEach(async () => {
      work.open();
      await callers?.stop();
      callers = undefined;
      await app.close();
      connection.close();
    });

    async function start(onStoreError: RateLimitingOptions['onStoreError'], ttl = TTL): Promise<void> {
      const store = new RedisLeaseStore(connection.client, { ttl });
      const concurrency = { limits: { work: MAX }, store };
      app = await startEdge('express', { rateLimit: { onStoreError, storeTimeout: TIMEOUT, concurrency } }, [Routes]);
    }

    const allTaken = () => until('all places are taken', () => work.peak >= MAX);
    const happened = (type: string) => app.events.filter((event) => event.type === type).length;
    const tripped = () => until('Redis is not asked any more', () => happened('store_unavailable') === 1);
    const timed = async (what: string, isSo: () => boolean | Promise<boolean>) => {
      const began = performance.now();
      await until(what, isSo);
      return performance.now() - began;
    };
    const recovery = () => timed('Redis is asked again', () => happened('store_recovered') === 1);

    /** Has requests come in while Redis goes away and is back, and ends when that is over. */
    async function load(
      what: string,
      fail: () => void | Promise<void>,
      mend: () => void | Promise<void>,
      isCountedMeanwhile = true,
    ) {
      callers = new Callers(app);
      await callers.goOn(100);
      await allTaken();
      expect(work.peak).toBe(MAX);
      await fail();
      await tripped();
      const before = work.peak;
      work.peak = work.running;
      await callers.goOn(200);
      if (isCountedMeanwhile) await allTaken();
      const meanwhile = work.peak;
      await mend();
      const away = await recovery();
      const peak = Math.max(before, work.peak);
      // What was under way, or could not be given back, has ended by now.
      await delay(TTL);
      work.peak = work.running;
      await callers.goOn(200);
      await allTaken();
      const after = work.peak;
      await callers.stop();
      const { statuses } = callers;
      const back = await timed('all places are free', free);
      const counts = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`);
      lines.push(
        `${name}: ${what}: ${counts.join(', ')}; at once ${peak} of ${MAX} at most, ${meanwhile} while away, ${after} after; ` +
          `back after ${Math.round(away)} ms, all places after ${Math.round(back)} ms`,
      );
      expect(away).toBeLessThan(RECOVERY + SLACK);
      expect(back).toBeLessThan(TTL + SLACK);
      expect(after).toBe(MAX);
      expect([happened('store_unavailable'), happened('store_recovered')]).toEqual([1, 1]);
      return { statuses, peak, meanwhile };
    }

    /** Whether as many as there are places may work at once. */
    async function free(): Promise<boolean> {
      const answers = await Promise.all(Array.from({ length: MAX }, () => app.send('/work')));
      return answers.every(({ status }) => status === 200);
    }

    /** Whether Redis knows of so many places that are taken. */
    async function taken(places: number): Promise<boolean> {
      const [key] = (await server().command('keys', '*')) as string[];
      return key !== undefined && (await server().command('zcard', key)) === places;
    }

    /** So many requests that end when they are let go. */
    async function hold(count: number): Promise<readonly Promise<number>[]> {
      const requests = Array.from({ length: count }, async () => (await app.send('/hold')).status);
      await until('they work', () => work.running === count);
      return requests;
    }

    it('a Redis that is killed and comes back empty is stood in for by this process', async () => {
      await start('local');
      const { statuses, peak, meanwhile } = await load(
        'killed and back empty, local',
        () => server().kill(),
        () => server().restart(),
      );
      expect(Object.keys(statuses)).toEqual(['200', '429']);
      // Those that Redis let in, and those that this process does.
      expect(peak).toBeLessThanOrEqual(2 * MAX);
      expect(meanwhile).toBeGreaterThanOrEqual(MAX);
    });

    it('a Redis that stands still is stood in for by this process', async () => {
      await start('local');
      const { statuses, peak } = await load(
        'paused, local',
        () => server().pause(),
        () => server().resume(),
      );
      expect(Object.keys(statuses)).toEqual(['200', '429']);
      expect(peak).toBeLessThanOrEqual(2 * MAX);
    });

    it("nothing begins under 'closed' while Redis is away, and it is said that it is", async () => {
      await start('closed');
      const { statuses, peak, meanwhile } = await load(
        'killed and back empty, closed',
        () => server().kill(),
        () => server().restart(),
        false,
      );
      expect(Object.keys(statuses)).toEqual(['200', '429', '503']);
      expect(peak).toBeLessThanOrEqual(MAX);
      // Whoever began before.
      expect(meanwhile).toBeLessThanOrEqual(MAX);
    });

    it('places that could not be given back come back within their time to live', async () => {
      const ttl = 3 * TTL;
      await start('local', ttl);
      const held = await hold(MAX);
      server().pause();
      callers = new Callers(app);
      await tripped();
      work.open();
      expect(await Promise.all(held)).toEqual(Array.from({ length: MAX }, () => 200));
      await callers.stop();
      server().resume();
      const away = await recoveryWithRequests();
      expect(await free()).toBe(false);
      const back = await timed('all places are free', free);
      lines.push(
        `${name}: not given back, of ${ttl} ms: back after ${Math.round(away)} ms, all places after ${Math.round(back)} ms`,
      );
      expect(back).toBeLessThan(ttl + SLACK);
    });

    it('a request that outlives it all gets its place again, and keeps it', async () => {
      await start('local');
      const [held] = await hold(1);
      await until('Redis knows of it', () => taken(1));
      await server().kill();
      callers = new Callers(app);
      await tripped();
      await callers.stop();
      await server().restart();
      const again = await timed('it is renewed', () => taken(1));
      const end = performance.now() + 2 * TTL;
      work.peak = 0;
      callers = new Callers(app);
      await until('it would have ended twice', () => performance.now() > end);
      await allTaken();
      await callers.stop();
      expect(work.peak).toBe(MAX);
      expect(Object.keys(callers.statuses)).toEqual(['200', '429']);
      expect(await taken(1)).toBe(true);
      work.open();
      expect(await held).toBe(200);
      lines.push(`${name}: held through a Redis that is killed and back empty: renewed after ${Math.round(again)} ms`);
      expect(again).toBeLessThan(RECOVERY + TTL + SLACK);
      await until('all places are free', free, TTL + SLACK);
    });

    /** As {@link recovery}, where somebody has to ask. */
    function recoveryWithRequests(): Promise<number> {
      return timed('Redis is asked again', async () => {
        await app.send('/work');
        return happened('store_recovered') === 1;
      });
    }
  });
});
