import type { StoredLimit } from '../rate-limit.store.port.js';

/**
 * The counts of one client lie side by side in a block of numbers that many share, so that a hit allocates nothing. `at`
 * is where its numbers begin. A cell of zeros is that of somebody who has taken nothing.
 */
export type Cells = Float64Array;

/** Numbers in a cell. */
export const CELL_LENGTH = 4;

/** A moment that the counts depend on; which one, the algorithm says. For somebody blocked, when that began. */
export const SINCE = 0;
/** What is taken, in the measure of the algorithm; below zero for somebody who is blocked. */
export const TAKEN = 1;
/** One more number of the algorithm. For somebody blocked, until when. */
export const EXTRA = 2;
/** The moment from which on the cell says no more than one of zeros, unless it is touched before. */
export const EXPIRY = 3;

export function read(cells: Cells, index: number): number {
  return cells[index] as number;
}

export function clear(cells: Cells, at: number): void {
  cells[at + SINCE] = 0;
  cells[at + TAKEN] = 0;
  cells[at + EXTRA] = 0;
  cells[at + EXPIRY] = 0;
}

export function copy(from: Cells, fromAt: number, to: Cells, toAt: number): void {
  for (let i = 0; i < CELL_LENGTH; i++) to[toAt + i] = read(from, fromAt + i);
}

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
