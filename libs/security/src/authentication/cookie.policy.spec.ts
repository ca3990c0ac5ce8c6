import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cookieNamed, misspelledPrefix, REPEATED_COOKIE } from './cookie.policy.js';

const NAME = '__Host-sid';
/** Bytes as Node hands them over, and what other readers of text take for white space. */
const ODD = fc.constantFrom('\u00a0', '\u0085', '\ufeff', '\v', '\f', '\0', '\u2028', '\u3000', 'Â\u00a0');

describe('a cookie', () => {
  it.each([
    ['__Host-sid=a', 'a'],
    ['a=b; __Host-sid=a; c=d', 'a'],
    [' \t__Host-sid \t=\t a ', 'a'],
    ['__Host-sid="a"', 'a'],
    ['__Host-sid="a', '"a'],
    ['__Host-sid="', '"'],
    ['__Host-sid=a=b', 'a=b'],
    ['__Host-sid=', ''],
  ])('is found in "%s"', (header, value) => {
    expect(cookieNamed(NAME, header)).toBe(value);
  });

  it.each([
    undefined,
    '',
    '__Host-sid',
    'x__Host-sid=a',
    '__Host-sid2=a',
    '__host-sid=a',
    '__HOST-SID=a',
    'a=__Host-sid',
  ])('is not found in %j', (header) => {
    expect(cookieNamed(NAME, header)).toBeUndefined();
  });

  it('that comes twice has no value, empty ones included', () => {
    expect(cookieNamed(NAME, '__Host-sid=a; __Host-sid=a')).toBe(REPEATED_COOKIE);
    expect(cookieNamed(NAME, '__Host-sid=; __Host-sid=a')).toBe(REPEATED_COOKIE);
  });

  it('with any odd character in its name, at each position, is another cookie', () => {
    const planted = fc
      .tuple(ODD, fc.nat(NAME.length))
      .map(([odd, at]) => `${NAME.slice(0, at)}${odd}${NAME.slice(at)}=planted`);
    fc.assert(
      fc.property(planted, fc.boolean(), (cookie, first) => {
        expect(cookieNamed(NAME, cookie)).toBeUndefined();
        const both = first ? `${cookie}; ${NAME}=own` : `${NAME}=own; ${cookie}`;
        expect(cookieNamed(NAME, both)).toBe('own');
      }),
    );
  });

  it('keeps every character of its value but the blanks around it', () => {
    fc.assert(
      fc.property(ODD, ODD, (before, after) => {
        expect(cookieNamed(NAME, `${NAME}= ${before}a${after}\t`)).toBe(`${before}a${after}`);
      }),
    );
  });
});

describe('the prefix of a cookie', () => {
  it.each([
    ['__host-sid', '__Host-'],
    ['__HOST-sid', '__Host-'],
    ['__secure-sid', '__Secure-'],
    ['__http-sid', '__Http-'],
    ['__host-http-sid', '__Host-Http-'],
    ['__Host-HTTP-sid', '__Host-Http-'],
  ])('of %s is meant to be %s', (name, prefix) => {
    expect(misspelledPrefix(name)).toBe(prefix);
  });

  it.each(['__Host-sid', '__Secure-sid', '__Http-sid', '__Host-Http-sid', 'sid', 'my__host-sid', '__hosts-sid'])(
    'of %s is as it should be',
    (name) => {
      expect(misspelledPrefix(name)).toBeUndefined();
    },
  );
});
