import type { RedisClient } from '@palisade/nest/redis';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { createClient, createCluster, createSentinel } from 'redis';
import type { Topology } from './deployments.js';

/** A connected client, and what closes it. */
export interface Connection {
  readonly client: RedisClient;
  close(): void;
}

/** A way to connect; `ports` are where a Redis of the topology is reached. */
export interface ClientKind {
  readonly name: string;
  readonly topology: Topology;
  connect(ports: readonly number[]): Promise<Connection>;
}

/** How Sentinels call the master. */
export const MASTER_NAME = 'limits';

// Faults are looked for by the store; the clients only report them once more.
const unheard = () => undefined;

// As long does ioredis wait for a connection to end that the server has ended already.
const DISCONNECT_TIMEOUT = 100;

const RECONNECT = (times: number) => Math.min(times * 50, 200);

/** ioredis, as the store recommends it. */
export async function connectIoredis(
  port: number,
  settings: RedisOptions = {},
): Promise<Connection & { readonly client: Redis }> {
  const client = new Redis(port, '127.0.0.1', {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: RECONNECT,
    disconnectTimeout: DISCONNECT_TIMEOUT,
    ...settings,
  });
  client.on('error', unheard);
  await client.connect();
  return { client, close: () => client.disconnect() };
}

/** ioredis, which asks Sentinels for the master. */
export async function connectIoredisSentinel(ports: readonly number[]): Promise<Connection> {
  const client = new Redis({
    sentinels: ports.map((port) => ({ host: '127.0.0.1', port })),
    name: MASTER_NAME,
    // Without it a connection is kept to a master that only stands still.
    failoverDetector: true,
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: RECONNECT,
    disconnectTimeout: DISCONNECT_TIMEOUT,
  });
  client.on('error', unheard);
  await client.connect();
  return { client, close: () => client.disconnect() };
}

export async function connectIoredisCluster(ports: readonly number[]): Promise<Connection> {
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port }));
  const client = new Cluster(nodes, {
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: RECONNECT,
    slotsRefreshInterval: 500,
    redisOptions: { maxRetriesPerRequest: 0, disconnectTimeout: DISCONNECT_TIMEOUT },
  });
  client.on('error', unheard);
  await client.connect();
  return { client, close: () => client.disconnect() };
}

export async function connectNodeRedis(port: number): Promise<Connection> {
  const client = createClient({
    socket: { host: '127.0.0.1', port, reconnectStrategy: RECONNECT },
    disableOfflineQueue: true,
  });
  client.on('error', unheard);
  await client.connect();
  return { client, close: () => client.destroy() };
}

export async function connectNodeRedisCluster(ports: readonly number[]): Promise<Connection> {
  const client = createCluster({
    rootNodes: ports.map((port) => ({ socket: { host: '127.0.0.1', port } })),
    defaults: { disableOfflineQueue: true, socket: { reconnectStrategy: RECONNECT } },
  });
  client.on('error', unheard);
  await client.connect();
  return { client, close: () => client.destroy() };
}

export async function connectNodeRedisSentinel(ports: readonly number[]): Promise<Connection> {
  const client = createSentinel({
    name: MASTER_NAME,
    sentinelRootNodes: ports.map((port) => ({ host: '127.0.0.1', port })),
    nodeClientOptions: { disableOfflineQueue: true, socket: { reconnectStrategy: RECONNECT } },
  });
  client.on('error', unheard);
  await client.connect();
  return { client, close: () => void client.destroy() };
}

export const CLIENTS: readonly ClientKind[] = [
  { name: 'ioredis', topology: 'single', connect: ([port]) => connectIoredis(port as number) },
  { name: 'node-redis', topology: 'single', connect: ([port]) => connectNodeRedis(port as number) },
  { name: 'ioredis with Sentinel', topology: 'sentinel', connect: connectIoredisSentinel },
  { name: 'node-redis Sentinel', topology: 'sentinel', connect: connectNodeRedisSentinel },
  { name: 'ioredis Cluster', topology: 'cluster', connect: connectIoredisCluster },
  { name: 'node-redis cluster', topology: 'cluster', connect: connectNodeRedisCluster },
];
