import { expect, it } from '@jest/globals';
import { signToken } from '../support/tokens.js';
import { attack } from './victim.js';

attack('A token whose claims have the wrong type', (victim) => {
  it.each([
    { sub: 42 },
    { sub: '' },
    { sub: null },
    { sub: ['alice'] },
    { sub: { id: 'alice' } },
    { roles: 'admin' },
    { roles: { admin: true, length: 1, 0: 'admin' } },
    { roles: ['admin', 7] },
    { roles: [['admin']] },
    { permissions: '*' },
    { permissions: [null] },
    { scope: [7] },
    { scope: {} },
    { scope: 7 },
    { scp: { 0: 'message:read' } },
    { jti: 7 },
    { nbf: 'soon' },
    { iat: {} },
    { auth_time: 'yesterday' },
    { acr: 7 },
    { amr: 'pwd' },
    { tenant: {} },
  ])('%j is refused', async (claims) => {
    await victim.expectRefused(victim.tokens.issue(claims), 'token_claims_invalid');
  });

  it('without a subject is refused', async () => {
    await victim.expectRefused(victim.tokens.issue({ sub: undefined }), 'principal_refused', 'token_claims_invalid');
  });

  it.each(['null', '[]', '"text"', '42', 'true', '', '{', '{"sub":"alice"', '\u0000', '\ufeff{}'])(
    'that are no object at all (%j) are refused',
    async (payload) => {
      await victim.expectRefused(signToken({ alg: 'RS256', typ: 'JWT' }, payload, victim.key));
    },
  );

  it('nested a hundred thousand deep is refused or read, and the server stands', async () => {
    const deep = `${'['.repeat(2000)}${']'.repeat(2000)}`;
    const claims = `{"iss":"https://id.palisade.test","aud":"palisade-tests","sub":"alice","exp":${victim.now + 60},"deep":${deep}}`;
    const answer = await victim.present(signToken({ alg: 'RS256', typ: 'JWT' }, claims, victim.key));
    expect(answer.status).toBeLessThan(500);
    expect((await victim.present(victim.tokens.issue())).status).toBe(200);
  });
});
