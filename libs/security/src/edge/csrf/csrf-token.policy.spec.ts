import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ApplicationFunctionError } from '../../core/application-functions.js';
import { ALLOWED, denied } from '../../core/decision.js';
import { ANONYMOUS, type Principal } from '../../core/principal.js';
import type { HttpRequest } from '../../core/request.js';
import { CsrfTokenPolicy } from './csrf-token.policy.js';
import type { CsrfBinding, CsrfTokenOptions } from './csrf.options.js';
import { OTHER_SECRET, post, principal, SECRET, StoppedClock } from './testing/csrf.fixtures.js';

const MISSING = denied('csrf_token_missing');
const INVALID = denied('csrf_token_invalid');
const alice = principal();
const clock = new StoppedClock();
const report = jest.fn<(failure: ApplicationFunctionError) => void>();
beforeEach(() => void report.mockClear());

function policyOf(options: Partial<CsrfTokenOptions> = {}, time = clock): CsrfTokenPolicy {
  return new CsrfTokenPolicy({ secret: SECRET, ...options }, time, report);
}

const policy = policyOf();
const issued = () => policy.issue(post(), alice);

describe('A request with a CSRF token', () => {
  it('is allowed in the header', () => {
    expect(policy.decide(post({ 'x-csrf-token': issued() }), alice)).toBe(ALLOWED);
  });

  it('is allowed in the field of the body', () => {
    expect(policy.decide(post({}, { _csrf: issued() }), alice)).toBe(ALLOWED);
    // Parsers of forms make objects without a prototype.
    const form: unknown = Object.assign(Object.create(null) as object, { _csrf: issued() });
    expect(policy.decide(post({}, form), alice)).toBe(ALLOWED);
  });

  it('is decided by the header where both carry one (csrf-21)', () => {
    expect(policy.decide(post({ 'x-csrf-token': issued() }, { _csrf: 'wrong' }), alice)).toBe(ALLOWED);
    expect(policy.decide(post({ 'x-csrf-token': 'wrong' }, { _csrf: issued() }), alice)).toBe(INVALID);
    expect(policy.decide(post({ 'x-csrf-token': '' }, { _csrf: issued() }), alice)).toBe(INVALID);
  });

  it('is allowed more than once: a page may send many', () => {
    const request = post({ 'x-csrf-token': issued() });
    expect(policy.decide(request, alice)).toBe(ALLOWED);
    expect(policy.decide(request, alice)).toBe(ALLOWED);
  });

  it('is allowed under the names that are configured, and under no other', () => {
    const named = policyOf({ header: 'X-XSRF-Token', field: 'csrfmiddlewaretoken' });
    expect(named.decide(post({ 'x-xsrf-token': issued() }), alice)).toBe(ALLOWED);
    expect(named.decide(post({}, { csrfmiddlewaretoken: issued() }), alice)).toBe(ALLOWED);
    expect(named.decide(post({ 'x-csrf-token': issued() }, { _csrf: issued() }), alice)).toBe(MISSING);
  });

  it('is refused when the header came twice', () => {
    const token = issued();
    expect(policy.decide(post({ 'x-csrf-token': `${token}, ${token}` }), alice)).toBe(INVALID);
    expect(policy.decide(post({ 'x-csrf-token': [token, token] }), alice)).toBe(INVALID);
  });

  it('is refused when the field holds anything but text', () => {
    for (const value of [[issued()], { value: issued() }, 1, true, null, '']) {
      expect(policy.decide(post({}, { _csrf: value }), alice)).toBe(INVALID);
    }
  });
});

describe('A request without a CSRF token', () => {
  it.each<[string, HttpRequest]>([
    ['has no body (csrf-20)', post({ cookie: 'session=x' })],
    ['has a body of null', post({}, null)],
    ['has a body of text', post({}, '_csrf')],
    ['has a body that is a list', post({}, ['_csrf'])],
    ['has another field', post({}, { csrf: 'x' })],
    ['has an undefined field', post({}, { _csrf: undefined })],
    ['has the field in a prototype', post({}, Object.create({ _csrf: 'x' }))],
    ['has the token in the query', { ...post(), query: { _csrf: issued() }, url: `/?_csrf=${issued()}` }],
    ['has the token in a cookie', { ...post({ cookie: `_csrf=${issued()}` }), cookies: { _csrf: issued() } }],
  ])('is denied when it %s', (_, request) => {
    expect(policy.decide(request, alice)).toBe(MISSING);
  });
});

