import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { CSRF_TOKEN_LENGTH, CsrfTokenSigner } from './csrf.token.js';
import { OTHER_SECRET, SECRET } from './testing/csrf.fixtures.js';

const EXPIRY = 1_800_000_000;
const signer = new CsrfTokenSigner([SECRET]);

/** The longest text that both hold. */
function longestShared(one: string, other: string): number {
  let longest = 0;
  for (let start = 0; start < one.length; start++) {
    while (other.includes(one.slice(start, start + longest + 1)) && start + longest < one.length) longest++;
  }
  return longest;
}

describe('A CSRF token', () => {
  it('tells its expiry to who signed it, for the binding it was signed for', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 2 ** 40 - 1 }), (binding, expiry) => {
        expect(signer.verify(signer.sign(binding, expiry), binding)).toBe(expiry);
      }),
    );
  });

  it('is always as long, of characters that headers, forms and URLs leave alone', () => {
    for (const binding of ['', 'a', 'a'.repeat(10_000)]) {
      const token = signer.sign(binding, EXPIRY);
      expect(token).toMatch(/^[A-Za-z0-9_-]{144}$/);
      expect(token).toHaveLength(CSRF_TOKEN_LENGTH);
    }
  });

  it('is refused for any other binding', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    fc.assert(
      fc.property(text, text, (binding, other) => {
        fc.pre(binding !== other);
        expect(signer.verify(signer.sign(binding, EXPIRY), other)).toBeUndefined();
      }),
    );
  });

  it('is refused for a binding that differs in an unpaired surrogate', () => {
    expect(signer.verify(signer.sign('a\uD800', EXPIRY), 'a\uD801')).toBeUndefined();
  });

  it('is refused with any bit flipped', () => {
    const bytes = Buffer.from(signer.sign('session', EXPIRY), 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(signer.verify(flipped.toString('base64url'), 'session')).toBeUndefined();
    }
  });

  it('is refused with any character changed, also to what decoders take for the same', () => {
    const token = signer.sign('session', EXPIRY);
    const character = fc.oneof(fc.constantFrom('+', '/', '=', ' ', '\n', '\u0000', 'A', '-', '_'), fc.string());
    fc.assert(
      fc.property(fc.nat({ max: CSRF_TOKEN_LENGTH - 1 }), character, (at, changed) => {
        fc.pre(token[at] !== changed);
        expect(signer.verify(token.slice(0, at) + changed + token.slice(at + 1), 'session')).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('is refused in the other alphabet of base64', () => {
    let token: string;
    do token = signer.sign('session', EXPIRY);
    while (!/[-_]/.test(token));
    expect(signer.verify(token.replaceAll('-', '+').replaceAll('_', '/'), 'session')).toBeUndefined();
  });

  it('is refused when cut, prolonged, padded or sent twice', () => {
    const token = signer.sign('session', EXPIRY);
    for (const other of [token.slice(1), token.slice(0, -1), `${token}A`, `${token}=`, ` ${token}`, `${token}\n`]) {
      expect(signer.verify(other, 'session')).toBeUndefined();
    }
    expect(signer.verify(`${token}, ${token}`, 'session')).toBeUndefined();
  });

  it('is refused from another secret', () => {
    expect(new CsrfTokenSigner([OTHER_SECRET]).verify(signer.sign('session', EXPIRY), 'session')).toBeUndefined();
  });

  it('never throws for any text, and is none of it', () => {
    const characters = fc.string({
      unit: fc.constantFrom(...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'),
      minLength: CSRF_TOKEN_LENGTH,
      maxLength: CSRF_TOKEN_LENGTH,
    });
    const binary = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(fc.oneof(characters, binary), fc.string(), (token, binding) => {
        expect(signer.verify(token, binding)).toBeUndefined();
      }),
      { numRuns: 1000 },
    );
  });

  it('is the same to a secret given as text and as its bytes', () => {
    const token = signer.sign('session', EXPIRY);
    expect(new CsrfTokenSigner([Buffer.from(SECRET)]).verify(token, 'session')).toBe(EXPIRY);
    expect(new CsrfTokenSigner([new TextEncoder().encode(SECRET)]).verify(token, 'session')).toBe(EXPIRY);
  });

  it('is signed with what the secret was at the start, though its bytes are overwritten later', () => {
    const bytes = Buffer.from(SECRET);
    const early = new CsrfTokenSigner([bytes]);
    bytes.fill(0);
    expect(signer.verify(early.sign('session', EXPIRY), 'session')).toBe(EXPIRY);
  });
});

describe('A rotated secret', () => {
  const old = new CsrfTokenSigner([SECRET]);
  const rotated = new CsrfTokenSigner([OTHER_SECRET, SECRET]);

  it('still verifies what the old one signed', () => {
    expect(rotated.verify(old.sign('session', EXPIRY), 'session')).toBe(EXPIRY);
  });

  it('signs with the new one', () => {
    const token = rotated.sign('session', EXPIRY);
    expect(old.verify(token, 'session')).toBeUndefined();
    expect(new CsrfTokenSigner([OTHER_SECRET]).verify(token, 'session')).toBe(EXPIRY);
  });
});

describe('The mask', () => {
  it('leaves two tokens of one session nothing long in common (BREACH)', () => {
    const tokens = Array.from({ length: 40 }, () => signer.sign('session', EXPIRY));
    expect(new Set(tokens).size).toBe(tokens.length);
    for (const [index, token] of tokens.entries()) {
      for (const other of tokens.slice(index + 1)) expect(longestShared(token, other)).toBeLessThan(8);
    }
  });

  it('lets no part of a token stay at its place', () => {
    const tokens = Array.from({ length: 64 }, () => signer.sign('session', EXPIRY));
    for (let at = 0; at < CSRF_TOKEN_LENGTH; at++) {
      expect(new Set(tokens.map((token) => token[at])).size).toBeGreaterThan(8);
    }
  });

  it('may be put on anew by anybody, and makes no other token', () => {
    const bytes = Buffer.from(signer.sign('session', EXPIRY), 'base64url');
    const again = Buffer.from(bytes.map((byte) => byte ^ 0x5a)).toString('base64url');
    expect(signer.verify(again, 'session')).toBe(EXPIRY);
    expect(signer.verify(again, 'another')).toBeUndefined();
  });
});
