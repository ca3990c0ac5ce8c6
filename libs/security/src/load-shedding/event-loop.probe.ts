import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';

/** Says how much load there is. */
export interface LoadProbe {
  /** Called once, when the application starts. */
  start?(): void;
  /** Milliseconds that the event loop is late; asked once a sample, for the time since the last one. */
  lag(): number;
  /** Called once, when the application ends. */
  close?(): void;
}

/** Milliseconds between two measurements. */
const RESOLUTION = 10;
const NANOSECONDS = 1e6;

/**
 * How long the turn of the event loop takes that a request finds when it comes. The mean over turns would hide a long
 * one behind the many that are short; their maximum would be that of one garbage collection. So each counts as long as
 * it lasts: the sum of squares over the sum.
 *
 * Only what was measured since the last question counts: when the load is over, so is the lag. The histogram itself goes
 * on: `reset()` would have it forget when the last turn began, and turns longer than a sample would never be seen.
 */
export class EventLoopProbe implements LoadProbe {
  private histogram: IntervalHistogram | undefined;
  private sum = 0;
  private squares = 0;
  private last = 0;

  start(): void {
    this.histogram ??= monitorEventLoopDelay({ resolution: RESOLUTION });
    this.histogram.enable();
  }

  lag(): number {
    if (this.histogram === undefined || this.histogram.count === 0) return 0;
    const { count } = this.histogram;
    const mean = this.histogram.mean / NANOSECONDS;
    const deviation = this.histogram.stddev / NANOSECONDS;
    const sum = count * mean;
    const squares = count * (mean * mean + deviation * deviation);
    const lag = (squares - this.squares) / (sum - this.sum) - RESOLUTION;
    this.sum = sum;
    this.squares = squares;
    // Where no turn has ended since, there is nothing new to say.
    if (Number.isFinite(lag)) this.last = Math.max(0, lag);
    return this.last;
  }

  close(): void {
    this.histogram?.disable();
    this.histogram = undefined;
    this.sum = this.squares = this.last = 0;
  }
}
