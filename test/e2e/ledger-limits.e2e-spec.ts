import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readConfiguration } from '../../apps/sample/src/configuration.js';
import { ADAPTERS } from '../support/application.js';
import { errorBody, RunningLedger } from './ledger.harness.js';

describe.each(ADAPTERS)('the limits of Ledger on %s', (adapter) => {
  let bank: RunningLedger;

  beforeAll(async () => {
    // A proxy on this machine tells the addresses of the clients.
    bank = await RunningLedger.start(
      { ADAPTER: adapter, TRUST_PROXY: '127.0.0.1' },
      { quotas: readConfiguration({}).quotas },
    );
  });

  afterAll(() => bank.stop());

  const guess = (username: string, address: string) =>
    bank.post('/auth/token', {
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': address },
      body: new URLSearchParams({ grant_type: 'password', username, password: 'a guess' }).toString(),
    });

  it('stop who guesses the password of an account, from wherever', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 8; i++) statuses.push((await guess('bob', `203.0.113.${i}`)).status);
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429, 429]);
    const denied = await guess('bob', '203.0.113.99');
    expect(denied.body).toEqual(errorBody(429, 'rate_limited'));
    expect(denied.headers['retry-after']).toMatch(/^\d+$/);
    // By the other door as well.
    const json = { username: 'Bob ', password: 'a guess' };
    const { status } = await bank.visit({ method: 'POST', path: '/session', json });
    expect(status).toBe(429);
  });

  it('stop who tries many accounts from one address', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 22; i++) statuses.push((await guess(`somebody${i}`, '198.51.100.1')).status);
    expect(statuses.filter((status) => status === 400)).toHaveLength(20);
    expect(statuses.slice(20)).toEqual([429, 429]);
    expect((await guess('somebody', '198.51.100.2')).status).toBe(400);
  });

  it('let whoever knows the password sign in as often as they like', async () => {
    const form = { grant_type: 'password', username: 'tess', password: bank.configuration.demo?.password ?? '' };
    for (let i = 0; i < 8; i++) expect((await bank.signIn(form)).status).toBe(200);
  });

  it('let a customer make thirty transfers a minute', async () => {
    const account = await bank.accountOf('alice');
    const transfer = () =>
      bank.post('/transfers', {
        as: 'alice',
        headers: { 'idempotency-key': randomUUID() },
        body: { from: account, to: account, amount: 1, reference: 'to herself' },
      });
    const statuses: number[] = [];
    for (let i = 0; i < 31; i++) statuses.push((await transfer()).status);
    expect(statuses.slice(0, 30)).not.toContain(429);
    expect(statuses[30]).toBe(429);
    const { headers } = await bank.get('/accounts', { as: 'alice' });
    expect(headers['ratelimit-policy']).toBe('"anonymous";q=600;w=60');
  });
});
