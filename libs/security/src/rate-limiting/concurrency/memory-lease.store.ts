import type { Lease, LeaseClaim, LeaseStore } from './lease.store.port.js';

/**
 * Keeps leases in the memory of the process, with which they end. As much is kept as there are requests under way, and
 * nothing when there are none.
 */
export class MemoryLeaseStore implements LeaseStore {
  /** By the id of the limit, then by partition. */
  private readonly counts = new Map<string, Map<string, number>>();
  private readonly held = new Set<string>();

  /** Leases that are held. */
  get size(): number {
    return this.held.size;
  }

  acquire({ id, claims }: Lease): LeaseClaim | undefined {
    if (this.held.has(id)) throw new Error('A lease of this id is held already');
    for (let i = 0; i < claims.length; i++) {
      const claim = claims[i] as LeaseClaim;
      // A limit that is no number is one that nobody is under (fails closed).
      if (!(this.countOf(claim) < claim.limit.max)) return claim;
    }
    for (let i = 0; i < claims.length; i++) this.add(claims[i] as LeaseClaim, 1);
    this.held.add(id);
    return undefined;
  }

  renew(): void {}

  release({ id, claims }: Lease): void {
    if (!this.held.delete(id)) return;
    for (let i = 0; i < claims.length; i++) this.add(claims[i] as LeaseClaim, -1);
  }

  private countOf({ limit, partition }: LeaseClaim): number {
    return this.counts.get(limit.id)?.get(partition) ?? 0;
  }

  private add({ limit, partition }: LeaseClaim, change: 1 | -1): void {
    const partitions = this.counts.get(limit.id) ?? new Map<string, number>();
    const count = (partitions.get(partition) ?? 0) + change;
    if (count > 0) partitions.set(partition, count);
    else partitions.delete(partition);
    if (partitions.size > 0) this.counts.set(limit.id, partitions);
    else this.counts.delete(limit.id);
  }
}
