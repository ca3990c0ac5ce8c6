import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Decision } from '../../core/decision.js';
import { resolveFirewall, type FirewallAllowance, type FirewallOptions } from './firewall.options.js';
import { compileTarget } from './target.policy.js';

const decide = compileTarget(resolveFirewall());

function reasonOf(decision: Decision): string {
  return decision.allowed ? 'allowed' : decision.reason;
}

function answerTo(target: string, options: FirewallOptions = {}, method = 'GET'): string {
  return reasonOf(compileTarget(resolveFirewall(options))(method, target));
}

describe('methods', () => {
  it.each([
    ['fw-06', 'DELETE'],
    ['fw-10', 'PATCH'],
    ['fw-11', 'POST'],
    ['fw-12', 'PUT'],
    ['by default', 'GET'],
    ['by default', 'HEAD'],
    ['by default', 'OPTIONS'],
    ['by default', 'QUERY'],
  ])('are accepted (%s): %s', (_, method) => {
    expect(reasonOf(decide(method, '/'))).toBe('allowed');
  });

  it.each([
    ['fw-01', 'INVALID'],
    ['fw-03', 'TRACK'],
    ['fw-05', 'PROPFIND'],
    ['cross-site tracing', 'TRACE'],
    ['a tunnel', 'CONNECT'],
    ['in lower case', 'get'],
    ['with a space', 'GET '],
    ['none', ''],
    ['an inherited name', 'constructor'],
    ['missing', undefined],
  ])('are refused (%s): %s', (_, method) => {
    expect(reasonOf(decide(method, '/'))).toBe('method_refused');
  });

  it('are those that are listed, and no others', () => {
    expect(answerTo('/', { methods: ['PROPFIND'] }, 'PROPFIND')).toBe('allowed');
    expect(answerTo('/', { methods: ['PROPFIND'] }, 'GET')).toBe('method_refused');
  });

  it('may be any but those that are never accepted, however they are written', () => {
    const options: FirewallOptions = { dangerouslyAllow: ['anyMethod'] };
    expect(answerTo('/', options, 'PROPFIND')).toBe('allowed');
    for (const method of ['TRACE', 'Track', 'CONNECT']) expect(answerTo('/', options, method)).toBe('method_refused');
  });
});

