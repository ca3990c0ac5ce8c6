import { Injectable } from '@nestjs/common';

/** Calls off what was to be called. */
export type Cancel = () => void;

/**
 * Calls back later. The process does not stay alive for it. Tests override the provider, as they do the `Clock`, so that
 * nothing has to be waited for.
 */
@Injectable()
export class Scheduler {
  /** Calls once, after so many milliseconds. */
  after(delay: number, call: () => void): Cancel {
    const timer = setTimeout(call, delay).unref();
    return () => clearTimeout(timer);
  }

  /** Calls again and again, so many milliseconds apart. */
  every(interval: number, call: () => void): Cancel {
    const timer = setInterval(call, interval).unref();
    return () => clearInterval(timer);
  }
}
