import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { encodedCodePoint, encodedWidth, isControlCharacter } from './percent-encoding.js';

describe('a percent-encoded character', () => {
  it('is what decodeURIComponent takes it for, and nothing where that throws', () => {
    const encodedBytes = fc
      .uint8Array({ minLength: 1, maxLength: 4 })
      .map((bytes) => [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
    fc.assert(
      fc.property(fc.oneof(encodedBytes, fc.string({ unit: 'grapheme' }).map(encodeURIComponent)), (text) => {
        let expected: number[] | undefined;
        try {
          expected = Array.from(decodeURIComponent(text), (character) => character.codePointAt(0) as number);
        } catch {
          expected = undefined;
        }
        expect(charactersOf(text)).toEqual(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['%', '%4', '%4g', '%g4', '%%41', '% 41', '%4\u0661', '', 'a', '%C3', '%C3%', '%C3%2', '%C3A9', '%E3%81'])(
    'is not one as %j',
    (text) => {
      expect(encodedCodePoint(text, 0)).toBe(-1);
    },
  );

  it.each([
    ['overlong, of two bytes', '%C0%AE'],
    ['overlong, of three bytes', '%E0%80%AF'],
    ['overlong, of four bytes', '%F0%80%80%AF'],
    ['a surrogate', '%ED%A0%80'],
    ['above U+10FFFF', '%F4%90%80%80'],
    ['a byte that starts nothing', '%80'],
    ['of five bytes', '%F8%88%80%80%80'],
  ])('is refused: %s', (_, text) => {
    expect(encodedCodePoint(text, 0)).toBe(-1);
  });

  it('counts as control where Unicode says so', () => {
    const differing = Array.from({ length: 0x300 }, (_, codePoint) => codePoint).filter(
      (codePoint) => isControlCharacter(codePoint) !== /\p{Cc}/u.test(String.fromCodePoint(codePoint)),
    );
    expect(differing).toEqual([]);
  });
});

function charactersOf(text: string): number[] | undefined {
  const characters: number[] = [];
  for (let at = 0; at < text.length;) {
    const codePoint = text[at] === '%' ? encodedCodePoint(text, at) : (text.codePointAt(at) as number);
    if (codePoint < 0) return undefined;
    characters.push(codePoint);
    at += text[at] === '%' ? encodedWidth(codePoint) : String.fromCodePoint(codePoint).length;
  }
  return characters;
}
