import { describe, expect, it } from '@jest/globals';
import { SecurityModule } from '@palisade/nest';
import { trusting } from '../support/security.js';
import { signingKey } from '../support/tokens.js';
import { attack } from './victim.js';

/**
 * A sibling domain sets a cookie for the whole domain. Browsers refuse it the name `__Host-session`, and take a name that
 * a lenient reader would make the same of.
 */
const PLANTED = {
  'after U+00A0': '\u00a0__Host-session',
  'before U+00A0': '__Host-session\u00a0',
  'after U+00A0 as UTF-8': '\u00c2\u00a0__Host-session',
  'after U+0085': '\u0085__Host-session',
  'after U+FEFF as UTF-8': '\u00ef\u00bb\u00bf__Host-session',
  'in lower case': '__host-session',
  'in upper case': '__HOST-SESSION',
  'with a dot before it': '.__Host-session',
  'in quotes': '"__Host-session"',
} as const;

attack(
  'A cookie planted by a sibling domain',
  (victim) => {
    const get = (cookie: string) => victim.client.get('/me', { cookie });

    describe.each(Object.entries(PLANTED))('%s', (_, name) => {
      it('signs nobody in as the attacker', async () => {
        const answer = await get(`${name}=${victim.tokens.issue({ sub: 'mallory' })}`);
        expect(answer.status).toBe(401);
        expect(answer.body['code']).toBe('credentials_missing');
      });

      it('neither replaces the session of its victim nor keeps them out, on either side of it', async () => {
        const own = `__Host-session=${victim.tokens.issue({ sub: 'alice' })}`;
        const planted = `${name}=${victim.tokens.issue({ sub: 'mallory' })}`;
        for (const cookie of [`${planted}; ${own}`, `${own}; ${planted}`, `${own};${planted}`]) {
          const answer = await get(cookie);
          expect(answer.status).toBe(200);
          expect(answer.body['id']).toBe('alice');
        }
      });
    });

    it('under the very name, which no browser takes from there, is refused beside the own one', async () => {
      const own = `__Host-session=${victim.tokens.issue({ sub: 'alice' })}`;
      const answer = await get(`${own}; __Host-session=${victim.tokens.issue({ sub: 'mallory' })}`);
      victim.expectClearRefusal(answer, 'credentials_repeated');
    });
  },
  'ES256',
  { from: [{ cookie: '__Host-session' }] },
);

describe('A cookie whose prefix is spelled in other letters', () => {
  it.each(['__host-session', '__SECURE-session', '__host-http-session'])('stops the start: %s', (cookie) => {
    const jwt = { ...trusting(signingKey('ES256')), from: [{ cookie }] };
    expect(() => SecurityModule.forRoot({ authentication: { jwt } })).toThrow(
      /authentication\.jwt\.from: \[0\] names a cookie .+: write __(?:Host|Secure|Host-Http)-\./,
    );
  });
});
