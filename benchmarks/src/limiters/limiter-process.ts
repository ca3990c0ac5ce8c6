import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../child-message.js';
import { CorrectnessError } from '../correctness.js';
import type { LimiterSpec } from './limiter.js';
import type { FromLimiter, ToLimiter } from './process.js';

const PROCESS = fileURLToPath(new URL('process.js', import.meta.url));
const ANSWER_LIMIT = 120_000;

/** A limiter in a process of its own: what others keep in memory is none of its garbage. */
export class LimiterProcess {
  private constructor(
    readonly spec: LimiterSpec,
    private readonly child: ChildProcess,
    readonly bytesPerClient: number,
  ) {}

  /** Starts it, and has it count every client once. */
  static async start(spec: LimiterSpec): Promise<LimiterProcess> {
    const child = fork(PROCESS, [JSON.stringify(spec)], {
      execArgv: ['--expose-gc', '--max-old-space-size=4096'],
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    try {
      const { bytesPerClient, denies } = await messageOf<FromLimiter, 'filled'>(child, 'filled', ANSWER_LIMIT);
      if (!denies) throw new CorrectnessError(`${spec.limiter} does not deny what is too much`);
      return new LimiterProcess(spec, child, bytesPerClient);
    } catch (error) {
      child.kill();
      throw error;
    }
  }

  /** Microseconds of CPU for each hit. */
  async measure(hits: number, round: number): Promise<number> {
    const answer = messageOf<FromLimiter, 'round'>(this.child, 'round', ANSWER_LIMIT);
    this.tell({ type: 'round', hits, round });
    return (await answer).cpu;
  }

  async stop(): Promise<void> {
    if (!this.child.connected) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.tell({ type: 'stop' });
    await ended;
  }

  private tell(message: ToLimiter): void {
    this.child.send(message);
  }
}
