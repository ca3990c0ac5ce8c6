import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { byteSizeProblem, declaredLength, parseByteSize, refusedLength } from './body-limit.js';

describe('a size', () => {
  it.each<[number | string, number]>([
    [0, 0],
    [1024, 1024],
    ['0', 0],
    ['1024', 1024],
    ['512b', 512],
    ['100kb', 102_400],
    ['1 MB', 1_048_576],
    ['1.5mb', 1_572_864],
    ['2gb', 2_147_483_648],
  ])('is read: %j', (size, expected) => {
    expect(parseByteSize(size)).toBe(expected);
    expect(byteSizeProblem(size)).toBeUndefined();
  });

  it.each<[unknown]>([
    [-1],
    [1.5],
    [Number.NaN],
    [Infinity],
    [2 ** 53],
    [''],
    ['kb'],
    ['-1kb'],
    ['+1kb'],
    ['1.5'],
    ['1.5b'],
    ['12 apples'],
    ['1x'],
    ['1kb2'],
    ['1e3'],
    ['1,000'],
    ['1tb'],
    ['1k'],
    [' 1kb'],
    ['1kb\n'],
    ['unlimited'],
    ['999999999999999gb'],
    [undefined],
    [null],
    [true],
    [[1]],
    [{}],
  ])('is refused: %j', (size) => {
    expect(parseByteSize(size)).toBeUndefined();
    expect(byteSizeProblem(size)).toEqual(expect.any(String));
  });

  it('is a whole number of bytes or nothing, whatever the text', () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,8} ?[kmgbKMGB]{0,2}$/));
    fc.assert(
      fc.property(texts, (text) => {
        const size = parseByteSize(text);
        expect(size === undefined || (Number.isSafeInteger(size) && size >= 0)).toBe(true);
      }),
    );
  });
});

describe('the declared length', () => {
  it.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['0', 0],
    ['11', 11],
    ['', Infinity],
    ['-1', Infinity],
    ['1, 1', Infinity],
    ['1e1', Infinity],
    ['0x1', Infinity],
    ['9'.repeat(400), Infinity],
  ])('of %j is %s', (length, expected) => {
    expect(declaredLength(length === undefined ? {} : { 'content-length': length })).toBe(expected);
  });

  it.each<[string, string | undefined, number, boolean]>([
    ['body-01, one byte more than allowed', '11', 10, false],
    ['as long as allowed', '10', 10, true],
    ['body-03, longer than the application allows, as the route does', '50', 100, true],
    ['none declared', undefined, 10, true],
    ['malformed', 'x', 10, false],
    ['no body allowed', '1', 0, false],
  ])('is held against the limit: %s', (_, length, limit, allowed) => {
    const decision = refusedLength(length === undefined ? {} : { 'content-length': length }, limit);
    expect(decision).toEqual(allowed ? { allowed: true } : { allowed: false, reason: 'body_too_large' });
  });
});
