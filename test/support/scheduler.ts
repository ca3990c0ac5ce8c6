/** Calls back when its time is moved, and never by itself. */
export class FakeScheduler {
  private time = 0;
  private readonly calls = new Set<{ at: number; readonly interval: number | undefined; readonly call: () => void }>();

  /** What is yet to be called. */
  get pending(): number {
    return this.calls.size;
  }

  after(delay: number, call: () => void): () => void {
    return this.add({ at: this.time + delay, interval: undefined, call });
  }

  every(interval: number, call: () => void): () => void {
    return this.add({ at: this.time + interval, interval, call });
  }

  /** @param delay milliseconds */
  advance(delay: number): void {
    const end = this.time + delay;
    for (;;) {
      const [next] = [...this.calls].filter(({ at }) => at <= end).toSorted((one, other) => one.at - other.at);
      if (next === undefined) break;
      this.time = next.at;
      if (next.interval === undefined) this.calls.delete(next);
      else next.at += next.interval;
      next.call();
    }
    this.time = end;
  }

  private add(entry: { at: number; readonly interval: number | undefined; readonly call: () => void }): () => void {
    this.calls.add(entry);
    return () => void this.calls.delete(entry);
  }
}
