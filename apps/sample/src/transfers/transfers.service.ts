import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, inArray, lt, or, sql } from 'drizzle-orm';
import { randomUUID } from 'node:crypto';
import type { AccountReach } from '../accounts/account-access.policy.js';
import { withinReach } from '../accounts/account-reach.query.js';
import { Database, type Orm } from '../database/database.js';
import { accounts, transfers } from '../database/schema.js';
import { LedgerException } from '../errors.js';
import type { PageQuery } from '../page.query.js';
import { refused } from './transfer-refusals.js';
import { claimKey, recordOutcome, type TransferOutcome } from './transfer-requests.js';
import { refusalOf, type TransferOrder } from './transfer.policy.js';
import { Transfer } from './transfer.js';

export interface TransferReceipt {
  readonly transfer: Transfer;
  /** True when the key had been answered before and nothing was booked now. */
  readonly replayed: boolean;
}

@Injectable()
export class TransfersService {
  constructor(private readonly database: Database) {}

  /**
   * Books an order at most once for each key of a caller. The answer to a key is kept, a refusal as well.
   *
   * @throws {LedgerException} when the order is refused, or the key was used for another order
   */
  async create(callerId: string, key: string, order: TransferOrder): Promise<TransferReceipt> {
    const receipt = await this.database.transaction(async (orm) => {
      const claim = await claimKey(orm, callerId, key, order);
      if (claim.state === 'reused') return undefined;
      if (claim.state === 'answered') return { outcome: claim.outcome, replayed: true };
      const outcome = await book(orm, callerId, order);
      await recordOutcome(orm, callerId, key, outcome);
      return { outcome, replayed: false };
    });
    if (receipt === undefined) {
      throw new LedgerException(422, 'idempotency_key_reused', 'The Idempotency-Key was used for another transfer');
    }
    if (!receipt.outcome.booked) throw refused(receipt.outcome.refusal);
    return { transfer: await this.find(receipt.outcome.transferId), replayed: receipt.replayed };
  }

  /** The transfers from and to the accounts within reach, newest first. */
  async list(reach: AccountReach, { limit, after }: PageQuery): Promise<Transfer[]> {
    const rows = await this.database.query((orm) => {
      const behind =
        after && orm.select({ position: transfers.position }).from(transfers).where(eq(transfers.id, after));
      return orm
        .select()
        .from(transfers)
        .where(and(touching(orm, reach), behind ? lt(transfers.position, behind) : undefined))
        .orderBy(desc(transfers.position))
        .limit(limit);
    });
    return rows.map((row) => new Transfer(row));
  }

  private async find(id: string): Promise<Transfer> {
    const [row] = await this.database.query((orm) => orm.select().from(transfers).where(eq(transfers.id, id)));
    if (row === undefined) throw new Error('A booked transfer is missing.');
    return new Transfer(row);
  }
}

async function book(orm: Orm, callerId: string, order: TransferOrder): Promise<TransferOutcome> {
  // Both rows are locked in the order of their ids, whichever way the money goes: two opposite transfers cannot
  // deadlock, and what is decided on is what is booked on.
  const locked = await orm
    .select({ id: accounts.id, ownerId: accounts.ownerId, balance: accounts.balance })
    .from(accounts)
    .where(inArray(accounts.id, [order.from, order.to]))
    .orderBy(asc(accounts.id))
    .for('no key update');
  const source = locked.find(({ id }) => id === order.from);
  const destination = locked.find(({ id }) => id === order.to);
  const refusal = refusalOf(order, callerId, source, destination);
  if (refusal !== undefined) return { booked: false, refusal };
  await addToBalance(orm, order.from, -order.amount);
  await addToBalance(orm, order.to, order.amount);
  const transferId = randomUUID();
  await orm.insert(transfers).values({
    id: transferId,
    fromId: order.from,
    toId: order.to,
    amount: order.amount,
    reference: order.reference,
  });
  return { booked: true, transferId };
}

async function addToBalance(orm: Orm, id: string, cents: number): Promise<void> {
  await orm
    .update(accounts)
    .set({ balance: sql`${accounts.balance} + ${cents}::bigint` })
    .where(eq(accounts.id, id));
}

function touching(orm: Orm, reach: AccountReach) {
  if (reach.everybody) return undefined;
  const reachable = orm.select({ id: accounts.id }).from(accounts).where(withinReach(reach));
  return or(inArray(transfers.fromId, reachable), inArray(transfers.toId, reachable));
}
