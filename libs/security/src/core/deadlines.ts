import type { Cancel, Scheduler } from './scheduler.js';

/** The parts that a time is cut into: whoever waits does so for the time and at most one part of it more. */
const PARTS = 4;

/**
 * Ends what takes too long. One timer serves all that wait, and nobody looks at a clock: who waits is kept with those of
 * the same part of the time, and the oldest part is ended as a whole.
 */
export class Deadlines {
  private readonly parts = Array.from({ length: PARTS + 1 }, () => new Set<() => void>());
  private current = 0;
  private isRunning = false;

  /** @param time milliseconds */
  constructor(
    readonly time: number,
    private readonly scheduler: Pick<Scheduler, 'after'>,
  ) {}

  /** Calls `expire` when the time is over, unless the answer was called before. */
  add(expire: () => void): Cancel {
    // A function of its own: two calls may wait with the same one.
    const entry = () => expire();
    const part = this.parts[this.current] as Set<() => void>;
    part.add(entry);
    this.run();
    return () => void part.delete(entry);
  }

  private run(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.scheduler.after(this.time / PARTS, () => {
      this.isRunning = false;
      this.endOldest();
    });
  }

  private endOldest(): void {
    this.current = (this.current + 1) % this.parts.length;
    const part = this.parts[this.current] as Set<() => void>;
    const late = [...part];
    part.clear();
    if (this.parts.some(({ size }) => size > 0)) this.run();
    for (const expire of late) expire();
  }
}
