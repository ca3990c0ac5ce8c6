import { beforeEach, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { answerOf } from './answer.js';
import { relabelled, unsigned } from './forgeries.js';
import { Transcript } from './transcript.js';

const password = 'correct horse & staple';
const form = { grant_type: 'password', username: 'alice', password };

describe('the transcript of the demo', () => {
  let lines: string[];
  let transcript: Transcript;

  beforeEach(() => {
    lines = [];
    transcript = new Transcript((line) => lines.push(line), false);
  });

  it('counts what is as promised and what is not', () => {
    transcript.answer(answerOf(200, {}, ''), { status: 200 });
    transcript.answer(answerOf(200, {}, ''), { status: 201 });
    transcript.failure('The server did not answer in time.');
    expect([transcript.passed, transcript.failed]).toEqual([1, 2]);
    expect(lines.join('\n')).toMatch(/✓ 200[^]*✗ status 200 instead of 201[^]*✗ The server did not answer/);
  });

  it('shows no password', () => {
    transcript.request('Alice signs in.', { method: 'POST', path: '/auth/token', form });
    expect(lines.join('\n')).toContain('username=alice&password=…');
    transcript.request('Alice signs in.', { method: 'POST', path: '/session', json: { username: 'alice', password } });
    expect(lines.join('\n')).not.toMatch(/correct|staple/);
  });

  it('shows no CSRF token, sent or received', () => {
    const csrfToken = 'mask.signature';
    transcript.answer(answerOf(200, {}, JSON.stringify({ id: 'x', csrfToken })), { status: 200 });
    transcript.request('A request.', { method: 'DELETE', path: '/session', lines: [['X-CSRF-Token', csrfToken]] });
    expect(lines.join('\n')).toContain('X-CSRF-Token: …');
    expect(lines.join('\n')).not.toContain('signature');
  });

  it('shows no session: cookies hold tokens', async () => {
    const token = await new SignJWT({ roles: [] }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.alloc(32));
    const cookie = `__Host-ledger-session=${token}`;
    transcript.request('A request.', { method: 'GET', path: '/me', cookie });
    transcript.answer(answerOf(204, { 'set-cookie': [`${cookie}; Secure`] }, ''), { status: 204 });
    expect(lines.join('\n')).toMatch(
      /Cookie: __Host-ledger-session=eyJ[^]*Set-Cookie: __Host-ledger-session=eyJ[^]*; Secure/,
    );
    expect(lines.join('\n')).not.toContain(token);
  });

  it('shows no token, sent or received, signed or not', async () => {
    const token = await new SignJWT({ roles: [] }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.alloc(32));
    for (const each of [token, unsigned(token), relabelled(token)]) {
      transcript.request('A request.', { method: 'GET', path: '/me', token: each });
      transcript.answer(answerOf(200, {}, JSON.stringify({ access_token: each })), { status: 200 });
    }
    const [, claims, signature] = token.split('.') as [string, string, string];
    expect(lines.join('\n')).toContain('Authorization: Bearer eyJ');
    expect(lines.join('\n')).not.toContain(claims);
    expect(lines.join('\n')).not.toContain(signature);
  });

  it('shows the challenge, and the beginning of a long body', () => {
    transcript.answer(answerOf(401, { 'www-authenticate': 'Bearer' }, 'x'.repeat(1_000)), { status: 401 });
    expect(lines.join('\n')).toContain('WWW-Authenticate: Bearer');
    expect(lines.join('\n')).toContain('… (1000 characters)');
  });

  it('shows the headers that something is promised of, and no others', () => {
    const answer = answerOf(200, { vary: 'Origin', 'x-frame-options': 'DENY' }, '');
    transcript.answer(answer, { status: 200, headers: { Vary: 'Origin', 'Strict-Transport-Security': undefined } });
    expect(lines.join('\n')).toContain('Vary: Origin');
    expect(lines.join('\n')).not.toMatch(/frame/i);
  });
});
