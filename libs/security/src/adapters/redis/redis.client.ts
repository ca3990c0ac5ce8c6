import { createHash } from 'node:crypto';

/** What is used of ioredis: a `Redis`, with or without Sentinel, or a `Cluster`. */
export interface IoredisClient {
  evalsha(sha1: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
  eval(script: string, numberOfKeys: number, ...keysAndArguments: string[]): Promise<unknown>;
}

/** Keys and arguments of a script, as node-redis takes them. */
export interface NodeRedisScriptOptions {
  keys: string[];
  arguments: string[];
}

/** What is used of node-redis: what `createClient`, `createCluster`, `createSentinel` or `createClientPool` made. */
export interface NodeRedisClient {
  evalSha(sha1: string, options: NodeRedisScriptOptions): Promise<unknown>;
  eval(script: string, options: NodeRedisScriptOptions): Promise<unknown>;
}

/** A client as the application has made it; see {@link IoredisClient} and {@link NodeRedisClient}. */
export type RedisClient = IoredisClient | NodeRedisClient;

/** Runs a script. Its keys share one slot, so that a cluster takes it. */
export type ScriptRunner = (keys: readonly string[], args: readonly string[]) => Promise<unknown>;

/** Sends the hash of the script, and the script itself to a server that does not know it (yet, or any more). */
export function scriptRunner(client: RedisClient, script: string): ScriptRunner {
  const sha1 = createHash('sha1').update(script).digest('hex');
  const [known, whole] = 'evalsha' in client ? withIoredis(client, sha1, script) : withNodeRedis(client, sha1, script);
  return (keys, args) =>
    known(keys, args).catch((error: unknown) => {
      // Such a server has done nothing yet: no charge is taken twice.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) return whole(keys, args);
      throw error;
    });
}

function withIoredis(client: IoredisClient, sha1: string, script: string): readonly [ScriptRunner, ScriptRunner] {
  return [
    (keys, args) => client.evalsha(sha1, keys.length, ...keys, ...args),
    (keys, args) => client.eval(script, keys.length, ...keys, ...args),
  ];
}

function withNodeRedis(client: NodeRedisClient, sha1: string, script: string): readonly [ScriptRunner, ScriptRunner] {
  return [
    (keys, args) => client.evalSha(sha1, { keys: [...keys], arguments: [...args] }),
    (keys, args) => client.eval(script, { keys: [...keys], arguments: [...args] }),
  ];
}
