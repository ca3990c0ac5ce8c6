import type { Charge, CountedPartition, RateLimitStore, Standing, StoredLimit } from '../rate-limit.store.port.js';
import { beganAt, compileLimits, type LockLimit, type LockoutLimits, type LockPartitions } from './lockout.policy.js';
import type { ResolvedLockout } from './lockout.options.js';

/** A unit that an attempt took of a count. */
export interface Taken {
  readonly lock: LockLimit;
  readonly partition: string;
  readonly standing: Standing;
}

/** Whether an attempt may be looked at, and if not, for how many milliseconds. */
export type Verdict = { readonly taken: readonly Taken[] } | { readonly retryAfter: number };

/** The counts of failed attempts, in the store. */
export class LockoutCounts {
  private readonly limits: LockoutLimits;
  /** Any of them asks for the one count that they share; the number of failures says which one begins. */
  private readonly delay: StoredLimit | undefined;

  constructor(
    private readonly options: ResolvedLockout,
    private readonly store: () => RateLimitStore,
  ) {
    this.limits = compileLimits(options);
    this.delay = this.limits.delays.find((delay) => delay !== undefined);
  }

  /** Counts an attempt as a failure, before anybody looks at it: those at the same time cannot pass together. */
  async take(partitions: LockPartitions): Promise<Verdict> {
    const { pair } = partitions;
    const { familiar } = this.limits;
    const asked: Charge[] = [];
    if (familiar !== undefined) asked.push({ limit: familiar, partition: pair, cost: 1 });
    if (this.delay !== undefined) asked.push({ limit: this.delay, partition: pair, cost: 0 });
    const standings = asked.length === 0 ? [] : [...(await this.store().peek(asked))];
    const isFamiliar = familiar !== undefined && standings.shift()?.allowed === false;
    const [wait] = standings;
    // Which failure the delay is of is not kept: it is forgotten with the count that began before the account was unlocked.
    if (
      wait?.allowed === false &&
      !(await this.forgetUnlocked(partitions, [{ lock: this.limits.pair, partition: pair }]))
    ) {
      return { retryAfter: wait.retryAfter };
    }
    let taken = await this.consume(partitions, isFamiliar);
    if (deniedOf(taken).length > 0 && (await this.forgetUnlocked(partitions, deniedOf(taken)))) {
      taken = await this.consume(partitions, isFamiliar);
    }
    const denied = deniedOf(taken);
    if (denied.length === 0) return { taken };
    return { retryAfter: Math.max(...denied.map(({ standing }) => standing.retryAfter)) };
  }

  /** The failures of the identifier from the address are forgotten, and the address is known. */
  async succeed(partitions: LockPartitions, taken: readonly Taken[]): Promise<void> {
    // Others may be trying the same account from elsewhere, and other accounts from here: their failures stay.
    await Promise.all([
      this.store().reset(this.countsOfPair(partitions)),
      this.giveBack(taken.filter(({ lock }) => lock.scope !== 'pair')),
      this.remember(partitions),
    ]);
  }

  /** Answers with the locks that begin. */
  async fail({ pair: partition }: LockPartitions, taken: readonly Taken[]): Promise<readonly LockLimit[]> {
    const began = await this.lock(taken.filter(({ standing }) => standing.remaining === 0));
    const left = taken.find(({ lock }) => lock.scope === 'pair')?.standing.remaining ?? 0;
    const delay = this.limits.delays[this.options.pair.maxFailures - left];
    if (delay !== undefined) {
      const charge: Charge = { limit: delay, partition, cost: 1 };
      // The second unit is more than there is, and begins the delay.
      const [first] = await this.store().consume([charge]);
      if (first?.allowed === true) await this.store().consume([charge]);
    }
    return began;
  }

  async giveBack(taken: readonly Taken[]): Promise<void> {
    if (taken.length === 0) return;
    await this.store().refund(
      taken.map(({ lock, partition, standing: { takenAt } }) => ({
        limit: lock.counting,
        partition,
        cost: 1,
        takenAt,
      })),
    );
  }

