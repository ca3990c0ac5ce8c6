import type { RateLimitAlgorithm, StoredLimit } from '../rate-limit.store.port.js';

/** One client of one limit, counted the naive way: everything that was taken is kept, and gone through at every question. */
export interface Reference {
  /** The time that the rest is asked at; it may go backwards. */
  settle(now: number): void;
  /** Whole units that are left. */
  left(): number;
  take(cost: number): void;
  refund(cost: number, takenAt: number): void;
}

interface Entry {
  readonly time: number;
  readonly cost: number;
}

/** The level after each entry of a log, from which `quota` units leak in a window; below zero for what is given back. */
class NaiveBucket implements Reference {
  // The time that went by, not what the clock says: whatever is set back is none.
  private elapsed = 0;
  private now = 0;
  private log: (Entry & { readonly clock: number })[] = [];

  constructor(private readonly limit: StoredLimit) {}

  settle(now: number): void {
    this.elapsed += Math.max(0, now - this.now);
    this.now = now;
  }

  left(): number {
    return Math.floor(this.limit.burst - (this.levels().at(-1) as number) / this.limit.window);
  }

  take(cost: number): void {
    this.log = [...this.log, { time: this.elapsed, clock: this.now, cost }];
  }

  refund(cost: number, takenAt: number): void {
    // What was taken before the bucket was full for the last time has come back by itself.
    const since = this.levels().lastIndexOf(0);
    if (this.log.slice(Math.max(0, since)).some(({ clock }) => clock === takenAt)) this.take(-cost);
  }

  /** Before each entry, and now. */
  private levels(): number[] {
    const levels: number[] = [];
    let [level, last] = [0, 0];
    for (const { time, cost } of [...this.log, { time: this.elapsed, cost: 0 }]) {
      level = Math.max(0, level - (time - last) * this.limit.quota);
      levels.push(level);
      level = Math.max(0, level + cost * this.limit.window);
      last = time;
    }
    return levels;
  }
}

class NaiveWindow implements Reference {
  private now = 0;
  private start = 0;
  private log: Entry[] = [];

  constructor(private readonly limit: StoredLimit) {}

  settle(now: number): void {
    // A window that the clock was set back before begins again.
    if (now < this.start) this.start = now;
    if (now >= this.start + this.limit.window) this.log = [];
    this.now = now;
  }

  left(): number {
    return this.limit.quota - sum(this.log);
  }

  take(cost: number): void {
    if (sum(this.log) === 0) [this.start, this.log] = [this.now, []];
    this.log = [...this.log, { time: this.now, cost }];
  }

  refund(cost: number, takenAt: number): void {
    if (this.log.some(({ time }) => time === takenAt)) {
      this.log = [...this.log, { time: takenAt, cost: -Math.min(cost, sum(this.log)) }];
    }
  }
}

class NaiveSlide implements Reference {
  private now = 0;
  private log: Entry[] = [];

  constructor(private readonly limit: StoredLimit) {}

  settle(now: number): void {
    const { window, quota } = this.limit;
    const set = Math.floor(now / window);
    const last = Math.floor(this.now / window);
    if (set < last) {
      // Whatever counted counts as though it had been taken in the window that the clock was set back to.
      const counted = Math.min(quota, this.inWindow(last) + this.inWindow(last - 1));
      this.log = [{ time: now, cost: counted }];
    }
    this.now = now;
  }

  left(): number {
    const { window, quota } = this.limit;
    const current = Math.floor(this.now / window);
    const share = (current + 1) * window - this.now;
    // Spread evenly, from the beginning of the last window on: those that lie less than a window back.
    const before = this.inWindow(current - 1);
    const spread = Array.from({ length: before }, (_, index) => Math.floor((index * window) / before));
    const counted = spread.filter((taken) => taken > window - share).length;
    // A clock that is set back within the window has more of the last one count than when it was taken.
    return Math.max(0, quota - this.inWindow(current) - counted);
  }

  take(cost: number): void {
    this.log = [...this.log, { time: this.now, cost }];
  }

  refund(cost: number, takenAt: number): void {
    const window = Math.floor(takenAt / this.limit.window);
    // After a clock that was set back within the window, nobody knows what was taken then (fails closed).
    if (window === Math.floor(this.now / this.limit.window) && takenAt < this.since(window)) return;
    const held = this.inWindow(window);
    this.log = [...this.log, { time: takenAt, cost: -Math.min(cost, held) }];
  }

  /** When the first of the units was taken that are missing in a window. */
  private since(number: number): number {
    let [since, taken] = [0, 0];
    for (const { time, cost } of this.log) {
      if (Math.floor(time / this.limit.window) !== number) continue;
      if (taken === 0) since = time;
      taken += cost;
    }
    return since;
  }

  private inWindow(number: number): number {
    return sum(this.log.filter(({ time }) => Math.floor(time / this.limit.window) === number));
  }
}

/** One that may be asked what would be. */
export function copyOf(reference: Reference): Reference {
  return Object.assign(Object.create(Object.getPrototypeOf(reference) as object) as Reference, reference);
}

export function referenceOf(limit: StoredLimit): Reference {
  return new REFERENCES[limit.algorithm](limit);
}

const REFERENCES: Readonly<Record<RateLimitAlgorithm, new (limit: StoredLimit) => Reference>> = {
  'token-bucket': NaiveBucket,
  'sliding-window': NaiveSlide,
  'fixed-window': NaiveWindow,
};

function sum(log: readonly Entry[]): number {
  return log.reduce((total, { cost }) => total + cost, 0);
}
