import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RateLimitStore } from '@palisade/nest';
import { ADAPTERS } from '../support/application.js';
import { FarStore } from '../support/far-store.js';
import type { HttpCall } from '../support/http-client.js';
import { sharedSecret } from '../support/tokens.js';
import { Everything, faults, FRIEND, HOST, jwtWith, PASSWORD, READER } from './everything.js';
import { ROLES } from '../support/security.js';

const HOME = '192.0.2.10';
const CANARY = 'canary-7d20';
const fails = (): never => {
  throw new Error(`the directory is away ${CANARY}`);
};

/** The function that fails at the time. */
let failing = '';
/** What the application knows of the caller. */
let roles = ['admin'];
const unless = <T>(name: string, value: T): T => (failing === name ? fails() : value);

/** A function that breaks, the request that meets it, the status, the code and the reason that the event gives. */
const BROKEN: readonly (readonly [string, string, string, HttpCall, number, string])[] = [
  ['a policy', 'policy', '/judged/1', {}, 403, 'policy_failed'],
  ['the key provider', 'key', '/mine', {}, 500, 'authentication_failed'],
  ['the key provider, on a route for anybody,', 'key', '/maybe', {}, 500, 'authentication_failed'],
  ['the principal function', 'principal', '/mine', {}, 500, 'authentication_failed'],
  ['a condition of bans', 'blocklist', '/open', {}, 500, 'edge_failed'],
  ['a rule of bans', 'rule', '/open', {}, 500, 'edge_failed'],
  ['the store', 'store', '/open', {}, 503, 'rate_limit_unavailable'],
  ['the store, on a log-in,', 'store', '/login', { method: 'POST', body: { name: 'a', password: PASSWORD } }, 503, 'rate_limit_unavailable'],
  ['the resolver of origins', 'origin', '/open', { method: 'OPTIONS', headers: { origin: READER, 'access-control-request-method': 'GET' } }, 403, 'cors_origin_refused'],
]; // prettier-ignore

/** The line of the log by which the author finds the function. */
const LOGGED: Readonly<Record<string, RegExp>> = {
  policy: /policy of Routes\.judged threw an error/,
  key: /authentication\.jwt\.key of the issuer "[^"]+" threw an error/,
  principal: /authentication\.principal threw an error/,
  blocklist: /bans\.blocklist threw an error/,
  rule: /The rule "[^"]+" of bans threw an error/,
  origin: /resolver of cors\.origins gave no answer that counts: threw/,
};

class Store implements RateLimitStore {
  private readonly store = new FarStore();
  readonly consume: RateLimitStore['consume'] = async (charges) => unless('store', this.store.consume(charges));
  readonly peek: RateLimitStore['peek'] = async (charges) => unless('store', this.store.peek(charges));
  readonly refund: RateLimitStore['refund'] = async (charges) => unless('store', this.store.refund(charges));
  readonly reset: RateLimitStore['reset'] = async (counted) => unless('store', this.store.reset(counted));
}

describe.each(ADAPTERS)('With every part switched on, and one of them broken, on %s,', (adapter) => {
  const everything = new Everything(adapter, {
    cors: { origins: { always: [FRIEND], resolve: () => unless('origin', true) }, credentials: true },
    authentication: { jwt: jwtWith(), principal: ({ sub }) => unless('principal', { id: sub as string, roles }) },
    authorization: { roles: ROLES, permissions: { teller: ['account:close'] } },
    csrf: { apply: 'always', token: { secret: sharedSecret(), binding: (_, { id }) => unless('binding', id) } },
    rateLimit: {
      store: new Store(),
      limits: { all: { limit: '10000/minute', by: 'ip' }, login: { limit: '30/minute', by: 'ip' } },
      global: ['all'],
      onStoreError: 'closed',
    },
    bans: {
      blocklist: () => unless('blocklist', false),
      rules: [{ name: 'probes', matches: () => unless('rule', false) }],
      onStoreError: 'closed',
    },
  }); // prettier-ignore
  beforeAll(() => everything.start());
  afterAll(() => everything.close());
  afterEach(() => {
    failing = '';
    roles = ['admin'];
    delete faults.policy;
    delete faults.key;
  });

  const send = (path: string, call: HttpCall = {}) => {
    const authorization: Record<string, string> =
      path === '/open' ? {} : { authorization: `Bearer ${everything.tokens.issue()}` };
    return everything.from(HOME, path, { ...call, headers: { origin: FRIEND, ...authorization, ...call.headers } });
  };

  it.each(BROKEN)('%s denies, blames nobody else, and is told of', async (_, part, path, call, status, reason) => {
    failing = part;
    if (part === 'policy') faults.policy = fails;
    if (part === 'key') faults.key = fails;
    everything.takeEvents();
    const answer = await send(path, call);
    const { text, headers } = answer;
    expect(answer.status).toBe(status);
    if (call.method !== 'OPTIONS') expect(answer.body['code']).toBe(reason);
    expect(headers['www-authenticate']).toBeUndefined();
    expect(headers['set-cookie']).toBeUndefined();
    expect(headers['cache-control']).toContain('no-store');
    expect(text).not.toContain('served');
    expect(text).not.toContain(CANARY);
    expect(everything.takeReasons()).toEqual([reason]);
    // Of one that fails again and again the log says so once in a while.
    if (status !== 503) expect(everything.log.text).toMatch(LOGGED[part] as RegExp);
  });

  it('a binding of CSRF tokens that breaks lets no unsafe request through', async () => {
    const cookie = `__Host-session=${everything.tokens.issue()}`;
    const { token } = (await everything.from(HOME, '/csrf', { headers: { cookie } })).body;
    const transfer = () =>
      everything.from(HOME, '/transfers', {
        method: 'POST',
        body: { text: 'rent' },
        headers: { cookie, origin: `https://${HOST}`, 'x-csrf-token': token as string },
      });
    expect((await transfer()).status).toBe(200);
    failing = 'binding';
    const answer = await transfer();
    expect(answer.status).toBeGreaterThanOrEqual(403);
    expect(answer.text).not.toContain('booked');
    expect(answer.text).not.toContain(CANARY);
  });

  it('a handler that breaks answers with a fixed text', async () => {
    const answer = await send('/broken');
    expect([answer.status, answer.text]).toEqual([500, expect.not.stringContaining('the handler broke')]);
  });

  it('roles that the application looks up count at once, whatever the token says', async () => {
    const admin = () => everything.from(HOME, '/admin', { headers: { authorization } });
    const authorization = `Bearer ${everything.tokens.issue({ roles: [] })}`;
    expect((await admin()).status).toBe(200);
    roles = ['customer'];
    expect((await admin()).body['code']).toBe('role_missing');
  });

  it('what is mended serves again', async () => {
    everything.clock.advance(3600);
    for (const path of ['/open', '/mine', '/judged/1']) expect([path, (await send(path)).status]).toEqual([path, 200]);
  });
});
