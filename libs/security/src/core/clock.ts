import { Injectable } from '@nestjs/common';

/**
 * The time, as everything in the library reads it. Tests override the provider with a clock of their own:
 * `Test.createTestingModule(…).overrideProvider(Clock).useValue(fake)`.
 */
@Injectable()
export class Clock {
  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now();
  }
}
