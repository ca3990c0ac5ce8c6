import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADAPTERS } from '../support/application.js';
import type { HttpCall } from '../support/http-client.js';
import { COOKIE, Everything, FRIEND, HOST, READER, STRANGER } from './everything.js';

const HOME = '192.0.2.10';
const OWN = `https://${HOST}`;
type Headers = Record<string, string>;

/** A request with the user's cookie: the page it comes from, its marks, if it brings a CSRF token, and the answer. */
const UNSAFE: readonly (readonly [string, Headers, boolean, number, string | undefined])[] = [
  ['the own page', { origin: OWN, 'sec-fetch-site': 'same-origin' }, true, 200, undefined],
  ['the own page without its token', { origin: OWN, 'sec-fetch-site': 'same-origin' }, false, 403, 'csrf_token_missing'],
  ['the trusted page', { origin: FRIEND, 'sec-fetch-site': 'same-site' }, true, 200, undefined],
  ['the trusted page without its token', { origin: FRIEND, 'sec-fetch-site': 'same-site' }, false, 403, 'csrf_token_missing'],
  ['a page that CORS lets read', { origin: READER, 'sec-fetch-site': 'same-site' }, true, 403, 'csrf_cross_origin'],
  ['another site', { origin: STRANGER, 'sec-fetch-site': 'cross-site' }, true, 403, 'csrf_cross_origin'],
  ['another site, in an old browser', { origin: STRANGER }, true, 403, 'csrf_cross_origin'],
  ['a page without an origin', { origin: 'null', 'sec-fetch-site': 'cross-site' }, true, 403, 'csrf_cross_origin'],
  ['the own page over plain HTTP', { origin: `http://${HOST}` }, true, 403, 'csrf_cross_origin'],
  ['a page of which the browser says nothing', {}, false, 403, 'csrf_token_missing'],
]; // prettier-ignore

/** Content types that a form of another site can send without a preflight. */
const FORMS = ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x'];

