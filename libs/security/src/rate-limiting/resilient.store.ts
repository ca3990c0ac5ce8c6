import type { Charge, CountedPartition, RateLimitStore, Standing, TakenCharge } from './rate-limit.store.port.js';
import { compileResilience, type CompiledResilience, type ResilienceOptions } from './resilience.options.js';
import { AWAY, StoreCircuit } from './store-circuit.js';
import { ClosedStandIn, LocalStandIn, OpenStandIn, type StandIn } from './stand-in.js';
import { countHit, type ThrottlerRecord } from './throttler-storage.port.js';

/**
 * A shared store that may go away: each answer has its time, a circuit breaker keeps requests from waiting for a store
 * that is known to be away, and `onStoreError` says what holds meanwhile.
 *
 * The store is told how long an answer is waited for, and changes nothing later. An answer that comes too late all the same
 * is dropped, and what it took is given back: a request is counted in one of both. Where the connection breaks before the
 * answer is there, nobody knows what the store did; what it took then comes back with time. Charges are given back to
 * whichever store took them.
 *
 * @example
 * new ResilientRateLimitStore(new RedisRateLimitStore(redis), { fallback: new MemoryRateLimitStore() });
 */
export class ResilientRateLimitStore implements RateLimitStore {
  private readonly options: CompiledResilience;
  private readonly standIn: StandIn;
  private readonly circuit: StoreCircuit;

  /**
   * @param now milliseconds of a monotonic clock
   * @throws SecurityConfigurationError where an option is wrong
   */
  constructor(
    private readonly store: RateLimitStore,
    options: ResilienceOptions = {},
    now: () => number = () => performance.now(),
  ) {
    this.options = compileResilience(options, 'ResilientRateLimitStore');
    this.circuit = new StoreCircuit(this.options, now);
    this.standIn = this.createStandIn();
  }

  /** Whether the store is being asked; `false` from a trip until it heals. */
  get isHealthy(): boolean {
    return this.circuit.isHealthy;
  }

  async consume(charges: readonly Charge[]): Promise<readonly Standing[]> {
    const standings = await this.circuit.ask(
      () => this.store.consume(charges, this.options.timeout),
      (late) => void this.giveBackLate(charges, late),
      isDenial,
    );
    return standings === AWAY ? this.standIn.consume(charges) : standings;
  }

  async peek(charges: readonly Charge[]): Promise<readonly Standing[]> {
    const standings = await this.circuit.ask(() => this.store.peek(charges));
    return standings === AWAY ? this.standIn.peek(charges) : standings;
  }

  /** What cannot be given back comes back with time: it fails for no one. */
  async refund(charges: readonly TakenCharge[]): Promise<void> {
    const others = await this.standIn.refund(charges);
    if (others.length > 0) await this.circuit.ask(() => this.store.refund(others, this.options.timeout));
  }

  /** Forgets what is counted here, and in the shared store if it answers; under `closed` it throws if not. */
  async reset(counted: readonly CountedPartition[]): Promise<void> {
    await this.standIn.reset(counted);
    const done = await this.circuit.ask(() => this.store.reset(counted, this.options.timeout));
    if (done === AWAY && this.options.onStoreError === 'closed') throw this.circuit.unavailable();
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
    this.circuit.close();
  }

  /** Whoever is charged by an answer that nobody waited for has been answered otherwise. */
  private async giveBackLate(charges: readonly Charge[], standings: readonly Standing[]): Promise<void> {
    if (isDenial(standings) || standings.length !== charges.length) return;
    const taken = charges.map((charge, index) => ({ ...charge, takenAt: (standings[index] as Standing).takenAt }));
    const paid = taken.filter(({ cost }) => cost > 0);
    if (paid.length === 0) return;
    try {
      await this.store.refund(paid, this.options.timeout);
    } catch {
      // It comes back with time.
    }
  }

  private createStandIn(): StandIn {
    const { onStoreError, fallback } = this.options;
    if (onStoreError === 'open') return new OpenStandIn(() => Date.now());
    if (onStoreError === 'closed') return new ClosedStandIn(() => this.circuit.unavailable());
    return new LocalStandIn(fallback as RateLimitStore);
  }
}

/** A store may remember whom it denied, and say so while nobody answers there. */
function isDenial(standings: readonly Standing[]): boolean {
  return standings.some(({ allowed }) => !allowed);
}
