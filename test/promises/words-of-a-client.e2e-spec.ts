import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADAPTERS } from '../support/application.js';
import { Everything, HOST } from './everything.js';

const VICTIM = '192.0.2.10';
type Headers = Record<string, string | readonly string[]>;

/** Fields by which a client says that it is the victim; its proxy adds the address that it saw. */
const CLAIMS: readonly (readonly [string, (own: string) => Headers])[] = [
  ['an element of X-Forwarded-For', (own) => ({ 'x-forwarded-for': `${VICTIM}, ${own}` })],
  ['a line of X-Forwarded-For', (own) => ({ 'x-forwarded-for': [VICTIM, own] })],
  ['a trusted address behind it', (own) => ({ 'x-forwarded-for': `${VICTIM}, 127.0.0.1, ${own}` })],
  ['Forwarded', (own) => ({ 'x-forwarded-for': own, forwarded: `for=${VICTIM};proto=https;host=${HOST}` })],
  ['X-Real-IP', (own) => ({ 'x-forwarded-for': own, 'x-real-ip': VICTIM })],
  ['True-Client-IP', (own) => ({ 'x-forwarded-for': own, 'true-client-ip': VICTIM, 'cf-connecting-ip': VICTIM })],
  ['X-Client-IP', (own) => ({ 'x-forwarded-for': own, 'x-client-ip': VICTIM, 'x-cluster-client-ip': VICTIM })],
];

/** Hosts and schemes that a client writes, for an application that redirects to HTTPS. */
const HOSTS: readonly (readonly [string, Headers, string])[] = [
  ['a foreign Host', {}, 'evil.example'],
  ['a foreign X-Forwarded-Host', { 'x-forwarded-host': 'evil.example' }, HOST],
  ['two of X-Forwarded-Host', { 'x-forwarded-host': ['evil.example', HOST] }, HOST],
  ['a foreign X-Forwarded-Host in front', { 'x-forwarded-host': `evil.example, ${HOST}` }, HOST],
  ['a host with user information', {}, `${HOST}@evil.example`],
  ['a foreign port', { 'x-forwarded-port': '6666' }, HOST],
  ['a scheme that is none', { 'x-forwarded-proto': 'javascript' }, HOST],
  ['two schemes', { 'x-forwarded-proto': 'https, http' }, HOST],
  ['Forwarded', { forwarded: 'proto=https;host=evil.example' }, HOST],
];

describe.each(ADAPTERS)('What a client writes of itself, with every part switched on, on %s,', (adapter) => {
  const everything = new Everything(adapter);
  const redirecting = new Everything(adapter, { https: { mode: 'redirect' } });
  const direct = new Everything(adapter, { proxy: undefined });
  beforeAll(async () => {
    for (const application of [everything, redirecting, direct]) await application.start();
  });
  afterAll(async () => {
    for (const application of [everything, redirecting, direct]) await application.close();
  });

  it.each(CLAIMS)('%s neither lifts its limit nor has others banned', async (name, claim) => {
    const own = `203.0.113.${100 + CLAIMS.findIndex(([other]) => other === name)}`;
    const statuses = [];
    for (let i = 0; i < 6; i++) statuses.push((await everything.from(VICTIM, '/five', { headers: claim(own) })).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    const trap = await everything.from(VICTIM, '/wp-login.php', { headers: claim(own) });
    expect([trap.status, trap.body['code']]).toEqual([403, 'request_banned']);
    expect((await everything.from(own, '/open')).body['code']).toBe('address_banned');
    expect((await everything.from(VICTIM, '/open', { headers: claim(own) })).body['code']).toBe('address_banned');
    expect((await everything.from(VICTIM, '/open')).status).toBe(200);
    const banned = everything.takeEvents().flatMap((event) => (event.type === 'ban' ? [event.address] : []));
    expect(banned).toEqual([own]);
  });

  it('an IPv6 network is one client, and every spelling of an address is the same', async () => {
    const addresses = Array.from({ length: 6 }, (_, index) => `2001:db8:0:7::${index + 1}`);
    const statuses = [];
    for (const address of addresses) statuses.push((await everything.from(address, '/five')).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    await everything.from('2001:db8:0:7::1', '/wp-login.php');
    for (const spelling of ['2001:DB8:0:7::ffff', '2001:db8:0:7:0:0:0:1', '[2001:db8:0:7::1]:443'])
      expect((await everything.from(spelling, '/open')).status).not.toBe(200);
    expect((await everything.from('2001:db8:0:8::1', '/open')).status).toBe(200);
    expect((await everything.from('::ffff:203.0.113.66', '/open')).body['code']).toBe('address_blocked');
  });

  it.each(HOSTS)('%s leads nobody elsewhere', async (_, headers, host) => {
    for (const proto of ['http', 'https']) {
      const answer = await redirecting.from(VICTIM, '/open?next=//evil.example', {
        host,
        headers: { 'x-forwarded-proto': proto, ...headers },
      });
      const { location } = answer.headers;
      if (location === undefined) expect([200, 400, 403]).toContain(answer.status);
      else expect([answer.status, location]).toEqual([308, `https://${HOST}/open?next=//evil.example`]);
      if (host !== HOST || String(headers['x-forwarded-host']).endsWith('evil.example'))
        expect(answer.status).toBe(400);
    }
  });

  it('nobody is believed to be a proxy who is not configured as one', async () => {
    const claims: Headers[] = [
      { 'x-forwarded-proto': 'https' },
      { forwarded: 'proto=https' },
      { 'x-forwarded-ssl': 'on', 'front-end-https': 'on', 'x-url-scheme': 'https' },
    ];
    for (const headers of claims) {
      const answer = await direct.client.call('/open', { host: HOST, headers });
      expect([answer.status, answer.body['code']]).toEqual([403, 'https_required']);
      expect(answer.headers['strict-transport-security']).toBeUndefined();
    }
    await direct.from(VICTIM, '/wp-login.php');
    const banned = direct.takeEvents().flatMap((event) => (event.type === 'ban' ? [event.address] : []));
    expect(banned).toEqual(['127.0.0.1']);
  });

  it('no limit, lock or ban is escaped by another path, method or host', async () => {
    const own = '203.0.113.200';
    await everything.from(own, '/%77p-login.php');
    for (const [path, method] of [['/', 'GET'], ['/open', 'OPTIONS'], ['/OPEN', 'HEAD'], ['//open', 'POST'], ['/.well-known/csp-reports', 'POST']] as const) {
      const answer = await everything.from(own, path, { method });
      expect([path, answer.status]).toEqual([path, 403]);
    } // prettier-ignore
  });
});