describe('request targets', () => {
  it.each([
    ['the root', '/'],
    ['a path', '/accounts/42'],
    ['a trailing slash', '/accounts/'],
    ['dots within segments', '/.well-known/a.b/..c/d../.../e.'],
    ['fw-49, encoded UTF-8', '/%E3%81%82'],
    ['encoded characters of no meaning to paths', '/a%20b/%41%3F%23%26'],
    ['an emoji', '/%F0%9F%94%92'],
    ['a query', '/a?b=c&d'],
    ['an empty query', '/a?'],
    ['in the query, what a path may not have', '/a?b=/../c//d;e\\f%2F%00?'],
    ['the absolute form', 'http://api.example.org:8080/a?b'],
    ['the absolute form, of another scheme and an IPv6 address', 'HTTPS://[::1]:443/a'],
    ['all that RFC 3986 lets a segment have', "/a-b_c~d!$&'()*+,=:@"],
  ])('are accepted: %s', (_, target) => {
    expect(reasonOf(decide('GET', target))).toBe('allowed');
  });

  it.each([
    ['fw-14', '/./path/'],
    ['fw-22', '//path/path'],
    ['fw-23', '//path//path'],
    ['fw-24', '/path//path'],
    ['fw-25', '/path;/'],
    ['fw-26', '/path%3B/'],
    ['fw-27', '/path%3b/'],
    ['fw-28', '/%2E/'],
    ['fw-29', '/%2e/'],
    ['fw-31', '/a/b%2f1/c'],
    ['fw-32', '/a/b%2f%2fc'],
    ['fw-34', '/a\\b'],
    ['fw-35', '/a%2541'],
    ['parent', '/a/../b'],
    ['parent at the end', '/a/..'],
    ['itself at the end', '/a/.'],
    ['parent before the query', '/a/..?b'],
    ['parent at the start', '/../a'],
    ['half encoded parent', '/a/.%2e/b'],
    ['an encoded period that does no harm', '/a%2Eb'],
    ['an encoded backslash', '/a%5cb'],
    ['double encoding of a slash', '/a%252fb'],
    ['a slash at the end, twice', '/a//'],
    ['path parameters behind dots', '/..;/a'],
    ['the path of the absolute form', 'http://example.org/a/../b'],
    ['a double slash in the absolute form', 'http://example.org//a'],
    ['an absolute form without a path', 'http://example.org'],
    ['an absolute form without a path, whose query has one', 'http://example.org?/admin'],
  ])('are refused as not normalized (%s): %s', (_, target) => {
    expect(reasonOf(decide('GET', target))).toBe('target_not_normalized');
  });

  it.each([
    ['fw-17', './path/../path//.'],
    ['fw-36', '/something%00/'],
    ['fw-38', '/something%0A/'],
    ['fw-40', '/something%0D/'],
    ['fw-42', '/\u0019'],
    ['fw-43', '/\u007F'],
    ['encoded DEL', '/%7f'],
    ['encoded C1', '/%C2%85'],
    ['encoded line separator', '/%E2%80%A8'],
    ['encoded paragraph separator', '/%E2%80%A9'],
    ['raw line separator', '/\u2028'],
    ['not ASCII', '/\u00e9'],
    ['a space', '/a b'],
    ['a fragment', '/a#b'],
    ['a fragment in the query', '/a?b#c'],
    ['a line break in the query', '/a?b\r\nHost: evil.example'],
    ['a space in the query', '/a?b c'],
    ['not ASCII in the query', '/a?\u00e9'],
    ['a percent sign alone', '/100%'],
    ['a percent sign before no digits', '/%zz'],
    ['a percent sign cut by the query', '/%4?1'],
    ['overlong dots', '/%c0%ae%c0%ae/a'],
    ['an overlong slash', '/%e0%80%af'],
    ['no UTF-8', '/%ff'],
    ['the empty one', ''],
    ['relative', 'a/b'],
    ['only a query', '?a'],
    ['authority-form', 'example.org:443'],
    ['another scheme', 'ftp://example.org/a'],
    ['a script', 'javascript:alert(1)'],
    ['user information', 'http://admin@example.org/a'],
    ['no authority', 'http:///a'],
    ['a backslash in the authority', 'http://example.org\\@evil.example/a'],
    ['asterisk-form of another method', '*'],
    ['an asterisk with more', '*/a'],
  ])('are refused as malformed (%s): %j', (_, target) => {
    expect(reasonOf(decide('GET', target))).toBe('target_malformed');
  });

  it('are refused where there is none', () => {
    expect(reasonOf(decide('GET', undefined))).toBe('target_malformed');
  });

  it('have an asterisk for OPTIONS alone', () => {
    expect(reasonOf(decide('OPTIONS', '*'))).toBe('allowed');
  });

  it('are refused beyond their length', () => {
    const options = { target: { maxLength: 10 } };
    expect(answerTo('/123456789', options)).toBe('allowed');
    expect(answerTo('/1234567890', options)).toBe('target_too_long');
    expect(answerTo(`/${'a'.repeat(8191)}`)).toBe('allowed');
    expect(answerTo(`/${'a'.repeat(8192)}`)).toBe('target_too_long');
  });
});

