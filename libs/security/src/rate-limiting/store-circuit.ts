import { admits, begun, CLOSED, failed, retryAfter, succeeded, type CircuitState } from './circuit-breaker.policy.js';
import { Deadlines } from './deadlines.js';
import type { CompiledResilience } from './resilience.options.js';
import { StoreUnavailableError } from './store-unavailable.error.js';

/** Where a question was not answered by the store. */
export const AWAY = Symbol('away');

export type CircuitOptions = Pick<
  CompiledResilience,
  'timeout' | 'failureThreshold' | 'halfOpenAfter' | 'onTrip' | 'onHeal'
>;

/**
 * The calls of a shared store that may go away: each answer has its time, and a circuit breaker keeps requests from
 * waiting for a store that is known to be away.
 */
export class StoreCircuit {
  private readonly deadlines: Deadlines;
  private circuit: CircuitState = CLOSED;
  private trippedAt = 0;
  private lastFailure: unknown;
  private isClosed = false;

  /** @param now milliseconds of a monotonic clock */
  constructor(
    private readonly options: CircuitOptions,
    private readonly now: () => number,
  ) {
    this.deadlines = new Deadlines(options.timeout, now);
  }

  /** Whether the store is being asked; `false` from a trip until it heals. */
  get isHealthy(): boolean {
    return this.circuit.kind === 'closed';
  }

  /**
   * Never rejects. What the store answers, or `AWAY` where it does not in time.
   *
   * @param late called with an answer that comes too late
   * @param isKnown whether what is answered at once was known without the store, of which it says nothing then
   */
  ask<T>(
    call: () => T | Promise<T>,
    late?: (value: T) => void,
    isKnown?: (value: T) => boolean,
  ): Promise<T | typeof AWAY> {
    if (this.isClosed || !admits(this.circuit, this.now())) return Promise.resolve(AWAY);
    const answer = attempt(call);
    if (!isThenable(answer) && isKnown?.(answer) === true) return Promise.resolve(answer);
    this.circuit = begun(this.circuit);
    const { era } = this.circuit;
    return new Promise((resolve) => {
      const deadline = this.deadlines.add(() => {
        this.onFailure(era, new Error(`No answer in ${this.options.timeout} ms`));
        resolve(AWAY);
      });
      // The deadline is there once: who is first takes it away, and whatever comes later is dropped.
      const settle = (conclude: () => void): boolean => {
        if (deadline.expire === undefined) return false;
        deadline.expire = undefined;
        conclude();
        return true;
      };
      Promise.resolve(answer).then(
        (value) => {
          const isInTime = settle(() => {
            this.onSuccess(era);
            resolve(value);
          });
          if (!isInTime) late?.(value);
        },
        (error: unknown) =>
          settle(() => {
            this.onFailure(era, error);
            resolve(AWAY);
          }),
      );
    });
  }

  /** What is thrown where nothing may happen without the store. */
  unavailable(): StoreUnavailableError {
    return new StoreUnavailableError(retryAfter(this.circuit, this.now(), this.options), this.lastFailure);
  }

  /** Leaves no timer behind. Whoever asks from now on is answered as while the store is away. */
  close(): void {
    this.isClosed = true;
    this.deadlines.close();
  }

  private onSuccess(era: number): void {
    const before = this.circuit;
    this.circuit = succeeded(before, era);
    if (before.kind !== 'closed' && this.circuit.kind === 'closed') {
      this.options.onHeal(this.now() - this.trippedAt);
    }
  }

  private onFailure(era: number, cause: unknown): void {
    this.lastFailure = cause;
    // Requests that a shutdown cuts off say nothing of the store.
    if (this.isClosed) return;
    const before = this.circuit;
    const now = this.now();
    this.circuit = failed(before, era, now, this.options);
    if (before.kind === 'closed' && this.circuit.kind === 'open') {
      this.trippedAt = now;
      this.options.onTrip(cause);
    }
  }
}

/** What is thrown at once is a failure like any other. */
function attempt<T>(call: () => T | Promise<T>): T | Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

/** A promise of this realm or of a library. */
function isThenable<T>(answer: T | Promise<T>): answer is Promise<T> {
  return typeof (answer as Partial<Promise<T>> | undefined)?.then === 'function';
}
