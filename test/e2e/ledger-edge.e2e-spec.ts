import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SecurityEvents, type SecurityEvent } from '@palisade/nest';
import { randomUUID } from 'node:crypto';
import { field, headerOf, type Answer } from '../../apps/sample/src/demo/answer.js';
import type { Call } from '../../apps/sample/src/demo/call.js';
import { ADAPTERS } from '../support/application.js';
import { errorBody, RunningLedger } from './ledger.harness.js';

const APP = 'https://app.ledger.example';
const EVIL = 'https://evil.example';
const BANK = 'ledger.example';
const OVER_TLS = ['X-Forwarded-Proto', 'https'] as const;
const SAME_ORIGIN = ['Sec-Fetch-Site', 'same-origin'] as const;

const get = (path: string, ...lines: NonNullable<Call['lines']>): Call => ({ method: 'GET', path, lines });
const refused = (answer: Answer) => [answer.status, answer.body];
const refusal = (status: number, code: string) => [status, errorBody(status, code)];

describe.each(ADAPTERS)('the edge of Ledger on %s', (adapter) => {
  let bank: RunningLedger;
  let alices: string;
  let bobs: string;

  beforeAll(async () => {
    bank = await RunningLedger.start({ ADAPTER: adapter, CORS_ORIGINS: APP });
    [alices, bobs] = await Promise.all([bank.accountOf('alice'), bank.accountOf('bob')]);
  });

  afterAll(() => bank.stop());

  describe('the host', () => {
    it.each(['localhost', 'localhost:3000', '127.0.0.1', '[::1]:8080', 'LOCALHOST'])(
      'may be %s in development',
      async (host) => {
        expect((await bank.visit({ ...get('/health'), host })).status).toBe(200);
      },
    );

    it.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1'])(
      'may not be %s',
      async (host) => {
        expect(refused(await bank.visit({ ...get('/health'), host }))).toEqual(refusal(400, 'host_refused'));
      },
    );

    it('is not what somebody who is no proxy says', async () => {
      const answer = await bank.visit(get('/health', ['X-Forwarded-Host', 'evil.example'], OVER_TLS));
      expect(answer.status).toBe(200);
      expect(headerOf(answer, 'Strict-Transport-Security')).toBeUndefined();
    });
  });

  describe('the firewall', () => {
    it.each([
      ['/accounts/../admin/users', 'target_not_normalized'],
      ['/accounts/..%2fadmin/users', 'target_not_normalized'],
      ['//admin/users', 'target_not_normalized'],
      ['/admin/users;x=1', 'target_not_normalized'],
      ['/accounts/%zz', 'target_malformed'],
      [`/accounts?after=${'x'.repeat(129)}`, 'parameter_too_long'],
      ['/accounts?limit=1&limit=1', 'parameter_repeated'],
      [`/accounts?${Array.from({ length: 11 }, (_, index) => `p${index}=x`).join('&')}`, 'parameters_too_many'],
    ])('refuses %s', async (path, code) => {
      expect(refused(await bank.visit(get(path)))).toEqual(refusal(400, code));
    });

    it('refuses a target that is longer than any of the bank', async () => {
      expect(refused(await bank.visit(get(`/accounts/${'x'.repeat(2048)}`)))).toEqual(refusal(414, 'target_too_long'));
    });

    it('takes a transfer of 4 KiB at most, and 16 KiB elsewhere', async () => {
      const json = { owner: 'bob', openingBalance: 1, riskNote: 'x'.repeat(5_000) };
      const elsewhere = await bank.post('/accounts', { as: 'tess', body: json });
      expect(elsewhere.body.code).toBe('validation_failed');
      const transfer = await bank.post('/transfers', { as: 'alice', body: json });
      expect([transfer.status, transfer.body]).toEqual(refusal(413, 'body_too_large'));
      const beyond = await bank.post('/accounts', { as: 'tess', body: { owner: 'x'.repeat(17_000) } });
      expect([beyond.status, beyond.body]).toEqual(refusal(413, 'body_too_large'));
    });

    it('takes the longest reference of a transfer, however it is written', async () => {
      const reference = '\\ud83d\\ude00'.repeat(140);
      const answer = await bank.post('/transfers', {
        as: 'alice',
        body: `{"from":"${alices}","to":"${bobs}","amount":1,"reference":"${reference}"}`,
        headers: { 'idempotency-key': randomUUID() },
      });
      expect(answer.status).toBe(201);
    });

    it.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
      'takes no body of %s where JSON is asked for',
      async (type) => {
        const answer = await bank.post('/accounts', {
          as: 'tess',
          body: '{"owner":"bob","openingBalance":1}',
          headers: { 'content-type': type },
        });
        expect([answer.status, answer.body]).toEqual(refusal(415, 'content_type_unsupported'));
      },
    );

    it('refuses JSON that is nested deeper than any of the bank', async () => {
      const answer = await bank.post('/accounts', { as: 'tess', body: '{"a":{"a":{"a":{"a":{"a":1}}}}}' });
      expect([answer.status, answer.body]).toEqual(refusal(400, 'input_too_deep'));
    });
  });

  describe('the headers', () => {
    it.each([
      ['an answer', '/health', 200],
      ['a refusal', '/accounts', 401],
      ['what is not there', '/nothing', 404],
      ['what never came to a route', '//', 400],
    ])('stand on %s', async (_, path, status) => {
      const answer = await bank.visit(get(path));
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
      });
      expect([headerOf(answer, 'X-Powered-By'), headerOf(answer, 'Server')]).toEqual([undefined, undefined]);
    });
  });

  describe('CORS', () => {
    const preflight = (path: string, origin: string, method: string, headers = 'authorization'): Call => ({
      method: 'OPTIONS',
      path,
      lines: [
        ['Origin', origin],
        ['Access-Control-Request-Method', method],
        ['Access-Control-Request-Headers', headers],
      ],
    });

    it('lets the app ask for what it needs, without cookies', async () => {
      const answer = await bank.visit(
        preflight('/transfers', APP, 'POST', 'authorization,content-type,idempotency-key'),
      );
      expect(answer.status).toBe(204);
      expect(headerOf(answer, 'Access-Control-Allow-Origin')).toBe(APP);
      expect(headerOf(answer, 'Access-Control-Allow-Credentials')).toBeUndefined();
    });

    it.each([
      ['another origin', preflight('/transfers', EVIL, 'POST'), 'cors_origin_refused'],
      ['an origin that ends alike', preflight('/transfers', `${APP}.evil.example`, 'POST'), 'cors_origin_refused'],
      ['no origin', preflight('/transfers', 'null', 'POST'), 'cors_origin_refused'],
      ['a method without need', preflight('/transfers', APP, 'DELETE'), 'cors_method_refused'],
      ['a header without need', preflight('/transfers', APP, 'POST', 'x-forwarded-for'), 'cors_header_refused'],
    ])('refuses %s', async (_, call, code) => {
      expect(refused(await bank.visit(call))).toEqual(refusal(403, code));
    });

    it('shows the app its refusals, and the replay of a transfer', async () => {
      const answer = await bank.visit(get('/accounts', ['Origin', APP]));
      expect(answer.status).toBe(401);
      expect(headerOf(answer, 'Access-Control-Allow-Origin')).toBe(APP);
      expect(headerOf(answer, 'Access-Control-Expose-Headers')).toMatch(/Idempotency-Replayed/i);
      expect(headerOf(answer, 'Vary')).toMatch(/Origin/);
    });

    it('lets any page read the health check', async () => {
      expect(headerOf(await bank.visit(get('/health', ['Origin', EVIL])), 'Access-Control-Allow-Origin')).toBe('*');
    });

    it('keeps even the app from sessions', async () => {
      const answer = await bank.visit({ ...get('/session', ['Origin', APP]), cookie: await bank.sessionOf('alice') });
      expect(headerOf(answer, 'Access-Control-Allow-Origin')).toBeUndefined();
    });

    it('is off unless origins are named', async () => {
      const closed = await RunningLedger.start({ ADAPTER: adapter });
      try {
        const answer = await closed.visit(get('/accounts', ['Origin', APP]));
        expect(headerOf(answer, 'Access-Control-Allow-Origin')).toBeUndefined();
      } finally {
        await closed.stop();
      }
    });
  });

  describe('the page', () => {
    const nonceOf = (answer: Answer) => /'nonce-([^']+)'/.exec(headerOf(answer, 'Content-Security-Policy') ?? '')?.[1];

    it('runs its own script only, with another nonce each time', async () => {
      const [first, second] = [await bank.visit(get('/')), await bank.visit(get('/'))];
      expect(headerOf(first, 'Content-Type')).toBe('text/html; charset=utf-8');
      expect(nonceOf(first)).toMatch(/^[A-Za-z0-9+/]{22}==$/);
      expect(first.text.match(/<(?:script|style) nonce="([^"]*)"/g)).toEqual([
        `<style nonce="${nonceOf(first)}"`,
        `<script nonce="${nonceOf(first)}"`,
      ]);
      expect(nonceOf(second)).not.toBe(nonceOf(first));
    });

    it('may do nothing else', async () => {
      const policy = headerOf(await bank.visit(get('/')), 'Content-Security-Policy');
      for (const directive of [
        "default-src 'none'",
        "connect-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ]) {
        expect(policy?.split(';')).toContain(directive);
      }
      expect(policy).not.toContain('unsafe');
    });

    it('has what breaks its policy reported', async () => {
      const events: SecurityEvent[] = [];
      const unsubscribe = bank.ledger.app
        .get(SecurityEvents, { strict: false })
        .subscribe((event) => events.push(event));
      const report = {
        'document-uri': 'http://127.0.0.1/?token=secret',
        'effective-directive': 'script-src-elem',
        'blocked-uri': 'https://evil.example/steal.js?who=alice',
        'original-policy': "default-src 'none'",
        disposition: 'enforce',
      };
      const answer = await bank.visit({
        method: 'POST',
        path: '/csp-reports',
        lines: [['Content-Type', 'application/csp-report']],
        json: { 'csp-report': report },
      });
      unsubscribe();
      expect(answer.status).toBe(204);
      expect(events).toEqual([
        expect.objectContaining({
          type: 'csp_violation',
          violation: expect.objectContaining({ blockedUri: EVIL, effectiveDirective: 'script-src-elem' }),
        }),
      ]);
      expect(JSON.stringify(events)).not.toMatch(/secret|alice/);
    });
  });

  describe('a session', () => {
    const form = (...lines: NonNullable<Call['lines']>): Call => ({
      method: 'POST',
      path: '/session',
      lines,
      json: { username: 'alice', password: bank.configuration.demo?.password },
    });

    async function csrfTokenOf(cookie: string): Promise<readonly [string, string]> {
      return ['X-CSRF-Token', String(field(await bank.visit({ ...get('/session'), cookie }), 'csrfToken'))];
    }

    function transfer(cookie: string, ...lines: NonNullable<Call['lines']>): Promise<Answer> {
      return bank.visit({
        method: 'POST',
        path: '/transfers',
        cookie,
        lines: [['Idempotency-Key', randomUUID()], ...lines],
        json: { from: alices, to: bobs, amount: 1 },
      });
    }

    it('begins with a cookie that no script reads and no other site has sent', async () => {
      const { status, headers, text } = await bank.visit(form());
      expect([status, text]).toEqual([204, '']);
      expect(headers['set-cookie']).toEqual([
        expect.stringMatching(
          /^__Host-ledger-session=[\w.-]+; Max-Age=900; Path=\/; Secure; HttpOnly; SameSite=Strict$/,
        ),
      ]);
    });

    it('is who signed in', async () => {
      const cookie = await bank.sessionOf('alice');
      const answer = await bank.visit({ ...get('/me'), cookie });
      expect([answer.status, field(answer, 'roles')]).toEqual([200, ['customer']]);
    });

    it('does not begin with a wrong password or an unknown name, and the answers are alike', async () => {
      const answers = await Promise.all(
        [
          { username: 'alice', password: 'wrong' },
          { username: 'mallory', password: 'wrong' },
        ].map((json) => bank.visit({ method: 'POST', path: '/session', json })),
      );
      for (const answer of answers) {
        expect(refused(answer)).toEqual(refusal(403, 'sign_in_refused'));
        expect(headerOf(answer, 'Set-Cookie')).toBeUndefined();
      }
      expect(answers[1]?.text).toBe(answers[0]?.text);
    });

    it.each([{}, { username: 'alice' }, { username: ['alice'], password: 'x' }, { username: '', password: '' }])(
      'does not begin with %j',
      async (json) => {
        expect(refused(await bank.visit({ method: 'POST', path: '/session', json }))).toEqual(
          refusal(400, 'validation_failed'),
        );
      },
    );

    it.each([
      ['by its Sec-Fetch-Site', ['Sec-Fetch-Site', 'cross-site']],
      ['by its Origin', ['Origin', EVIL]],
      ['by an Origin that hides itself', ['Origin', 'null']],
      ['though CORS lets it call', ['Origin', APP]],
    ] as const)('is not begun, ended or used by another site, told %s', async (_, line) => {
      expect(refused(await bank.visit(form(line)))).toEqual(refusal(403, 'csrf_cross_origin'));
      const ending = await bank.visit({ method: 'DELETE', path: '/session', lines: [line] });
      expect(refused(ending)).toEqual(refusal(403, 'csrf_cross_origin'));
      const cookie = await bank.sessionOf('alice');
      const answer = await transfer(cookie, line, await csrfTokenOf(cookie));
      expect(refused(answer)).toEqual(refusal(403, 'csrf_cross_origin'));
    });

    it('moves money with its CSRF token, and not without', async () => {
      const cookie = await bank.sessionOf('alice');
      const token = await csrfTokenOf(cookie);
      expect(refused(await transfer(cookie, SAME_ORIGIN))).toEqual(refusal(403, 'csrf_token_missing'));
      expect((await transfer(cookie, SAME_ORIGIN, token)).status).toBe(201);
    });

    it('takes no CSRF token of another session, be it of the same user', async () => {
      const cookie = await bank.sessionOf('alice');
      for (const other of ['alice', 'bob']) {
        const token = await csrfTokenOf(await bank.sessionOf(other));
        expect(refused(await transfer(cookie, SAME_ORIGIN, token))).toEqual(refusal(403, 'csrf_token_invalid'));
      }
    });

    it('is no credential beside a token', async () => {
      const answer = await bank.visit({
        ...get('/me'),
        cookie: await bank.sessionOf('alice'),
        token: await bank.tokenOf('bob'),
      });
      expect(refused(answer)).toEqual(refusal(400, 'credentials_repeated'));
    });

    it('ends, also for whoever has none any more', async () => {
      for (const cookie of [await bank.sessionOf('alice'), '__Host-ledger-session=old', undefined]) {
        const answer = await bank.visit({ method: 'DELETE', path: '/session', cookie, lines: [SAME_ORIGIN] });
        expect(answer.status).toBe(204);
        expect(headerOf(answer, 'Set-Cookie')).toMatch(/^__Host-ledger-session=; Max-Age=0;.*Secure/);
      }
    });

    it('is not needed by a program with a token, which needs no CSRF token either', async () => {
      const { status } = await bank.post('/transfers', {
        as: 'alice',
        body: { from: alices, to: bobs, amount: 1 },
        headers: { 'idempotency-key': randomUUID(), origin: APP, 'sec-fetch-site': 'cross-site' },
      });
      expect(status).toBe(201);
    });

    it('is not what the token endpoint gives: pages of other origins may ask that for a token', async () => {
      const { status } = await bank.post('/auth/token', {
        body: new URLSearchParams({
          grant_type: 'password',
          username: 'alice',
          password: bank.configuration.demo?.password ?? '',
        }).toString(),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: APP,
          'sec-fetch-site': 'cross-site',
        },
      });
      expect(status).toBe(200);
    });
  });

  describe('behind a proxy that ends TLS', () => {
    let behind: RunningLedger;

    beforeAll(async () => {
      behind = await RunningLedger.start({
        ADAPTER: adapter,
        ALLOWED_HOSTS: BANK,
        TRUST_PROXY: '127.0.0.1',
        HTTPS_MODE: 'reject',
      });
    });

    afterAll(() => behind.stop());

    it('rejects plain requests, with or without credentials', async () => {
      expect(refused(await behind.visit({ ...get('/accounts'), host: BANK }))).toEqual(refusal(403, 'https_required'));
      const post: Call = { method: 'POST', path: '/session', host: BANK, json: {} };
      expect(refused(await behind.visit(post))).toEqual(refusal(403, 'https_required'));
    });

    it('answers a probe of the health check in plain, and only that', async () => {
      expect((await behind.visit({ ...get('/health'), host: BANK })).status).toBe(200);
      for (const path of ['/health/x', '/', '/nothing']) {
        expect((await behind.visit({ ...get(path), host: BANK })).status).toBe(403);
      }
    });

    it('tells browsers to stay with TLS, where there is TLS', async () => {
      const plain = await behind.visit({ ...get('/health'), host: BANK });
      const secure = await behind.visit({ ...get('/health', OVER_TLS), host: BANK });
      expect(headerOf(plain, 'Strict-Transport-Security')).toBeUndefined();
      expect(headerOf(secure, 'Strict-Transport-Security')).toBe('max-age=31536000; includeSubDomains');
    });

    it('checks the host that the proxy was asked for', async () => {
      const call = get('/health', OVER_TLS, ['X-Forwarded-Host', 'evil.example']);
      expect(refused(await behind.visit({ ...call, host: BANK }))).toEqual(refusal(400, 'host_refused'));
    });

    it('takes the words of a chain of schemes for what the nearest proxy saw', async () => {
      const call = get('/accounts', ['X-Forwarded-Proto', 'https, http']);
      expect((await behind.visit({ ...call, host: BANK })).status).toBe(403);
    });

    it('has the browser forget everything at the end of a session', async () => {
      const cookie = await behind.sessionOf('alice', { host: BANK, lines: [OVER_TLS] });
      const answer = await behind.visit({
        method: 'DELETE',
        path: '/session',
        host: BANK,
        cookie,
        lines: [OVER_TLS, SAME_ORIGIN],
      });
      expect(answer.status).toBe(204);
      expect(headerOf(answer, 'Clear-Site-Data')).toBe('"cache", "cookies", "storage"');
    });

    it('takes its own pages for its own, over TLS', async () => {
      const json = { username: 'alice', password: 'wrong' };
      const from = (origin: string) =>
        behind.visit({ method: 'POST', path: '/session', host: BANK, json, lines: [OVER_TLS, ['Origin', origin]] });
      expect(field(await from(`https://${BANK}`), 'code')).toBe('sign_in_refused');
      expect(field(await from(`http://${BANK}`), 'code')).toBe('csrf_cross_origin');
    });
  });

  describe('past a proxy that is elsewhere', () => {
    let past: RunningLedger;

    beforeAll(async () => {
      past = await RunningLedger.start({
        ADAPTER: adapter,
        ALLOWED_HOSTS: BANK,
        TRUST_PROXY: '192.0.2.0/24',
        HTTPS_MODE: 'redirect',
      });
    });

    afterAll(() => past.stop());

    it('redirects to the same path over TLS', async () => {
      const answer = await past.visit({ ...get('/accounts?limit=1'), host: BANK });
      expect([answer.status, headerOf(answer, 'Location')]).toEqual([308, `https://${BANK}/accounts?limit=1`]);
    });

    it('believes nobody who is not the proxy', async () => {
      const call = get('/accounts', OVER_TLS, ['X-Forwarded-Host', 'evil.example'], ['X-Forwarded-For', '192.0.2.1']);
      const answer = await past.visit({ ...call, host: BANK });
      expect([answer.status, headerOf(answer, 'Location')]).toEqual([308, `https://${BANK}/accounts`]);
    });

    it.each(['evil.example', `${BANK}.evil.example`, `${BANK}@evil.example`])(
      'redirects nobody to %s',
      async (host) => {
        const answer = await past.visit({ ...get('/'), host });
        expect([answer.status, headerOf(answer, 'Location')]).toEqual([400, undefined]);
      },
    );
  });
});
