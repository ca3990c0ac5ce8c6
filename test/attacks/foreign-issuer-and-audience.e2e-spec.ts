import { expect, it } from '@jest/globals';
import { signToken } from '../support/tokens.js';
import { attack } from './victim.js';

attack('A token that is meant for somebody else', (victim) => {
  it.each([
    ['another issuer', { iss: 'https://evil.test' }],
    ['an issuer that begins alike', { iss: 'https://id.palisade.test.evil.test' }],
    ['an issuer in another case', { iss: 'HTTPS://ID.PALISADE.TEST' }],
    ['an issuer with a slash more', { iss: 'https://id.palisade.test/' }],
    ['no issuer', { iss: undefined }],
    ['a list of issuers', { iss: ['https://id.palisade.test'] }],
  ])('of %s is refused', async (_, claims) => {
    await victim.expectRefused(victim.tokens.issue(claims), 'token_issuer_untrusted', 'token_claims_invalid');
  });

  it.each([
    ['another audience', { aud: 'other-api' }],
    ['an audience that begins alike', { aud: 'palisade-tests-admin' }],
    ['audiences without ours', { aud: ['other-api', 'third-api'] }],
    ['no audience', { aud: undefined }],
    ['an empty list', { aud: [] }],
    ['an object', { aud: { 'palisade-tests': true } }],
    ['a list in a list', { aud: [['palisade-tests']] }],
  ])('for %s is refused', async (_, claims) => {
    await victim.expectRefused(victim.tokens.issue(claims), 'token_audience_mismatch', 'token_claims_invalid');
  });

  it('of another type is refused', async () => {
    for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'application/kb+jwt', 7, {}]) {
      await victim.expectRefused(victim.tokens.issue({}, { typ }), 'token_type_refused', 'token_malformed');
    }
  });

  it('with a header that must be understood and is not, is refused', async () => {
    for (const crit of [['exp'], ['b64'], [], 'b64', null]) {
      await victim.expectRefused(
        victim.tokens.issue({}, { crit, b64: false }),
        'token_critical_header_unknown',
        'token_malformed',
      );
    }
  });

  it('among several audiences is let in where one is ours', async () => {
    expect((await victim.present(victim.tokens.issue({ aud: ['other-api', 'palisade-tests'] }))).status).toBe(200);
  });

  it('without its own signature is refused, whoever else signed its claims', async () => {
    const [header, , signature] = victim.tokens.issue().split('.') as [string, string, string];
    const claims = signToken(
      {},
      { iss: 'https://id.palisade.test', aud: 'palisade-tests', sub: 'root', exp: victim.now + 60 },
      'x',
    );
    await victim.expectRefused(`${header}.${claims.split('.')[1]}.${signature}`, 'token_signature_invalid');
  });
});
