import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ResilientRateLimitStore, StoreUnavailableError, type LeaseStore, type RateLimitStore } from '@palisade/nest';
import { RedisLeaseStore, RedisRateLimitStore, type RedisClient } from '@palisade/nest/redis';
import { Cluster, Redis } from 'ioredis';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, createCluster, createSentinel } from 'redis';
import { MASTER_NAME, type ClientKind, type Connection } from './clients.js';
import { redisDeployments } from './deployments.js';
import { chargeOf, limitOf, newcomer } from './limits.js';
import { until, withRedis } from './redis-server.js';

// Clients as people make them: whatever is asked while there is no connection waits in a queue, and what was sent and not
// answered is sent again. The server is given what was asked long after the caller was told that nothing was counted.

const TIMEOUT = 100;
/** More than clocks may be wrong by, which is the time of an answer. */
const MUCH_LATER = 1000;
const RECONNECT = (times: number) => Math.min(times * 50, 200);
const unheard = () => undefined;

const patient = { maxRetriesPerRequest: null, retryStrategy: RECONNECT, disconnectTimeout: 100 };
const socket = { reconnectStrategy: RECONNECT };

async function opened<T extends RedisClient>(
  client: T & { on(event: 'error', heard: () => void): unknown; connect?(): Promise<unknown> },
  close: () => void,
): Promise<Connection> {
  client.on('error', unheard);
  return { client, close };
}

const QUEUING: readonly ClientKind[] = [
  {
    name: 'ioredis',
    topology: 'single',
    connect: ([port]) => {
      const client = new Redis(port as number, '127.0.0.1', patient);
      return opened(client, () => client.disconnect());
    },
  },
  {
    name: 'node-redis',
    topology: 'single',
    connect: async ([port]) => {
      const client = createClient({ socket: { ...socket, host: '127.0.0.1', port: port as number } });
      const connection = await opened(client, () => client.destroy());
      await client.connect();
      return connection;
    },
  },
  {
    name: 'ioredis with Sentinel',
    topology: 'sentinel',
    connect: (ports) => {
      const sentinels = ports.map((port) => ({ host: '127.0.0.1', port }));
      const client = new Redis({ sentinels, name: MASTER_NAME, ...patient });
      return opened(client, () => client.disconnect());
    },
  },
  {
    name: 'node-redis Sentinel',
    topology: 'sentinel',
    connect: async (ports) => {
      const sentinelRootNodes = ports.map((port) => ({ host: '127.0.0.1', port }));
      const client = createSentinel({ name: MASTER_NAME, sentinelRootNodes, nodeClientOptions: { socket } });
      const connection = await opened(client, () => void client.destroy());
      await client.connect();
      return connection;
    },
  },
  {
    name: 'ioredis Cluster',
    topology: 'cluster',
    connect: (ports) => {
      const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
      const client = new Cluster(nodes, { clusterRetryStrategy: RECONNECT, redisOptions: patient });
      return opened(client, () => client.disconnect());
    },
  },
  {
    name: 'node-redis cluster',
    topology: 'cluster',
    connect: async (ports) => {
      const rootNodes = ports.map((port) => ({ socket: { host: '127.0.0.1', port } }));
      const client = createCluster({ rootNodes, defaults: { socket } });
      const connection = await opened(client, () => client.destroy());
      await client.connect();
      return connection;
    },
  },
];

/** Has a Sentinel wait for the master. */
async function bePatient(port: number): Promise<void> {
  const client = new Redis(port, '127.0.0.1', { disconnectTimeout: 100 });
  await client.call('sentinel', 'set', MASTER_NAME, 'down-after-milliseconds', '60000');
  client.disconnect();
}

const LIMIT = limitOf('fixed-window', 10);
const PLACES = Object.freeze({ id: 'places', max: 3 });

