import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADAPTERS } from '../support/application.js';
import type { HttpCall } from '../support/http-client.js';
import { COOKIE, Everything, FRIEND, HOST, STRANGER } from './everything.js';

const HOME = '192.0.2.10';
const secret = (kind: string) => `canary-${kind}-5e1d`;

/** Places where clients have secrets, each with one of its own. */
const CARRIERS: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['a bearer token', { authorization: `Bearer ${secret('bearer')}.${secret('bearer')}.${secret('bearer')}` }],
  ['malformed credentials', { authorization: `Bearer ${secret('bearer')} ${secret('bearer')}` }],
  ['Basic', { authorization: `Basic ${Buffer.from(`user:${secret('basic')}`).toString('base64')}` }],
  ['a scheme that nobody knows', { authorization: `Digest ${secret('digest')}` }],
  ['a cookie', { cookie: `${COOKIE}=${secret('cookie')}; other=${secret('cookie')}` }],
  ['a CSRF token', { 'x-csrf-token': secret('csrf'), origin: FRIEND }],
  ['a key in a field', { 'x-api-key': secret('api-key') }],
  [
    'another site',
    { origin: `https://${secret('origin')}.example`, referer: `https://x.example/?token=${secret('referer')}` },
  ],
];

const QUERY = `access_token=${secret('query')}&password=${secret('query')}`;
const BODY = { name: 'alice', password: secret('password'), token: secret('body') };

/** A request for each stage that it ends at. */
const STAGES: readonly (readonly [string, HttpCall])[] = [
  [`/open?${QUERY}`, {}],
  [`/mine?${QUERY}`, {}],
  [`/admin?${QUERY}`, { method: 'HEAD' }],
  [`/search?${QUERY}`, {}],
  [`/broken?${QUERY}`, {}],
  [`/open?${QUERY}`, { host: 'evil.example' }],
  [`/open?${QUERY}`, { headers: { 'x-forwarded-proto': 'http' } }],
  [`/a/../open?${QUERY}`, {}],
  [`/open?${QUERY}`, { method: 'TRACE' }],
  ['/login', { method: 'POST', body: { name: 'alice', password: secret('password') } }],
  ['/login', { method: 'POST', body: BODY }],
  ['/transfers', { method: 'POST', body: BODY }],
  ['/notes', { method: 'POST', body: JSON.stringify(BODY).slice(0, -1), headers: { 'content-type': 'application/json' } }],
  ['/notes', { method: 'POST', body: { text: secret('body').repeat(2000) } }],
  ['/notes', { method: 'POST', body: secret('body'), headers: { 'content-type': 'text/plain' } }],
  ['/.well-known/csp-reports', { method: 'POST', body: { 'csp-report': { 'document-uri': `https://${HOST}/?${QUERY}`, 'effective-directive': 'img-src', 'blocked-uri': `${STRANGER}/?${QUERY}`, 'script-sample': secret('body') } }, headers: { 'content-type': 'application/csp-report' } }],
  [`/wp-login.php?${QUERY}`, {}],
  [`/open?${QUERY}`, {}],
]; // prettier-ignore

describe.each(ADAPTERS)('Secrets of clients, with every part switched on, on %s,', (adapter) => {
  const everything = new Everything(adapter);
  beforeAll(() => everything.start());
  afterAll(() => everything.close());

  it.each(CARRIERS)('those in %s, the query and the body are in no answer, event or line of the log', async (name, carried) => {
    const own = `203.0.113.${1 + CARRIERS.findIndex(([other]) => other === name)}`;
    const statuses = new Set<number>();
    for (const [path, call] of STAGES) {
      const answer = await everything.from(own, path, { ...call, headers: { ...carried, ...call.headers } });
      statuses.add(answer.status);
      expect([path, answer.text + JSON.stringify(answer.headers)]).toEqual([path, expect.not.stringContaining('canary')]);
    }
    expect(statuses.size).toBeGreaterThan(4);
    const events = everything.takeEvents();
    expect(events.length).toBeGreaterThan(STAGES.length / 2);
    expect(JSON.stringify(events)).not.toContain('canary');
    expect(JSON.stringify(events)).not.toContain(Buffer.from(`user:${secret('basic')}`).toString('base64'));
    expect(everything.log.text).not.toContain('canary');
  }); // prettier-ignore
});

/** Answers to a caller who is known, in the order of the stages. */
const PERSONAL: readonly (readonly [string, HttpCall, readonly number[]])[] = [
  ['/mine', {}, [200]],
  ['/mine', { method: 'HEAD' }, [200]],
  ['/mine', { headers: { 'if-none-match': '*' } }, [200, 304]],
  ['/maybe', {}, [200]],
  ['/account', {}, [200]],
  ['/csrf', {}, [200]],
  ['/conflict', {}, [409]],
  ['/admin', {}, [403]],
  ['/scoped', {}, [403]],
  ['/transfers', { method: 'POST', body: { text: 'rent' } }, [200]],
  ['/transfers', { method: 'POST', body: { other: 1 } }, [400]],
];

describe.each(ADAPTERS)('Caches, with every part switched on, on %s,', (adapter) => {
  const applications = [
    ['api', new Everything(adapter)],
    ['web', new Everything(adapter, { profile: 'web', cors: undefined })],
  ] as const;
  beforeAll(async () => {
    for (const [, application] of applications) await application.start();
  });
  afterAll(async () => {
    for (const [, application] of applications) await application.close();
  });

  it.each(applications)('keep no answer to a known caller under the profile %s', async (_, application) => {
    const headers = { authorization: `Bearer ${application.tokens.issue({ roles: ['customer'] })}` };
    for (const [path, call, statuses] of PERSONAL) {
      const answer = await application.from(HOME, path, { ...call, headers: { ...headers, ...call.headers } });
      expect([path, statuses.includes(answer.status)]).toEqual([path, true]);
      expect([path, answer.headers['cache-control']]).toEqual([path, expect.stringMatching(/\bno-store\b/)]);
    }
    const etag = (await application.from(HOME, '/mine', { headers })).headers['etag'];
    if (etag === undefined) return;
    const again = await application.from(HOME, '/mine', { headers: { ...headers, 'if-none-match': etag } });
    expect([200, 304]).toContain(again.status);
    expect(again.headers['cache-control']).toContain('no-store');
  });

  it('keep nothing at all under the profile api', async () => {
    const [[, application]] = applications;
    const calls: readonly (readonly [string, HttpCall])[] = [
      ['/open', {}],
      ['/open', { method: 'HEAD' }],
      ['/open', { method: 'OPTIONS', headers: { origin: FRIEND, 'access-control-request-method': 'GET' } }],
      ['/mine', {}],
      ['/nowhere', {}],
      ['/broken', {}],
    ];
    for (const [path, call] of calls)
      expect((await application.from(HOME, path, call)).headers['cache-control']).toContain('no-store');
  });
});