describe.each(ADAPTERS)('Pages of other sites, with every part switched on, on %s,', (adapter) => {
  const everything = new Everything(adapter);
  let cookie: string;
  let csrf: string;
  beforeAll(async () => {
    await everything.start();
    cookie = `${COOKIE}=${everything.tokens.issue()}`;
    csrf = (await everything.from(HOME, '/csrf', { headers: { cookie } })).body['token'] as string;
  });
  afterAll(() => everything.close());

  const transfer = (headers: Headers, call: HttpCall = {}) =>
    everything.from(HOME, '/transfers', {
      method: 'POST',
      body: { text: 'rent' },
      ...call,
      headers: { cookie, ...headers },
    });
  const preflight = (path: string, origin: string, method: string) =>
    everything.from(HOME, path, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': method, ...(method !== 'GET' && { 'access-control-request-headers': 'content-type,x-csrf-token' }) },
    }); // prettier-ignore

  it.each(UNSAFE)(
    'an unsafe request of %s is answered as its marks deserve',
    async (_, marks, hasToken, status, code) => {
      const answer = await transfer(hasToken ? { ...marks, 'x-csrf-token': csrf } : marks);
      expect([answer.status, answer.body['code']]).toEqual([status, code]);
      expect(answer.headers['cache-control']).toContain('no-store');
      const allowed = marks['origin'] === FRIEND || marks['origin'] === READER ? marks['origin'] : undefined;
      expect(answer.headers['access-control-allow-origin']).toBe(allowed);
    },
  );

  it.each(FORMS)('a form of another site in %s is refused, however it is sent', async (type) => {
    for (const marks of [{ 'sec-fetch-site': 'cross-site' }, {}] as Headers[]) {
      const answer = await transfer({ ...marks, origin: STRANGER, 'content-type': type }, { body: 'text=rent' });
      expect([403, 415]).toContain(answer.status);
    }
  });

  it('a CSRF token of somebody else, an altered one and two of them do not serve', async () => {
    const other = `${COOKIE}=${everything.tokens.issue({ sub: 'mallory' })}`;
    const theirs = (await everything.from(HOME, '/csrf', { headers: { cookie: other } })).body['token'] as string;
    for (const token of [theirs, `${csrf.slice(0, -2)}AA`, '', `${csrf}, ${csrf}`]) {
      const answer = await transfer({ origin: OWN, 'x-csrf-token': token });
      expect(answer.status).toBe(403);
      expect(answer.body['code']).toMatch(/^csrf_token_(?:missing|invalid)$/);
    }
  });

  it('a header credential needs no token, and a cookie beside it is refused', async () => {
    const authorization = `Bearer ${everything.tokens.issue()}`;
    const answer = await everything.from(HOME, '/transfers', {
      method: 'POST',
      body: { text: 'rent' },
      headers: { authorization, origin: FRIEND },
    });
    expect(answer.status).toBe(200);
    const both = await transfer({ authorization, origin: OWN, 'x-csrf-token': csrf });
    expect([both.status, both.body['code']]).toEqual([400, 'credentials_repeated']);
  });

  it('a safe request of another site is served with the cookie, and cannot be read', async () => {
    for (const method of ['GET', 'HEAD']) {
      const answer = await everything.from(HOME, '/mine', {
        method,
        headers: { cookie, origin: STRANGER, 'sec-fetch-site': 'cross-site' },
      });
      expect(answer.status).toBe(200);
      expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      expect(answer.headers['cross-origin-resource-policy']).toBe('same-origin');
      expect(answer.headers['vary']).toMatch(/\borigin\b/i);
    }
  });

  it('a preflight says what the request behind it meets, for each origin and route', async () => {
    const table = [
      ['/transfers', FRIEND, 'POST', 204, FRIEND],
      ['/transfers', STRANGER, 'POST', 403, undefined],
      ['/transfers', `${FRIEND}.evil.example`, 'POST', 403, undefined],
      ['/transfers', 'null', 'POST', 403, undefined],
      ['/partners', 'https://partner.example', 'GET', 204, 'https://partner.example'],
      ['/transfers', 'https://partner.example', 'POST', 403, undefined],
    ] as const;
    for (const [path, origin, method, status, allowed] of table) {
      const answer = await preflight(path, origin, method);
      expect([path, origin, answer.status, answer.headers['access-control-allow-origin']]).toEqual([path, origin, status, allowed]);
      expect(answer.headers['access-control-allow-origin']).not.toBe('*');
      expect(answer.headers['content-length']).not.toBe('0');
    } // prettier-ignore
  });

  it('errors of every stage can be read by the page that is allowed to, and by no other', async () => {
    const stages: readonly (readonly [string, HttpCall, number])[] = [
      ['/mine', {}, 401],
      ['/admin', { headers: { cookie } }, 403],
      ['/nowhere', {}, 404],
      ['/broken', {}, 500],
      ['/notes', { method: 'POST', body: { other: 1 } }, 400],
      ['/open', { host: 'evil.example' }, 400],
    ];
    for (const [path, call, status] of stages) {
      for (const origin of [FRIEND, STRANGER]) {
        const site = origin === FRIEND ? 'same-site' : 'cross-site';
        const safe = call.method === undefined || origin === FRIEND;
        const answer = await everything.from(HOME, path, { ...call, headers: { ...call.headers, origin, 'sec-fetch-site': site } });
        expect([path, answer.status]).toEqual([path, safe ? status : 403]);
        expect([path, answer.headers['access-control-allow-origin']]).toEqual([path, origin === FRIEND ? FRIEND : undefined]);
      }
    } // prettier-ignore
  });

  it('whoever is made to send such requests by another site is not banned for it', async () => {
    for (let i = 0; i < 30; i++)
      await transfer({ origin: STRANGER, 'sec-fetch-site': 'cross-site', 'x-csrf-token': csrf });
    expect((await everything.from(HOME, '/open')).status).toBe(200);
  });
});
