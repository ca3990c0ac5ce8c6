import { describe, expect, it } from '@jest/globals';
import type { IncomingHttpHeaders } from 'node:http';
import { ALLOWED, denied } from '../../core/decision.js';
import { ANONYMOUS } from '../../core/principal.js';
import type { Profile } from '../../core/profile.js';
import type { HttpRequest } from '../../core/request.js';
import { CsrfProtection, type CsrfFacts } from './csrf-protection.js';
import type { CsrfOptions } from './csrf.options.js';
import { post, principal, SECRET, StoppedClock } from './testing/csrf.fixtures.js';

const CROSS_ORIGIN = denied('csrf_cross_origin');
const MISSING = denied('csrf_token_missing');
const INVALID = denied('csrf_token_invalid');
const clock = new StoppedClock();
const alice = principal();

const FACTS: CsrfFacts = {
  host: 'example.com',
  secure: false,
  ambient: true,
  principal: alice,
  exempt: false,
  publicRoute: false,
};
const BEARER: CsrfFacts = { ...FACTS, ambient: false, principal: principal({}, 'jwt') };
const PUBLIC: CsrfFacts = { ...FACTS, ambient: false, principal: undefined, publicRoute: true };

const FROM_ELSEWHERE: IncomingHttpHeaders = { 'sec-fetch-site': 'cross-site', origin: 'https://attacker.example' };
const FROM_HERE: IncomingHttpHeaders = { 'sec-fetch-site': 'same-origin', origin: 'https://example.com' };

function protectionOf(options?: CsrfOptions | false, profile: Profile = 'api'): CsrfProtection {
  return new CsrfProtection(options, profile, clock, () => undefined);
}

describe('CSRF protection', () => {
  it.each<[string, CsrfFacts]>([
    ['a session', FACTS],
    ['a session on an exempt handler of another name (csrf-18)', { ...FACTS, exempt: false }],
  ])('denies an unsafe request from another site that brings %s', (_, facts) => {
    expect(protectionOf().check(post(FROM_ELSEWHERE), facts)).toBe(CROSS_ORIGIN);
  });

  it('allows the application’s own pages', () => {
    expect(protectionOf().check(post(FROM_HERE), FACTS)).toBe(ALLOWED);
  });

  it('allows what an exempt handler takes (csrf-17)', () => {
    for (const profile of ['api', 'web'] as const) {
      const token = { secret: SECRET };
      expect(protectionOf({ token }, profile).check(post(FROM_ELSEWHERE), { ...FACTS, exempt: true })).toBe(ALLOWED);
    }
  });

  it.each(['GET', 'HEAD', 'OPTIONS'])('allows %s, and looks at nothing else of the request', (method) => {
    const unread = new Proxy({} as HttpRequest, {
      get: (_, name) => {
        if (name === 'method') return method;
        throw new Error(`${String(name)} was read`);
      },
    });
    expect(protectionOf({ token: { secret: SECRET } }, 'web').check(unread, FACTS)).toBe(ALLOWED);
  });

  it('allows header credentials, and looks at nothing else of the request (csrf-19)', () => {
    const unread = new Proxy({} as HttpRequest, {
      get: (_, name) => {
        if (name === 'method') return 'POST';
        throw new Error(`${String(name)} was read`);
      },
    });
    for (const profile of ['api', 'web'] as const) {
      expect(protectionOf({ token: { secret: SECRET } }, profile).check(unread, BEARER)).toBe(ALLOWED);
    }
  });

  it('allows everything where it is switched off', () => {
    for (const facts of [FACTS, PUBLIC]) {
      expect(protectionOf(false, 'web').check(post(FROM_ELSEWHERE), facts)).toBe(ALLOWED);
    }
  });

  it('allows a trusted origin, and no other (csrf-13, csrf-15, csrf-16)', () => {
    const protection = protectionOf({ trustedOrigins: ['https://trusted.example'] });
    expect(protection.check(post({ origin: 'https://trusted.example' }), FACTS)).toBe(ALLOWED);
    expect(protection.check(post({ origin: 'https://attacker.example' }), FACTS)).toBe(CROSS_ORIGIN);
    expect(protection.check(post(FROM_ELSEWHERE), FACTS)).toBe(CROSS_ORIGIN);
  });

  it('compares Origin with the host that the edge found, never with the header', () => {
    const request = post({ origin: 'https://attacker.example', host: 'attacker.example' });
    expect(protectionOf().check(request, FACTS)).toBe(CROSS_ORIGIN);
    expect(protectionOf().check(post({ origin: 'https://example.com' }), { ...FACTS, host: undefined })).toBe(
      CROSS_ORIGIN,
    );
  });

  it('denies http of the same host over TLS', () => {
    const request = post({ origin: 'http://example.com' });
    expect(protectionOf().check(request, { ...FACTS, secure: true })).toBe(CROSS_ORIGIN);
    expect(protectionOf().check(request, FACTS)).toBe(ALLOWED);
  });

  it.each<object>([
    { origin: ['https://example.com', 'https://example.com'] },
    { origin: 'https://example.com, https://example.com' },
    { 'sec-fetch-site': ['same-origin', 'same-origin'] },
    { 'sec-fetch-site': 'same-origin, same-origin' },
    { 'sec-fetch-site': '' },
    { origin: '' },
  ])('denies headers that are repeated or empty: %j', (headers) => {
    expect(protectionOf().check(post(headers as IncomingHttpHeaders), FACTS)).toBe(CROSS_ORIGIN);
  });

  it('enforces unless it is told to report', () => {
    expect(protectionOf().enforcement).toBe('enforce');
    expect(protectionOf({ enforcement: 'report' }).enforcement).toBe('report');
  });
});

