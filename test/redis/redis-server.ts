import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { Redis } from 'ioredis';
import { REDIS_SERVER } from './redis-program.js';

const START_TIMEOUT = 60_000;
const ATTEMPTS = 3;
const SLOTS = 16_384;

// Whatever happens to the tests, no server outlives them.
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server of this test's own, on a port of the loopback that was free, which keeps nothing. */
export class RedisServer {
  private child: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly settings: readonly string[],
    private readonly watched: readonly string[] | undefined,
  ) {}

  /** @param watched what Sentinel is to watch, line by line; the server is one then, and keeps no data */
  static async start(settings: readonly string[] = [], watched?: readonly string[]): Promise<RedisServer> {
    for (let attempt = 1; ; attempt++) {
      const folder = await mkdtemp(join(tmpdir(), 'palisade-redis-'));
      const server = new RedisServer(await freePort(), folder, settings, watched);
      try {
        await server.launch();
        return server;
      } catch (error) {
        await server.stop();
        // Somebody else may have taken the port meanwhile.
        if (attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** Runs a command over a connection of its own. */
  async command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    const client = new Redis(this.port, '127.0.0.1', {
      lazyConnect: true,
      retryStrategy: null,
      disconnectTimeout: 100,
    });
    client.on('error', () => undefined);
    try {
      return await client.call(name, ...args);
    } finally {
      client.disconnect();
    }
  }

  /** Stops the process where it is: connections stay open, and nothing answers. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  async kill(): Promise<void> {
    const { child, isRunning } = this;
    this.child = undefined;
    if (child === undefined || !isRunning) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  /** On the same port, and empty. */
  async restart(): Promise<void> {
    await this.kill();
    await this.launch();
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async launch(): Promise<void> {
    const args = ['--port', this.port, '--bind', '127.0.0.1', '--dir', this.folder, '--daemonize', 'no'];
    const nothingKept = ['--save', '', '--appendonly', 'no'];
    const role = await this.role();
    const child = spawn(REDIS_SERVER as string, [...role, ...args.map(String), ...nothingKept, ...this.settings], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    await readiness(child, this.watched === undefined ? 'Ready to accept connections' : '+monitor master');
  }

  /** Sentinel is the same program, and writes what it learns into the file that it is told to watch in. */
  private async role(): Promise<readonly string[]> {
    if (this.watched === undefined) return [];
    const file = join(this.folder, 'sentinel.conf');
    await writeFile(file, `${this.watched.join('\n')}\n`);
    return [file, '--sentinel'];
  }
}

/** Three masters and, if asked for, a replica of each. */
export class RedisCluster {
  private constructor(
    readonly masters: readonly RedisServer[],
    readonly replicas: readonly RedisServer[],
  ) {}

  static async start(options: { readonly replicas?: boolean } = {}): Promise<RedisCluster> {
    const count = options.replicas === true ? 6 : 3;
    const nodes = await Promise.all(Array.from({ length: count }, () => startNode()));
    const cluster = new RedisCluster(nodes.slice(0, 3), nodes.slice(3));
    try {
      await cluster.join();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  get ports(): readonly number[] {
    return [...this.masters, ...this.replicas].map(({ port }) => port);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.masters, ...this.replicas].map((node) => node.stop()));
  }

  private async join(): Promise<void> {
    const all = [...this.masters, ...this.replicas];
    const [first] = all as [RedisServer];
    for (const [index, node] of all.entries()) await node.command('cluster', 'set-config-epoch', index + 1);
    for (const [index, master] of this.masters.entries()) {
      const from = Math.ceil((index * SLOTS) / this.masters.length);
      const to = Math.ceil(((index + 1) * SLOTS) / this.masters.length) - 1;
      await master.command('cluster', 'addslotsrange', from, to);
    }
    for (const node of all.slice(1)) {
      const busPort = String(await first.command('config', 'get', 'cluster-port')).split(',')[1] as string;
      await node.command('cluster', 'meet', '127.0.0.1', first.port, busPort);
    }
    await until('all nodes know each other', async () => {
      const views = await Promise.all(all.map((node) => node.command('cluster', 'nodes')));
      return views.every((view) => String(view).trim().split('\n').length === all.length);
    });
    for (const [index, replica] of this.replicas.entries()) {
      const id = String(await (this.masters[index] as RedisServer).command('cluster', 'myid'));
      await replica.command('cluster', 'replicate', id);
    }
    await until('the cluster serves', async () => {
      const states = await Promise.all(all.map((node) => node.command('cluster', 'info')));
      const roles = await Promise.all(this.replicas.map((node) => node.command('info', 'replication')));
      return (
        states.every((state) => String(state).includes('cluster_state:ok')) &&
        roles.every((role) => String(role).includes('master_link_status:up'))
      );
    });
  }
}

async function startNode(): Promise<RedisServer> {
  // The default, the port plus 10,000, may be beyond the last port.
  const busPort = await freePort();
  const settings = {
    'cluster-enabled': 'yes',
    'cluster-port': busPort,
    // Shorter, a node that waits for its turn on a busy machine would be taken for one that is away.
    'cluster-node-timeout': 5000,
    'cluster-replica-validity-factor': 0,
    'repl-diskless-sync-delay': 0,
  };
  return RedisServer.start(Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]));
}

/** Asks again until it is so: for what real processes do in their own time. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, timeout = 120_000): Promise<void> {
  const end = Date.now() + timeout;
  while (!(await isSo())) {
    if (Date.now() > end) throw new Error(`Waited ${timeout} ms in vain: ${what}`);
    await delay(20);
  }
}

/** Behaviour with a real server; skipped where there is none. */
export function withRedis(name: string, specify: () => void): void {
  const describeIfInstalled = REDIS_SERVER === undefined ? describe.skip : describe;
  describeIfInstalled(name, specify);
}

/** A server for the tests of this block; reach it through the function once they run. */
export function redisServer(): () => RedisServer {
  return forThisBlock(() => RedisServer.start());
}

/** As {@link redisServer}, for a cluster. */
export function redisCluster(options: { readonly replicas?: boolean } = {}): () => RedisCluster {
  return forThisBlock(() => RedisCluster.start(options));
}

/** Started before the tests of this block and stopped after them. */
export function forThisBlock<T extends { stop(): Promise<void> }>(start: () => Promise<T>): () => T {
  let started: T | undefined;
  beforeAll(async () => {
    started = await start();
  });
  afterAll(() => started?.stop());
  return () => started as T;
}

function readiness(child: ChildProcess, sign: string): Promise<void> {
  return new Promise((done, fail) => {
    let output = '';
    const timer = setTimeout(() => fail(new Error(`redis-server is not ready:\n${output}`)), START_TIMEOUT);
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes(sign)) {
        clearTimeout(timer);
        output = '';
        child.stdout?.removeAllListeners('data').resume();
        done();
      }
    });
    child.once('error', fail);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(new Error(`redis-server ended with ${code}:\n${output}`));
    });
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
