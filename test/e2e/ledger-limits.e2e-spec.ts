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

  const signInFrom = (username: string, address: string) =>
    bank.post('/auth/token', {
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': address },
      body: new URLSearchParams({
        grant_type: 'password',
        username,
        password: bank.configuration.demo?.password ?? '',
      }).toString(),
    });

  it('stop who guesses the password of an account, from wherever', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 23; i++) statuses.push((await guess('bob', `203.0.113.${i}`)).status);
    expect(statuses).toEqual([...Array.from({ length: 20 }, () => 400), 429, 429, 429]);
    const denied = await guess(' BOB', '203.0.113.99');
    expect(denied.body).toEqual(errorBody(429, 'account_locked'));
    expect(denied.headers['retry-after']).toMatch(/^\d+$/);
    // By the other door as well.
    const json = { username: 'Bob ', password: 'a guess' };
    const { status } = await bank.visit({ method: 'POST', path: '/session', json });
    expect(status).toBe(429);
  });

  it.each<[string, string, (index: number) => string]>([
    ['from one address', 'alice', () => '203.0.113.200'],
    ['from forty addresses', 'audrey', (index) => `198.51.100.${100 + index}`],
  ])('let a customer sign in at home, whoever guesses %s', async (_, username, addressOf) => {
    const home = '192.0.2.1';
    expect((await signInFrom(username, home)).status).toBe(200);
    for (let i = 0; i < 40; i++) await guess(username, addressOf(i));
    expect((await guess(username, addressOf(40))).status).toBe(429);
    expect((await signInFrom(username, home)).status).toBe(200);
    const json = { username, password: bank.configuration.demo?.password ?? '' };
    const lines = [['X-Forwarded-For', home]] as const;
    expect((await bank.visit({ method: 'POST', path: '/session', json, lines })).status).toBe(204);
  });

  it('stop who tries many accounts from one address, and let in who has signed in from there', async () => {
    expect((await signInFrom('tess', '198.51.100.1')).status).toBe(200);
    const statuses: number[] = [];
    for (let i = 0; i < 22; i++) statuses.push((await guess(`somebody${i}`, '198.51.100.1')).status);
    expect(statuses.filter((status) => status === 400)).toHaveLength(20);
    expect(statuses.slice(20)).toEqual([429, 429]);
    expect((await signInFrom('tess', '198.51.100.1')).status).toBe(200);
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