describe('A request that no ambient credential authenticated', () => {
  const ANYBODY: CsrfFacts = { ...FACTS, ambient: false, principal: ANONYMOUS };

  it.each<[string, Profile, CsrfOptions | undefined, boolean]>([
    ['is not checked by an API', 'api', undefined, false],
    ['is checked by a site: it may be a login', 'web', undefined, true],
    ['is checked by an API that says always', 'api', { apply: 'always' }, true],
    ['is not checked by a site that says cookies', 'web', { apply: 'cookies' }, false],
  ])('%s', (_, profile, options, checked) => {
    for (const facts of [PUBLIC, ANYBODY, { ...PUBLIC, principal: ANONYMOUS }]) {
      const decision = protectionOf(options, profile).check(post(FROM_ELSEWHERE), facts);
      expect(decision).toBe(checked ? CROSS_ORIGIN : ALLOWED);
      expect(protectionOf(options, profile).check(post(FROM_HERE), facts)).toBe(ALLOWED);
      expect(protectionOf(options, profile).check(post(), facts)).toBe(ALLOWED);
    }
  });

  it('is checked on a public route, whoever another route had let in', () => {
    expect(protectionOf(undefined, 'web').check(post(FROM_ELSEWHERE), { ...PUBLIC, principal: alice })).toBe(
      CROSS_ORIGIN,
    );
  });

  it('needs no token: there is nobody to bind one to', () => {
    expect(protectionOf({ token: { secret: SECRET } }, 'web').check(post(FROM_HERE), PUBLIC)).toBe(ALLOWED);
  });
});

describe('CSRF protection with tokens', () => {
  const protection = protectionOf({ token: { secret: SECRET }, trustedOrigins: ['https://trusted.example'] });
  const tokens = protection.tokens;
  const token = () => tokens?.issue(post(), alice) ?? '';

  it('denies a session without one (csrf-20)', () => {
    expect(protection.check(post({ cookie: 'session=x' }), FACTS)).toBe(MISSING);
    expect(protection.check(post(FROM_HERE), FACTS)).toBe(MISSING);
    expect(protection.check(post({ origin: 'https://trusted.example' }), FACTS)).toBe(MISSING);
  });

  it('allows a session with its own', () => {
    expect(protection.check(post({ cookie: 'session=x', 'x-csrf-token': token() }), FACTS)).toBe(ALLOWED);
    expect(protection.check(post({ ...FROM_HERE, 'x-csrf-token': token() }), FACTS)).toBe(ALLOWED);
  });

  it('prefers the header to the field (csrf-21)', () => {
    const request = post({ cookie: 'session=x', 'x-csrf-token': token() }, { _csrf: 'wrong' });
    expect(protection.check(request, FACTS)).toBe(ALLOWED);
  });

  it('denies another site that got hold of one', () => {
    expect(protection.check(post({ ...FROM_ELSEWHERE, 'x-csrf-token': token() }), FACTS)).toBe(CROSS_ORIGIN);
  });

  it('denies another session, and a session of nobody', () => {
    const request = post({ 'x-csrf-token': token() });
    expect(protection.check(request, { ...FACTS, principal: principal({ id: 'mallory' }) })).toBe(INVALID);
    expect(protection.check(request, { ...FACTS, principal: undefined })).toBe(INVALID);
    expect(protection.check(request, { ...FACTS, principal: ANONYMOUS })).toBe(INVALID);
  });
});
