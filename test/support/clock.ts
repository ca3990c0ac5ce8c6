/** A clock that only moves when told to. Starts on a whole second, so that token times need no rounding. */
export class FakeClock {
  private time = Date.UTC(2026, 0, 1);

  now(): number {
    return this.time;
  }

  get seconds(): number {
    return this.time / 1000;
  }

  /** Moves by seconds; backwards where they are negative. */
  advance(seconds: number): void {
    this.time += seconds * 1000;
  }
}
