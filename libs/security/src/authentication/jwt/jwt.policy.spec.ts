import { describe, expect, it } from '@jest/globals';
import type { Decision } from '../../core/decision.js';
import { importPublicKey } from './imported-key.js';
import { checkClaims, checkHeader, type HeaderRules, mediaTypeOf, selectKey } from './jwt.policy.js';
import { AUDIENCE, CLAIMS, ISSUER, NOW, signingKey } from './testing/tokens.js';

const keyOf = (alg: 'RS256' | 'ES256', kid?: string) => importPublicKey(signingKey(alg).publicKey, kid);
const reasonOf = (decision: Decision) => (decision.allowed ? undefined : decision.reason);

describe('checkHeader', () => {
  const rules: HeaderRules = {
    algorithms: new Set(['RS256', 'PS256']),
    types: new Set(['jwt', 'at+jwt']),
    typeRequired: false,
  };
  const check = (header: unknown, changed: Partial<HeaderRules> = {}) =>
    reasonOf(checkHeader(header, { ...rules, ...changed }));

  it.each([
    ['no type', { alg: 'RS256' }],
    ['a type', { alg: 'PS256', typ: 'JWT' }],
    ['a type in other case', { alg: 'RS256', typ: 'jwT' }],
    ['the type of access tokens', { alg: 'RS256', typ: 'at+jwt' }],
    ['a full media type', { alg: 'RS256', typ: 'Application/AT+JWT' }],
    ['a kid', { alg: 'RS256', kid: 'key-1' }],
    ['a kid of 256 characters', { alg: 'RS256', kid: 'k'.repeat(256) }],
    ['a payload that is said to be encoded', { alg: 'RS256', b64: true }],
  ])('allows %s', (_, header) => {
    expect(check(header)).toBeUndefined();
  });

  it('ignores keys and addresses of keys that the token brings along', () => {
    const jwk = { kty: 'oct', k: 'AAAA' };
    const header = { alg: 'RS256', jku: 'https://evil.example', x5u: 'file:///etc/passwd', x5c: [42], jwk };
    expect(check(header)).toBeUndefined();
  });

  it.each([
    ['none', 'none'],
    ['None', 'None'],
    ['nothing', ''],
    ['an algorithm that is not listed', 'RS384'],
    ['an algorithm of another kind', 'HS256'],
    ['a listed algorithm in other case', 'rs256'],
    ['a name that objects inherit', 'toString'],
  ])('refuses an alg of %s', (_, alg) => {
    expect(check({ alg })).toBe('token_algorithm_refused');
  });

  it.each([
    ['a list', ['RS256']],
    ['null', null],
    ['text', 'RS256'],
    ['nothing', undefined],
    ['an object without alg', {}],
    ['an alg that is a list', { alg: ['RS256'] }],
    ['a kid that is a number', { alg: 'RS256', kid: 1 }],
    ['a kid that is null', { alg: 'RS256', kid: null }],
    ['a kid of 257 characters', { alg: 'RS256', kid: 'k'.repeat(257) }],
  ])('finds %s malformed', (_, header) => {
    expect(check(header)).toBe('token_malformed');
  });

  it.each([
    ['an unknown extension', { crit: ['exp'], exp: 1 }],
    ['an extension of the standards', { crit: ['b64'], b64: true }],
    ['an empty list', { crit: [] }],
    ['null', { crit: null }],
  ])('refuses critical headers: %s', (_, members) => {
    expect(check({ alg: 'RS256', ...members })).toBe('token_critical_header_unknown');
  });

  it.each([false, null, 'true', 0])('refuses a b64 of %p, which changes what is signed', (b64) => {
    expect(check({ alg: 'RS256', b64 })).toBe('token_critical_header_unknown');
  });

  it.each(['', 'dpop+jwt', 'logout+jwt', 'application/', 'text/jwt', 42, null, ['JWT']])(
    'refuses a type of %p',
    (typ) => {
      expect(check({ alg: 'RS256', typ })).toBe('token_type_refused');
    },
  );

  it('refuses a token without a type where one is asked for', () => {
    expect(check({ alg: 'RS256' }, { typeRequired: true })).toBe('token_type_refused');
    expect(check({ alg: 'RS256', typ: 'JWT' }, { typeRequired: true })).toBeUndefined();
  });
});

