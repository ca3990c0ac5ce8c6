/** What becomes of the counts when it is known how an attempt ended. */
export interface AttemptOutcome {
  succeeded(): Promise<void>;
  failed(): Promise<void>;
  abandoned(): Promise<void>;
}

const nothing = async (): Promise<void> => undefined;

/**
 * An attempt to sign in that may be looked at. It counts as failed until it is told otherwise; what it is told first
 * holds.
 */
export class LoginAttempt {
  /** @internal Where a lock is only recorded. */
  static readonly UNCOUNTED = new LoginAttempt({ succeeded: nothing, failed: nothing, abandoned: nothing });

  private settled = false;

  /** @internal */
  constructor(private readonly outcome: AttemptOutcome) {}

  /** The identifier has signed in: its failures from this address are forgotten, and the address is known. */
  async succeed(): Promise<void> {
    if (this.settle()) await this.outcome.succeeded();
  }

  /** The credentials were wrong, or there is no such account. */
  async fail(): Promise<void> {
    if (this.settle()) await this.outcome.failed();
  }

  /** Nothing came of it, by no fault of the caller's: it does not count. */
  async abandon(): Promise<void> {
    if (this.settle()) await this.outcome.abandoned();
  }

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    return true;
  }
}
