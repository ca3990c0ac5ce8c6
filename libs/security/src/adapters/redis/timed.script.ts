import { scriptRunner, type RedisClient, type ScriptRunner } from './redis.client.js';
import { ServerClock } from './server.clock.js';

/**
 * Runs a script that does nothing once its caller waits no longer. Clients keep what they cannot send, and send again what
 * was not answered; servers that stood still go on with what lies in their sockets. So the first argument names the
 * operation and, by the clock of the server, the time from which on it does nothing but answer the time, alone in a list.
 * All other answers that are lists begin with the time.
 */
export class TimedScript {
  private readonly runner: ScriptRunner;
  private readonly clock = new ServerClock();

  /** @param now milliseconds of a monotonic clock */
  constructor(
    client: RedisClient,
    script: string,
    private readonly now: () => number,
  ) {
    this.runner = scriptRunner(client, script);
  }

  /**
   * @param within milliseconds from now on; without them the script is run whenever the server comes to it
   * @throws Error where the server came to it too late, and nothing was done
   */
  run(
    operation: string,
    keys: readonly string[],
    args: readonly string[],
    within: number | undefined,
  ): Promise<unknown> {
    const askedAt = this.now();
    return this.ask(operation, keys, args, askedAt, within === undefined ? undefined : askedAt + within);
  }

  private ask(
    operation: string,
    keys: readonly string[],
    args: readonly string[],
    askedAt: number,
    until: number | undefined,
    isLast = false,
  ): Promise<unknown> {
    const first = until === undefined ? operation : `${operation} ${this.clock.deadline(until)}`;
    return this.runner(keys, [first, ...args]).then((answer) => {
      const now = this.now();
      if (Array.isArray(answer) && answer.length > 0) {
        // Text, bytes or a number, by the client.
        const time = typeof answer[0] === 'number' ? answer[0] : Number(String(answer[0]));
        if (time > 0) this.clock.hear(time, askedAt, now);
      }
      if (until === undefined || !isTooLate(answer)) return answer;
      if (isLast || now >= until) throw tooLate();
      // The clock of the server was not known yet, or was set.
      return this.ask(operation, keys, args, now, until, true);
    });
  }
}

function isTooLate(answer: unknown): boolean {
  return Array.isArray(answer) && answer.length === 1;
}

function tooLate(): Error {
  return new Error('Redis came to it when nobody waited any more, and did nothing');
}