describe('mediaTypeOf', () => {
  it('knows no case, and takes one application/ away', () => {
    expect(mediaTypeOf('APPLICATION/At+Jwt')).toBe('at+jwt');
    expect(mediaTypeOf('application/application/jwt')).toBe('application/jwt');
  });
});

describe('selectKey', () => {
  const a = keyOf('RS256', 'a');
  const b = keyOf('RS256', 'b');
  const unnamed = keyOf('RS256');
  const elliptic = keyOf('ES256', 'c');

  it('finds the key that the token names', () => {
    expect(selectKey([a, b], { alg: 'RS256', kid: 'b' })).toBe(b);
  });

  it.each(['c', 'A', ' a', 'a ', '', '../a', "a' OR '1'='1", '__proto__'])('finds no key by the name %p', (kid) => {
    expect(selectKey([a, b], { alg: 'RS256', kid })).toBeUndefined();
    expect(selectKey([a], { alg: 'RS256', kid })).toBeUndefined();
    expect(selectKey([a, unnamed], { alg: 'RS256', kid })).toBeUndefined();
  });

  it('finds no key for an algorithm that the named key does not serve', () => {
    expect(selectKey([a, elliptic], { alg: 'ES256', kid: 'a' })).toBeUndefined();
  });

  it('finds a key without a name that is alone, whatever the token calls its key', () => {
    expect(selectKey([unnamed], { alg: 'RS256', kid: 'anything' })).toBe(unnamed);
    expect(selectKey([unnamed], { alg: 'RS256' })).toBe(unnamed);
    expect(selectKey([unnamed], { alg: 'ES256' })).toBeUndefined();
  });

  it('finds, without a name, the one key that serves the algorithm', () => {
    expect(selectKey([a, elliptic], { alg: 'ES256' })).toBe(elliptic);
  });

  it('finds none, without a name, where several serve the algorithm', () => {
    expect(selectKey([a, b], { alg: 'RS256' })).toBeUndefined();
    expect(selectKey([a, unnamed], { alg: 'RS256' })).toBeUndefined();
  });

  it('finds none where there is none', () => {
    expect(selectKey([], { alg: 'RS256' })).toBeUndefined();
  });
});

