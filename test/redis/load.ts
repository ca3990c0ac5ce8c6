import { setTimeout as delay } from 'node:timers/promises';
import { StoreUnavailableError, type Charge, type RateLimitStore, type Standing } from '@palisade/nest';
import { until } from './redis-server.js';

const CALLERS = 10;

/** What came of requests; `failed` are those that no policy accounts for. */
export interface Tally {
  allowed: number;
  denied: number;
  unavailable: number;
  failed: number;
}

/** Counts what a store allows. */
export class Tallied implements RateLimitStore {
  allowed = 0;
  answers = 0;

  constructor(private readonly store: RateLimitStore) {}

  async consume(charges: readonly Charge[], within?: number): Promise<readonly Standing[]> {
    const standings = await this.store.consume(charges, within);
    this.answers++;
    if (standings.every(({ allowed }) => allowed)) this.allowed++;
    return standings;
  }

  async peek(charges: readonly Charge[]): Promise<readonly Standing[]> {
    return this.store.peek(charges);
  }

  async refund(): Promise<void> {}

  async reset(): Promise<void> {}
}

/** Ten callers who ask again as soon as they are answered, until it is stopped. */
export class Load {
  readonly tally: Tally = { allowed: 0, denied: 0, unavailable: 0, failed: 0 };
  /** Milliseconds that the slowest request took. */
  slowest = 0;
  private running = true;
  private readonly callers: Promise<unknown>;

  constructor(
    private readonly store: RateLimitStore,
    private readonly charge: Charge,
  ) {
    this.callers = Promise.all(Array.from({ length: CALLERS }, () => this.call()));
  }

  get requests(): number {
    const { allowed, denied, unavailable, failed } = this.tally;
    return allowed + denied + unavailable + failed;
  }

  /** Lets so many more requests be answered. */
  async goOn(requests: number): Promise<void> {
    const enough = this.requests + requests;
    await until(`${requests} requests are answered`, () => this.requests >= enough);
  }

  async stop(): Promise<Tally> {
    this.running = false;
    await this.callers;
    return this.tally;
  }

  private async call(): Promise<void> {
    while (this.running) {
      const began = performance.now();
      try {
        const standings = await this.store.consume([this.charge]);
        this.tally[standings.every(({ allowed }) => allowed) ? 'allowed' : 'denied']++;
      } catch (error) {
        this.tally[error instanceof StoreUnavailableError ? 'unavailable' : 'failed']++;
      }
      this.slowest = Math.max(this.slowest, performance.now() - began);
      await delay(1);
    }
  }
}
