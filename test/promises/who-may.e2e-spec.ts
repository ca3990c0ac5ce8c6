import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADAPTERS } from '../support/application.js';
import { AUDIENCE, encode, ISSUER, sharedSecret, signingKey, signToken } from '../support/tokens.js';
import type { HttpCall } from '../support/http-client.js';
import { COOKIE, Everything, faults, key, PASSWORD, STRANGER } from './everything.js';

const HOME = '192.0.2.10';

/** The statuses for nobody, a customer, a teller and an admin. */
const ACCESS: readonly (readonly [string, readonly number[], string])[] = [
  ['/open', [200, 200, 200, 200], ''],
  ['/maybe', [200, 200, 200, 200], ''],
  ['/mine', [401, 200, 200, 200], ''],
  ['/admin', [401, 403, 403, 200], 'role_missing'],
  ['/permitted', [401, 403, 200, 200], 'permission_missing'],
  ['/scoped', [401, 403, 403, 403], 'scope_missing'],
  ['/judged/1', [401, 200, 200, 200], ''],
];

const other = signingKey('ES256', 'current');
const publicPem = key.publicKey.export({ type: 'spki', format: 'pem' }) as string;
const now = (everything: Everything) => everything.clock.seconds;
type Forge = (everything: Everything) => string;
const issued =
  (claims: object, header: object = {}): Forge =>
  (everything) => everything.tokens.issue(claims, header); // prettier-ignore
const unsigned = (alg: string): Forge => (everything) => {
  const at = now(everything);
  return `${encode({ alg, typ: 'at+jwt' })}.${encode({ iss: ISSUER, aud: AUDIENCE, sub: 'alice', iat: at, exp: at + 600 })}.`;
}; // prettier-ignore

/** Tokens that are wrong in one thing each. */
const FORGED: readonly (readonly [string, Forge])[] = [
  ...['none', 'None', 'NONE', 'nOnE', '', 'ES256'].map((alg) => [`alg "${alg}" without a signature`, unsigned(alg)] as const),
  ['the public key as an HMAC secret', (everything) =>
    signToken({ alg: 'HS256', typ: 'at+jwt' }, { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: now(everything) + 600 }, publicPem)],
  ['the key of somebody else', (everything) =>
    signToken({ alg: 'ES256', kid: 'current' }, { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: now(everything) + 600 }, other)],
  ['a key that it brings', (everything) =>
    signToken({ alg: 'ES256', jwk: other.publicKey.export({ format: 'jwk' }), jku: `${STRANGER}/keys` },
      { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: now(everything) + 600 }, other)],
  ['another algorithm in the header', issued({}, { alg: 'ES384' })],
  ['another issuer', issued({ iss: STRANGER })],
  ['the issuer in other letters', issued({ iss: ISSUER.toUpperCase() })],
  ['the issuer with a slash', issued({ iss: `${ISSUER}/` })],
  ['no issuer', issued({ iss: undefined })],
  ['another audience', issued({ aud: 'another-service' })],
  ['audiences that are all others', issued({ aud: ['another-service', `${AUDIENCE}.evil`] })],
  ['no audience', issued({ aud: undefined })],
  ['an expiry that is past', (everything) => everything.tokens.issue({ exp: now(everything) - 6 })],
  ['no expiry', issued({ exp: undefined })],
  ['an expiry that is text', issued({ exp: '9999999999' })],
  ['a start that is to come', (everything) => everything.tokens.issue({ nbf: now(everything) + 60 })],
  ['an issue that is to come', (everything) => everything.tokens.issue({ iat: now(everything) + 60 })],
  ['the type of an ID token', issued({}, { typ: 'id+jwt' })],
  ['the type of a log-out token', issued({}, { typ: 'logout+jwt' })],
  ['a critical header that nobody knows', issued({}, { crit: ['x-evil'], 'x-evil': 1 })],
  ['no subject', issued({ sub: undefined })],
  ['a subject that is an object', issued({ sub: { id: 'alice' } })],
  ['roles that are no list', issued({ roles: { 0: 'admin', length: 1 } })],
  ['a signature that was cut', (everything) => everything.tokens.issue().slice(0, -4)],
  ['claims that were altered', (everything) => {
    const [header, , signature] = everything.tokens.issue().split('.');
    return `${header}.${encode({ iss: ISSUER, aud: AUDIENCE, sub: 'admin', roles: ['admin'], exp: now(everything) + 600 })}.${signature}`;
  }],
]; // prettier-ignore

