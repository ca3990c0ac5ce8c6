import { afterEach, describe, expect, it } from '@jest/globals';
import passport from 'passport';
import { JwtStrategy } from './jwt.strategy.js';
import { CLAIMS, signedText, signedToken, signingKey } from './testing/tokens.js';

const key = signingKey('RS256');
const registered = () => (Reflect.get(passport, '_strategies') as Record<string, unknown>)['jwt'];

describe('JwtStrategy', () => {
  afterEach(() => {
    passport.unuse('jwt');
  });

  it('gives the payload of a token whose signature is valid', () => {
    const check = new JwtStrategy(['RS256']).check(signedToken(key), key.publicKey);
    expect(check).toMatchObject({ denial: undefined, payload: CLAIMS });
  });

  it('leaves time to others', () => {
    const token = signedToken(key, { exp: 1, nbf: 9_999_999_999 });
    expect(new JwtStrategy(['RS256']).check(token, key.publicKey).denial).toBeUndefined();
  });

  it.each([
    ['the signature of another key', signedToken(signingKey('RS256', 'other'))],
    ['an algorithm that is not listed', signedToken(signingKey('RS384'))],
    ['no signature', signedToken(key).replace(/[^.]*$/, '')],
  ])('denies %s', (_, token) => {
    const check = new JwtStrategy(['RS256']).check(token, key.publicKey);
    expect(check.denial?.reason).toBe('token_signature_invalid');
    expect(check.payload).toBeUndefined();
  });

  it('denies a payload that jsonwebtoken throws on', () => {
    const check = new JwtStrategy(['RS256']).check(signedText(key, 'null'), key.publicKey);
    expect(check.denial?.reason).toBe('token_claims_invalid');
  });

  it('gives a payload that is a list as it is, not its first item', () => {
    const check = new JwtStrategy(['RS256']).check(signedText(key, '[{"sub":"root"}]'), key.publicKey);
    expect(check.payload).toEqual([{ sub: 'root' }]);
  });

  it.each<[string, (strategy: JwtStrategy) => void]>([
    ['passes', (strategy) => strategy.pass()],
    ['redirects', (strategy) => strategy.redirect()],
    ['fails', (strategy) => strategy.fail()],
    ['reports an error', (strategy) => strategy.error()],
    ['succeeds without a payload', (strategy) => strategy.success()],
    ['does nothing', () => undefined],
  ])('denies when the strategy %s', (_, act) => {
    class Other extends JwtStrategy {
      override authenticate() {
        act(this);
      }
    }
    const check = new Other(['RS256']).check(signedToken(key), key.publicKey);
    expect(check).toMatchObject({ denial: { reason: 'token_signature_invalid' }, payload: undefined });
  });

  it('denies when the strategy throws', () => {
    class Other extends JwtStrategy {
      override authenticate() {
        throw new Error('the strategy failed');
      }
    }
    const check = new Other(['RS256']).check(signedToken(key), key.publicKey);
    expect(check).toMatchObject({ denial: { reason: 'token_claims_invalid' }, payload: undefined });
  });

  it('denies when the strategy takes back what it gave', () => {
    class Other extends JwtStrategy {
      override authenticate(request: object) {
        super.authenticate(request);
        this.fail();
      }
    }
    const check = new Other(['RS256']).check(signedToken(key), key.publicKey);
    expect(check).toMatchObject({ denial: { reason: 'token_signature_invalid' }, payload: undefined });
  });

  it('is not registered where others are', () => {
    const strategy = new JwtStrategy(['RS256']);
    expect(registered()).toBeUndefined();
    expect(strategy.getPassportInstance()).not.toBe(passport);
  });

  it("leaves the user's own strategy of its name alone", () => {
    const own = { name: 'jwt', authenticate() {} };
    passport.use(own as never);
    expect(new JwtStrategy(['RS256'])).toBeDefined();
    expect(registered()).toBe(own);
  });

  it('keeps the tokens of concurrent checks apart', async () => {
    const strategy = new JwtStrategy(['RS256']);
    const checks = ['a', 'b', 'c'].map((sub) => strategy.check(signedToken(key, { sub }), key.publicKey));
    await Promise.resolve();
    expect(checks.map(({ payload }) => (payload as { sub: string }).sub)).toEqual(['a', 'b', 'c']);
  });
});
