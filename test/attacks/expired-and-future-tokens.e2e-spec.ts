import { expect, it } from '@jest/globals';
import { attack } from './victim.js';

attack('A token out of its time', (victim) => {
  it.each([
    ['long expired', { exp: -3600 }, 'token_expired'],
    ['expired beyond the tolerance', { exp: -5 }, 'token_expired'],
    ['expired in the last century', { exp: -1e9 }, 'token_expired'],
    ['not valid yet', { nbf: 3600 }, 'token_not_yet_valid'],
    ['issued in the future', { iat: 3600 }, 'token_not_yet_valid'],
  ])('that is %s is refused', async (_, offsets, code) => {
    const claims = Object.fromEntries(Object.entries(offsets).map(([name, offset]) => [name, victim.now + offset]));
    await victim.expectRefused(victim.tokens.issue(claims), code);
  });

  it('that never expires is refused', async () => {
    await victim.expectRefused(victim.tokens.issue({ exp: undefined }), 'token_claims_invalid');
  });

  it.each([
    ['a text', '"9999999999"'],
    ['infinite', '1e999'],
    ['null', 'null'],
    ['a list', '[9999999999]'],
    ['an object', '{"valueOf":9999999999}'],
    ['true', 'true'],
  ])('whose expiry is %s is refused', async (_, exp) => {
    const { signToken } = await import('../support/tokens.js');
    const claims = `{"iss":"https://id.palisade.test","aud":"palisade-tests","sub":"alice","exp":${exp}}`;
    await victim.expectRefused(signToken({ alg: 'RS256', typ: 'JWT' }, claims, victim.key), 'token_claims_invalid');
  });

  it('that clocks apart by a little explain is let in', async () => {
    expect((await victim.present(victim.tokens.issue({ exp: victim.now - 4 }))).status).toBe(200);
    expect((await victim.present(victim.tokens.issue({ iat: victim.now + 4 }))).status).toBe(200);
  });
});
