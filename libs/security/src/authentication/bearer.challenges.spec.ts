import { describe, expect, it } from '@jest/globals';
import { denied } from '../core/decision.js';
import { BearerChallenges } from './bearer.challenges.js';

describe('A bearer challenge', () => {
  const challenges = new BearerChallenges();

  it.each(['credentials_missing', 'principal_missing'] as const)('is bare for %s', (reason) => {
    expect(challenges.for(denied(reason))).toBe('Bearer');
  });

  it.each([
    ['credentials_malformed', 'invalid_request'],
    ['credentials_repeated', 'invalid_request'],
    ['token_expired', 'invalid_token'],
    ['principal_refused', 'invalid_token'],
    ['role_missing', 'insufficient_scope'],
    ['denied_by_default', 'insufficient_scope'],
  ] as const)('for %s says %s', (reason, error) => {
    expect(challenges.for(denied(reason))).toMatch(new RegExp(`^Bearer error="${error}", error_description="[^"]+"$`));
  });

  it('names the scopes that lack', () => {
    const scopes = ['a:read', 'b:write'];
    const denial = { allowed: false, reason: 'scope_missing', scopes } as const;
    expect(challenges.for(denial)).toMatch(/, scope="a:read b:write"$/);
    expect(challenges.for({ ...denial, scopes: ['c'] })).toMatch(/, scope="c"$/);
  });

  it('begins with the realm', () => {
    const realm = new BearerChallenges('example');
    expect(realm.for(denied('credentials_missing'))).toBe('Bearer realm="example"');
    expect(realm.for(denied('token_expired'))).toMatch(/^Bearer realm="example", error="invalid_token"/);
  });

  it('is made once for a reason', () => {
    expect(challenges.for(denied('token_expired'))).toBe(challenges.for(denied('token_expired')));
  });
});
