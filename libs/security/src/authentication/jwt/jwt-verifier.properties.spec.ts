import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { JwtVerifier } from './jwt-verifier.js';
import type { JwtAlgorithm } from './jwt.options.js';
import { segment, signedText, signedToken, signingKey } from './testing/tokens.js';
import { verifierOf } from './testing/verifiers.js';

const ALGORITHMS: readonly JwtAlgorithm[] = ['HS256', 'RS256', 'PS256', 'ES256', 'EdDSA'];
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const verifiers = ALGORITHMS.map((alg) => verifierOf(alg));

/** Those of the tokens that any of the verifiers takes; there should be none. */
async function accepted(tokens: readonly string[], by: readonly JwtVerifier[]): Promise<readonly string[]> {
  const taken: string[] = [];
  for (const token of tokens) {
    for (const verifier of by) {
      if ((await verifier.verify(token)).allowed) taken.push(token);
    }
  }
  return taken;
}

const json = fc.json({ maxDepth: 3 }).map(segment);
const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value).toString('base64url'));
const headers = fc
  .record(
    {
      alg: fc.constantFrom<string>(...ALGORITHMS, 'none', ''),
      kid: fc.jsonValue(),
      typ: fc.jsonValue(),
      crit: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  .map((header) => segment(JSON.stringify(header)));

describe('JwtVerifier, whatever it is given,', () => {
  it('denies random text', async () => {
    const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 500 }), fc.string({ maxLength: 300 }));
    await fc.assert(
      fc.asyncProperty(text, async (token) => {
        expect(await accepted([token], verifiers)).toEqual([]);
      }),
    );
  });

  it('denies random segments', async () => {
    const part = fc.oneof(json, bytes, headers);
    const token = fc.tuple(fc.oneof(headers, part), part, bytes).map((segments) => segments.join('.'));
    await fc.assert(
      fc.asyncProperty(token, async (forged) => {
        expect(await accepted([forged], verifiers)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws on random claims and headers that are signed', async () => {
    const claims = fc.oneof(fc.json({ maxDepth: 4 }), fc.string());
    const members = fc.dictionary(fc.constantFrom('kid', 'typ', 'crit', 'b64', 'jwk', 'x'), fc.jsonValue());
    await fc.assert(
      fc.asyncProperty(claims, members, fc.constantFrom(...ALGORITHMS.keys()), async (payload, header, index) => {
        const key = signingKey(ALGORITHMS[index] ?? 'HS256');
        const outcome = await verifiers[index]?.verify(signedText(key, payload, header));
        expect(outcome).toMatchObject({ allowed: false });
      }),
      { numRuns: 300 },
    );
  });

  it.each(ALGORITHMS)('denies a valid %s token with one character exchanged, left out or put in', async (alg) => {
    const verifier = verifierOf(alg);
    const token = signedToken(signingKey(alg), { roles: ['teller'] }, { kid: 'a' });
    expect(await verifier.verify(token)).toMatchObject({ allowed: true });
    const character = fc.oneof(
      fc.constantFrom(...BASE64URL),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), character, fc.nat(2), async (at, other, kind) => {
        const [before, rest] = [token.slice(0, at), token.slice(at)];
        const changed = before + ['', other, other][kind] + (kind === 2 ? rest : rest.slice(1));
        fc.pre(changed !== token);
        expect(await accepted([changed], [verifier])).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('denies every token that differs from a valid one in one character', async () => {
    const verifier = verifierOf('HS256');
    const token = signedToken(signingKey('HS256'));
    expect(await verifier.verify(token)).toMatchObject({ allowed: true });
    const changed: string[] = [];
    for (let at = 0; at < token.length; at++) {
      for (const other of `${BASE64URL}.=`) changed.push(token.slice(0, at) + other + token.slice(at + 1));
    }
    const others = changed.filter((other) => other !== token);
    expect(others).toHaveLength(token.length * 65);
    expect(await accepted(others, [verifier])).toEqual([]);
  });

  it.each(ALGORITHMS)('denies the segments of two valid %s tokens put together', async (alg) => {
    const verifier = verifierOf(alg);
    const [a, b] = ['a', 'b'].map((kid) => signedToken(signingKey(alg), { sub: kid }, { kid }).split('.'));
    if (a === undefined || b === undefined) throw new Error('There are two tokens');
    const crossed = [
      [a[0], a[1], b[2]],
      [a[0], b[1], a[2]],
      [b[0], a[1], a[2]],
    ];
    expect(
      await accepted(
        crossed.map((segments) => segments.join('.')),
        [verifier],
      ),
    ).toEqual([]);
  });
});
