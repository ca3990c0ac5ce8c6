import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { ADAPTERS } from '../support/application.js';
import { errorBody, RunningLedger, type Answer } from './ledger.harness.js';

describe.each(ADAPTERS)('Ledger on %s', (adapter) => {
  let bank: RunningLedger;
  let alices: string;
  let bobs: string;

  beforeAll(async () => {
    bank = await RunningLedger.start({ ADAPTER: adapter });
    [alices, bobs] = await Promise.all([bank.accountOf('alice'), bank.accountOf('bob')]);
  });

  afterAll(() => bank.stop());

  async function balanceOf(id: string): Promise<number> {
    return (await bank.get(`/accounts/${id}`, { as: 'tess' })).body.balance;
  }

  function order(change: object = {}): object {
    return { from: alices, to: bobs, amount: 100, ...change };
  }

  function transfer(as: string, body: string | object, key: string = randomUUID()): Promise<Answer> {
    return bank.post('/transfers', { as, body, headers: { 'idempotency-key': key } });
  }

  describe('GET /accounts', () => {
    it('shows a customer its own', async () => {
      const { list } = await bank.get('/accounts', { as: 'alice' });
      const { body: me } = await bank.get('/me', { as: 'alice' });
      expect(list.length).toBeGreaterThan(0);
      expect(list.every(({ ownerId }) => ownerId === me.id)).toBe(true);
    });

    it.each(['tess', 'audrey', 'root'])('shows %s every account', async (name) => {
      const ids = (await bank.get('/accounts', { as: name })).list.map(({ id }) => id);
      expect(ids).toEqual(expect.arrayContaining([alices, bobs]));
    });

    it('shows the risk note to an auditor and to nobody else, not even an admin', async () => {
      for (const path of [`/accounts/${bobs}`, '/accounts']) {
        const seenBy = async (name: string) => (await bank.get(path, { as: name })).text;
        expect(await seenBy('audrey')).toContain('Under review');
        for (const name of ['tess', 'root', 'bob']) expect(await seenBy(name)).not.toContain('Under review');
      }
    });

    it('comes a page at a time', async () => {
      const { list: all } = await bank.get('/accounts', { as: 'tess' });
      const { list: page } = await bank.get(`/accounts?limit=1&after=${all[0]?.id}`, { as: 'tess' });
      expect(page).toEqual([all[1]]);
    });

    it.each(['limit=0', 'limit=201', 'limit=x', 'limit=', 'limit=1.5', 'after=x', 'all=true', 'limit=1e1000'])(
      'refuses ?%s',
      async (query) => {
        const { status, body } = await bank.get(`/accounts?${query}`, { as: 'alice' });
        expect([status, body]).toEqual([400, errorBody(400, 'validation_failed')]);
      },
    );

    it('refuses a parameter that comes twice', async () => {
      const { status, body } = await bank.get('/accounts?limit=1&limit=2', { as: 'alice' });
      expect([status, body]).toEqual([400, errorBody(400, 'parameter_repeated')]);
    });

    it('shows nothing for a good token whose subject is no user of the bank', async () => {
      for (const id of [randomUUID(), 'not-a-uuid', "' or true --", 'a\0b']) {
        const { value: token } = await bank.ledger.tokens.issue({ id, roles: ['customer'] });
        const { status, body } = await bank.get('/accounts', { token });
        expect([status, body]).toEqual([200, []]);
      }
    });
  });

  describe('GET /accounts/:id', () => {
    it('shows a customer its own', async () => {
      const { status, body } = await bank.get(`/accounts/${alices}`, { as: 'alice' });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        id: alices,
        number: expect.stringMatching(/^LD\d{14}$/),
        balance: expect.any(Number),
      });
    });

    it("answers somebody else's, a missing and a malformed one alike", async () => {
      const answers: Answer[] = [];
      for (const id of [bobs, randomUUID(), 'x', "'%20or%20true%20--", 'x'.repeat(99)]) {
        answers.push(await bank.get(`/accounts/${id}`, { as: 'alice' }));
      }
      for (const { status, body } of answers) {
        expect([status, body]).toEqual([404, { ...answers[0]?.body, statusCode: 404, code: 'account_not_found' }]);
      }
    });

    it.each([
      ['%00', 'target_malformed'],
      ['..%2fadmin', 'target_not_normalized'],
    ])('is not even asked for %s', async (id, code) => {
      const { status, body } = await bank.get(`/accounts/${id}`, { as: 'alice' });
      expect([status, body]).toEqual([400, errorBody(400, code)]);
    });
  });

  describe('POST /accounts', () => {
    it('lets a teller open one, by the name of the owner or its id', async () => {
      const { body: me } = await bank.get('/me', { as: 'bob' });
      for (const owner of ['bob', me.id]) {
        const { status, body } = await bank.post('/accounts', { as: 'tess', body: { owner, openingBalance: 12 } });
        expect([status, body]).toEqual([201, expect.objectContaining({ ownerId: me.id, balance: 12 })]);
      }
    });

    it('lets an admin open one, who includes the teller', async () => {
      const { status } = await bank.post('/accounts', { as: 'root', body: { owner: 'bob', openingBalance: 0 } });
      expect(status).toBe(201);
    });

    it.each(['alice', 'audrey'])('does not let %s', async (name) => {
      const { status, headers, body } = await bank.post('/accounts', {
        as: name,
        body: { owner: name, openingBalance: 1_000_000 },
      });
      expect([status, body]).toEqual([403, errorBody(403, 'role_missing')]);
      expect(headers['www-authenticate'] ?? '').not.toContain('invalid_token');
    });

    it.each([
      ['a negative balance', { owner: 'bob', openingBalance: -1 }],
      ['half a cent', { owner: 'bob', openingBalance: 0.5 }],
      ['a balance that is not exact', { owner: 'bob', openingBalance: 2 ** 53 }],
      ['text for a number', { owner: 'bob', openingBalance: '1' }],
      ['no owner', { openingBalance: 1 }],
      ['a list of owners', { owner: ['bob'], openingBalance: 1 }],
      ['an unknown property', { owner: 'bob', openingBalance: 1, balance: 1 }],
      ['a NUL in the note', { owner: 'bob', openingBalance: 1, riskNote: 'a\0b' }],
      ['half a surrogate pair in the note', { owner: 'bob', openingBalance: 1, riskNote: '\ud800' }],
      ['a list', []],
    ])('refuses %s', async (_, body) => {
      const answer = await bank.post('/accounts', { as: 'tess', body });
      expect(answer.status).toBe(400);
      expect(answer.body.code).toBeDefined();
    });

    it('refuses an owner whom the bank does not know', async () => {
      const { status, body } = await bank.post('/accounts', {
        as: 'tess',
        body: { owner: 'mallory', openingBalance: 1 },
      });
      expect([status, body]).toEqual([422, errorBody(422, 'owner_unknown')]);
    });

    it.each([
      ['no JSON', '{"owner":', 400],
      ['__proto__', '{"owner":"bob","openingBalance":1,"__proto__":{"admin":true}}', 400],
      ['too much', JSON.stringify({ owner: 'x'.repeat(200_000) }), 413],
    ])('refuses a body of %s with a clear answer', async (_, body, expected) => {
      const answer = await bank.post('/accounts', { as: 'tess', body });
      expect([answer.status, answer.body]).toEqual([expected, errorBody(expected, expect.any(String))]);
    });
  });

  describe('POST /transfers', () => {
    it('moves money from an account of one’s own', async () => {
      const before = [await balanceOf(alices), await balanceOf(bobs)] as const;
      const { status, body } = await transfer('alice', order({ reference: 'Dinner' }));
      expect(status).toBe(201);
      expect(body).toEqual({
        id: expect.any(String),
        from: alices,
        to: bobs,
        amount: 100,
        reference: 'Dinner',
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      });
      expect([await balanceOf(alices), await balanceOf(bobs)]).toEqual([before[0] - 100, before[1] + 100]);
    });

    it('answers a repeated key as it did the first time, and books nothing', async () => {
      const key = randomUUID();
      const first = await transfer('alice', order(), key);
      const balance = await balanceOf(alices);
      const second = await transfer('alice', order({ from: alices.toUpperCase() }), key);
      expect([second.status, second.body]).toEqual([first.status, first.body]);
      expect(first.headers['idempotency-replayed']).toBeUndefined();
      expect(second.headers['idempotency-replayed']).toBe('true');
      expect(await balanceOf(alices)).toBe(balance);
    });

    it('refuses a key that was used for another transfer', async () => {
      const key = randomUUID();
      await transfer('alice', order(), key);
      const { status, body } = await transfer('alice', order({ amount: 101 }), key);
      expect([status, body]).toEqual([422, errorBody(422, 'idempotency_key_reused')]);
    });

    it('asks for a key', async () => {
      const { status, body } = await bank.post('/transfers', { as: 'alice', body: order() });
      expect([status, body]).toEqual([400, errorBody(400, 'idempotency_key_missing')]);
    });

    it.each(['a b', 'x'.repeat(129)])('refuses the key "%s"', async (key) => {
      const { status, body } = await transfer('alice', order(), key);
      expect([status, body]).toEqual([400, errorBody(400, 'idempotency_key_malformed')]);
    });

    it('never goes below zero', async () => {
      const { status, body } = await transfer('alice', order({ amount: (await balanceOf(alices)) + 1 }));
      expect([status, body]).toEqual([409, errorBody(409, 'insufficient_funds')]);
    });

    it.each(['bob', 'tess', 'root'])('does not let %s take the money of alice', async (name) => {
      const { status, body } = await transfer(name, order());
      expect([status, body]).toEqual([404, errorBody(404, 'account_not_found')]);
    });

    it('needs the permission', async () => {
      const { status, body } = await transfer('audrey', order());
      expect([status, body]).toEqual([403, errorBody(403, 'permission_missing')]);
    });

    it('refuses a destination that does not exist, and one that is the source', async () => {
      expect(await transfer('alice', order({ to: randomUUID() }))).toMatchObject({
        status: 422,
        body: { code: 'destination_unknown' },
      });
      expect(await transfer('alice', order({ to: alices }))).toMatchObject({
        status: 422,
        body: { code: 'same_account' },
      });
    });

    it.each([0, -1, 0.5, 2 ** 53, '100', null, [100], true])('refuses the amount %j', async (amount) => {
      const { status, body } = await transfer('alice', order({ amount }));
      expect([status, body]).toEqual([400, errorBody(400, 'validation_failed')]);
    });

    it('refuses an amount beyond all numbers', async () => {
      const text = `{"from":"${alices}","to":"${bobs}","amount":1e400}`;
      const { status, body } = await transfer('alice', text);
      expect([status, body]).toEqual([400, errorBody(400, 'validation_failed')]);
    });

    it.each([{ from: 'x' }, { to: 'x' }, { reference: 'a\0b' }, { reference: 'x'.repeat(141) }, { fee: 1 }])(
      'refuses %j',
      async (change) => {
        const { status, body } = await transfer('alice', order(change));
        expect([status, body]).toEqual([400, errorBody(400, 'validation_failed')]);
      },
    );
  });

  describe('GET /transfers', () => {
    it('shows those of one’s own accounts, newest first', async () => {
      for (const amount of [1, 2]) {
        await transfer('alice', order({ amount }));
      }
      const { list } = await bank.get('/transfers?limit=2', { as: 'bob' });
      expect(list.map(({ amount }) => amount)).toEqual([2, 1]);
      const { list: next } = await bank.get(`/transfers?limit=1&after=${list[0]?.id}`, { as: 'bob' });
      expect(next).toEqual([list[1]]);
    });

    it('shows a teller all, and somebody who has none none', async () => {
      expect((await bank.get('/transfers', { as: 'tess' })).list.length).toBeGreaterThan(0);
      const { value: token } = await bank.ledger.tokens.issue({ id: randomUUID(), roles: ['customer'] });
      expect((await bank.get('/transfers', { token })).body).toEqual([]);
    });

    it('needs the permission', async () => {
      expect((await bank.get('/transfers', { as: 'audrey' })).status).toBe(403);
    });
  });

  describe('GET /admin/users', () => {
    it('lists the users to an admin, without the hashes of their passwords', async () => {
      const { status, list, text } = await bank.get('/admin/users', { as: 'root' });
      expect(status).toBe(200);
      expect(list.map(({ username }) => username)).toEqual(['alice', 'bob', 'tess', 'audrey', 'root']);
      expect(text).not.toMatch(/argon2|password/i);
    });

    it.each(['alice', 'tess', 'audrey'])('is closed to %s', async (name) => {
      const { status, body } = await bank.get('/admin/users', { as: name });
      expect([status, body]).toEqual([403, errorBody(403, 'role_missing')]);
    });
  });
});
