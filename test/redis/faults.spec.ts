import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MemoryRateLimitStore, ResilientRateLimitStore, type ResilienceOptions } from '@palisade/nest';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import { CLIENTS, connectIoredis, type Connection } from './clients.js';
import { printedFindings, SLACK } from './findings.js';
import { chargeOf, limitOf, newcomer } from './limits.js';
import { Load, Tallied } from './load.js';
import { DOWN_AFTER, redisSentinels } from './redis-sentinel.js';
import { redisCluster, redisServer, until, withRedis } from './redis-server.js';

const LIMIT = 200;
/** Longer than a Redis of a busy machine takes that answers at all. */
const TIMEOUT = 1000;
const HALF_OPEN_AFTER = 300;
/** Of the clients of these tests. */
const RECONNECT = 200;
/** What Sentinels take to agree and to promote, and clients to hear of it: node-redis asks once a second. */
const FAILOVER = 15_000;

// A test that fails must not go on asking.
const started: Load[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((load) => load.stop()));
});

const lines = printedFindings();

function setUp(connection: Connection, onStoreError: 'open' | 'closed' | 'local') {
  const events: string[] = [];
  const shared = new Tallied(new RedisRateLimitStore(connection.client, { denials: 0 }));
  const local = new Tallied(new MemoryRateLimitStore({ maxClients: 100 }));
  const options: ResilienceOptions = {
    onStoreError,
    fallback: local,
    timeout: TIMEOUT,
    halfOpenAfter: HALF_OPEN_AFTER,
    onTrip: () => events.push('trip'),
    onHeal: () => events.push('heal'),
  };
  const store = new ResilientRateLimitStore(shared, options);
  const load = new Load(store, chargeOf(limitOf('fixed-window', LIMIT), newcomer()));
  started.push(load);
  /** Ends the load, and says what came of it. */
  const finish = async (what: string, recovery?: number) => {
    const tally = await load.stop();
    store.close();
    const counts = Object.entries(tally).map(([outcome, count]) => `${count} ${outcome}`);
    lines.push(
      `${what}, ${onStoreError}: ${counts.join(', ')}; ${shared.allowed} by Redis, ${local.allowed} here; ` +
        `slowest ${Math.round(load.slowest)} ms${recovery === undefined ? '' : `, back after ${Math.round(recovery)} ms`}`,
    );
    return tally;
  };
  /** How long it takes from now on until Redis is asked again. */
  const recovery = async () => {
    const began = performance.now();
    await until('the store is well again', () => store.isHealthy);
    return performance.now() - began;
  };
  const tripped = () => until('the store is not asked any more', () => !store.isHealthy);
  return { shared, local, store, load, events, finish, recovery, tripped };
}

