import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { normalizedPath, normalizedRule, pathOf } from './request-target.js';

describe('the path of a request target', () => {
  it.each([
    ['/', '/'],
    ['/a/b', '/a/b'],
    ['/a?b=/c', '/a'],
    ['/a#b?c', '/a'],
    ['/a?b#c', '/a'],
    ['http://bank.example/a?b', '/a'],
    ['HTTPS://bank.example:443/a', '/a'],
    ['http://bank.example', '/'],
    ['http://bank.example?x=/a', '/'],
    ['http://bank.example#/a', '/'],
    ['*', '/'],
    ['', '/'],
    ['bank.example:443', '/'],
    ['x?http://bank.example/a', '/'],
  ])('of %s is %s', (target, path) => {
    expect(pathOf(target)).toBe(path);
  });

  it('is the root where there is no target', () => {
    expect(pathOf(undefined)).toBe('/');
    expect(normalizedPath(undefined)).toBe('/');
  });
});

describe('the normalized path', () => {
  it.each([
    ['/wp-login.php', '/wp-login.php'],
    ['/%77p-login.php', '/wp-login.php'],
    ['/%77%70%2Dlogin%2ephp', '/wp-login.php'],
    ['/wp-login.php?x=%77', '/wp-login.php'],
    ['http://bank.example/%77p-login.php#x', '/wp-login.php'],
    ['//wp-login.php', '/wp-login.php'],
    ['/./wp-login.php', '/wp-login.php'],
    ['/%2e/wp-login.php', '/wp-login.php'],
    ['/a/../wp-login.php', '/wp-login.php'],
    ['/a/%2E%2e/wp-login.php', '/wp-login.php'],
    ['/../../wp-login.php', '/wp-login.php'],
    ['/a/..;/wp-login.php', '/wp-login.php'],
    ['/wp-login.php;jsessionid=1', '/wp-login.php'],
    ['/wp-login.php/', '/wp-login.php/'],
    ['/wp-login.php/.', '/wp-login.php/'],
    ['/wp-login.php//', '/wp-login.php/'],
    ['/wp-login.php/x/..', '/wp-login.php/'],
    ['/WP-login.php', '/WP-login.php'],
    ['/%41', '/A'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%3bb', '/a%3Bb'],
    ['/a%2577b', '/a%2577b'],
    ['/a%zzb%', '/a%25zzb%25'],
    ['/a b\\c', '/a%20b%5Cc'],
    ['/caf\u00c3\u00a9', '/caf%C3%A9'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/..', '/'],
    ['///', '/'],
    ['/.env', '/.env'],
    ['/...', '/...'],
  ])('of %s is %s', (target, path) => {
    expect(normalizedPath(target)).toBe(path);
  });

  it('of a rule takes what is beyond ASCII for its UTF-8', () => {
    expect(normalizedRule('/caf\u00e9')).toBe('/caf%C3%A9');
    expect(normalizedRule('/\u{1f36a}')).toBe('/%F0%9F%8D%AA');
  });

  const paths = fc
    .array(fc.string({ unit: fc.constantFrom(...'abcXYZ019-._~!$&()*+,=:@'), minLength: 1, maxLength: 8 }), {
      minLength: 1,
      maxLength: 4,
    })
    .filter((segments) => segments.every((segment) => segment !== '.' && segment !== '..'))
    .map((segments) => `/${segments.join('/')}`);

  it('is one for all spellings of a path', () => {
    const spelled = paths.chain((path) =>
      fc.tuple(
        fc.constant(path),
        fc.array(fc.constantFrom('plain', 'lower', 'upper'), { minLength: path.length, maxLength: path.length }),
        fc.constantFrom('', '/', '/.', '//', '/x/..', '/%2e', '/./..'),
        fc.constantFrom('', ';a=b', ';'),
        fc.constantFrom('', '?x', '#x', '?/..'),
        fc.constantFrom('', 'http://bank.example', 'HTTPS://bank.example:8443'),
      ),
    );
    fc.assert(
      fc.property(spelled, ([path, hows, before, parameters, after, origin]) => {
        const spelling = [...path].map((character, at) => {
          const code = `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
          if (hows[at] === 'plain' || !/[\w.~-]/.test(character)) return character;
          return hows[at] === 'upper' ? code.toUpperCase() : code;
        });
        expect(normalizedPath(`${origin}${before}${spelling.join('')}${parameters}${after}`)).toBe(path);
      }),
    );
  });

  it('is itself when it is normalized again, whatever it is made of', () => {
    const text = fc.oneof(
      fc.string({ unit: fc.constantFrom(...'/.%;25eEaA#?\\é\u0000') }),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(text, (rest) => {
        const once = normalizedPath(`/${rest}`);
        expect(once).toMatch(/^\/[\w.~!$&'()*+,=:@/%-]*$/);
        expect(normalizedPath(once)).toBe(once);
      }),
    );
  });
});