/** Bodies and queries that ask for more than the class declares, or for a prototype. */
const EXCESSIVE: readonly (readonly [string, string, HttpCall])[] = [
  ['a property that is not declared', '/notes', { method: 'POST', body: { text: 'x', isAdmin: true } }],
  ['__proto__', '/notes', { method: 'POST', body: '{"text":"x","__proto__":{"isAdmin":true}}' }],
  ['constructor', '/notes', { method: 'POST', body: '{"text":"x","constructor":{"prototype":{"isAdmin":true}}}' }],
  ['__proto__, escaped', '/notes', { method: 'POST', body: String.raw`{"text":"x","\u005f_proto__":{"isAdmin":true}}` }],
  ['an object in place of text', '/notes', { method: 'POST', body: { text: { $ne: '' } } }],
  ['a list in place of an object', '/notes', { method: 'POST', body: [{ text: 'x' }] }],
  ['a parameter that is not declared', '/search?text=x&role=admin', {}],
  ['__proto__ in the query', '/search?text=x&__proto__=1', {}],
  ['a path of __proto__ in the query', '/search?text=x&__proto__%5BisAdmin%5D=1', {}],
  ['a parameter that is repeated', '/search?text=x&text=y', {}],
]; // prettier-ignore

describe.each(ADAPTERS)('Who may do what, with every part switched on, on %s,', (adapter) => {
  const everything = new Everything(adapter);
  beforeAll(() => everything.start());
  afterAll(() => everything.close());

  const bearing = (roles: readonly string[] | undefined) =>
    roles && { headers: { authorization: `Bearer ${everything.tokens.issue({ roles })}` } };

  it.each(ACCESS)('%s asks first who calls, then what they may', async (path, statuses, code) => {
    const callers = [undefined, ['customer'], ['teller'], ['admin']];
    const answers = [];
    for (const roles of callers) answers.push(await everything.from(HOME, path, bearing(roles)));
    expect(answers.map(({ status }) => status)).toEqual(statuses);
    for (const answer of answers) {
      const challenge = answer.headers['www-authenticate'];
      if (answer.status === 401) expect([challenge, answer.body['code']]).toEqual(['Bearer', 'credentials_missing']);
      if (answer.status === 403) expect(answer.body['code']).toBe(code);
      if (answer.status === 403)
        expect(challenge).toMatch(
          /^Bearer error="insufficient_scope", error_description="[\w ]+"(?:, scope="accounts:write")?$/,
        );
      if (answer.status === 200) expect(challenge).toBeUndefined();
    }
  });

  it('a caller whom a policy turns away learns nothing else, and the handler is not reached', async () => {
    faults.policy = () => false;
    const answer = await everything.from(HOME, '/judged/1', bearing(['admin']));
    delete faults.policy;
    expect([answer.status, answer.body['code']]).toEqual([403, 'policy_denied']);
    expect(answer.text).not.toContain('served');
  });

  it('who may not call is told so before a word is said of the body', async () => {
    for (const body of [{ other: 1 }, '{"text":']) {
      const answer = await everything.from(HOME, '/transfers', {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect(answer.status).toBe(typeof body === 'string' ? 400 : 401);
      expect(answer.text).not.toContain('other');
    }
  });

  it.each(FORGED)('a token with %s is nobody, in the header and in the cookie, also where anybody is served', async (_, forge) => {
    const token = forge(everything);
    everything.takeEvents();
    for (const [name, value] of [['authorization', `Bearer ${token}`], ['cookie', `${COOKIE}=${token}`]] as const) {
      const headers = { [name]: value };
      for (const path of ['/mine', '/admin', '/maybe']) {
        const answer = await everything.from(HOME, path, { headers });
        expect(answer.status).toBe(401);
        expect(answer.body['code']).toMatch(/^(?:token_|principal_refused$)/);
        expect(answer.headers['www-authenticate']).toMatch(/^Bearer .*error="invalid_token"/);
        expect(answer.text + JSON.stringify(answer.headers)).not.toContain(token.slice(-20));
      }
    }
    const reasons = new Set(everything.takeReasons());
    expect([...reasons]).toEqual([expect.stringMatching(/^(?:token_|principal_refused$)/)]);
  }); // prettier-ignore

  it('a token is forgotten when it ends, though it was remembered', async () => {
    const token = everything.tokens.issue({ exp: everything.clock.seconds + 30 });
    const mine = () => everything.from(HOME, '/mine', { headers: { authorization: `Bearer ${token}` } });
    expect((await mine()).status).toBe(200);
    expect((await mine()).status).toBe(200);
    everything.clock.advance(36);
    expect((await mine()).body['code']).toBe('token_expired');
  });

  it('two credentials are none', async () => {
    const token = everything.tokens.issue();
    const authorization = `Bearer ${token}`;
    const pairs: HttpCall['headers'][] = [
      { authorization: [authorization, authorization] },
      { authorization, cookie: `${COOKIE}=${token}` },
      { cookie: [`${COOKIE}=${token}; ${COOKIE}=${token}`] },
    ];
    for (const headers of pairs) {
      const answer = await everything.from(HOME, '/mine', { headers });
      expect([answer.status, answer.body['code']]).toEqual([400, 'credentials_repeated']);
    }
    for (const name of ['__host-session', '\u00a0__Host-session', '__Host-Session'])
      expect((await everything.from(HOME, '/mine', { headers: { cookie: `${name}=${token}` } })).status).toBe(401);
    expect((await everything.from(HOME, `/mine?access_token=${token}`)).status).toBe(401);
  });

  it('fields that a caller must not see are neither in an answer nor in an error', async () => {
    const customer = await everything.from(HOME, '/account', bearing(['customer']));
    const admin = await everything.from(HOME, '/account', bearing(['admin']));
    const conflict = await everything.from(HOME, '/conflict', bearing(['customer']));
    expect(customer.body['one']).toEqual({ id: 'a-1', iban: '…6789' });
    expect(customer.body['accounts']).toEqual([{ id: 'a-1', iban: '…6789' }]);
    expect(admin.body['one']).toEqual({ id: 'a-1', balance: 'balance-value', iban: 'iban-value-6789' });
    expect(conflict.status).toBe(409);
    for (const hidden of ['pin-value', 'balance-value', 'iban-value']) expect(conflict.text).not.toContain(hidden);
    expect(admin.text).not.toContain('pin-value');
  });

  it.each(EXCESSIVE)('%s is refused', async (_, path, call) => {
    const answer = await everything.from(HOME, path, { ...call, headers: { 'content-type': 'application/json' } });
    expect(answer.status).toBe(400);
    expect(typeof answer.body['code']).toBe('string');
    expect(({} as Record<string, unknown>)['isAdmin']).toBeUndefined();
  });
});

describe.each(ADAPTERS)('What only records, with every part switched on, on %s,', (adapter) => {
  const enforcement = 'report' as const;
  const everything = new Everything(adapter, {
    hosts: undefined,
    https: undefined,
    csrf: { apply: 'always', token: { secret: sharedSecret() }, enforcement },
    rateLimit: { limits: { all: { limit: '10000/minute', by: 'ip' }, login: { limit: '2/minute', by: 'ip' } }, global: ['all'], enforcement },
    bans: { honeypots: ['/wp-login.php'], enforcement },
    lockout: { enforcement },
  }); // prettier-ignore
  beforeAll(() => everything.start());
  afterAll(() => everything.close());

  it('denies nothing of its own, tells of all of it, and leaves the rest enforced', async () => {
    const logIn = (password: string) =>
      everything.from(HOME, '/login', { method: 'POST', body: { name: 'alice', password }, headers: { origin: STRANGER } });
    for (let i = 0; i < 8; i++) expect((await logIn('wrong')).status).toBe(401);
    expect((await logIn(PASSWORD)).status).toBe(200);
    expect((await everything.from(HOME, '/wp-login.php')).status).toBe(404);
    expect((await everything.from(HOME, '/open')).status).toBe(200);
    expect((await everything.from(HOME, '/mine')).status).toBe(401);
    const told = everything.takeEvents().flatMap((event) =>
      event.type === 'decision' && event.enforced === false ? [event.reason] : [],
    );
    expect([...new Set(told)].toSorted()).toEqual(
      ['account_locked', 'address_banned', 'cors_origin_refused', 'csrf_cross_origin', 'rate_limited', 'request_banned'],
    );
  }); // prettier-ignore
});
