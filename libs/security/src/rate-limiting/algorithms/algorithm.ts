import type { StoredLimit } from '../rate-limit.store.port.js';
import type { Cells } from './cell.js';

/**
 * Counts in one cell. Times are whole milliseconds. Every function but `settle` wants a cell that is settled at `now`,
 * and none of them is asked about somebody who is blocked, or about a limit of quota 0.
 *
 * What is returned is exact as long as quota (or burst) times window stays below 2^53; beyond, a client may be told a
 * millisecond too little or too much.
 */
export interface Algorithm {
  /** Lets the time go by until `now`. A clock that was set back gives nothing, and its way back is not waited for. */
  settle(cells: Cells, at: number, limit: StoredLimit, now: number): void;
  /** Milliseconds until `cost` may be taken, rounded up; 0 where it may be now. `cost` is 1 or more, and `burst` at most. */
  waitFor(cells: Cells, at: number, limit: StoredLimit, cost: number, now: number): number;
  take(cells: Cells, at: number, limit: StoredLimit, cost: number, now: number): void;
  /** Gives back at most what is missing. */
  refund(cells: Cells, at: number, limit: StoredLimit, cost: number, takenAt: number, now: number): void;
  /** Whole units that are left, rounded down. */
  remaining(cells: Cells, at: number, limit: StoredLimit, now: number): number;
  /** Milliseconds until all units are there again, rounded up. */
  resetAfter(cells: Cells, at: number, limit: StoredLimit, now: number): number;
  /** Units that are missing, roughly; the cell need not be settled. */
  missing(cells: Cells, at: number, limit: StoredLimit, now: number): number;
}
