import {
  MemoryRateLimitStore,
  type Charge,
  type CountedPartition,
  type RateLimitStore,
  type Standing,
  type TakenCharge,
} from '@palisade/nest';

/** Counts as the store in memory does, and answers later, as one does that several processes share. */
export class FarStore implements RateLimitStore {
  readonly questions: string[] = [];
  private readonly store = new MemoryRateLimitStore();

  async consume(charges: readonly Charge[]): Promise<readonly Standing[]> {
    this.questions.push(`take ${charges.map(({ limit }) => limit.id).join(' ')}`);
    return this.store.consume(charges);
  }

  async peek(charges: readonly Charge[]): Promise<readonly Standing[]> {
    return this.store.peek(charges);
  }

  async refund(charges: readonly TakenCharge[]): Promise<void> {
    this.questions.push(`give back ${charges.map(({ limit, cost }) => `${cost} ${limit.id}`).join(' ')}`);
    this.store.refund(charges);
  }

  async reset(counted: readonly CountedPartition[]): Promise<void> {
    this.store.reset(counted);
  }

  take(): readonly string[] {
    return this.questions.splice(0);
  }
}
