import { createHmac } from 'node:crypto';
import { describe, expect, it, jest } from '@jest/globals';
import jwt from 'jsonwebtoken';
import { SecurityConfigurationError } from '../../core/errors.js';
import { JwtKeySet } from './jwt-key-set.js';
import { type JwtOutcome, JwtVerifier } from './jwt-verifier.js';
import { JWT_ALGORITHMS, type JwtKeyHint, type JwtOptions } from './jwt.options.js';
import {
  AUDIENCE,
  CLAIMS,
  ISSUER,
  NOW,
  pemOf,
  segment,
  signedText,
  signedToken,
  signingKey,
  StoppedClock,
} from './testing/tokens.js';
import { verifierOf } from './testing/verifiers.js';

const es256 = signingKey('ES256');
const rs256 = signingKey('RS256');
const ed25519 = signingKey('EdDSA');

const reasonOf = (outcome: JwtOutcome) => (outcome.allowed ? undefined : outcome.reason);
const claimsOf = (outcome: JwtOutcome) => (outcome.allowed ? outcome.claims : undefined);

const signatureBytes = (token: string) => Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url');
const misconfigured = () =>
  new JwtVerifier({ issuer: '', algorithms: [] } as unknown as JwtOptions, new StoppedClock());

/** Why ES256 tokens are denied, `undefined` when they are not. */
async function es256Denial(claims: object, header: object = {}, options: object = {}) {
  return reasonOf(await verifierOf('ES256', options).verify(signedToken(es256, claims, header)));
}

