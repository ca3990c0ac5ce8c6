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
    if (within === undefined) return this.send(operation, keys, args, askedAt);
    const until = askedAt + within;
    const timed = (at: number) => this.send(`${operation} ${this.clock.deadline(until)}`, keys, args, at);
    return timed(askedAt).then((answer) => {
      if (!isTooLate(answer)) return answer;
      const now = this.now();
      if (now >= until) throw tooLate();
      // The clock of the server was not known yet, or was set.
      return timed(now).then((second) => {
        if (isTooLate(second)) throw tooLate();
        return second;
      });
    });
  }

  private send(operation: string, keys: readonly string[], args: readonly string[], askedAt: number): Promise<unknown> {
    return this.runner(keys, [operation, ...args]).then((answer) => {
      if (!Array.isArray(answer) || answer.length === 0) return answer;
      const time = Number(String(answer[0]));
      if (time > 0) this.clock.hear(time, askedAt, this.now());
      return answer;
    });
  }
}

function isTooLate(answer: unknown): boolean {
  return Array.isArray(answer) && answer.length === 1;
}

function tooLate(): Error {
  return new Error('Redis came to it when nobody waited any more, and did nothing');
}
