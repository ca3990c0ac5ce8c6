import { describe, expect, it } from '@jest/globals';
import { decodeJson, splitToken } from './compact-token.js';

describe('splitToken', () => {
  it('gives the three segments', () => {
    expect(splitToken('aGVhZGVy.cGF5bG9hZA.c2ln')).toEqual({
      header: 'aGVhZGVy',
      payload: 'cGF5bG9hZA',
      signature: 'c2ln',
    });
  });

  it.each([
    ['nothing', ''],
    ['one segment', 'aGVhZGVy'],
    ['two segments', 'aGVhZGVy.cGF5bG9hZA'],
    ['four segments', 'aGVhZGVy.cGF5bG9hZA.c2ln.c2ln'],
    ['the five segments of an encrypted token', 'aGVh.aGVh.aGVh.aGVh.aGVh'],
    ['an empty header', '.cGF5bG9hZA.c2ln'],
    ['an empty payload', 'aGVhZGVy..c2ln'],
    ['an empty signature', 'aGVhZGVy.cGF5bG9hZA.'],
    ['dots alone', '..'],
    ['padding', 'aGVhZGVy.cGF5bG9hZA==.c2ln'],
    ['the alphabet of base64', 'aGVhZGVy.cGF5/G9h.c2+n'],
    ['white space before', ' aGVhZGVy.cGF5bG9hZA.c2ln'],
    ['a line break behind', 'aGVhZGVy.cGF5bG9hZA.c2ln\n'],
    ['letters beyond ASCII', 'aGVhZGVy.cGF5bG9hZA.c2lñ'],
    ['a NUL', 'aGVhZGVy.cGF5bG9hZA.c2l\0'],
    ['a length that no bytes have', 'aGVhZ.cGF5bG9hZA.c2ln'],
    ['bits behind the last of one byte', 'aGVhZGVy.cGF5bG9hZB.c2ln'],
    ['bits behind the last of two bytes', 'aGVhZGVy.cGF5bG9hZA.c2l'],
  ])('refuses %s', (_, token) => {
    expect(splitToken(token)).toBeUndefined();
  });
});

describe('decodeJson', () => {
  it('reads the JSON of a segment', () => {
    expect(decodeJson(Buffer.from('{"sub":"ä"}').toString('base64url'))).toEqual({ sub: 'ä' });
  });

  it('gives nothing for what is no JSON', () => {
    expect(decodeJson(Buffer.from('{"sub":').toString('base64url'))).toBeUndefined();
  });
});
