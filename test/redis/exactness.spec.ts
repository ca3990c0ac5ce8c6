import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CLIENTS } from './clients.js';
import type { ConsumerOrder } from './consumer.js';
import { redisDeployments } from './deployments.js';
import { ALGORITHMS, limitOf, newcomer } from './limits.js';
import { withRedis } from './redis-server.js';

const PROCESSES = 4;
const REQUESTS = 10_000;
const LIMIT = 1000;

/** The next message; fails where there will be none. */
async function messageOf(child: ChildProcess): Promise<unknown> {
  const settled = new AbortController();
  const { signal } = settled;
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`The process ended with ${String(code)}`);
  });
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal }), ended])) as [unknown];
    return message;
  } finally {
    settled.abort();
    ended.catch(() => undefined);
  }
}

withRedis('four processes with 10,000 requests at a limit of 1,000', () => {
  const deployment = redisDeployments();
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    const hooks = pathToFileURL(resolve('test/redis/typescript.mjs')).href;
    for (let started = 0; started < PROCESSES; started++) {
      children.push(fork(resolve('test/redis/consumer.ts'), { execArgv: ['--import', hooks] }));
    }
    await Promise.all(children.map(messageOf));
  });
  afterAll(() => {
    for (const child of children) child.kill();
  });

  /** Has all processes do the same, and waits for the answer of each. */
  async function tell(message: ConsumerOrder | 'go'): Promise<readonly unknown[]> {
    const answers = Promise.all(children.map(messageOf));
    for (const child of children) child.send(message);
    return answers;
  }

  /** How many requests of all processes together pass. */
  async function passing(order: Omit<ConsumerOrder, 'requests'>): Promise<number> {
    await tell({ ...order, requests: REQUESTS / PROCESSES });
    const allowed = await tell('go');
    return allowed.reduce<number>((sum, count) => sum + Number(count), 0);
  }

  const cases = ALGORITHMS.flatMap((algorithm) => CLIENTS.map((kind) => ({ algorithm, kind, client: kind.name })));

  it.each(cases)('pass exactly 1,000 by a $algorithm over $client', async ({ algorithm, kind }) => {
    // In a cluster ten callers, so that all of its nodes count.
    const partitions = Array.from({ length: kind.topology === 'cluster' ? 10 : 1 }, newcomer);
    const passed = await passing({
      client: kind.name,
      ports: deployment(kind.topology).ports,
      limit: limitOf(algorithm, LIMIT / partitions.length),
      partitions,
      denials: 0,
    });
    expect(passed).toBe(LIMIT);
  });

  it.each(ALGORITHMS)('pass exactly 1,000 by a %s where denials are remembered', async (algorithm) => {
    const order = { client: 'ioredis', ports: deployment('single').ports, partitions: [newcomer()], denials: 10_000 };
    expect(await passing({ ...order, limit: limitOf(algorithm, LIMIT) })).toBe(LIMIT);
  });
});
