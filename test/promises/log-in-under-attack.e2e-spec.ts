import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADAPTERS } from '../support/application.js';
import type { HttpAnswer, HttpCall } from '../support/http-client.js';
import { COOKIE, Everything, FRIEND, PASSWORD } from './everything.js';

const HOME = '192.0.2.10';
const NAME = 'alice@palisade.test';

describe.each(ADAPTERS)('While an account is attacked, with every part switched on, on %s,', (adapter) => {
  const everything = new Everything(adapter);
  beforeAll(() => everything.start());
  afterAll(() => everything.close());

  const logIn = (address: string, name: string, password: string, headers: HttpCall['headers'] = {}) =>
    everything.from(address, '/login', {
      method: 'POST',
      body: { name, password },
      headers: { origin: FRIEND, ...headers },
    });
  const sessionOf = ({ headers }: HttpAnswer) => (headers['set-cookie']?.[0] ?? '').split(';')[0] as string;

  /** Sends until the answer has another status, and answers with that one. */
  async function until(not: number, send: () => Promise<HttpAnswer>): Promise<{ answer: HttpAnswer; sent: number }> {
    for (let sent = 1; sent <= 100; sent++) {
      const answer = await send();
      if (answer.status !== not) return { answer, sent };
    }
    throw new Error(`Every answer had the status ${not}`);
  }

  it('an address that guesses is locked, then limited or banned, and told the truth about when to come back', async () => {
    await logIn(HOME, NAME, PASSWORD);
    const guess = () => logIn('203.0.113.1', NAME, 'wrong');
    const locked = await until(401, guess);
    expect(locked.sent).toBe(6);
    expect([locked.answer.status, locked.answer.body['code']]).toEqual([429, 'account_locked']);
    expect(Number(locked.answer.headers['retry-after'])).toBe(15 * 60);
    expect(locked.answer.headers['access-control-allow-origin']).toBe(FRIEND);
    expect((await logIn('203.0.113.1', NAME, PASSWORD)).status).toBe(429);
    const banned = await until(429, guess);
    expect([banned.answer.status, banned.answer.body['code']]).toEqual([403, 'address_banned']);
    expect((await everything.from('203.0.113.1', '/open')).status).toBe(403);
    expect(everything.takeEvents().map(({ type }) => type)).toEqual(expect.arrayContaining(['lockout', 'ban']));
  });

  it('the owner signs in from where they have before, whatever comes from other addresses, and acts', async () => {
    for (let i = 0; i < 40; i++) await logIn(`198.51.100.${i}`, NAME, 'wrong');
    expect((await logIn('198.51.101.1', NAME, PASSWORD)).body['code']).toBe('account_locked');

    const welcome = await logIn(HOME, NAME, PASSWORD);
    expect(welcome.status).toBe(200);
    expect(welcome.headers['access-control-allow-origin']).toBe(FRIEND);
    expect(welcome.headers['access-control-allow-credentials']).toBe('true');
    expect(welcome.headers['cache-control']).toContain('no-store');

    const cookie = sessionOf(welcome);
    expect(cookie).toMatch(new RegExp(`^${COOKIE}=.+`));
    const { token } = (await everything.from(HOME, '/csrf', { headers: { cookie, origin: FRIEND } })).body;
    const transfer = await everything.from(HOME, '/transfers', {
      method: 'POST',
      body: { text: 'rent' },
      headers: { cookie, origin: FRIEND, 'sec-fetch-site': 'same-site', 'x-csrf-token': token as string },
    });
    expect([transfer.status, transfer.body]).toEqual([200, { booked: 'rent' }]);
    expect(transfer.headers['access-control-allow-origin']).toBe(FRIEND);
  });

  it('lockout tells nothing of which accounts there are', async () => {
    const answers = await Promise.all(
      ['bob@palisade.test', 'nobody@palisade.test'].map(async (name, index) => {
        const { answer, sent } = await until(401, () => logIn(`203.0.113.${20 + index}`, name, 'wrong'));
        return [sent, answer.status, answer.text, answer.headers['retry-after']];
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
  });

  it('a spelling of the name, a forged address or the page of another site gives no further guesses', async () => {
    const from = '203.0.113.30';
    const spellings = ['carol@palisade.test', ' Carol@palisade.test', 'CAROL@PALISADE.TEST', 'ｃarol@palisade.test'];
    const { sent } = await until(401, () => logIn(from, spellings[0] as string, 'wrong'));
    expect(sent).toBe(6);
    for (const spelling of spellings) expect((await logIn(from, spelling, PASSWORD)).status).toBe(429);
    for (const forged of ['192.0.2.77', '127.0.0.1', '10.0.0.1'])
      expect((await logIn(`${forged}, ${from}`, 'carol@palisade.test', PASSWORD)).status).toBe(429);
    const foreign = await logIn('203.0.113.31', 'carol@palisade.test', PASSWORD, {
      origin: 'https://evil.example',
      'sec-fetch-site': 'cross-site',
    });
    expect([foreign.status, foreign.body['code']]).toEqual([403, 'csrf_cross_origin']);
    expect(foreign.headers['set-cookie']).toBeUndefined();
  });

  it('a client that obeys Retry-After is served, and one that comes a second earlier is not', async () => {
    const from = '203.0.113.40';
    const send = () => everything.from(from, '/five');
    const { answer, sent } = await until(200, send);
    expect([sent, answer.status, answer.body['code']]).toEqual([6, 429, 'rate_limited']);
    const wait = Number(answer.headers['retry-after']);
    const told = /;t=(\d+)/.exec(answer.headers['ratelimit'] as string)?.[1];
    expect(Number(told)).toBeLessThanOrEqual(wait);
    everything.clock.advance(wait - 1);
    expect((await send()).status).toBe(429);
    everything.clock.advance(1);
    expect((await send()).status).toBe(200);
  });

  it('a lock ends when it was said to, and the ban with its own time', async () => {
    const from = '203.0.113.50';
    await until(401, () => logIn(from, 'dora@palisade.test', 'wrong'));
    everything.clock.advance(15 * 60);
    expect((await logIn(from, 'dora@palisade.test', PASSWORD)).status).toBe(200);
    everything.clock.advance(60 * 60);
    expect((await everything.from('203.0.113.1', '/open')).status).toBe(200);
  });
});