describe('what is dangerously allowed', () => {
  it.each<[string, FirewallAllowance, string]>([
    ['fw-50', 'semicolon', '/path;/'],
    ['fw-51', 'encodedSlash', '/a/b%2F1/c'],
    ['encoded', 'semicolon', '/path%3Ba=1'],
    ['in the middle', 'doubleSlash', '/a//b'],
    ['at the start', 'doubleSlash', '//a'],
    ['within a segment', 'encodedPeriod', '/a%2Eb'],
    ['three', 'encodedPeriod', '/%2e%2e%2e/a'],
    ['double encoding', 'encodedPercent', '/a%252fb'],
    ['raw', 'backslash', '/a\\b'],
    ['encoded', 'backslash', '/a%5Cb'],
    ['encoded', 'encodedNull', '/a%00'],
    ['encoded', 'encodedLineFeed', '/a%0a'],
    ['encoded', 'encodedCarriageReturn', '/a%0D'],
    ['encoded', 'encodedLineSeparator', '/a%E2%80%A8'],
    ['encoded', 'encodedParagraphSeparator', '/a%E2%80%A9'],
  ])('is accepted (%s): %s in %s, and refused without', (_, allowance, target) => {
    expect(answerTo(target, { dangerouslyAllow: [allowance] })).toBe('allowed');
    expect(answerTo(target)).not.toBe('allowed');
  });

  it.each<[FirewallAllowance[], string]>([
    [['encodedPeriod'], '/%2e%2e/a'],
    [['encodedPeriod'], '/.%2E'],
    [['encodedSlash'], '/..%2fa'],
    [['encodedSlash'], '/a%2f..%2fb'],
    [['encodedSlash'], '/a%2F%2fb'],
    [['encodedSlash'], '/a/%2fb'],
    [['encodedSlash', 'encodedPeriod'], '/a%2f%2e%2e%2fb'],
    [['doubleSlash'], '/a//..//b'],
    [['doubleSlash'], '/a%2f%2fb'],
    [['backslash'], '/a\\..\\b'],
    [['backslash'], '/\\evil.example'],
    [['backslash', 'doubleSlash'], '/%5c..%5cb'],
    [['semicolon'], '/..;/a'],
    [['semicolon'], '/a/..;b=c'],
    [['semicolon'], '/.%3b/a'],
    [['semicolon'], '/;/a'],
  ])('leaves the rest refused: %j and %s', (dangerouslyAllow, target) => {
    expect(answerTo(target, { dangerouslyAllow })).toBe('target_not_normalized');
  });

  it('allows both slashes encoded together', () => {
    expect(answerTo('/a%2f%2Fb', { dangerouslyAllow: ['encodedSlash', 'doubleSlash'] })).toBe('allowed');
  });

  it('never allows what cannot be decoded, or raw control characters', () => {
    const dangerouslyAllow: FirewallAllowance[] = [
      'semicolon',
      'doubleSlash',
      'encodedSlash',
      'encodedPeriod',
      'encodedPercent',
      'backslash',
      'encodedNull',
      'encodedLineFeed',
      'encodedCarriageReturn',
      'encodedLineSeparator',
      'encodedParagraphSeparator',
      'malformedQuery',
    ];
    for (const target of ['/\0', '/\n', '/%', '/%c0%ae', '/%01', '/\u00e9', '/a b', '/?\n', '/#']) {
      expect(answerTo(target, { dangerouslyAllow })).toBe('target_malformed');
    }
    for (const target of ['/..', '/a/../b', '/a%2f..', '/%2e%2e;/', '/a\\..']) {
      expect(answerTo(target, { dangerouslyAllow })).toBe('target_not_normalized');
    }
  });
});

describe('any target at all', () => {
  const hostile = fc
    .array(
      fc.oneof(
        fc.constantFrom('/', '.', '..', '%2e', '%2F', '%5c', '\\', ';', '%3b', '%25', '%00', '%0a', '?', '#', ' ', '%'),
        fc.constantFrom('%c2%85', '%c3%a9', '%c0%ae', '%ed%a0%80', 'http://', 'host', '*', '\u2028', '\u007f'),
        fc.string({ maxLength: 3 }),
        fc.string({ maxLength: 3, unit: 'binary' }).map((text) => text.replace(/[\ud800-\udfff]/g, '')),
      ),
      { maxLength: 12 },
    )
    .map((parts) => `/${parts.join('')}`);

  it('is decided without a throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), hostile), fc.string(), (target, method) => {
        expect(typeof decide('GET', target).allowed).toBe('boolean');
        expect(typeof decide(method, target).allowed).toBe('boolean');
      }),
    );
  });

  it('is, where it is accepted, one that everybody reads alike', () => {
    fc.assert(
      fc.property(hostile, (target) => {
        if (!decide('GET', target).allowed) return;
        const path = decodeURIComponent(target.split('?', 1)[0] as string);
        expect(path).not.toMatch(/[\p{Cc}\u2028\u2029\\;%]|\/\/|#/u);
        expect(path.split('/').filter((segment) => segment === '.' || segment === '..')).toEqual([]);
        expect(target).not.toMatch(/[^\x21-\x7e]|#/);
        // The URL standard, which browsers and proxies follow, changes nothing of it either.
        expect(decodeURIComponent(new URL(target, 'http://host').pathname)).toBe(path);
      }),
      { numRuns: 3000 },
    );
  });

  it('is accepted where its segments are encoded, and hold none of the refused characters', () => {
    const segment = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/[\p{Cc}\u2028\u2029\\;%/]/u.test(text) && !/^\.{1,2}$/.test(text));
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 6 }), fc.boolean(), (segments, trailing) => {
        const target = `/${segments.map(encodeURIComponent).join('/')}${trailing && segments.length > 0 ? '/' : ''}`;
        expect(reasonOf(decide('GET', target))).toBe('allowed');
      }),
    );
  });
});
