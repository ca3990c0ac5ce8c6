import { afterEach, describe, expect, it } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { EventLoopProbe } from './event-loop.probe.js';

/** Real time: it is what is measured. */
function blockFor(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

describe('The probe of the event loop', () => {
  const probe = new EventLoopProbe();
  afterEach(() => probe.close());

  it('is not late before it was started, nor after it was closed', async () => {
    expect(probe.lag()).toBe(0);
    probe.start();
    await wait(30);
    blockFor(100);
    await wait(30);
    probe.close();
    expect(probe.lag()).toBe(0);
  });

  it('sees a loop that is blocked, and that it is not any more', async () => {
    probe.start();
    await wait(30);
    blockFor(300);
    await wait(30);
    // Short turns before and after it must not hide it.
    expect(probe.lag()).toBeGreaterThan(150);
    // On a busy machine other processes make it late as well, now and then.
    let lag = probe.lag();
    for (let i = 0; i < 500 && lag >= 150; i++) {
      await wait(200);
      lag = probe.lag();
    }
    expect(lag).toBeLessThan(150);
  });

  it('sees turns that are longer than the time between two questions', async () => {
    probe.start();
    await wait(30);
    const lags: number[] = [];
    for (let i = 0; i < 5; i++) {
      blockFor(100);
      await wait(1);
      lags.push(probe.lag());
    }
    expect(Math.min(...lags.slice(1))).toBeGreaterThan(50);
  });

  it('answers with a number when it is asked again at once', async () => {
    probe.start();
    await wait(30);
    probe.lag();
    expect(probe.lag()).toBeGreaterThanOrEqual(0);
  });
});
