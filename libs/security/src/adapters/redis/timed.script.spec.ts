import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IoredisClient } from './redis.client.js';
import { TimedScript } from './timed.script.js';

/** How much the clock of the server is ahead. */
const AHEAD = 1_700_000_000_000;

/** A server that runs a script as those of the stores begin, when it is let. */
class Server implements IoredisClient {
  readonly deadlines: (number | undefined)[] = [];
  /** Milliseconds that a command takes to get there. */
  delay = 1;
  ahead = AHEAD;
  done = 0;

  constructor(private readonly clock: { now: number }) {}

  async evalsha(_: string, count: number, ...rest: string[]): Promise<unknown> {
    const [, last] = (rest[count] as string).split(' ');
    this.deadlines.push(last === undefined ? undefined : Number(last));
    this.clock.now += this.delay;
    const time = Math.floor(this.clock.now + this.ahead);
    if (last !== undefined && time >= Number(last)) return [time];
    this.done++;
    return [time, 'done'];
  }

  eval(): Promise<unknown> {
    throw new Error('The script is known');
  }
}

describe('a script with a time', () => {
  let clock: { now: number };
  let server: Server;
  let script: TimedScript;
  beforeEach(() => {
    clock = { now: 500 };
    server = new Server(clock);
    script = new TimedScript(server, 'return 1', () => clock.now);
  });

  const run = (within?: number) => script.run('operation', ['key'], ['argument'], within);

  it('is run once more by the first caller, which learns the time, and once by all others', async () => {
    expect(await run(100)).toEqual([AHEAD + 502, 'done']);
    expect(server.deadlines).toEqual([0, expect.any(Number)]);
    await run(100);
    expect(server.deadlines).toHaveLength(3);
    expect(server.done).toBe(2);
  });

  it('learns the time from whoever waits for as long as it takes', async () => {
    await run();
    await run(100);
    expect(server.deadlines).toEqual([undefined, expect.any(Number)]);
  });

  it.each([103, 1000, 1e9])('does nothing where the server comes to it after %d ms of 100', async (delay) => {
    await run(100);
    server.delay = delay;
    await expect(run(100)).rejects.toThrow('did nothing');
    expect(server.done).toBe(1);
  });

  it('does nothing where the server comes late to the first of all', async () => {
    server.delay = 5000;
    await expect(run(100)).rejects.toThrow('did nothing');
    expect(server.done).toBe(0);
  });

  it.each([60_000, -60_000])('is run all the same after the clock of the server was put by %d ms', async (change) => {
    await run(100);
    server.ahead += change;
    expect(await run(100)).toEqual([expect.any(Number), 'done']);
    expect(await run(100)).toEqual([expect.any(Number), 'done']);
    expect(server.deadlines.length).toBe(change > 0 ? 5 : 4);
  });

  it('does not wait for a server whose clock goes astray with every answer', async () => {
    await run(100);
    server.evalsha = async () => [AHEAD * 2];
    await expect(run(100)).rejects.toThrow('did nothing');
  });
});
