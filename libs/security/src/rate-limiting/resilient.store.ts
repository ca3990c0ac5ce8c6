import { admits, begun, CLOSED, failed, retryAfter, succeeded, type CircuitState } from './circuit-breaker.policy.js';
import { Deadlines } from './deadlines.js';
import type { Charge, CountedPartition, RateLimitStore, Standing, TakenCharge } from './rate-limit.store.port.js';
import { compileResilience, type CompiledResilience, type ResilienceOptions } from './resilience.options.js';
import { ClosedStandIn, LocalStandIn, OpenStandIn, type StandIn } from './stand-in.js';
import { StoreUnavailableError } from './store-unavailable.error.js';
import { countHit, type ThrottlerRecord } from './throttler-storage.port.js';

/** Where a question was not answered by the store. */
const AWAY = Symbol('away');

/**
 * A shared store that may go away: each answer has its time, a circuit breaker keeps requests from waiting for a store
 * that is known to be away, and `onStoreError` says what holds meanwhile.
 *
 * An answer that comes too late is dropped: what it took stays taken in the shared store, so that a request may be
 * counted in both, and never be counted twice in one. Charges are given back to whichever store took them.
 *
 * @example
 * new ResilientRateLimitStore(new RedisRateLimitStore(redis), { fallback: new MemoryRateLimitStore() });
 */
export class ResilientRateLimitStore implements RateLimitStore {
  private readonly options: CompiledResilience;
  private readonly standIn: StandIn;
  private readonly deadlines: Deadlines;
  private circuit: CircuitState = CLOSED;
  private trippedAt = 0;
  private lastFailure: unknown;
  private isClosed = false;

  /**
   * @param now milliseconds of a monotonic clock
   * @throws SecurityConfigurationError where an option is wrong
   */
  constructor(
    private readonly store: RateLimitStore,
    options: ResilienceOptions = {},
    private readonly now: () => number = () => performance.now(),
  ) {
    this.options = compileResilience(options, 'ResilientRateLimitStore');
    this.standIn = this.createStandIn();
    this.deadlines = new Deadlines(this.options.timeout, now);
  }

  /** Whether the store is being asked; `false` from a trip until it heals. */
  get isHealthy(): boolean {
    return this.circuit.kind === 'closed';
  }

  async consume(charges: readonly Charge[]): Promise<readonly Standing[]> {
    const standings = await this.ask(() => this.store.consume(charges));
    return standings === AWAY ? this.standIn.consume(charges) : standings;
  }

  async peek(charges: readonly Charge[]): Promise<readonly Standing[]> {
    const standings = await this.ask(() => this.store.peek(charges));
    return standings === AWAY ? this.standIn.peek(charges) : standings;
  }

  /** What cannot be given back comes back with time: it fails for no one. */
  async refund(charges: readonly TakenCharge[]): Promise<void> {
    const others = await this.standIn.refund(charges);
    if (others.length > 0) await this.ask(() => this.store.refund(others));
  }

  /** Forgets what is counted here, and in the shared store if it answers; under `closed` it throws if not. */
  async reset(counted: readonly CountedPartition[]): Promise<void> {
    await this.standIn.reset(counted);
    const done = await this.ask(() => this.store.reset(counted));
    if (done === AWAY && this.options.onStoreError === 'closed') throw this.unavailable();
  }

  /** `ThrottlerStorage` of @nestjs/throttler: `ThrottlerModule.forRoot({ throttlers, storage: store })`. */
  increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<ThrottlerRecord> {
    return countHit(this, key, ttl, limit, blockDuration, throttlerName);
  }

  /** Leaves no timer behind. Whoever asks from now on is answered as while the store is away. */
  close(): void {
    this.isClosed = true;
    this.deadlines.close();
  }

  /** Never rejects. What the store answers, or `AWAY` where it does not in time. */
  private ask<T>(call: () => T | Promise<T>): Promise<T | typeof AWAY> {
    if (this.isClosed || !admits(this.circuit, this.now())) return Promise.resolve(AWAY);
    this.circuit = begun(this.circuit);
    const { era } = this.circuit;
    return new Promise((resolve) => {
      const deadline = this.deadlines.add(() => {
        this.onFailure(era, new Error(`No answer in ${this.options.timeout} ms`));
        resolve(AWAY);
      });
      // The deadline is there once: who is first takes it away, and whatever comes later is dropped.
      const settle = (answer: () => void) => {
        if (deadline.expire === undefined) return;
        deadline.expire = undefined;
        answer();
      };
      attempt(call).then(
        (value) =>
          settle(() => {
            this.onSuccess(era);
            resolve(value);
          }),
        (error: unknown) =>
          settle(() => {
            this.onFailure(era, error);
            resolve(AWAY);
          }),
      );
    });
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

  private createStandIn(): StandIn {
    const { onStoreError, fallback } = this.options;
    if (onStoreError === 'open') return new OpenStandIn(() => Date.now());
    if (onStoreError === 'closed') return new ClosedStandIn(() => this.unavailable());
    return new LocalStandIn(fallback as RateLimitStore);
  }

  private unavailable(): StoreUnavailableError {
    return new StoreUnavailableError(retryAfter(this.circuit, this.now(), this.options), this.lastFailure);
  }
}

/** What is thrown at once is a failure like any other. */
async function attempt<T>(call: () => T | Promise<T>): Promise<T> {
  return call();
}