withRedis('what is asked while Redis is away', () => {
  const deployment = redisDeployments();

  describe.each(QUEUING)('over $name, which queues', ({ topology, connect }) => {
    let connection: Connection;
    let shared: RateLimitStore;
    let leases: LeaseStore;
    let guarded: ResilientRateLimitStore;
    beforeAll(async () => {
      // What stands still is to stay the master.
      if (topology === 'sentinel') await Promise.all(deployment(topology).ports.map(bePatient));
      connection = await connect(deployment(topology).ports);
    });
    afterAll(() => connection.close());
    afterEach(() => guarded.close());

    /** Stores that know the time of the server, or not yet. */
    async function open(isKnown: boolean): Promise<void> {
      shared = new RedisRateLimitStore(connection.client, { denials: 0 });
      leases = new RedisLeaseStore(connection.client);
      guarded = new ResilientRateLimitStore(shared, {
        onStoreError: 'closed',
        timeout: TIMEOUT,
        failureThreshold: 1000,
      });
      if (!isKnown) return;
      const charge = chargeOf(LIMIT, newcomer());
      for (let i = 0; i < 20; i++) {
        await shared.consume([charge]);
        await leases.renew([{ id: `known-${i}`, claims: [{ limit: PLACES, partition: charge.partition }] }]);
      }
    }

    /** What is done while the server stands still, and how that ends. */
    async function away(act: () => Promise<unknown>): Promise<unknown> {
      const { masters } = deployment(topology);
      for (const master of masters) master.pause();
      try {
        const outcome = await act().catch((error: unknown) => error);
        await delay(MUCH_LATER);
        return outcome;
      } finally {
        for (const master of masters) master.resume();
      }
    }

    /** What is asked now comes behind what is under way. */
    const remaining = async (who: string) => (await shared.peek([chargeOf(LIMIT, who, 0)]))[0]?.remaining;

    it.each([
      ['that it knows', true],
      ['that it has never reached', false],
    ])('is not counted later, by a server %s', async (_, isKnown) => {
      await open(isKnown);
      const who = newcomer();
      const outcome = await away(() => guarded.consume([chargeOf(LIMIT, who, 3)]));
      expect(outcome).toBeInstanceOf(StoreUnavailableError);
      expect(await remaining(who)).toBe(10);
      expect(await guarded.consume([chargeOf(LIMIT, who)])).toMatchObject([{ allowed: true, remaining: 9 }]);
    });

    const itAlone = topology === 'single' ? it : it.skip;

    itAlone('is not counted by a server that comes back', async () => {
      await open(true);
      const [server] = deployment(topology).masters;
      await server?.kill();
      const who = newcomer();
      const outcomes = await Promise.allSettled(
        Array.from({ length: 5 }, () => guarded.consume([chargeOf(LIMIT, who)])),
      );
      expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => 'rejected'));
      await delay(MUCH_LATER);
      await server?.restart();
      await until('the client has connected again', async () => (await remaining(who).catch(() => 0)) === LIMIT.quota);
      expect(await remaining(who)).toBe(LIMIT.quota);
    });

    it('is neither given back nor forgotten later', async () => {
      await open(true);
      const who = newcomer();
      const charge = chargeOf(LIMIT, who, 4);
      const [taken] = await shared.consume([charge]);
      const outcome = await away(async () => {
        await guarded.refund([{ ...charge, takenAt: taken?.takenAt ?? 0 }]);
        await guarded.reset([charge]);
      });
      expect(outcome).toBeInstanceOf(StoreUnavailableError);
      expect(await remaining(who)).toBe(6);
    });

    it('bans nobody later', async () => {
      await open(true);
      const ban = chargeOf(limitOf('fixed-window', 1, { block: 60_000 }), newcomer());
      await away(() => Promise.allSettled([guarded.consume([ban]), guarded.consume([ban])]));
      expect(await shared.peek([{ ...ban, cost: 0 }])).toMatchObject([{ allowed: true, remaining: 1 }]);
    });

    it('holds no place later', async () => {
      await open(true);
      const claims = [{ limit: PLACES, partition: newcomer() }];
      await away(async () => {
        const asked = ['a', 'b', 'c'].map((id) => leases.acquire({ id, claims }, TIMEOUT));
        const renewed = leases.renew([{ id: 'd', claims }], TIMEOUT);
        await Promise.race([Promise.allSettled([...asked, renewed]), delay(TIMEOUT)]);
      });
      // There are three places, and each of the four would have taken one.
      for (const id of ['e', 'f', 'g']) expect(await leases.acquire({ id, claims })).toBeUndefined();
    });

    it('gives back what other nodes took, when the time of one is over', async () => {
      await open(true);
      // Partitions enough to be sure of all nodes of a cluster.
      const others = Array.from({ length: 12 }, newcomer);
      const charges = others.map((who) => chargeOf(LIMIT, who));
      await shared.consume(charges);
      const { masters } = deployment(topology);
      const [paused] = masters;
      paused?.pause();
      const outcome = await guarded.consume(charges).catch((error: unknown) => error);
      paused?.resume();
      expect(outcome).toBeInstanceOf(StoreUnavailableError);
      await until('all is given back', async () => {
        const standings = await shared.peek(others.map((who) => chargeOf(LIMIT, who, 0)));
        return standings.every((standing) => standing.remaining === 9);
      });
    });
  });
});
