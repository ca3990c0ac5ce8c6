import { describe, expect, it } from '@jest/globals';
import { SecurityConfigurationError } from '../../core/errors.js';
import { ANONYMOUS } from '../../core/principal.js';
import { commitPrincipal } from '../../core/request.js';
import { CsrfProtection } from './csrf-protection.js';
import { CsrfTokens } from './csrf-tokens.js';
import type { CsrfOptions } from './csrf.options.js';
import { post, principal, SECRET, StoppedClock } from './testing/csrf.fixtures.js';

const alice = principal();
const protectionOf = (options?: CsrfOptions | false) =>
  new CsrfProtection(options, 'api', new StoppedClock(), () => undefined);
const withTokens = protectionOf({ token: { secret: SECRET } });

describe('CsrfTokens', () => {
  it('issues what the protection then takes', () => {
    const asked = { ...post(), method: 'GET' };
    commitPrincipal(asked, alice, {});
    const token = new CsrfTokens(withTokens).issue(asked);
    const facts = { host: 'a', secure: true, ambient: true, principal: alice, exempt: false, publicRoute: false };
    expect(withTokens.check(post({ 'x-csrf-token': token }), facts)).toEqual({ allowed: true });
  });

  it('issues by who was let in, whatever stands in request.user', () => {
    const asked = post();
    asked.user = alice;
    expect(() => new CsrfTokens(withTokens).issue(asked)).toThrow(/nobody is authenticated/);
  });

  it('issues nothing to anonymous callers', () => {
    const asked = post();
    commitPrincipal(asked, ANONYMOUS, {});
    expect(() => new CsrfTokens(withTokens).issue(asked)).toThrow(/nobody is authenticated/);
  });

  it.each<[string, CsrfOptions | false | undefined]>([
    ['left out', undefined],
    ['without tokens', {}],
    ['switched off', false],
  ])('names the option that is missing, with csrf %s', (_, options) => {
    const asked = post();
    commitPrincipal(asked, alice, {});
    const issue = () => new CsrfTokens(protectionOf(options)).issue(asked);
    expect(issue).toThrow(SecurityConfigurationError);
    expect(issue).toThrow(/csrf\.token\.secret/);
  });
});