describe('A token of another', () => {
  const owner: Partial<Principal> = { id: 'alice', issuer: 'https://id.example', tokenId: 't1' };

  it.each<[string, Principal]>([
    ['id', principal({ ...owner, id: 'mallory' }, 'jwt')],
    ['issuer', principal({ ...owner, issuer: 'https://other.example' }, 'jwt')],
    ['token', principal({ ...owner, tokenId: 't2' }, 'jwt')],
    ['scheme', principal(owner, 'session')],
    ['kind of issuer, which is none', principal({ id: 'alice', tokenId: 't1' }, 'jwt')],
    ['kind of token, which has no id', principal({ id: 'alice', issuer: 'https://id.example' }, 'jwt')],
  ])('%s is refused', (_, caller) => {
    const token = policy.issue(post(), principal(owner, 'jwt'));
    expect(policy.decide(post({ 'x-csrf-token': token }), principal(owner, 'jwt'))).toBe(ALLOWED);
    expect(policy.decide(post({ 'x-csrf-token': token }), caller)).toBe(INVALID);
  });

  it.each<[Partial<Principal>, Partial<Principal>]>([
    [
      { issuer: 'ab', id: 'c' },
      { issuer: 'a', id: 'bc' },
    ],
    [
      { id: 'a', tokenId: 'bc' },
      { id: 'ab', tokenId: 'c' },
    ],
    [{ id: 'a1:b' }, { id: 'a', tokenId: 'b' }],
    [{ issuer: '', id: 'a' }, { id: 'a' }],
    [{ id: 'a', tokenId: '' }, { id: 'a-' }],
  ])('principal is not taken for this one, though written together they look alike: %j, %j', (one, other) => {
    const token = policy.issue(post(), principal(one));
    expect(policy.decide(post({ 'x-csrf-token': token }), principal(other))).toBe(INVALID);
  });

  it.each([
    ['secret', { secret: OTHER_SECRET }],
    ['binding', { binding: () => 'session-2' }],
  ])('%s is refused', (_, options) => {
    expect(policyOf(options).decide(post({ 'x-csrf-token': issued() }), alice)).toBe(INVALID);
  });

  it('secret is taken while it is listed', () => {
    const rotated = policyOf({ secret: [OTHER_SECRET, SECRET] });
    expect(rotated.decide(post({ 'x-csrf-token': issued() }), alice)).toBe(ALLOWED);
  });
});

describe('The lifetime of a token', () => {
  it.each([
    [undefined, 14_400],
    [60, 60],
  ])('%j ends after %i seconds', (lifetime, seconds) => {
    const time = new StoppedClock();
    const timed = policyOf({ lifetime }, time);
    const request = post({ 'x-csrf-token': timed.issue(post(), alice) });
    time.pass(seconds - 1);
    expect(timed.decide(request, alice)).toBe(ALLOWED);
    time.pass(1);
    expect(timed.decide(request, alice)).toBe(INVALID);
  });
});

describe('Nobody', () => {
  it.each([[undefined], [ANONYMOUS]])('is issued a token: %j', (nobody) => {
    expect(() => policy.issue(post(), nobody)).toThrow(/nobody is authenticated/);
  });

  it.each([[undefined], [ANONYMOUS]])('is allowed with one: %j', (nobody) => {
    expect(policy.decide(post({ 'x-csrf-token': issued() }), nobody)).toBe(INVALID);
    expect(policy.decide(post(), nobody)).toBe(MISSING);
  });

  it('is asked about by a binding of the application', () => {
    const binding = jest.fn<CsrfBinding>(() => 'everybody');
    const bound = policyOf({ binding });
    expect(bound.decide(post({ 'x-csrf-token': issued() }), ANONYMOUS)).toBe(INVALID);
    expect(() => bound.issue(post(), ANONYMOUS)).toThrow(/nobody/);
    expect(binding).not.toHaveBeenCalled();
  });
});

describe('A binding of the application', () => {
  interface WithSession extends HttpRequest {
    readonly session?: { readonly id: string };
  }
  const binding: CsrfBinding = (request) => (request as WithSession).session?.id;
  const during = (id: string, headers: HttpRequest['headers'] = {}): WithSession => ({
    ...post(headers),
    session: { id },
  });

  it('holds for as long as it answers the same', () => {
    const bound = policyOf({ binding });
    const token = bound.issue(during('s1'), alice);
    expect(bound.decide(during('s1', { 'x-csrf-token': token }), alice)).toBe(ALLOWED);
    expect(bound.decide(during('s2', { 'x-csrf-token': token }), alice)).toBe(INVALID);
  });

  it('that answers with nothing denies, and issues nothing', () => {
    const bound = policyOf({ binding });
    const token = bound.issue(during('s1'), alice);
    expect(bound.decide(post({ 'x-csrf-token': token }), alice)).toBe(INVALID);
    expect(() => bound.issue(post(), alice)).toThrow(/csrf\.token\.binding/);
    expect(() => bound.issue(during(''), alice)).toThrow(/csrf\.token\.binding/);
    expect(bound.decide(during('', { 'x-csrf-token': token }), alice)).toBe(INVALID);
    expect(report).not.toHaveBeenCalled();
  });

  it.each<[string, () => unknown]>([
    [
      'threw an error',
      () => {
        throw new TypeError('hunter2');
      },
    ],
    ['answered with a number, not with text', () => 7],
    ['answered with an object, not with text', () => ({ toString: () => 'session' })],
    ['answered with a promise: answer at once', () => Promise.reject(new Error('hunter2'))],
    ['answered with a promise: answer at once', () => Promise.resolve('session')],
    ['answered with null, not with text', () => null],
  ])('that %s denies, and is reported', (problem, broken) => {
    const bound = policyOf({ binding: broken as CsrfBinding });
    const request = post({ 'x-csrf-token': issued() });
    expect(bound.decide(request, alice)).toBe(INVALID);
    expect(report.mock.calls.map(([failure]) => failure.message)).toEqual([`csrf.token.binding ${problem}`]);
    expect(() => bound.issue(post(), alice)).toThrow(/csrf\.token\.binding/);
  });
});
