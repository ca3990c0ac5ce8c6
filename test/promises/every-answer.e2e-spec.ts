import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADAPTERS } from '../support/application.js';
import type { HttpAnswer, HttpCall } from '../support/http-client.js';
import { Everything, FRIEND, HOST } from './everything.js';

const CANARY = 'canary9f31c7';
const FORWARDED = { 'x-forwarded-for': '198.51.100.7', 'x-forwarded-proto': 'https' };

/** A request of each stage, with the status that it is answered with. */
const REQUESTS: readonly (readonly [string, string, HttpCall, number])[] = [
  ['an answer', '/open', {}, 200],
  ['a route that is not there', `/nowhere-${CANARY}`, {}, 404],
  ['a handler that broke', '/broken', {}, 500],
  ['no credentials', '/mine', {}, 401],
  ['a token that is not one', '/mine', { headers: { authorization: `Bearer ${CANARY}.${CANARY}.${CANARY}` } }, 401],
  ['malformed credentials', '/mine', { headers: { authorization: `Bearer ${CANARY} ${CANARY}` } }, 400],
  ['a cookie that is not a token', '/mine', { headers: { cookie: `__Host-session=${CANARY}` } }, 401],
  ['another host', '/open', { host: `${CANARY}.example` }, 400],
  ['no TLS', '/open', { headers: { 'x-forwarded-proto': 'http' } }, 403],
  ['a path that climbs', `/a/../${CANARY}`, {}, 400],
  ['a method that is refused', '/open', { method: 'TRACE' }, 400],
  ['a preflight', '/open', { method: 'OPTIONS', headers: { origin: FRIEND, 'access-control-request-method': 'GET' } }, 204],
  [
    'a preflight of a stranger',
    '/open',
    { method: 'OPTIONS', headers: { origin: `https://${CANARY}.example`, 'access-control-request-method': 'GET' } },
    403,
  ],
  ['a body of another type', '/notes', { method: 'POST', body: CANARY, headers: { 'content-type': 'text/plain' } }, 415],
  ['a body that is too large', '/notes', { method: 'POST', body: { text: CANARY.repeat(2000) } }, 413],
  ['a body that is not JSON', '/notes', { method: 'POST', body: `{"${CANARY}`, headers: { 'content-type': 'application/json' } }, 400],
  ['a body that is not the DTO', '/notes', { method: 'POST', body: { text: { value: CANARY } } }, 400],
  ['an address that is blocked', '/open', { headers: { 'x-forwarded-for': '203.0.113.66' } }, 403],
  ['a honeypot', '/wp-login.php', { headers: { 'x-forwarded-for': '203.0.113.67' } }, 403],
  ['an address that is banned', '/open', { headers: { 'x-forwarded-for': '203.0.113.67' } }, 403],
]; // prettier-ignore

const FIELDS: readonly (readonly [string, RegExp])[] = [
  ['cache-control', /\bno-store\b/],
  ['content-security-policy', /frame-ancestors 'none'/],
  ['x-content-type-options', /^nosniff$/],
  ['referrer-policy', /^no-referrer$/],
  ['cross-origin-opener-policy', /^same-origin$/],
  ['cross-origin-resource-policy', /^same-origin$/],
];

describe.each(ADAPTERS)('With every part switched on, on %s,', (adapter) => {
  const everything = new Everything(adapter);
  beforeAll(() => everything.start());
  afterAll(() => everything.close());

  const send = (path: string, call: HttpCall): Promise<HttpAnswer> =>
    everything.client.call(path, { host: HOST, ...call, headers: { ...FORWARDED, ...call.headers } });

  it.each(REQUESTS)('%s carries the headers, tells no version, and repeats no value', async (_, path, call, status) => {
    const answer = await send(path, call);
    expect(answer.status).toBe(status);
    for (const [name, value] of FIELDS)
      expect([name, answer.headers[name]]).toEqual([name, expect.stringMatching(value)]);
    const isSecure = call.headers?.['x-forwarded-proto'] !== 'http';
    // Whom bans keep out, and another host, learn nothing of how this one is to be called.
    const isOurs = call.host === undefined && call.headers?.['x-forwarded-for'] === undefined;
    const hsts = isSecure && isOurs ? 'max-age=31536000; includeSubDomains' : undefined;
    expect(answer.headers['strict-transport-security']).toBe(hsts);
    expect(answer.headers['reporting-endpoints']).toContain('/.well-known/csp-reports');
    expect(answer.headers['x-powered-by']).toBeUndefined();
    expect(answer.headers['server']).toBeUndefined();
    if (status >= 400 && status !== 404) expect(answer.text).not.toContain(CANARY);
  });

  it('a caller who is known is served, and one who lacks the role is told so', async () => {
    const token = everything.tokens.issue({ roles: ['customer'] });
    const authorization = `Bearer ${token}`;
    expect((await send('/mine', { headers: { authorization } })).status).toBe(200);
    expect((await send('/admin', { headers: { authorization } })).status).toBe(403);
  });

  it('a limit that is used up is told with the headers', async () => {
    await send('/once', {});
    const answer = await send('/once', {});
    expect(answer.status).toBe(429);
    expect(answer.headers['retry-after']).toMatch(/^\d+$/);
    expect(answer.headers['cache-control']).toContain('no-store');
  });

  it('a violation that a browser reports becomes an event', async () => {
    everything.takeEvents();
    const report = {
      'document-uri': `https://${HOST}/page`,
      'effective-directive': 'img-src',
      'blocked-uri': 'inline',
    };
    const headers = { 'content-type': 'application/csp-report' };
    await send('/.well-known/csp-reports', { method: 'POST', body: JSON.stringify({ 'csp-report': report }), headers });
    expect(everything.takeEvents()).toContainEqual(
      expect.objectContaining({
        type: 'csp_violation',
        violation: expect.objectContaining({ effectiveDirective: 'img-src' }),
      }),
    );
  });

  it('no event and no line of the log holds anything of what hostile requests carry', async () => {
    for (const [, path, call] of REQUESTS) await send(path, call);
    const ofPackage = everything.log.lines.filter((line) => !line.includes('ExceptionsHandler'));
    expect(everything.events.length).toBeGreaterThan(REQUESTS.length / 2);
    expect(JSON.stringify(everything.events)).not.toContain(CANARY);
    expect(ofPackage.join('\n')).not.toContain(CANARY);
  });
});
