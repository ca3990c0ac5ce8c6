import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eq, sum } from 'drizzle-orm';
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { Database } from '../database/database.js';
import { EmbeddedDatabase } from '../database/embedded-database.js';
import { migrate } from '../database/migrator.js';
import { accounts, transfers, users } from '../database/schema.js';
import type { TransferOrder } from './transfer.policy.js';
import { TransfersService } from './transfers.service.js';

const [alice, bob] = [randomUUID(), randomUUID()];

describe('transfers', () => {
  let database: Database;
  let service: TransfersService;
  let from: string;
  let to: string;

  beforeAll(async () => {
    database = await EmbeddedDatabase.open();
    await migrate(database);
    service = new TransfersService(database);
    const base = { name: 'X', roles: ['customer'], passwordHash: '$argon2id$none' };
    await database.query((orm) =>
      orm.insert(users).values([
        { ...base, id: alice, username: 'alice' },
        { ...base, id: bob, username: 'bob' },
      ]),
    );
  });

  afterAll(() => database.close());

  beforeEach(async () => {
    from = await open(alice, 1_000);
    to = await open(bob, 0);
  });

  async function open(ownerId: string, balance: number): Promise<string> {
    const id = randomUUID();
    await database.query((orm) => orm.insert(accounts).values({ id, number: id, ownerId, balance }));
    return id;
  }

  async function balanceOf(id: string): Promise<number | undefined> {
    const [row] = await database.query((orm) => orm.select().from(accounts).where(eq(accounts.id, id)));
    return row?.balance;
  }

  async function total(): Promise<string | null | undefined> {
    const [row] = await database.query((orm) => orm.select({ cents: sum(accounts.balance) }).from(accounts));
    return row?.cents;
  }

  const order = (amount: number): TransferOrder => ({ from, to, amount, reference: null });

  it('move the money, to the cent', async () => {
    const { transfer, replayed } = await service.create(alice, 'key-1', { ...order(999), reference: 'rent' });
    expect(transfer).toMatchObject({ from, to, amount: 999, reference: 'rent' });
    expect(replayed).toBe(false);
    expect([await balanceOf(from), await balanceOf(to)]).toEqual([1, 999]);
  });

  it('leave the balances alone when they are refused', async () => {
    await expect(service.create(alice, 'key-2', order(1_001))).rejects.toMatchObject({
      status: 409,
      code: 'insufficient_funds',
    });
    expect([await balanceOf(from), await balanceOf(to)]).toEqual([1_000, 0]);
  });

  it('of one key are booked once and answered alike', async () => {
    const first = await service.create(alice, 'key-3', order(100));
    const second = await service.create(alice, 'key-3', order(100));
    expect(second).toEqual({ transfer: first.transfer, replayed: true });
    expect(await balanceOf(from)).toBe(900);
  });

  it('of one key are booked once, also when they come at the same time', async () => {
    const receipts = await Promise.all(Array.from({ length: 8 }, () => service.create(alice, 'key-4', order(100))));
    expect(new Set(receipts.map(({ transfer }) => transfer.id)).size).toBe(1);
    expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(await balanceOf(from)).toBe(900);
  });

  it('stay refused under their key, also when the money has come since', async () => {
    await expect(service.create(alice, 'key-5', order(2_000))).rejects.toMatchObject({ code: 'insufficient_funds' });
    await database.query((orm) => orm.update(accounts).set({ balance: 5_000 }).where(eq(accounts.id, from)));
    await expect(service.create(alice, 'key-5', order(2_000))).rejects.toMatchObject({ code: 'insufficient_funds' });
    await expect(service.create(alice, 'key-6', order(2_000))).resolves.toMatchObject({ replayed: false });
  });

  it.each([
    ['amount', { amount: 101 }],
    ['reference', { reference: 'x' }],
    ['destination', { to: randomUUID() }],
    ['source', { from: randomUUID() }],
  ])('do not share a key when they differ in the %s', async (name, change) => {
    await service.create(alice, `key-of-${name}`, order(100));
    await expect(service.create(alice, `key-of-${name}`, { ...order(100), ...change })).rejects.toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    });
    expect(await balanceOf(from)).toBe(900);
  });

  it('of two callers have nothing to do with one another under the same key', async () => {
    const { transfer } = await service.create(alice, 'key-7', order(100));
    const back = { from: to, to: from, amount: 50, reference: null };
    await expect(service.create(bob, 'key-7', back)).resolves.toMatchObject({ replayed: false });
    await expect(service.create(alice, 'key-7', order(100))).resolves.toEqual({ transfer, replayed: true });
    expect([await balanceOf(from), await balanceOf(to)]).toEqual([950, 50]);
  });

  it("are not made from somebody else's account, nor for a caller whom the bank does not know", async () => {
    for (const caller of [bob, randomUUID(), 'nobody', '']) {
      await expect(service.create(caller, 'key-8', order(1))).rejects.toMatchObject({
        status: 404,
        code: 'account_not_found',
      });
    }
    expect(await balanceOf(from)).toBe(1_000);
  });

  it('conserve the money and leave no balance below zero, in whatever order they come', async () => {
    const ids = [from, to, await open(alice, 300)];
    const owners = [alice, bob, alice];
    const before = await total();
    const index = fc.nat(2);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ source: index, destination: index, amount: fc.integer({ min: 1, max: 800 }) }), {
          minLength: 1,
          maxLength: 12,
        }),
        async (orders) => {
          await Promise.all(
            orders.map(({ source, destination, amount }) =>
              service
                .create(owners[source] as string, randomUUID(), {
                  from: ids[source] as string,
                  to: ids[destination] as string,
                  amount,
                  reference: null,
                })
                .catch(() => undefined),
            ),
          );
          expect(await total()).toBe(before);
          for (const id of ids) expect(await balanceOf(id)).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('account for every balance: what came in less what went out', async () => {
    const opened = await open(alice, 0);
    await service.create(alice, 'key-9', { from, to: opened, amount: 70, reference: null });
    await service.create(alice, 'key-10', { from: opened, to, amount: 30, reference: null });
    const [incoming] = await database.query((orm) =>
      orm
        .select({ cents: sum(transfers.amount) })
        .from(transfers)
        .where(eq(transfers.toId, opened)),
    );
    const [outgoing] = await database.query((orm) =>
      orm
        .select({ cents: sum(transfers.amount) })
        .from(transfers)
        .where(eq(transfers.fromId, opened)),
    );
    expect(Number(incoming?.cents) - Number(outgoing?.cents)).toBe(await balanceOf(opened));
  });

  it('are listed newest first, a page at a time', async () => {
    const made: string[] = [];
    for (let n = 0; n < 5; n++) made.unshift((await service.create(alice, `page-${n}`, order(1))).transfer.id);
    const ofSource = { everybody: false, ownerId: alice } as const;
    const first = await service.list(ofSource, { limit: 2 });
    const second = await service.list(ofSource, { limit: 2, after: made[1] as string });
    expect([...first, ...second].map(({ id }) => id)).toEqual(made.slice(0, 4));
  });

  it('are listed to those they concern only', async () => {
    const { transfer } = await service.create(alice, 'key-11', order(1));
    const listed = async (ownerId: string) =>
      (await service.list({ everybody: false, ownerId }, { limit: 200 })).map(({ id }) => id);
    expect(await listed(alice)).toContain(transfer.id);
    expect(await listed(bob)).toContain(transfer.id);
    expect(await listed(randomUUID())).toEqual([]);
    expect(await listed('nobody')).toEqual([]);
  });
});
