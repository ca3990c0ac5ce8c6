import { describe, expect, it } from '@jest/globals';
import { readTokenRequest } from './token-request.js';

const complete = { grant_type: 'password', username: 'alice', password: 'correct horse' };

function errorOf(body: unknown): string | undefined {
  const request = readTokenRequest(body);
  return 'error' in request ? request.error : undefined;
}

describe('a token request', () => {
  it('gives the username and the password', () => {
    expect(readTokenRequest(complete)).toEqual({ username: 'alice', password: 'correct horse' });
  });

  it.each(['grant_type', 'username', 'password'])('is invalid without %s', (name) => {
    const { [name as keyof typeof complete]: _, ...rest } = complete;
    expect(errorOf(rest)).toBe('invalid_request');
    expect(errorOf({ ...complete, [name]: '' })).toBe('invalid_request');
  });

  it.each(['grant_type', 'username', 'password', 'scope', 'unheard_of'])('is invalid when %s is repeated', (name) => {
    expect(errorOf({ ...complete, [name]: ['password', 'password'] })).toBe('invalid_request');
    expect(errorOf({ ...complete, [name]: { 0: 'password' } })).toBe('invalid_request');
  });

  it.each([undefined, null, [], '', 'grant_type=password', {}])('is invalid with the body %j', (body) => {
    expect(errorOf(body)).toBe('invalid_request');
  });

  it.each(['Password', 'password ', ' password', 'passwords', 'xpassword', 'client_credentials', 'urn:x:password'])(
    'is of no supported grant type when that is "%s"',
    (grantType) => {
      expect(errorOf({ ...complete, grant_type: grantType })).toBe('unsupported_grant_type');
    },
  );

  it('is bounded: a password of 1024 characters is taken, a longer one is not', () => {
    expect(errorOf({ ...complete, password: 'x'.repeat(1024) })).toBeUndefined();
    expect(errorOf({ ...complete, password: 'x'.repeat(1025) })).toBe('invalid_request');
    expect(errorOf({ ...complete, username: 'x'.repeat(257) })).toBe('invalid_request');
  });

  it('asks in vain for a scope, as there are none', () => {
    expect(errorOf({ ...complete, scope: 'transfers' })).toBe('invalid_scope');
    expect(errorOf({ ...complete, scope: '' })).toBeUndefined();
  });

  it('may have parameters that are not known (RFC 6749, section 3.2)', () => {
    expect(errorOf({ ...complete, unheard_of: 'x' })).toBeUndefined();
  });

  it('takes no parameter from the prototype of the body', () => {
    expect(errorOf(Object.create(complete))).toBe('invalid_request');
  });

  it('is answered without repeating what it holds', () => {
    const secret = 'hunter2';
    for (const body of [
      { ...complete, grant_type: secret },
      { ...complete, scope: secret },
      { ...complete, [secret]: [secret] },
    ]) {
      expect(JSON.stringify(readTokenRequest(body))).not.toContain(secret);
    }
  });
});
