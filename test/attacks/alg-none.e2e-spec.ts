import { expect, it } from '@jest/globals';
import { encode } from '../support/tokens.js';
import { attack } from './victim.js';

attack('A token that claims to need no signature', (victim) => {
  const claims = () => victim.tokens.issue({ roles: ['admin'] }).split('.')[1] as string;

  it.each(['none', 'None', 'NONE', 'nOnE', '', ' ', 'null'])(
    'is refused with alg "%s", with and without a signature',
    async (alg) => {
      const header = encode({ alg, typ: 'JWT' });
      await victim.expectRefused(`${header}.${claims()}.`, 'token_malformed');
      const signature = victim.tokens.issue().split('.')[2] as string;
      await victim.expectRefused(`${header}.${claims()}.${signature}`, 'token_algorithm_refused');
    },
  );

  it.each([[null], [undefined], [0], [['RS256']], [{ toString: 'RS256' }], [true]])(
    'is refused with alg %j',
    async (alg) => {
      const signature = victim.tokens.issue().split('.')[2] as string;
      await victim.expectRefused(
        `${encode({ alg })}.${claims()}.${signature}`,
        'token_algorithm_refused',
        'token_malformed',
      );
    },
  );

  it('is refused when the signature of a good token is cut off', async () => {
    const [header, payload] = victim.tokens.issue().split('.') as [string, string];
    await victim.expectRefused(`${header}.${payload}.`);
    const answer = await victim.present(`${header}.${payload}`);
    expect(answer.status).toBe(401);
  });
});
