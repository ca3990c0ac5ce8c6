import { CELL_LENGTH, type Algorithm } from '../algorithms/cell.js';
import type { StoredLimit } from '../rate-limit.store.port.js';

// Not at the beginning, so that an offset that was forgotten is found.
const AT = 2 * CELL_LENGTH;

/** One cell, with others on both sides that must stay as they are. */
export class Counter {
  readonly cells = new Float64Array(4 * CELL_LENGTH);

  constructor(
    private readonly algorithm: Algorithm,
    private readonly limit: StoredLimit,
  ) {}

  /** Takes what may be taken and answers with the milliseconds to wait. */
  take(now: number, cost = 1): number {
    const wait = this.waitFor(now, cost);
    if (wait === 0) this.algorithm.take(this.cells, AT, this.limit, cost, now);
    return wait;
  }

  waitFor(now: number, cost = 1): number {
    this.algorithm.settle(this.cells, AT, this.limit, now);
    return this.algorithm.waitFor(this.cells, AT, this.limit, cost, now);
  }

  refund(now: number, cost: number, takenAt: number): void {
    this.algorithm.settle(this.cells, AT, this.limit, now);
    this.algorithm.refund(this.cells, AT, this.limit, cost, takenAt, now);
  }

  remaining(now: number): number {
    this.algorithm.settle(this.cells, AT, this.limit, now);
    return this.algorithm.remaining(this.cells, AT, this.limit, now);
  }

  resetAfter(now: number): number {
    this.algorithm.settle(this.cells, AT, this.limit, now);
    return this.algorithm.resetAfter(this.cells, AT, this.limit, now);
  }

  missing(now: number): number {
    return this.algorithm.missing(this.cells, AT, this.limit, now);
  }
}
