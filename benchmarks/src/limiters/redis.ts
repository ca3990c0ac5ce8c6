import { spawn, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { accessSync, constants } from 'node:fs';
import { Redis } from 'ioredis';

const START_LIMIT = 10_000;

/** Where a server is; `undefined` where none is on the PATH. */
export function redisProgram(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return ['redis-server', 'valkey-server']
    .flatMap((program) => folders.map((folder) => join(folder, program)))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Runs `use` with a server of its own, on a free port of the loopback interface, which keeps nothing. */
export async function withRedis<T>(program: string, use: (port: number) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'palisade-bench-'));
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn(program, settings, { stdio: 'ignore' });
  try {
    await answering(server, port);
    return await use(port);
  } finally {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    if (server.exitCode === null) {
      server.kill();
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  }
}

async function answering(server: ChildProcess, port: number): Promise<void> {
  const client = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on('error', () => undefined);
  try {
    const pong = client.ping();
    const failed = new Promise<never>((_, reject) => {
      server.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
      setTimeout(() => reject(new Error('redis-server does not answer')), START_LIMIT).unref();
    });
    await Promise.race([pong, failed]);
  } finally {
    client.disconnect();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
