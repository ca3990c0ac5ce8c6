import { EXTRA, read, SINCE, TAKEN, type Cells, type Algorithm } from './cell.js';

// TAKEN are the units of this window, EXTRA those of the one before. SINCE lies within this window: its beginning, or
// when its first unit was taken.

function windowStart(time: number, window: number): number {
  return Math.floor(time / window) * window;
}

/**
 * Counts this window whole, and of the last one those units that lie less than `window` back, as though they had been
 * spread evenly from its beginning on. Windows are aligned to the epoch.
 *
 * A unit that lies a whole window back counts no more, in whole milliseconds as the clock has them: whoever keeps to
 * `quota` in a `window` at an even pace is never denied, in whatever phase. The price is what a millisecond is worth, and
 * one unit at least: after a burst at the end of a window so much more passes than a share of it that is rounded up
 * would let through.
 */
export const slidingWindow: Algorithm = {
  settle(cells, at, { quota, window }, now) {
    const start = windowStart(now, window);
    const before = windowStart(read(cells, at + SINCE), window);
    if (start === before) return;
    const taken = read(cells, at + TAKEN);
    if (start > before) {
      enter(cells, at, start, 0, start - before === window ? taken : 0);
    } else {
      // The clock was set back to an earlier window: it holds all that counted, which was the quota at most.
      const counted = Math.min(taken + read(cells, at + EXTRA), Math.max(taken, quota));
      enter(cells, at, now, counted, 0);
    }
  },

  waitFor(cells, at, { quota, window }, cost, now) {
    const taken = read(cells, at + TAKEN);
    const before = read(cells, at + EXTRA);
    const elapsed = now - windowStart(now, window);
    // Units that may count besides the cost: of the last window in this one, of this window in the next.
    const room = quota - taken - cost;
    if (room >= 0) return Math.max(0, slideFor(before, room, window) - elapsed);
    return window - elapsed + slideFor(taken, quota - cost, window);
  },

  take(cells, at, _limit, cost, now) {
    const taken = read(cells, at + TAKEN);
    if (taken === 0) cells[at + SINCE] = now;
    cells[at + TAKEN] = taken + cost;
  },

  refund(cells, at, { window }, cost, takenAt, now) {
    // A charge of the future was taken before the clock was set back: nobody knows in which window (fails closed).
    if (takenAt > now) return;
    if (takenAt >= read(cells, at + SINCE)) cells[at + TAKEN] = Math.max(0, read(cells, at + TAKEN) - cost);
    else if (windowStart(takenAt, window) === windowStart(now, window) - window) {
      cells[at + EXTRA] = Math.max(0, read(cells, at + EXTRA) - cost);
    }
  },

  remaining(cells, at, { quota, window }, now) {
    const left = window - (now - windowStart(now, window));
    return Math.max(0, quota - read(cells, at + TAKEN) - countedOf(read(cells, at + EXTRA), left, window));
  },

  resetAfter(cells, at, { window }, now) {
    const elapsed = now - windowStart(now, window);
    const taken = read(cells, at + TAKEN);
    if (taken > 0) return window - elapsed + slideFor(taken, 0, window);
    return Math.max(0, slideFor(read(cells, at + EXTRA), 0, window) - elapsed);
  },

  missing(cells, at) {
    return read(cells, at + TAKEN) + read(cells, at + EXTRA);
  },
};

/** Units of the last window that still count, with so many milliseconds left of this one, that which runs included. */
function countedOf(before: number, left: number, window: number): number {
  return Math.floor((before * (left - 1)) / window);
}

/** Milliseconds of a window after which no more than `room` units of those taken in the window before count. */
function slideFor(taken: number, room: number, window: number): number {
  return taken <= room + 1 ? 0 : window - Math.ceil(((room + 1) * window) / taken);
}

function enter(cells: Cells, at: number, since: number, taken: number, before: number): void {
  cells[at + SINCE] = since;
  cells[at + TAKEN] = taken;
  cells[at + EXTRA] = before;
}
