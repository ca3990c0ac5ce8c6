import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isBlank, isToken, lowerCased, mediaTypeOf, withoutBlanks } from './http-grammar.js';

/** White space to `String.trim` or `\s`, or a control character, and none of it a blank of HTTP. */
const ODD = fc.constantFrom('\u00a0', '\ufeff', '\u0085', '\v', '\f', '\0', '\n', '\r', '\u2028', '\u3000', '\u1680');
const BLANKS = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 4 });
const TOKENS = fc.string({ unit: fc.constantFrom(..."aZ09!#$%&'*+-.^_`|~"), minLength: 1, maxLength: 12 });

/** The text with one odd character at any position, the ends included. */
const spoilt = (text: string) =>
  fc.tuple(ODD, fc.nat(text.length)).map(([odd, at]) => text.slice(0, at) + odd + text.slice(at));

describe('the grammar of header fields', () => {
  it('takes the space and the tab alone for blanks', () => {
    for (let code = 0; code <= 0xffff; code++) expect(isBlank(code)).toBe(code === 0x20 || code === 0x09);
  });

  it('removes blanks at both ends, and nothing else', () => {
    fc.assert(
      fc.property(BLANKS, TOKENS, BLANKS, (before, token, after) => {
        expect(withoutBlanks(before + token + after)).toBe(token);
      }),
    );
    fc.assert(
      fc.property(ODD, TOKENS, ODD, (before, token, after) => {
        expect(withoutBlanks(` ${before}${token}${after}\t`)).toBe(before + token + after);
      }),
    );
  });

  it('keeps within the part of a field that it is given', () => {
    expect(withoutBlanks('a,  b  ,c', 2, 7)).toBe('b');
    expect(withoutBlanks('a,   ,c', 2, 5)).toBe('');
  });

  it('takes a token with any other character in it for none', () => {
    fc.assert(fc.property(TOKENS, (token) => expect(isToken(token)).toBe(true)));
    fc.assert(fc.property(TOKENS.chain(spoilt), (text) => expect(isToken(text)).toBe(false)));
    for (const text of ['', 'a b', 'a,b', 'a;b', '"a"', 'é', '\u212a']) expect(isToken(text)).toBe(false);
  });

  it('lowers the letters of ASCII and no others', () => {
    expect(lowerCased('Content-Type')).toBe('content-type');
    expect(lowerCased('TRAC\u212a \u0130 \u017f \u00c9 K')).toBe('trac\u212a \u0130 \u017f \u00c9 k');
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const lowered = lowerCased(text);
        expect(lowered).toHaveLength(text.length);
        for (let at = 0; at < text.length; at++) {
          const code = text.charCodeAt(at);
          expect(lowered.charCodeAt(at)).toBe(code >= 0x41 && code <= 0x5a ? code + 0x20 : code);
        }
      }),
    );
  });

  it('reads a media type with any parameters, and none of a field with an odd character at any position', () => {
    const fields = fc.constantFrom(
      'application/json',
      'Application/JSON;charset=utf-8',
      'application/vnd.api+json ; charset="utf-8"',
      'multipart/form-data; boundary=x',
    );
    fc.assert(
      fc.property(fields, (field) => {
        expect(mediaTypeOf(field)).toBe(/^[^ ;]+/.exec(field)?.[0].toLowerCase());
      }),
    );
    // Between quotes a parser skips what it does not know; the type itself is read all the same.
    fc.assert(
      fc.property(fields.filter((field) => !field.includes('"')).chain(spoilt), (field) =>
        expect(mediaTypeOf(field)).toBeUndefined(),
      ),
    );
  });
});
