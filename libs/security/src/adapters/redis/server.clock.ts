/**
 * Estimates the clock of the server from the times in its answers: each was read there after the question was sent. The
 * quickest answer says most; one that contradicts the estimate comes of a clock that was set, or of another server.
 */
export class ServerClock {
  /** The most that the clock of the server is ahead of the one here; nothing is known yet. */
  private ahead = -Infinity;

  /**
   * Returns the time of the server by which nobody waits any more, later by the time of the quickest answer at most, and
   * never earlier; 0 while nothing is known.
   *
   * @param until milliseconds of the clock here
   */
  deadline(until: number): number {
    return this.ahead === -Infinity ? 0 : Math.ceil(until + this.ahead);
  }

  /**
   * @param time whole milliseconds of the server, rounded down, between the next two
   * @param askedAt milliseconds of the clock here, as the next
   */
  hear(time: number, askedAt: number, answeredAt: number): void {
    const most = time + 1 - askedAt;
    if (most < this.ahead || time - answeredAt > this.ahead) this.ahead = most;
  }
}
