import { describe, expect, it } from '@jest/globals';
import { createPrincipal } from '../../core/principal.js';
import { principalOfClaims, sealClaims } from './jwt.claims.js';

const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as object;

describe('principalOfClaims', () => {
  it('makes a principal of all the claims', () => {
    const claims = {
      sub: 'alice',
      roles: ['teller'],
      permissions: ['account:read'],
      scope: 'read  write ',
      tenant: 'north',
      acr: 'gold',
      amr: ['pwd', 'otp'],
      auth_time: 1_800_000_000,
      jti: 'token-1',
      client_id: 'web',
    };
    expect(principalOfClaims(claims)).toEqual({
      id: 'alice',
      kind: 'user',
      roles: ['teller'],
      permissions: ['account:read'],
      scopes: ['read', 'write'],
      tenant: 'north',
      claims,
      authenticatedAt: Date.UTC(2027, 0, 15, 8),
      acr: 'gold',
      amr: ['pwd', 'otp'],
      tokenId: 'token-1',
    });
  });

  it('makes a principal of a subject alone', () => {
    const init = principalOfClaims({ sub: 'alice' });
    expect(init).toMatchObject({ id: 'alice', kind: 'user', roles: [], permissions: [], scopes: [] });
    expect(init?.authenticatedAt).toBeUndefined();
  });

  it('makes none without a subject', () => {
    expect(principalOfClaims({ roles: ['admin'] })).toBeUndefined();
  });

  it.each([
    ['a service when the client is its own subject', { sub: 'batch', client_id: 'batch' }, 'service'],
    ['a service when the authorized party is the subject', { sub: 'batch', azp: 'batch' }, 'service'],
    ['a user when the client is somebody else', { sub: 'alice', client_id: 'web', azp: 'alice' }, 'user'],
  ])('calls the principal %s', (_, claims, kind) => {
    expect(principalOfClaims(claims)?.kind).toBe(kind);
  });

  it.each([
    ['scope', { scope: 'read write' }, ['read', 'write']],
    ['an scp that is text', { scp: 'read write' }, ['read', 'write']],
    ['an scp that is a list', { scp: ['read', 'write'] }, ['read', 'write']],
    ['scope before scp', { scope: 'read', scp: ['write'] }, ['read']],
    ['an empty scope before scp', { scope: '', scp: ['write'] }, []],
  ])('reads scopes from %s', (_, claims, scopes) => {
    expect(principalOfClaims({ sub: 'alice', ...claims })?.scopes).toEqual(scopes);
  });

  it('reads the tenant from tid where there is no tenant', () => {
    expect(principalOfClaims({ sub: 'alice', tid: 'south' })?.tenant).toBe('south');
    expect(principalOfClaims({ sub: 'alice', tenant: 'north', tid: 'south' })?.tenant).toBe('north');
  });

  it('gives what a principal is created from', () => {
    const init = principalOfClaims({ sub: 'alice', roles: ['teller'] });
    expect(init !== undefined && createPrincipal(init, 'jwt')).toMatchObject({ id: 'alice', scheme: 'jwt' });
  });
});

describe('sealClaims', () => {
  it('freezes through and through', () => {
    const claims = { sub: 'alice', roles: ['teller'], address: { lines: [{ text: 'a' }] }, none: null };
    expect(sealClaims(claims)).toBe(true);
    expect(Object.isFrozen(claims)).toBe(true);
    expect(Object.isFrozen(claims.roles)).toBe(true);
    expect(Object.isFrozen(claims.address.lines[0])).toBe(true);
  });

  it.each(['{"__proto__":{"admin":true}}', '{"a":{"__proto__":null}}', '{"a":[{"\\u005f_proto__":1}]}'])(
    'refuses a member that would replace a prototype: %s',
    (json) => {
      expect(sealClaims(JSON.parse(json) as object)).toBe(false);
      expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    },
  );

  it('refuses claims that nest too deep', () => {
    expect(sealClaims(nested(33))).toBe(true);
    expect(sealClaims(nested(34))).toBe(false);
    expect(sealClaims(nested(5000))).toBe(false);
  });
});
