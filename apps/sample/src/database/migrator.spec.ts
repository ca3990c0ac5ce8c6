import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'drizzle-orm';
import { Database } from './database.js';
import { DatabaseError } from './database.errors.js';
import { EmbeddedDatabase } from './embedded-database.js';
import { MIGRATIONS, type Migration } from './migrations.js';
import { migrate } from './migrator.js';

const names = MIGRATIONS.map(({ name }) => name);
const step = (name: string, ...statements: string[]): Migration => ({ name, statements });

let database: Database;

beforeAll(async () => {
  database = await EmbeddedDatabase.open();
});

afterAll(() => database.close());

describe('the migrations', () => {
  // These build on one another: one database, as it lives through the versions of Ledger.
  it('run once, in their order', async () => {
    await expect(migrate(database)).resolves.toEqual(names);
    await expect(migrate(database)).resolves.toEqual([]);
  });

  it('run one at a time when two processes start together', async () => {
    const next = [...MIGRATIONS, step('together', 'create table together (x int)')];
    const runs = await Promise.all([migrate(database, next), migrate(database, next)]);
    expect(runs.flat()).toEqual(['together']);
  });

  it('leave nothing behind when one of them fails', async () => {
    const known = [...MIGRATIONS, step('together', 'create table together (x int)')];
    const broken = [...known, step('half', 'create table half (x int)', 'create table together (x int)')];
    await expect(migrate(database, broken)).rejects.toThrow(DatabaseError);
    await expect(migrate(database, known)).resolves.toEqual([]);
    await expect(database.query((orm) => orm.execute(sql`select * from half`))).rejects.toThrow('42P01');
  });

  it('are refused when one has changed since it ran', async () => {
    const changed = [...MIGRATIONS, step('together', 'create table together (x bigint)')];
    await expect(migrate(database, changed)).rejects.toThrow('Migration together has changed');
  });

  it('are refused when the database is ahead of them', async () => {
    await expect(migrate(database)).rejects.toThrow('newer version of Ledger (together)');
  });
});

function run(statement: string): Promise<unknown> {
  return database.query((orm) => orm.execute(sql.raw(statement)));
}

function insertUser(id: string, name: string, role: string, hash: string): Promise<unknown> {
  return run(
    `insert into users (id, username, name, roles, password_hash) values ('${id}', '${name}', 'X', '{${role}}', '${hash}')`,
  );
}

describe('the schema', () => {
  const user = '00000000-0000-4000-8000-000000000001';
  const [a, b] = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'];
  it('has a place for users whose password is hashed with argon2id, and for no other', async () => {
    await insertUser(user, 'alice', 'customer', '$argon2id$x');
    const other = '00000000-0000-4000-8000-000000000002';
    await expect(insertUser(other, 'bob', 'customer', 'plain')).rejects.toThrow('23514');
    await expect(insertUser(other, 'bob', 'king', '$argon2id$x')).rejects.toThrow('23514');
    await expect(insertUser(other, 'Bob', 'customer', '$argon2id$x')).rejects.toThrow('23514');
    await expect(insertUser(other, 'alice', 'customer', '$argon2id$x')).rejects.toThrow('23505');
  });

  it('keeps balances between zero and the largest exact number, whatever the application does', async () => {
    await run(
      `insert into accounts (id, number, owner_id, balance) values ('${a}', 'A', '${user}', 5), ('${b}', 'B', '${user}', 0)`,
    );
    await expect(run(`update accounts set balance = balance - 6 where id = '${a}'`)).rejects.toThrow(
      'accounts_balance_bounds',
    );
    await expect(run(`update accounts set balance = 9007199254740992`)).rejects.toThrow('accounts_balance_bounds');
  });

  it.each([
    ['nothing', a, b, 0],
    ['less than nothing', a, b, -1],
  ])('takes no transfer of %s', async (_, from, to, amount) => {
    await expect(
      run(`insert into transfers (id, from_id, to_id, amount) values ('${user}', '${from}', '${to}', ${amount})`),
    ).rejects.toThrow('transfers_amount_bounds');
  });

  it('takes no transfer from an account to itself', async () => {
    await expect(
      run(`insert into transfers (id, from_id, to_id, amount) values ('${user}', '${a}', '${a}', 1)`),
    ).rejects.toThrow('transfers_two_accounts');
  });
});
