import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { RunningLedger, type Answer } from './ledger.harness.js';

const SIGNING_KEY = generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();

interface Place {
  readonly environment: Record<string, string>;
  readonly drop: () => Promise<void>;
}

interface Account {
  readonly id: string;
  readonly owner: string;
}

/** A schema of its own on the server of DATABASE_URL_TEST, so that runs do not meet. */
async function createSchema(server: string): Promise<Place> {
  const schema = `ledger_${randomBytes(6).toString('hex')}`;
  const run = async (statement: string) => {
    const client = new Client({ connectionString: server });
    await client.connect();
    await client.query(statement);
    await client.end();
  };
  await run(`create schema ${schema}`);
  const url = new URL(server);
  url.searchParams.set('options', `-c search_path=${schema}`);
  return { environment: { DATABASE_URL: url.href }, drop: () => run(`drop schema ${schema} cascade`) };
}

const server = process.env['DATABASE_URL_TEST'];
const places: [string, () => Promise<Place>][] = [
  ['the embedded database', async () => ({ environment: {}, drop: async () => undefined })],
  ...(server === undefined
    ? []
    : [['a PostgreSQL server', () => createSchema(server)] as [string, () => Promise<Place>]]),
];

describe.each(places)('transfers at the same time, in %s', (_, create) => {
  let place: Place;
  let banks: readonly RunningLedger[];
  let accounts: readonly Account[];

  beforeAll(async () => {
    place = await create();
    const shared = place.environment['DATABASE_URL'] !== undefined;
    // On a server two processes' worth of Ledger start on the empty database together, and share it from then on.
    banks = await Promise.all(
      Array.from({ length: shared ? 2 : 1 }, () =>
        RunningLedger.start({ ...place.environment, LEDGER_SIGNING_KEY: SIGNING_KEY }),
      ),
    );
    const opened = [];
    for (const owner of ['alice', 'bob', 'alice', 'bob']) {
      const { body } = await bank(0).post('/accounts', { as: 'tess', body: { owner, openingBalance: 500 } });
      opened.push({ id: body.id, owner });
    }
    accounts = opened;
  });

  afterAll(async () => {
    for (const running of banks ?? []) await running.stop();
    await place?.drop();
  });

  /** Any of the instances: the nth request goes to the nth of them. */
  function bank(n: number): RunningLedger {
    return banks[n % banks.length] as RunningLedger;
  }

  function account(n: number): Account {
    return accounts[n % accounts.length] as Account;
  }

  function transfer(n: number, from: number, to: number, amount: number, key?: string): Promise<Answer> {
    return move(n, account(from), account(to), amount, key);
  }

  function move(n: number, from: Account, to: Account, amount: number, key: string = randomUUID()): Promise<Answer> {
    return bank(n).post('/transfers', {
      as: from.owner,
      body: { from: from.id, to: to.id, amount },
      headers: { 'idempotency-key': key },
    });
  }

  async function balances(): Promise<number[]> {
    const answers = await Promise.all(accounts.map(({ id }) => bank(0).get(`/accounts/${id}`, { as: 'tess' })));
    return answers.map(({ body }) => body.balance);
  }

  it('conserve the money, leave no balance below zero and block nobody for ever, in all directions', async () => {
    const before = await balances();
    const answers = await Promise.all(
      Array.from({ length: 120 }, (_each, n) => transfer(n, n, n + 1 + (n % 3), 1 + ((n * 37) % 400))),
    );
    const statuses = new Set(answers.map(({ status }) => status));
    expect([...statuses].filter((status) => status !== 201 && status !== 409)).toEqual([]);
    expect(statuses).toContain(201);
    const after = await balances();
    expect(after.reduce((a, b) => a + b)).toBe(before.reduce((a, b) => a + b));
    expect(Math.min(...after)).toBeGreaterThanOrEqual(0);
  });

  it('take the last cents once', async () => {
    const { body } = await bank(0).post('/accounts', { as: 'tess', body: { owner: 'alice', openingBalance: 100 } });
    const last = { id: body.id, owner: 'alice' };
    const answers = await Promise.all(Array.from({ length: 10 }, (_each, n) => move(n, last, account(1), 100)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, ...Array<number>(9).fill(409)]);
    expect((await bank(0).get(`/accounts/${last.id}`, { as: 'alice' })).body.balance).toBe(0);
  });

  it('of one key book once and are all answered alike', async () => {
    const before = await balances();
    const from = before.findIndex((balance) => balance >= 50);
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 16 }, (_each, n) => transfer(n, from, from + 1, 50, key)));
    expect(new Set(answers.map(({ status, body }) => JSON.stringify([status, body]))).size).toBe(1);
    expect(answers[0]?.status).toBe(201);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    expect((await balances())[from]).toBe((before[from] as number) - 50);
  });

  it('of one key for different amounts book the first only', async () => {
    const before = await balances();
    const from = before.findIndex((balance) => balance >= 50);
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, (_each, n) => transfer(n, from, from + 1, n + 1, key)));
    const booked = answers.filter(({ status }) => status === 201);
    expect(booked).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(7);
    expect((await balances())[from]).toBe((before[from] as number) - (booked[0] as Answer).body.amount);
  });
});
