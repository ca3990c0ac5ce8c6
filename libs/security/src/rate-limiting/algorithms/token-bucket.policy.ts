import { EXTRA, read, SINCE, TAKEN, type Algorithm } from './cell.js';

// TAKEN is the debt: units that are missing times the window in milliseconds, of which each millisecond pays back `quota`.
// In this measure everything is whole; a theoretical arrival time (TAT, as GCRA has it) would be a fraction of a
// millisecond, and its error would add up. SINCE is when the debt was worked out, EXTRA when there was none for the last
// time: what was taken before has come back by itself.

/** The generic cell rate algorithm (ITU-T I.371) as a leaky bucket: the debt may be `burst` units at most. */
export const tokenBucket: Algorithm = {
  settle(cells, at, { quota }, now) {
    const elapsed = now - read(cells, at + SINCE);
    cells[at + SINCE] = now;
    if (elapsed >= 0) cells[at + TAKEN] = Math.max(0, read(cells, at + TAKEN) - elapsed * quota);
    // The clock was set back: the debt stays, and is paid back from now on.
    else cells[at + EXTRA] = Math.min(now, read(cells, at + EXTRA));
  },

  waitFor(cells, at, { quota, window, burst }, cost) {
    const excess = read(cells, at + TAKEN) + cost * window - burst * window;
    return excess <= 0 ? 0 : Math.ceil(excess / quota);
  },

  take(cells, at, { window }, cost, now) {
    const debt = read(cells, at + TAKEN);
    if (debt === 0) cells[at + EXTRA] = now;
    cells[at + TAKEN] = debt + cost * window;
  },

  // What came back by itself while the request was under way cannot be told from the rest, and is given back once more:
  // at most `cost`, and never above full. To hold it back would count what was refunded to somebody who is busy.
  refund(cells, at, { window }, cost, takenAt, now) {
    // A charge of the future was taken before the clock was set back (fails closed).
    if (takenAt < read(cells, at + EXTRA) || takenAt > now) return;
    cells[at + TAKEN] = Math.max(0, read(cells, at + TAKEN) - cost * window);
  },

  remaining(cells, at, { window, burst }) {
    return Math.max(0, Math.floor((burst * window - read(cells, at + TAKEN)) / window));
  },

  resetAfter(cells, at, { quota }) {
    return Math.ceil(read(cells, at + TAKEN) / quota);
  },

  missing(cells, at, { quota, window }, now) {
    const elapsed = Math.max(0, now - read(cells, at + SINCE));
    return Math.max(0, read(cells, at + TAKEN) - elapsed * quota) / window;
  },
};