withRedis('while requests come in', () => {
  const single = CLIENTS.filter(({ topology }) => topology === 'single');

  describe.each(single)('over $name', ({ connect, name }) => {
    const server = redisServer();

    describe('a Redis', () => {
      let connection: Connection;
      beforeAll(async () => {
        connection = await connect([server().port]);
      });
      afterAll(() => connection.close());
      beforeEach(() => server().command('flushall'));

      it('that is killed and comes back empty is stood in for by this process', async () => {
        const { shared, local, load, events, finish, recovery, tripped } = setUp(connection, 'local');
        await load.goOn(50);
        await server().kill();
        await tripped();
        await load.goOn(2 * LIMIT);
        expect(local.allowed).toBeLessThanOrEqual(LIMIT);
        const before = shared.allowed;
        await server().restart();
        const away = await recovery();
        await load.goOn(2 * LIMIT);
        const tally = await finish(`${name}: killed and back empty`, away);
        expect(tally.failed + tally.unavailable).toBe(0);
        expect(before).toBeLessThanOrEqual(LIMIT);
        // It has forgotten all, and counts from nothing.
        expect(shared.allowed - before).toBeLessThanOrEqual(LIMIT);
        expect(tally.allowed).toBe(shared.allowed + local.allowed);
        expect(events).toEqual(['trip', 'heal']);
        expect(away).toBeLessThan(HALF_OPEN_AFTER + RECONNECT + SLACK);
      });

      it('that stands still is stood in for by this process, and forgets nothing', async () => {
        const { shared, local, load, events, finish, recovery, tripped } = setUp(connection, 'local');
        await load.goOn(50);
        server().pause();
        await tripped();
        await load.goOn(2 * LIMIT);
        server().resume();
        const away = await recovery();
        await load.goOn(2 * LIMIT);
        const tally = await finish(`${name}: paused`, away);
        expect(tally.failed + tally.unavailable).toBe(0);
        expect(shared.allowed).toBeLessThanOrEqual(LIMIT);
        expect(local.allowed).toBeLessThanOrEqual(LIMIT);
        expect(tally.allowed).toBeLessThanOrEqual(2 * LIMIT);
        expect(events).toEqual(['trip', 'heal']);
        expect(away).toBeLessThan(HALF_OPEN_AFTER + SLACK);
      });

      it("that is killed lets everything through under 'open', until it is back", async () => {
        const { load, finish, recovery, tripped } = setUp(connection, 'open');
        await load.goOn(50);
        await server().kill();
        await tripped();
        const before = load.tally.allowed;
        await load.goOn(2 * LIMIT);
        expect(load.tally.allowed - before).toBeGreaterThanOrEqual(2 * LIMIT);
        await server().restart();
        const away = await recovery();
        await load.goOn(2 * LIMIT);
        const { denied, failed, unavailable } = await finish(`${name}: killed and back empty`, away);
        expect(failed + unavailable).toBe(0);
        expect(denied).toBeGreaterThan(0);
      });

      it("that is killed lets nothing through under 'closed', and says so with an error of its own", async () => {
        const { shared, load, finish, recovery, tripped } = setUp(connection, 'closed');
        await load.goOn(50);
        await server().kill();
        await tripped();
        const before = load.tally.allowed;
        await load.goOn(2 * LIMIT);
        expect(load.tally.allowed).toBe(before);
        await server().restart();
        const away = await recovery();
        await load.goOn(2 * LIMIT);
        const tally = await finish(`${name}: killed and back empty`, away);
        expect(tally.failed).toBe(0);
        expect(tally.unavailable).toBeGreaterThanOrEqual(2 * LIMIT - 20);
        expect(before).toBeLessThanOrEqual(LIMIT);
        expect(tally.allowed).toBe(shared.allowed);
      });
    });
  });

  describe('over a client that queues what it cannot send', () => {
    const server = redisServer();

    it('nobody waits longer than the time of an answer', async () => {
      const { client, close } = await connectIoredis(server().port, {
        enableOfflineQueue: true,
        maxRetriesPerRequest: null,
      });
      const { load, finish, tripped } = setUp({ client, close }, 'local');
      await load.goOn(50);
      await server().kill();
      await tripped();
      await load.goOn(LIMIT);
      const { failed, unavailable } = await finish('ioredis that queues: killed');
      close();
      expect(failed + unavailable).toBe(0);
      expect(load.slowest).toBeLessThan(TIMEOUT + SLACK);
    });
  });

  describe.each(CLIENTS.filter(({ topology }) => topology === 'cluster'))('over $name', ({ connect, name }) => {
    const cluster = redisCluster({ replicas: true });

    it('a master that is killed is stood in for, until its replica has taken over', async () => {
      const connection = await connect(cluster().ports);
      const { shared, local, load, finish, events } = setUp(connection, 'local');
      await load.goOn(50);
      const began = performance.now();
      const [owner] = await ownersOf(cluster().masters);
      await owner?.kill();
      await until('it is stood in for', () => events.includes('trip'));
      await until('the replica has taken over', () => events.at(-1) === 'heal');
      const away = performance.now() - began;
      await load.goOn(2 * LIMIT);
      const tally = await finish(`${name}: failed over`, away);
      connection.close();
      expect(tally.failed + tally.unavailable).toBe(0);
      expect(local.allowed).toBeLessThanOrEqual(LIMIT);
      // The replica has what it was handed in time; at worst it counts from nothing.
      expect(shared.allowed).toBeLessThanOrEqual(2 * LIMIT);
      expect(events).toEqual(['trip', 'heal']);
    });
  });

  describe.each(CLIENTS.filter(({ topology }) => topology === 'sentinel'))('over $name', ({ connect, name }) => {
    const sentinels = redisSentinels();
    let connection: Connection;
    beforeAll(async () => {
      connection = await connect(sentinels().ports);
    });
    afterAll(() => connection.close());
    afterEach(() => sentinels().rejoin());

    /** How many pass where the master goes away, and it is one that has the counts so far, or some of them. */
    async function failOver(what: string, fail: () => void | Promise<void>) {
      const { shared, local, load, finish, recovery, tripped, events } = setUp(connection, 'local');
      await load.goOn(50);
      await fail();
      await tripped();
      const away = await recovery();
      await load.goOn(2 * LIMIT);
      const tally = await finish(`${name}: ${what}`, away);
      expect(tally.failed + tally.unavailable).toBe(0);
      expect(local.allowed).toBeLessThanOrEqual(LIMIT);
      // The replica has what it was handed in time; at worst it counts from nothing.
      expect(shared.allowed).toBeLessThanOrEqual(2 * LIMIT);
      expect(tally.allowed).toBeLessThanOrEqual(3 * LIMIT);
      expect(events).toEqual(['trip', 'heal']);
      expect(away).toBeLessThan(DOWN_AFTER + FAILOVER + HALF_OPEN_AFTER + SLACK);
    }

    it('a master that is killed is stood in for, until its replica has taken over', async () => {
      const { master, replica } = await sentinels().roles();
      await failOver('failed over', () => master.kill());
      expect((await sentinels().roles()).master).toBe(replica);
    });

    it('a master that stands still is left for its replica, and does not get its callers back', async () => {
      const { master, replica } = await sentinels().roles();
      await failOver('paused and failed over', () => master.pause());
      expect((await sentinels().roles()).master).toBe(replica);
      const { load, shared, local, finish } = setUp(connection, 'local');
      await load.goOn(50);
      await sentinels().rejoin();
      await load.goOn(2 * LIMIT);
      const tally = await finish(`${name}: the old master is back`);
      expect(tally.failed + tally.unavailable).toBe(0);
      // A master that counted apart would let them through once more. Whether one question took too long meanwhile is chance.
      expect(shared.allowed).toBe(LIMIT);
      expect(local.allowed).toBeLessThanOrEqual(LIMIT);
    });
  });
});

/** The nodes that have a key: that of the only caller. */
async function ownersOf<T extends { command(name: string): Promise<unknown> }>(
  nodes: readonly T[],
): Promise<readonly T[]> {
  const sizes = await Promise.all(nodes.map((node) => node.command('dbsize')));
  return nodes.filter((_, index) => Number(sizes[index]) > 0);
}
