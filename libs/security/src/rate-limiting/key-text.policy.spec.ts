import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { keyText, normalizedText } from './key-text.policy.js';

const SPELLINGS = [
  'bob@x.org',
  'Bob@X.org',
  ' bob@x.org ',
  '\u00a0bob@x.org\ufeff',
  '\tbob@x.org\r\n',
  '\uff42\uff4f\uff42@x.org',
  'bo\u200bb@x.org',
  'bob\u00ad@x.org',
  'bob@x.org\0',
  '\u202ebob@x.org',
  'bob@x\ufe52org',
];

describe('the text of a key', () => {
  it.each(SPELLINGS)('is one for every spelling of it: %j', (spelling) => {
    expect(keyText(spelling)).toBe('bob@x.org');
  });

  it.each([
    ['bob@x.org', 'rob@x.org'],
    ['a b', 'ab'],
    ['bob', 'bób'],
    ['1', '1.0'],
    ['__proto__', 'proto'],
    ['e', 'e\u0301'],
  ])('tells %j from %j', (one, other) => {
    expect(keyText(one)).not.toBe(keyText(other));
  });

  it('is that of a number, and none of what is nothing', () => {
    expect([7, -0.5, 12n].map((key) => keyText(key))).toEqual(['7', '-0.5', '12']);
    expect([undefined, null, '', ' ', '\0'].map((key) => keyText(key))).toEqual(['', '', '', '', '']);
  });

  it.each([[['bob@x.org']], [[]], [{ a: 1 }], [true], [Number.NaN], [Symbol('bob')], [new Date(0)], [() => 'bob']])(
    'is refused where a key is %p',
    (key) => {
      expect(keyText(key)).toBeUndefined();
      expect(keyText(key, false)).toBeUndefined();
    },
  );

  it('is found in a bounded time, and refused where that would be too long', () => {
    // Letters with marks that each have to be put in order: 100 kB of them take seconds.
    const marks = `a${'\u0301\u0323'.repeat(25_000)}`;
    expect(keyText(marks)).toBeUndefined();
    expect(keyText('é'.repeat(1001))).toBeUndefined();
    expect(keyText('É'.repeat(1000))).toBe('é'.repeat(1000));
    expect(keyText(`${' '.repeat(50_000)}X${'\u200b'.repeat(30_000)}`)).toBe('x');
    expect(keyText('X'.repeat(50_000))).toBe('x'.repeat(50_000));
  });

  it('is as the application says, and refused where that breaks', () => {
    expect(keyText('Bob', false)).toBe('Bob');
    expect(keyText('Bob', (key) => key.slice(1))).toBe('ob');
    expect(keyText('Bob', () => undefined as unknown as string)).toBeUndefined();
    expect(
      keyText('Bob', () => {
        throw new Error('broken');
      }),
    ).toBeUndefined();
  });

  it.each(['e\u200b\u0301', 'E\u0301', '\u00c9', 'e\u0301\u0000'])('is composed: %j', (spelling) => {
    expect(keyText(spelling)).toBe('\u00e9');
  });

  it('stays as it is when it is asked for again', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const once = normalizedText(text) ?? '';
        expect(normalizedText(once)).toBe(once);
      }),
    );
  });
});