  async unlockAccount(partition: string): Promise<void> {
    const { account, unlocked } = this.limits;
    const mark: Charge = { limit: unlocked, partition, cost: 1 };
    await this.store().reset(account === undefined ? [mark] : [mark, { limit: account.counting, partition }]);
    // Nobody can list the addresses that it is locked from: each attempt asks whether its lock is older than this.
    await this.store().consume([mark]);
  }

  async unlockAddress(partition: string): Promise<void> {
    const { address } = this.limits;
    if (address !== undefined) await this.store().reset([{ limit: address.counting, partition }]);
  }

  /** Where an identifier is known to sign in from, only its own failures from there count. */
  private async consume(partitions: LockPartitions, isFamiliar: boolean): Promise<readonly Taken[]> {
    const { pair, account, address } = this.limits;
    const locks = (isFamiliar ? [pair] : [pair, account, address]).filter((lock) => lock !== undefined);
    const standings = await this.store().consume(
      locks.map(({ scope, counting }) => ({ limit: counting, partition: partitions[scope], cost: 1 })),
    );
    return locks.map((lock, index) => ({
      lock,
      partition: partitions[lock.scope],
      standing: standings[index] as Standing,
    }));
  }

  /** Whoever took the last unit, and failed, asks for one more. */
  private async lock(last: readonly Taken[]): Promise<readonly LockLimit[]> {
    if (last.length === 0) return [];
    const standings = await this.store().consume(
      last.map(({ lock, partition }) => ({ limit: lock.locking, partition, cost: 1 })),
    );
    // Another attempt may have begun it before.
    return last.map(({ lock }) => lock).filter(({ locking }, index) => standings[index]?.resetAfter === locking.block);
  }

  /** What an identifier was locked by before it was unlocked is forgotten; answers whether that is anything. */
  private async forgetUnlocked(
    partitions: LockPartitions,
    denied: readonly Pick<Taken, 'lock' | 'partition'>[],
  ): Promise<boolean> {
    const { unlocked } = this.limits;
    const locked = denied.filter(({ lock }) => lock.scope !== 'address');
    const [mark, ...standings] = await this.store().peek([
      { limit: unlocked, partition: partitions.account, cost: 1 },
      ...locked.map(({ lock, partition }) => ({ limit: lock.counting, partition, cost: 0 })),
    ]);
    if (mark === undefined || mark.allowed) return false;
    const markedAt = beganAt(mark, unlocked.window);
    const older = locked.filter(({ lock: { locking } }, index) => {
      const standing = standings[index] as Standing;
      // What costs nothing is allowed where units are used up, and denied where there is a lock.
      return beganAt(standing, standing.allowed ? locking.window : locking.block) <= markedAt;
    });
    if (older.length === 0) return false;
    await this.store().reset([
      ...older.map(({ lock, partition }) => ({ limit: lock.counting, partition })),
      ...this.countsOfPair(partitions).slice(1),
    ]);
    return true;
  }

  private async remember({ pair, account }: LockPartitions): Promise<void> {
    const { familiar, familiarCount } = this.limits;
    if (familiar === undefined || familiarCount === undefined) return;
    const mark: Charge = { limit: familiar, partition: pair, cost: 1 };
    const [known] = await this.store().peek([mark]);
    if (known?.allowed === true) {
      await this.store().consume([{ limit: familiarCount, partition: account, cost: 1 }, mark]);
    } else if (known !== undefined && known.resetAfter < familiar.window / 2) {
      await this.store().reset([mark]);
      await this.store().consume([mark]);
    }
  }

  private countsOfPair({ pair: partition }: LockPartitions): readonly CountedPartition[] {
    const counted = [{ limit: this.limits.pair.counting, partition }];
    return this.delay === undefined ? counted : [...counted, { limit: this.delay, partition }];
  }
}

function deniedOf(taken: readonly Taken[]): readonly Taken[] {
  return taken.filter(({ standing }) => !standing.allowed);
}
