import { describe, expect, it } from '@jest/globals';
import { AUDIENCE, ISSUER, segment, signingKey } from './testing/tokens.js';
import { TrustedIssuer } from './trusted-issuer.js';

const issuer = () =>
  new TrustedIssuer(
    { issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], key: signingKey('ES256').publicKey },
    { types: new Set(['jwt']), typeRequired: false },
  );
const headerCalled = (kid: string) => segment(JSON.stringify({ alg: 'ES256', kid }));

describe('TrustedIssuer', () => {
  it('reads a header anew until it is told to remember it', () => {
    const trusted = issuer();
    const first = trusted.headerOf(headerCalled('a'));
    expect(first).toEqual({ alg: 'ES256', kid: 'a' });
    expect(trusted.headerOf(headerCalled('a'))).not.toBe(first);
    if (!('alg' in first)) throw new Error('The header was refused');
    trusted.rememberHeader(headerCalled('a'), first);
    expect(trusted.headerOf(headerCalled('a'))).toBe(first);
  });

  it('remembers a bounded number of headers', () => {
    const trusted = issuer();
    const header = { alg: 'ES256', kid: 'remembered' } as const;
    for (let index = 0; index < 1000; index++) trusted.rememberHeader(headerCalled(`${index}`), header);
    const remembered = Array.from({ length: 1000 }, (_, index) => trusted.headerOf(headerCalled(`${index}`))).filter(
      (found) => found === header,
    );
    expect(remembered.length).toBeGreaterThan(0);
    expect(remembered.length).toBeLessThanOrEqual(64);
  });
});
