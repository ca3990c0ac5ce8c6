import { expect, it } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { encode, signToken } from '../support/tokens.js';
import { attack, type Victim } from './victim.js';

/** Everything an attacker can make of a public key to use it as the secret of an HMAC. */
function secretsFrom({ key: { publicKey, alg } }: Victim): (string | Buffer)[] {
  const spki = publicKey.export({ type: 'spki', format: 'pem' }) as string;
  return [
    spki,
    spki.trim(),
    spki.replaceAll('\n', '\r\n'),
    spki.replace(/-----[^-]+-----|\n/g, ''),
    publicKey.export({ type: 'spki', format: 'der' }),
    JSON.stringify(publicKey.export({ format: 'jwk' })),
    ...(alg === 'RS256' ? [publicKey.export({ type: 'pkcs1', format: 'pem' }) as string] : []),
  ];
}

for (const alg of ['RS256', 'ES256', 'EdDSA']) {
  attack(
    `A token signed by HMAC with the public ${alg} key`,
    (victim) => {
      it.each(['HS256', 'HS384', 'HS512'])('is refused with %s', async (hs) => {
        for (const secret of secretsFrom(victim)) {
          const payload = victim.tokens.issue({ roles: ['admin'] }).split('.')[1] as string;
          const input = `${encode({ alg: hs, typ: 'JWT' })}.${payload}`;
          const signature = createHmac(`sha${hs.slice(2)}`, secret)
            .update(input)
            .digest('base64url');
          await victim.expectRefused(`${input}.${signature}`, 'token_algorithm_refused');
        }
      });

      it('is refused under the name of the trusted algorithm', async () => {
        for (const secret of secretsFrom(victim)) {
          const payload = victim.tokens.issue({ roles: ['admin'] }).split('.')[1] as string;
          const input = `${encode({ alg, typ: 'JWT' })}.${payload}`;
          const signature = createHmac('sha256', secret).update(input).digest('base64url');
          await victim.expectRefused(`${input}.${signature}`, 'token_signature_invalid');
        }
      });
    },
    alg,
  );
}

attack('A token signed with a right key under another algorithm of its family', (victim) => {
  it.each(['RS384', 'RS512', 'PS256', 'PS512'])('is refused with %s', async (alg) => {
    const claims = { iss: 'https://id.palisade.test', aud: 'palisade-tests', sub: 'alice', exp: victim.now + 60 };
    const token = signToken({ alg, typ: 'JWT' }, claims, { ...victim.key, alg });
    await victim.expectRefused(token, 'token_algorithm_refused');
  });

  it('while the right one is let in', async () => {
    expect((await victim.present(victim.tokens.issue())).status).toBe(200);
  });
});
