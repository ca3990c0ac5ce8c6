import { clear, EXTRA, read, SINCE, TAKEN, type Cells } from './cell.js';

export function isBlocked(cells: Cells, at: number): boolean {
  return read(cells, at + TAKEN) < 0;
}

export function blockedUntil(cells: Cells, at: number): number {
  return read(cells, at + EXTRA);
}

/** Units that somebody had taken when the block began. */
export function takenWhenBlocked(cells: Cells, at: number): number {
  return -read(cells, at + TAKEN) - 1;
}

/** What was taken counts no more: who is blocked starts anew afterwards. It is kept to tell whom to forget last. */
export function block(cells: Cells, at: number, taken: number, now: number, duration: number): void {
  cells[at + SINCE] = now;
  cells[at + TAKEN] = -taken - 1;
  cells[at + EXTRA] = now + duration;
}

/** Ends a block that is over. */
export function settleBlock(cells: Cells, at: number, now: number): void {
  const ahead = read(cells, at + SINCE) - now;
  if (ahead > 0) {
    // The clock was set back: the block begins again, and is no longer than before.
    cells[at + SINCE] = now;
    cells[at + EXTRA] = read(cells, at + EXTRA) - ahead;
  }
  if (now >= blockedUntil(cells, at)) clear(cells, at);
}