describe('checkClaims', () => {
  const issuer = { issuer: ISSUER, audiences: new Set([AUDIENCE, 'ledger-admin']) };
  const rules = { clockTolerance: 5, expiryRequired: true, mapped: true };
  const check = (claims: object, now = NOW) => reasonOf(checkClaims({ ...CLAIMS, ...claims }, issuer, rules, now));

  it('allows a token of the issuer for the audience within its time', () => {
    expect(check({})).toBeUndefined();
  });

  it.each([
    ['a list', []],
    ['null', null],
    ['text', 'alice'],
    ['a number', 7],
    ['nothing', undefined],
  ])('refuses claims that are %s', (_, claims) => {
    expect(reasonOf(checkClaims(claims, issuer, rules, NOW))).toBe('token_claims_invalid');
  });

  it.each([undefined, null, '', `${ISSUER}/`, ISSUER.toUpperCase(), [ISSUER], 'https://evil.example'])(
    'does not trust the issuer %p',
    (iss) => {
      expect(check({ iss })).toBe('token_issuer_untrusted');
    },
  );

  it.each([
    ['the audience', AUDIENCE],
    ['another name of the audience', 'ledger-admin'],
    ['a list with the audience', ['other', AUDIENCE]],
  ])('allows an aud of %s', (_, aud) => {
    expect(check({ aud })).toBeUndefined();
  });

  it.each([undefined, '', 'other', 'LEDGER', 'ledger-', [], ['other']])('refuses the audience %p', (aud) => {
    expect(check({ aud })).toBe('token_audience_mismatch');
  });

  it.each([null, 7, {}, [AUDIENCE, 7], [[AUDIENCE]]])('finds an aud of %p invalid', (aud) => {
    expect(check({ aud })).toBe('token_claims_invalid');
  });

  it('allows any audience and none where any is accepted, of the right type all the same', () => {
    const any = { issuer: ISSUER };
    expect(checkClaims({ ...CLAIMS, aud: 'other' }, any, rules, NOW).allowed).toBe(true);
    expect(checkClaims({ ...CLAIMS, aud: undefined }, any, rules, NOW).allowed).toBe(true);
    expect(checkClaims({ ...CLAIMS, aud: 7 }, any, rules, NOW).allowed).toBe(false);
  });

  it('finds a token expired from its expiry and the tolerance on', () => {
    expect(check({ exp: NOW }, NOW + 4.999)).toBeUndefined();
    expect(check({ exp: NOW }, NOW + 5)).toBe('token_expired');
  });

  it.each(['nbf', 'iat'])('finds a token not yet valid until its %s, less the tolerance', (claim) => {
    expect(check({ [claim]: NOW + 5 })).toBeUndefined();
    expect(check({ [claim]: NOW + 5.001 })).toBe('token_not_yet_valid');
  });

  it('allows a token without nbf and iat', () => {
    expect(check({ nbf: undefined, iat: undefined })).toBeUndefined();
  });

  it('refuses a token without exp, unless it may be missing', () => {
    expect(check({ exp: undefined })).toBe('token_claims_invalid');
    const lenient = { clockTolerance: 5, expiryRequired: false, mapped: true };
    expect(checkClaims({ ...CLAIMS, exp: undefined }, issuer, lenient, NOW).allowed).toBe(true);
    expect(checkClaims({ ...CLAIMS, exp: null }, issuer, lenient, NOW).allowed).toBe(false);
    expect(checkClaims({ ...CLAIMS, exp: NOW - 6 }, issuer, lenient, NOW).allowed).toBe(false);
  });

  it('denies whatever the claims when the time is no number', () => {
    expect(check({}, NaN)).toBe('token_expired');
    expect(
      checkClaims({ iss: ISSUER, aud: AUDIENCE, nbf: 1 }, issuer, { ...rules, expiryRequired: false }, NaN),
    ).toEqual({
      allowed: false,
      reason: 'token_not_yet_valid',
    });
  });

  it.each([
    ...['exp', 'nbf', 'iat', 'auth_time'].flatMap((claim) =>
      [`${NOW + 60}`, null, NaN, -Infinity, Infinity, true, {}, [NOW]].map((value) => [claim, value] as const),
    ),
    ...['jti', 'client_id', 'azp', 'tenant', 'tid', 'acr', 'sub'].flatMap((claim) =>
      [7, null, true, {}, ['text']].map((value) => [claim, value] as const),
    ),
    ...[7, null, true, {}, [7]].map((value) => ['scope', value] as const),
    ...['roles', 'permissions', 'amr'].flatMap((claim) =>
      ['admin', 7, null, {}, [7], ['admin', null], [['admin']], { 0: 'admin', length: 1 }].map(
        (value) => [claim, value] as const,
      ),
    ),
    ...[7, null, {}, [7], ['read', null]].map((value) => ['scp', value] as const),
    ['sub', ''],
    ['auth_time', 8.64e12 + 1],
  ])('finds a %s of %p invalid', (claim, value) => {
    expect(check({ [claim]: value })).toBe('token_claims_invalid');
  });

  it('leaves all but the registered claims to a principal function', () => {
    const own = { clockTolerance: 5, expiryRequired: true, mapped: false };
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'alice', exp: NOW + 60 };
    const reason = (more: object) => {
      const decision = checkClaims({ ...claims, ...more }, issuer, own, NOW);
      return decision.allowed ? undefined : decision.reason;
    };
    expect(reason({ roles: 'admin', amr: [{ method: 'password' }], tenant: {}, acr: 1 })).toBeUndefined();
    expect(reason({ sub: 7 })).toBe('token_claims_invalid');
    expect(reason({ jti: 7 })).toBe('token_claims_invalid');
  });

  it('allows every claim of its type', () => {
    const claims = {
      jti: 'id',
      scope: '',
      scp: ['read'],
      client_id: 'web',
      azp: 'web',
      tenant: 't',
      tid: 't',
      acr: '1',
      amr: ['pwd', 'otp'],
      roles: [],
      permissions: ['account:read'],
      auth_time: NOW - 5.5,
      nbf: 0,
      unknown: { to: ['us'] },
    };
    expect(check(claims)).toBeUndefined();
    expect(check({ scp: 'read write' })).toBeUndefined();
  });
});
