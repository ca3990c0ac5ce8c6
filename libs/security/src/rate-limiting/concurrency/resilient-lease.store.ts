import { AWAY, StoreCircuit, type CircuitOptions } from '../store-circuit.js';
import type { Lease, LeaseClaim, LeaseStore } from './lease.store.port.js';
import { MemoryLeaseStore } from './memory-lease.store.js';

export interface LeaseResilience extends CircuitOptions {
  readonly onStoreError: 'open' | 'closed' | 'local';
}

/**
 * A shared store of leases that may go away: `local` then counts in this process, `open` lets everything through, `closed`
 * throws. Each lease is given back to whichever store took it.
 */
export class ResilientLeaseStore implements LeaseStore {
  private readonly circuit: StoreCircuit;
  private readonly local = new MemoryLeaseStore();
  private readonly ownIds = new Set<string>();
  private isClosed = false;

  constructor(
    private readonly store: LeaseStore,
    private readonly options: LeaseResilience,
    now: () => number = () => performance.now(),
  ) {
    this.circuit = new StoreCircuit(options, now);
  }

  get ttl(): number | undefined {
    return this.store.ttl;
  }

  async acquire(lease: Lease): Promise<LeaseClaim | undefined> {
    // Nobody knows any more of a lease that came too late.
    const release = (denied: LeaseClaim | undefined) => void (denied === undefined && this.releaseLate(lease));
    const answer = await this.circuit.ask(() => this.store.acquire(lease, this.options.timeout), release);
    if (answer !== AWAY) return answer;
    if (this.options.onStoreError === 'closed') throw this.circuit.unavailable();
    if (this.options.onStoreError === 'open') {
      this.ownIds.add(lease.id);
      return undefined;
    }
    const denied = this.local.acquire(lease);
    if (denied === undefined) this.ownIds.add(lease.id);
    return denied;
  }

  async renew(leases: readonly Lease[]): Promise<void> {
    const shared = leases.filter(({ id }) => !this.ownIds.has(id));
    if (shared.length > 0) await this.circuit.ask(() => this.store.renew(shared, this.options.timeout));
  }

  /** What cannot be given back ends when it is not renewed: it fails for no one. */
  async release(lease: Lease): Promise<void> {
    if (this.ownIds.delete(lease.id)) this.local.release(lease);
    else if (this.isClosed) await this.releaseLate(lease);
    else await this.circuit.ask(() => this.store.release(lease));
  }

  /** Leaves no timer behind. Leases of requests that are still under way are given back. */
  close(): void {
    this.isClosed = true;
    this.circuit.close();
  }

  private async releaseLate(lease: Lease): Promise<void> {
    try {
      await this.store.release(lease);
    } catch {
      // It ends when it is not renewed.
    }
  }
}
