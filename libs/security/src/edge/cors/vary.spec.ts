import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mergeVary } from './vary.js';

describe('Adding to Vary', () => {
  it.each<[string | string[] | number | undefined, string, string]>([
    [undefined, 'Origin', 'Origin'],
    ['', 'Origin', 'Origin'],
    [' , ', 'Origin', 'Origin'],
    ['Origin', 'Origin', 'Origin'],
    ['origin', 'Origin', 'origin'],
    ['Accept-Encoding, ORIGIN', 'Origin', 'Accept-Encoding, ORIGIN'],
    ['Accept-Encoding', 'Origin', 'Accept-Encoding, Origin'],
    ['Origin,Accept-Encoding', 'Origin', 'Origin,Accept-Encoding'],
    ['Origin-Agent', 'Origin', 'Origin-Agent, Origin'],
    ['X-Origin', 'Origin', 'X-Origin, Origin'],
    ['Origin', 'Origin, Access-Control-Request-Method', 'Origin, Access-Control-Request-Method'],
    ['Accept', 'Origin, accept, ORIGIN', 'Accept, Origin'],
    ['*', 'Origin', '*'],
    ['Accept, *', 'Origin', '*'],
    ['Accept', '*', '*'],
    [['Accept', 'Cookie'], 'Origin', 'Accept, Cookie, Origin'],
    [['Accept', 'Origin'], 'Origin', 'Accept, Origin'],
    [[], 'Origin', 'Origin'],
    [1, 'Origin', '1, Origin'],
  ])('%j and %j gives %j', (existing, added, merged) => {
    expect(mergeVary(existing, added)).toBe(merged);
  });

  it('loses no name, and adds none twice', () => {
    const names = fc.array(fc.constantFrom('Origin', 'origin', 'Accept', 'Cookie', 'X-A'), { maxLength: 4 });
    fc.assert(
      fc.property(names, fc.constantFrom('Origin', 'Accept', 'X-B'), (existing, added) => {
        const merged = mergeVary(existing.join(', '), added).toLowerCase().split(', ');
        const before = existing.map((name) => name.toLowerCase());
        expect(merged.slice(0, before.length)).toEqual(before.length === 0 ? [] : before);
        expect(merged).toContain(added.toLowerCase());
        expect(merged.length - before.length).toBeLessThanOrEqual(1);
        expect(mergeVary(merged.join(', '), added)).toBe(merged.join(', '));
      }),
    );
  });
});
