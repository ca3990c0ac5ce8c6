import { afterEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailableError } from '../store-unavailable.error.js';
import type { Lease, LeaseClaim, LeaseStore } from './lease.store.port.js';
import { MemoryLeaseStore } from './memory-lease.store.js';
import { ResilientLeaseStore, type LeaseResilience } from './resilient-lease.store.js';

/** Shared by processes, and away where it is told so. */
class SharedStore implements LeaseStore {
  readonly ttl = 3000;
  readonly inside = new MemoryLeaseStore();
  readonly renewed: string[] = [];
  isAway = false;

  async acquire(lease: Lease): Promise<LeaseClaim | undefined> {
    this.check();
    return this.inside.acquire(lease);
  }

  async renew(leases: readonly Lease[]): Promise<void> {
    this.check();
    this.renewed.push(...leases.map(({ id }) => id));
  }

  async release(lease: Lease): Promise<void> {
    this.check();
    this.inside.release(lease);
  }

  private check(): void {
    if (this.isAway) throw new Error('away');
  }
}

describe('A shared store of leases', () => {
  let store: ResilientLeaseStore;
  let leases = 0;

  afterEach(() => store.close());

  function start(shared: LeaseStore, onStoreError: LeaseResilience['onStoreError'] = 'local', timeout = 1000): void {
    const nothing = () => undefined;
    store = new ResilientLeaseStore(shared, {
      onStoreError,
      timeout,
      failureThreshold: 1,
      halfOpenAfter: 1,
      onTrip: nothing,
      onHeal: nothing,
    });
  }

  function lease(): Lease {
    return { id: `p.${leases++}`, claims: [{ limit: { id: 'exports', max: 1 }, partition: 'alice' }] };
  }

  it('is asked, and answers', async () => {
    const shared = new SharedStore();
    start(shared);
    const first = lease();
    expect(await store.acquire(first)).toBeUndefined();
    expect(await store.acquire(lease())).toMatchObject({ partition: 'alice' });
    await store.release(first);
    expect(shared.inside.size).toBe(0);
    expect(store.ttl).toBe(3000);
  });

  it('is stood in for by the process, and nothing that was taken there is given back to it', async () => {
    const shared = new SharedStore();
    start(shared);
    const before = lease();
    await store.acquire(before);
    shared.isAway = true;
    const meanwhile = lease();
    expect(await store.acquire(meanwhile)).toBeUndefined();
    expect(await store.acquire(lease())).toMatchObject({ partition: 'alice' });
    shared.isAway = false;
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.release(meanwhile);
    expect(shared.inside.size).toBe(1);
    await store.renew([before, meanwhile]);
    await store.release(before);
    expect(shared.inside.size).toBe(0);
  });

  it('hears nothing of leases that were taken in the process', async () => {
    const shared = new SharedStore();
    start(shared);
    const first = lease();
    await store.acquire(first);
    shared.isAway = true;
    const second = lease();
    await store.acquire(second);
    shared.isAway = false;
    await new Promise((resolve) => setTimeout(resolve, 5));
    await store.renew([first, second]);
    expect(shared.renewed).toEqual([first.id]);
  });

  it('lets everybody through under open', async () => {
    const shared = new SharedStore();
    shared.isAway = true;
    start(shared, 'open');
    for (let i = 0; i < 3; i++) expect(await store.acquire(lease())).toBeUndefined();
  });

  it('fails under closed', async () => {
    const shared = new SharedStore();
    shared.isAway = true;
    start(shared, 'closed');
    await expect(store.acquire(lease())).rejects.toThrow(StoreUnavailableError);
  });

  it('is given back what it granted too late', async () => {
    const shared = new SharedStore();
    let grant: () => void = () => undefined;
    const late: LeaseStore = {
      acquire: (one) => new Promise((resolve) => (grant = () => resolve(shared.inside.acquire(one)))),
      renew: () => undefined,
      release: (one) => shared.release(one),
    };
    start(late, 'local', 5);
    const first = lease();
    expect(await store.acquire(first)).toBeUndefined();
    grant();
    expect(shared.inside.size).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(shared.inside.size).toBe(0);
  });

  it('is given back what is held when the application ends', async () => {
    const shared = new SharedStore();
    start(shared);
    const first = lease();
    await store.acquire(first);
    store.close();
    await store.release(first);
    expect(shared.inside.size).toBe(0);
    shared.isAway = true;
    await expect(store.release(lease())).resolves.toBeUndefined();
  });
});
