import { expect, it } from '@jest/globals';
import { generateKeyPairSync } from 'node:crypto';
import { signingKey, signToken } from '../support/tokens.js';
import { attack } from './victim.js';

const attacker = signingKey('RS256');
const published = generateKeyPairSync('rsa', { modulusLength: 2048 });
const KIDS: unknown[] = [
  '../../../../../../dev/null',
  '/etc/passwd',
  'file:///dev/null',
  '..\\..\\windows\\win.ini',
  "' OR '1'='1",
  "x' UNION SELECT 'secret'-- ",
  'k"; DROP TABLE keys; --',
  '$(id)',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  'known\u0000.pem',
  'https://attacker.test/keys',
  'x'.repeat(5000),
  '',
  0,
  null,
  true,
  ['known'],
  { $ne: null },
];

attack(
  'A key identifier that means to be something else',
  (victim) => {
    it.each(KIDS.map((kid) => [kid]))('%j finds no key', async (kid) => {
      const claims = { iss: 'https://id.palisade.test', aud: 'palisade-tests', sub: 'mallory', exp: victim.now + 60 };
      const header = { alg: 'RS256', typ: 'JWT', kid };
      await victim.expectRefused(
        signToken(header, claims, attacker),
        'token_key_unknown',
        'token_signature_invalid',
        'token_malformed',
      );
      // An empty HMAC key, as of /dev/null, is no way in either.
      await victim.expectRefused(
        signToken({ ...header, alg: 'HS256' }, claims, ''),
        'token_algorithm_refused',
        'token_malformed',
      );
    });

    it('while the published key is found', async () => {
      const trusted = { alg: 'RS256', kid: 'known', ...published };
      const claims = { iss: 'https://id.palisade.test', aud: 'palisade-tests', sub: 'alice', exp: victim.now + 60 };
      expect((await victim.present(signToken({ alg: 'RS256', kid: 'known' }, claims, trusted))).status).toBe(200);
    });
  },
  'RS256',
  {
    key: {
      keys: [
        { ...published.publicKey.export({ format: 'jwk' }), kid: 'known' },
        { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' }), kid: 'other' },
      ],
    },
  },
);
