import { afterEach, expect, it } from '@jest/globals';
import { signToken } from '../support/tokens.js';
import { attack } from './victim.js';

attack('An object that reaches for the prototype', (victim) => {
  afterEach(() => {
    const clean: Record<string, unknown> = {};
    expect(clean['admin']).toBeUndefined();
    expect(clean['roles']).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('in claims gives nobody a role', async () => {
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      const claims = `{"iss":"https://id.palisade.test","aud":"palisade-tests","sub":"mallory","exp":${victim.now + 60},"${name}":{"roles":["admin"],"admin":true,"prototype":{"admin":true}}}`;
      const token = signToken({ alg: 'RS256', typ: 'JWT' }, claims, victim.key);
      const answer = await victim.client.withToken('/admin', token);
      expect([401, 403]).toContain(answer.status);
    }
  });

  it('in a header changes nothing', async () => {
    const header = '{"alg":"RS256","__proto__":{"alg":"none","kid":"x"},"constructor":{"prototype":{"admin":true}}}';
    const claims = { iss: 'https://id.palisade.test', aud: 'palisade-tests', sub: 'alice', exp: victim.now + 60 };
    const token = signToken({ alg: 'RS256' }, claims, victim.key);
    const forged = `${Buffer.from(header).toString('base64url')}.${token.split('.').slice(1).join('.')}`;
    await victim.expectRefused(forged, 'token_signature_invalid', 'token_malformed');
  });

  it.each([
    '{"__proto__":{"admin":true},"to":"bob","cents":1}',
    '{"constructor":{"prototype":{"admin":true}},"to":"bob","cents":1}',
    '{"to":"bob","cents":1,"prototype":{"admin":true}}',
    '{"to":{"__proto__":{"admin":true}},"cents":1}',
    '{"\\u005f_proto__":{"admin":true},"to":"bob","cents":1}',
  ])('in a body is refused: %s', async (body) => {
    for (const path of ['/transfers', '/notes']) {
      const answer = await victim.client.post(path, body, { 'content-type': 'application/json' });
      expect(answer.status).toBe(400);
      victim.expectClearRefusal(answer);
    }
  });

  it('in a form is refused, or read as nothing but text', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const names = ['__proto__[admin]', 'constructor[prototype][admin]'];
    const answer = await victim.client.post('/notes', names.map((name) => `${name}=true`).join('&'), form);
    if (answer.status >= 400) victim.expectClearRefusal(answer);
    // Fastify's parser knows no brackets: the names are texts, and no prototype is reached.
    else expect(answer.body['fields']).toEqual(names);
  });
});
