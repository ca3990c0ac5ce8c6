import { clear, EXTRA, read, SINCE, TAKEN, type Algorithm } from './cell.js';

// SINCE is the beginning of the window, TAKEN the units taken in it, EXTRA its end. The end is kept, and not worked out
// from the limit: limits that share their counts may have windows of different lengths, as a time to live that is worked
// out for each request has.

/**
 * A window begins with the first unit that is taken. A burst of `quota` at its end and another at the beginning of the
 * next are allowed: that is what a fixed window means.
 */
export const fixedWindow: Algorithm = {
  settle(cells, at, _limit, now) {
    const ahead = read(cells, at + SINCE) - now;
    if (ahead > 0) {
      // The clock was set back: the window begins again, with what was taken in it, and is no longer than before.
      cells[at + SINCE] = now;
      cells[at + EXTRA] = read(cells, at + EXTRA) - ahead;
    }
    if (now >= read(cells, at + EXTRA)) clear(cells, at);
  },

  waitFor(cells, at, { quota }, cost, now) {
    return read(cells, at + TAKEN) + cost <= quota ? 0 : read(cells, at + EXTRA) - now;
  },

  take(cells, at, { window }, cost, now) {
    if (read(cells, at + TAKEN) === 0) {
      cells[at + SINCE] = now;
      cells[at + EXTRA] = now + window;
    }
    cells[at + TAKEN] = read(cells, at + TAKEN) + cost;
  },

  refund(cells, at, _limit, cost, takenAt, now) {
    // A charge of the future was taken before the clock was set back: nobody knows in which window (fails closed).
    if (takenAt < read(cells, at + SINCE) || takenAt > now) return;
    cells[at + TAKEN] = Math.max(0, read(cells, at + TAKEN) - cost);
  },

  remaining(cells, at, { quota }) {
    return Math.max(0, quota - read(cells, at + TAKEN));
  },

  resetAfter(cells, at, _limit, now) {
    return read(cells, at + TAKEN) === 0 ? 0 : read(cells, at + EXTRA) - now;
  },

  missing(cells, at) {
    return read(cells, at + TAKEN);
  },
};
