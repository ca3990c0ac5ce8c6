import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { randomUUID } from 'node:crypto';
import { ADAPTERS } from '../support/application.js';
import { aliceSignsIn, errorBody, RunningLedger } from './ledger.harness.js';

const HOUR = 60 * 60 * 1000;

describe.each(ADAPTERS)('who calls Ledger on %s', (adapter) => {
  let bank: RunningLedger;

  beforeAll(async () => {
    bank = await RunningLedger.start({ ADAPTER: adapter });
  });

  afterAll(() => bank.stop());

  describe('GET /health', () => {
    it('is open to anybody', async () => {
      const { status, body } = await bank.get('/health');
      expect([status, body]).toEqual([200, { status: 'ok' }]);
    });

    it('looks at no credentials', async () => {
      expect((await bank.get('/health', { token: 'garbage' })).status).toBe(200);
    });
  });

  describe('POST /auth/token', () => {
    it('answers as RFC 6749, section 5.1, asks', async () => {
      const { status, headers, body } = await bank.signIn(aliceSignsIn);
      expect(status).toBe(200);
      expect(body).toEqual({ access_token: expect.any(String), token_type: 'Bearer', expires_in: 900 });
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['pragma']).toBe('no-cache');
    });

    it('issues tokens as RFC 9068 describes them', async () => {
      const token = await bank.tokenOf('alice');
      expect(decodeProtectedHeader(token)).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: expect.any(String) });
      const claims = decodeJwt(token);
      expect(claims).toMatchObject({
        iss: 'https://ledger.example',
        aud: 'https://ledger.example/api',
        sub: expect.any(String),
        client_id: 'ledger',
        jti: expect.any(String),
        roles: ['customer'],
      });
      expect(Number(claims.exp) - Number(claims.iat)).toBe(900);
    });

    it('answers a wrong password and an unknown user alike', async () => {
      const wrong = await bank.signIn({ ...aliceSignsIn, password: 'wrong' });
      const unknown = await bank.signIn({ ...aliceSignsIn, username: 'mallory' });
      expect(wrong.status).toBe(400);
      expect(wrong.body).toEqual({ error: 'invalid_grant', error_description: expect.any(String) });
      expect([unknown.status, unknown.body]).toEqual([wrong.status, wrong.body]);
      expect(wrong.headers['cache-control']).toBe('no-store');
    });

    it.each([
      ['no parameters', '', 'invalid_request'],
      ['no password', 'grant_type=password&username=alice', 'invalid_request'],
      ['an empty password', 'grant_type=password&username=alice&password=', 'invalid_request'],
      ['a repeated username', 'grant_type=password&username=alice&username=root&password=x', 'invalid_request'],
      ['a list for a username', 'grant_type=password&username[]=alice&password=x', 'invalid_request'],
      ['an object for a username', 'grant_type=password&username[a]=alice&password=x', 'invalid_request'],
      ['a repeated parameter nobody knows', 'grant_type=password&username=a&password=x&y=1&y=2', 'invalid_request'],
      ['a prototype', 'grant_type=password&username=alice&__proto__[password]=x', 'invalid_request'],
      ['another grant type', 'grant_type=client_credentials', 'unsupported_grant_type'],
      ['a longer grant type', 'grant_type=password2&username=alice&password=x', 'unsupported_grant_type'],
      ['a NUL in the username', 'grant_type=password&username=alice%00&password=x', 'invalid_grant'],
      ['a scope', 'grant_type=password&username=alice&password=x&scope=all', 'invalid_scope'],
    ])('answers %s with an error of OAuth', async (_, form, code) => {
      const { status, body } = await bank.signIn(form);
      expect([status, body]).toEqual([400, { error: code, error_description: expect.any(String) }]);
    });

    it('takes no JSON', async () => {
      const { status, body } = await bank.post('/auth/token', { body: aliceSignsIn });
      expect([status, body]).toEqual([415, errorBody(415, 'content_type_unsupported')]);
    });
  });

  describe('GET /me', () => {
    it('shows the principal, without the claims of the token', async () => {
      const { status, body } = await bank.get('/me', { as: 'tess' });
      expect(status).toBe(200);
      expect(body).toEqual({
        id: expect.any(String),
        kind: 'user',
        roles: ['teller'],
        permissions: [],
        scopes: [],
        scheme: 'jwt',
        authenticatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      });
    });
  });

  describe('a caller', () => {
    it.each(['/me', '/accounts', `/accounts/${randomUUID()}`, '/transfers', '/admin/users'])(
      'without a token gets a bare challenge at %s',
      async (path) => {
        const { status, headers, body } = await bank.get(path);
        expect([status, body]).toEqual([401, errorBody(401, 'credentials_missing')]);
        expect(headers['www-authenticate']).toMatch(/^Bearer/);
        expect(headers['www-authenticate']).not.toContain('error=');
      },
    );

    it('with a tampered token is refused', async () => {
      const [header, payload, signature] = (await bank.tokenOf('alice')).split('.') as [string, string, string];
      const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), roles: ['admin'] };
      const forged = [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
      const { status, headers, body } = await bank.get('/admin/users', { token: forged });
      expect([status, body]).toEqual([401, errorBody(401, 'token_signature_invalid')]);
      expect(headers['www-authenticate']).toContain('error="invalid_token"');
    });

    it('with an unsigned token is refused', async () => {
      const [, payload] = (await bank.tokenOf('alice')).split('.') as [string, string, string];
      const header = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url');
      const { status, body } = await bank.get('/me', { token: `${header}.${payload}.` });
      expect(status).toBe(401);
      expect(body.code).toMatch(/^token_/);
    });

    it('with a token that the bank signed for another purpose is refused', async () => {
      const { privateKey, algorithm } = bank.configuration.signingKey;
      const claims = decodeJwt(await bank.tokenOf('alice'));
      for (const typ of ['JWT', 'logout+jwt', undefined]) {
        const header = typ === undefined ? { alg: algorithm } : { alg: algorithm, typ };
        const token = await new SignJWT(claims).setProtectedHeader(header).sign(privateKey);
        const { status, body } = await bank.get('/me', { token });
        expect([status, body]).toEqual([401, errorBody(401, 'token_type_refused')]);
      }
    });

    it('with an expired token is refused', async () => {
      const { value } = await bank.ledger.tokens.issue(
        { id: randomUUID(), roles: ['customer'] },
        new Date(Date.now() - HOUR),
      );
      const { status, headers, body } = await bank.get('/me', { token: value });
      expect([status, body]).toEqual([401, errorBody(401, 'token_expired')]);
      expect(headers['www-authenticate']).toContain('error="invalid_token"');
    });

    it('with a malformed header is refused as RFC 6750 asks', async () => {
      const { status, headers, body } = await bank.get('/me', { headers: { authorization: 'Bearer a b' } });
      expect([status, body]).toEqual([400, errorBody(400, 'credentials_malformed')]);
      expect(headers['www-authenticate']).toContain('error="invalid_request"');
    });

    it('with two Authorization lines is refused, although the first is good', async () => {
      const good = `Bearer ${await bank.tokenOf('alice')}`;
      const { status, body } = await bank.get('/me', { headers: { authorization: [good, 'Bearer other'] } });
      expect([status, body]).toEqual([400, errorBody(400, 'credentials_repeated')]);
    });
  });
});
