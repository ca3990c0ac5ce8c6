/** Called when the time of a call is over; `undefined` once the call is done. */
export interface Deadline {
  readonly at: number;
  expire: (() => void) | undefined;
}

/**
 * One timer for all calls that are under way: as each has the same time, the first that began is the first that is late.
 * A timer of its own for each would be what costs most of a call that is answered in time.
 */
export class Deadlines {
  private queue: Deadline[] = [];
  /** Where the queue begins; what lies before it is over. */
  private head = 0;
  private timer: NodeJS.Timeout | undefined;
  private verdict: NodeJS.Immediate | undefined;

  /**
   * @param timeout milliseconds
   * @param now milliseconds of a monotonic clock
   */
  constructor(
    private readonly timeout: number,
    private readonly now: () => number,
  ) {}

  add(expire: () => void): Deadline {
    const deadline: Deadline = { at: this.now() + this.timeout, expire };
    this.queue.push(deadline);
    if (this.timer === undefined && this.verdict === undefined) this.arm(this.timeout);
    return deadline;
  }

  /** Ends the time of all calls at once, and the timer. */
  close(): void {
    clearTimeout(this.timer);
    clearImmediate(this.verdict);
    this.timer = this.verdict = undefined;
    const pending = this.queue.slice(this.head);
    this.queue = [];
    this.head = 0;
    for (const deadline of pending) end(deadline);
  }

  private arm(delay: number): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      // Where the process itself was busy for so long, answers wait in the sockets: they are read first. The event loop
      // does not wake for an immediate that is unref'd, and one turn keeps no process alive.
      this.verdict = setImmediate(() => this.judge());
    }, delay).unref();
  }

  private judge(): void {
    this.verdict = undefined;
    const now = this.now();
    for (; this.head < this.queue.length; this.head++) {
      const deadline = this.queue[this.head] as Deadline;
      if (deadline.expire !== undefined && deadline.at > now) break;
      end(deadline);
    }
    this.queue = this.queue.slice(this.head);
    this.head = 0;
    const next = this.queue[0];
    // A timer may ring a little early by the finer clock.
    if (next !== undefined && this.timer === undefined) this.arm(Math.max(1, Math.ceil(next.at - now)));
  }
}

function end(deadline: Deadline): void {
  const { expire } = deadline;
  deadline.expire = undefined;
  expire?.();
}
