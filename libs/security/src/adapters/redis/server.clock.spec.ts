import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ServerClock } from './server.clock.js';

/** Questions, each with its way to the server and back, and the pause before it; milliseconds. */
const journeys = fc.array(
  fc.record({
    pause: fc.double({ min: 0, max: 1e6, noNaN: true }),
    there: fc.double({ min: 0, max: 200, noNaN: true }),
    back: fc.double({ min: 0, max: 200, noNaN: true }),
  }),
  { minLength: 1, maxLength: 20 },
);
const offsets = fc.double({ min: -1e12, max: 1.7e12, noNaN: true });

/** Has questions answered by a server that is ahead by so much, one after the other. */
function answer(
  clock: ServerClock,
  began: number,
  ahead: number,
  asked: readonly { readonly pause: number; readonly there: number; readonly back: number }[],
): number {
  let now = began;
  for (const { pause, there, back } of asked) {
    const askedAt = now + pause;
    now = askedAt + there + back;
    clock.hear(Math.floor(askedAt + there + ahead), askedAt, now);
  }
  return now;
}

describe('the clock of a server', () => {
  it('is unknown before the first answer, so that nothing is done', () => {
    expect(new ServerClock().deadline(1e12)).toBe(0);
  });

  it('never has a deadline end too early, and too late by the time of the quickest answer at most', () => {
    fc.assert(
      fc.property(journeys, offsets, fc.double({ min: 0, max: 60_000, noNaN: true }), (asked, ahead, within) => {
        const clock = new ServerClock();
        const until = answer(clock, 0, ahead, asked) + within;
        const quickest = Math.min(...asked.map(({ there, back }) => there + back));
        const deadline = clock.deadline(until);
        // What doubles of this size can tell apart.
        const precision = 0.01;
        expect(deadline).toBeGreaterThanOrEqual(Math.floor(until + ahead - precision));
        expect(deadline).toBeLessThanOrEqual(until + ahead + quickest + 2 + precision);
      }),
    );
  });

  it.each([
    ['forward', 5000],
    ['back', -5000],
  ])('is known again with the first answer after it was put %s', (_, change) => {
    const clock = new ServerClock();
    const asked = [{ pause: 10, there: 1, back: 1 }];
    const now = answer(clock, 0, 1e9, asked);
    const later = answer(clock, now, 1e9 + change, asked);
    const deadline = clock.deadline(later + 100) - (later + 100 + 1e9 + change);
    expect(deadline).toBeGreaterThanOrEqual(0);
    expect(deadline).toBeLessThanOrEqual(4);
  });
});