describe('JwtVerifier', () => {
  describe.each([...JWT_ALGORITHMS])('with %s', (alg) => {
    const key = signingKey(alg);

    it('gives the claims of a valid token', async () => {
      expect(claimsOf(await verifierOf(alg).verify(signedToken(key)))).toEqual(CLAIMS);
    });

    it('denies the signature of another key', async () => {
      const token = signedToken(signingKey(alg, 'other'));
      expect(reasonOf(await verifierOf(alg).verify(token))).toBe('token_signature_invalid');
    });

    it('denies a signature that is cut short, and one of another length', async () => {
      const [header, payload, signature = ''] = signedToken(key).split('.');
      const bytes = Buffer.from(signature, 'base64url');
      for (const other of [bytes.subarray(0, -3), Buffer.concat([bytes, bytes]), Buffer.alloc(1)]) {
        const token = `${header}.${payload}.${other.toString('base64url')}`;
        expect(reasonOf(await verifierOf(alg).verify(token))).toBe('token_signature_invalid');
      }
    });

    it('denies claims that were exchanged under the signature', async () => {
      const [header, , signature] = signedToken(key).split('.');
      const token = `${header}.${segment(JSON.stringify({ ...CLAIMS, sub: 'root' }))}.${signature}`;
      expect(reasonOf(await verifierOf(alg).verify(token))).toBe('token_signature_invalid');
    });

    it('denies the tokens of every other algorithm', async () => {
      for (const other of JWT_ALGORITHMS.filter((name) => name !== alg)) {
        const outcome = await verifierOf(alg).verify(signedToken(signingKey(other)));
        expect(reasonOf(outcome)).toBe('token_algorithm_refused');
      }
    });
  });

  it('takes tokens that jsonwebtoken writes', async () => {
    const token = jwt.sign({ ...CLAIMS }, rs256.privateKey, { algorithm: 'RS256', keyid: 'any' });
    expect(claimsOf(await verifierOf('RS256').verify(token))).toEqual(CLAIMS);
  });

  it('answers at once, but for Ed25519', () => {
    expect(verifierOf('RS256').verify(signedToken(rs256))).not.toBeInstanceOf(Promise);
    expect(verifierOf('EdDSA').verify(signedToken(ed25519))).toBeInstanceOf(Promise);
  });

  it('gives claims that nobody can change', async () => {
    const claims = claimsOf(await verifierOf('ES256').verify(signedToken(es256, { roles: ['teller'] })));
    expect(Object.isFrozen(claims)).toBe(true);
    expect(Object.isFrozen(claims?.['roles'])).toBe(true);
  });

  it('throws for options that are wrong, naming all that is', () => {
    expect(misconfigured).toThrow(SecurityConfigurationError);
    expect(misconfigured).toThrow(/jwt\.issuer.*jwt\.audience.*jwt\.algorithms.*jwt\.key/s);
  });

  describe('before any cryptography', () => {
    it.each([
      ['nothing', ''],
      ['text', 'token'],
      ['two segments', signedToken(es256).replace(/\.[^.]*$/, '')],
      ['four segments', `${signedToken(es256)}.c2ln`],
      ['no signature', signedToken(es256).replace(/[^.]*$/, '')],
      ['white space around', ` ${signedToken(es256)}`],
      ['a header that is no JSON', `${segment('{"alg"')}.${segment('{}')}.c2ln`],
      ['a header that is a list', `${segment('["ES256"]')}.${segment('{}')}.c2ln`],
      ['undefined', undefined],
      ['null', null],
      ['a list', [signedToken(es256)]],
      ['an object that reads as a token', { toString: () => signedToken(es256) }],
    ])('finds %s malformed', async (_, token) => {
      expect(reasonOf(await verifierOf('ES256').verify(token as string))).toBe('token_malformed');
    });

    it('refuses a token above the length, and takes one at it', async () => {
      const token = signedToken(es256);
      const lengths = (maxLength: number) => verifierOf('ES256', { maxLength }).verify(token);
      expect(reasonOf(await lengths(token.length - 1))).toBe('token_malformed');
      expect(reasonOf(await lengths(token.length))).toBeUndefined();
      expect(reasonOf(await verifierOf('ES256').verify('a'.repeat(8193)))).toBe('token_malformed');
    });
  });

  describe('against known attacks', () => {
    it.each(['none', 'None', 'NONE', 'nOnE'])('refuses alg %s', async (alg) => {
      const unsigned = `${segment(JSON.stringify({ alg, typ: 'JWT' }))}.${segment(JSON.stringify(CLAIMS))}`;
      expect(reasonOf(await verifierOf('RS256').verify(`${unsigned}.`))).toBe('token_malformed');
      expect(reasonOf(await verifierOf('RS256').verify(`${unsigned}.AAAA`))).toBe('token_algorithm_refused');
    });

    it('refuses HS256 made with the public key, in whatever form', async () => {
      const input = `${segment('{"alg":"HS256","typ":"JWT"}')}.${segment(JSON.stringify(CLAIMS))}`;
      const pem = pemOf(rs256.publicKey);
      for (const secret of [pem, pem.trim(), rs256.publicKey.export({ format: 'der', type: 'spki' })]) {
        const token = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
        expect(reasonOf(await verifierOf('RS256', { key: pem }).verify(token))).toBe('token_algorithm_refused');
        const provided = verifierOf('HS256', { secret: undefined, key: () => pem });
        // The application gave a key that no token of its issuer can be verified with.
        expect(reasonOf(await provided.verify(token))).toBe('authentication_failed');
      }
    });

    it('ignores the key and the addresses of keys that a token brings', async () => {
      const attacker = signingKey('ES256', 'attacker');
      const jwk = attacker.publicKey.export({ format: 'jwk' });
      const header = { jwk, jku: 'https://evil.example/keys', x5u: 'https://evil.example/chain', x5c: ['MIIB'] };
      expect(reasonOf(await verifierOf('ES256').verify(signedToken(attacker, {}, header)))).toBe(
        'token_signature_invalid',
      );
      expect(await es256Denial({}, header)).toBeUndefined();
    });

    it.each(['../../etc/passwd', "a' UNION SELECT 'k' --", '\0', '__proto__', 'constructor'])(
      'finds no key by the kid %p',
      async (kid) => {
        const key = new JwtKeySet([{ kid: 'a', key: es256.publicKey }]);
        expect(await es256Denial({}, { kid }, { key })).toBe('token_key_unknown');
      },
    );

    it('refuses a kid that is no text', async () => {
      expect(await es256Denial({}, { kid: { toString: 'a' } })).toBe('token_malformed');
    });

    it('refuses a critical header, signed or not', async () => {
      expect(await es256Denial({}, { crit: ['b64'], b64: false })).toBe('token_critical_header_unknown');
      expect(await es256Denial({}, { b64: false })).toBe('token_critical_header_unknown');
    });

    it('refuses a second text for the bytes of a signature', async () => {
      // The last character of 64 bytes has four bits to spare.
      const token = signedToken(es256);
      const twin = token.slice(0, -1) + 'BRhx'.charAt('AQgw'.indexOf(token.slice(-1)));
      expect(twin).not.toBe(token);
      expect(signatureBytes(twin)).toEqual(signatureBytes(token));
      expect(reasonOf(await verifierOf('ES256').verify(twin))).toBe('token_malformed');
    });

    it('refuses the empty signature of ECDSA', async () => {
      const [header, payload] = signedToken(es256).split('.');
      const token = `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`;
      expect(reasonOf(await verifierOf('ES256').verify(token))).toBe('token_signature_invalid');
    });

    it.each(['{"__proto__":{"admin":true},', '{"nested":{"__proto__":{"admin":true}},'])(
      'refuses claims that begin with %s',
      async (start) => {
        const token = signedText(es256, start + JSON.stringify(CLAIMS).slice(1));
        expect(reasonOf(await verifierOf('ES256').verify(token))).toBe('token_claims_invalid');
        expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
      },
    );

    it.each(['null', '[]', '"alice"', '7', 'true', 'no JSON', '{"sub":'])(
      'denies a payload of %s, with and without a type',
      async (payload) => {
        for (const key of [es256, ed25519]) {
          for (const typ of ['JWT', 'at+jwt', undefined]) {
            const outcome = await verifierOf(key.alg).verify(signedText(key, payload, { typ }));
            expect(['token_claims_invalid', 'token_signature_invalid']).toContain(reasonOf(outcome));
          }
        }
      },
    );
  });

  describe('on claims and types', () => {
    it.each<[string, object, string | undefined]>([
      ['another issuer', { iss: 'https://evil.example' }, 'token_issuer_untrusted'],
      ['another audience', { aud: 'other' }, 'token_audience_mismatch'],
      ['no expiry', { exp: undefined }, 'token_claims_invalid'],
      ['an expiry just now', { exp: NOW }, undefined],
      ['an expiry before the tolerance', { exp: NOW - 5 }, 'token_expired'],
      ['a beginning within the tolerance', { nbf: NOW + 5 }, undefined],
      ['a beginning behind the tolerance', { nbf: NOW + 6 }, 'token_not_yet_valid'],
      ['an issue in the future', { iat: NOW + 6 }, 'token_not_yet_valid'],
      ['roles that are text', { roles: 'admin' }, 'token_claims_invalid'],
    ])('decides on %s', async (_, claims, reason) => {
      expect(await es256Denial(claims)).toBe(reason);
    });

    it('asks for the type that is configured', async () => {
      const options = { types: ['at+jwt'] };
      expect(await es256Denial({}, { typ: 'application/at+jwt' }, options)).toBeUndefined();
      expect(await es256Denial({}, { typ: 'JWT' }, options)).toBe('token_type_refused');
      expect(await es256Denial({}, { typ: undefined }, options)).toBe('token_type_refused');
    });

    it('takes JWT, at+jwt and no type by default', async () => {
      expect(await es256Denial({}, { typ: 'at+jwt' })).toBeUndefined();
      expect(await es256Denial({}, { typ: undefined })).toBeUndefined();
      expect(await es256Denial({}, { typ: 'secevent+jwt' })).toBe('token_type_refused');
    });

    it('keeps a tolerance of zero', async () => {
      expect(await es256Denial({ exp: NOW }, {}, { clockTolerance: 0 })).toBe('token_expired');
    });

    it('takes tokens without expiry, and for anybody, where that is said', async () => {
      const options = { audience: undefined, dangerouslyAcceptAnyAudience: true, dangerouslyAllowMissingExpiry: true };
      expect(await es256Denial({ exp: undefined, aud: 'other' }, {}, options)).toBeUndefined();
    });
  });

  describe('with several issuers', () => {
    const second = 'https://second.example';
    const options: JwtOptions = {
      issuers: [
        { issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], key: es256.publicKey },
        { issuer: second, audience: 'second', algorithms: ['HS256'], secret: signingKey('HS256').secret },
      ],
    };
    const verify = async (token: string) => reasonOf(await new JwtVerifier(options, new StoppedClock()).verify(token));
    const hs256 = signingKey('HS256');

    it('verifies each by its own key, algorithm and audience', async () => {
      expect(await verify(signedToken(es256))).toBeUndefined();
      expect(await verify(signedToken(hs256, { iss: second, aud: 'second' }))).toBeUndefined();
      expect(await verify(signedToken(es256, { iss: second, aud: 'second' }))).toBe('token_algorithm_refused');
      expect(await verify(signedToken(hs256))).toBe('token_algorithm_refused');
      expect(await verify(signedToken(hs256, { iss: second }))).toBe('token_audience_mismatch');
    });

    it.each([undefined, null, 7, 'https://third.example', [ISSUER], '__proto__', ''])(
      'trusts no issuer called %p',
      async (iss) => {
        expect(await verify(signedToken(es256, { iss }))).toBe('token_issuer_untrusted');
      },
    );

    it('trusts no payload that is not an object', async () => {
      expect(await verify(signedText(es256, 'null'))).toBe('token_issuer_untrusted');
      expect(await verify(signedText(es256, 'no JSON'))).toBe('token_issuer_untrusted');
    });

    it('asks only the key provider of the issuer that is named, and none for others', async () => {
      const providers = [jest.fn(() => es256.publicKey), jest.fn(() => es256.publicKey)] as const;
      const issuers = [ISSUER, second].map((issuer, index) => ({
        issuer,
        audience: AUDIENCE,
        algorithms: ['ES256' as const],
        key: providers[index === 0 ? 0 : 1],
      }));
      const verifier = new JwtVerifier({ issuers }, new StoppedClock());
      await verifier.verify(signedToken(es256, { iss: 'https://third.example' }));
      await verifier.verify(signedToken(es256, { iss: second }));
      expect(providers.map(({ mock }) => mock.calls.length)).toEqual([0, 1]);
    });
  });

  describe('with a key provider', () => {
    it('tells it the algorithm and the name of the key, nothing else', async () => {
      const hints: JwtKeyHint[] = [];
      const key = (hint: JwtKeyHint) => {
        hints.push(hint);
        return Promise.resolve(es256.publicKey);
      };
      expect(await es256Denial({}, { kid: 'a', jku: 'https://evil.example' }, { key })).toBeUndefined();
      expect(hints).toEqual([{ alg: 'ES256', kid: 'a' }]);
    });

    it('denies when it gives none', async () => {
      expect(await es256Denial({}, {}, { key: () => undefined })).toBe('token_key_unknown');
    });

    it.each<[string, () => unknown]>([
      [
        'throws',
        () => {
          throw new Error('the provider failed');
        },
      ],
      ['rejects', () => Promise.reject(new Error('the provider failed'))],
      ['gives no key', () => 42],
    ])('says nothing of the token when it %s', async (_, key) => {
      expect(await es256Denial({}, {}, { key })).toBe('authentication_failed');
    });

    it('is not asked about tokens whose header is refused', async () => {
      const key = jest.fn(() => es256.publicKey);
      await es256Denial({}, { crit: ['exp'] }, { key });
      expect(key).not.toHaveBeenCalled();
    });
  });

  describe('warnings', () => {
    const secret = 'changeme-changeme-changeme-changeme-2026';

    it('name the issuer of a secret that can be guessed, not the secret', () => {
      const { warnings } = verifierOf('HS256', { secret });
      expect(warnings).toHaveLength(1);
      expect(warnings[0]?.problem).toContain(ISSUER);
      expect(JSON.stringify(warnings)).not.toContain(secret.slice(0, 8));
    });

    it('are none for random secrets and for public keys', () => {
      expect(verifierOf('HS256').warnings).toEqual([]);
      expect(verifierOf('ES256').warnings).toEqual([]);
    });
  });
});
