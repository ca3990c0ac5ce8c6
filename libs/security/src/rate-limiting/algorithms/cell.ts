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
