import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isOrigin, isOwnOrigin, LONGEST_ORIGIN, OriginList } from './cors.origins.js';

describe('A serialised origin', () => {
  it.each([
    'https://example.com',
    'http://localhost:3000',
    'https://my_app.a-b.example.com:8443',
    'https://xn--exmple-cua.com',
    'http://127.0.0.1:1',
    'http://[::1]:65535',
    'https://[2001:db8::1]',
    'https://[::ffff:1.2.3.4]',
    'capacitor://localhost',
    'moz-extension://0d9a3c1e-0000-4000-8000-000000000000',
    'http://example.com:443',
    `https://${'a'.repeat(63)}.test`,
  ])('is %s', (origin) => {
    expect(isOrigin(origin)).toBe(true);
  });

  it.each([
    '',
    'null',
    '*',
    'https://',
    '://example.com',
    'https:/example.com',
    'https:example.com',
    'example.com',
    '1https://example.com',
    'HTTPS://example.com',
    'https://Example.com',
    'https://example.com/',
    'https://example.com/path',
    'https://example.com?a',
    'https://example.com#a',
    'https://example.com.',
    'https://.example.com',
    'https://a..example.com',
    'https://.',
    'https://user@example.com',
    'https://user:pass@example.com',
    'https://example.com:',
    'https://example.com:443',
    'http://example.com:80',
    'https://example.com:0',
    'https://example.com:08443',
    'https://example.com:65536',
    'https://example.com:844300',
    'https://example.com:8443x',
    'https://example.com:8443:8443',
    'https://example.com:+8443',
    'https://exämple.com',
    'https://еxample.com',
    'https://example。com',
    'https://example.com\u0000',
    'https://example.com\r\nX: y',
    'https://example.com https://example.com',
    'https://example.com, https://example.com',
    'https://example.com,https://example.com',
    ' https://example.com',
    'https://example.com ',
    'https://example.com\\.evil.test',
    'https://example.com`.evil.test',
    'https://example.com!.evil.test',
    'https://example.com%00.evil.test',
    'https://*.example.com',
    'https://[',
    'https://[]',
    'https://[::1',
    'https://[::1]x',
    'https://[::1].example.com',
    'https://[::G]',
    'https://[fe80::1%25eth0]',
    `https://${'a'.repeat(64)}.test`,
    `https://a.${'a'.repeat(64)}`,
    `https://${'a.'.repeat(126)}aa`,
    `${'a'.repeat(300)}://a.test`,
    `https://${'a.'.repeat(10_000)}test`,
  ])('is not %j', (value) => {
    expect(isOrigin(value)).toBe(false);
  });

  it('is what the URL standard serialises, for the web', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);
    const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.constantFrom('http', 'https'),
        fc.array(label, { minLength: 1, maxLength: 4 }),
        port,
        (scheme, labels, number) => {
          const { origin } = new URL(`${scheme}://${labels.join('.')}${number === undefined ? '' : `:${number}`}/path`);
          expect(isOrigin(origin)).toBe(true);
        },
      ),
    );
  });

  it('is never anything that the URL standard serialises otherwise', () => {
    const piece = fc.constantFrom(
      'http',
      'https',
      '://',
      'a',
      'b.test',
      '.',
      ':',
      '443',
      '80',
      '9',
      '@',
      '/',
      '\\',
      '[',
      ']',
      '-',
      'A',
      'ä',
      '%',
      ' ',
      ',',
      '?',
      '#',
    );
    fc.assert(
      fc.property(fc.constantFrom('http://', 'https://'), fc.array(piece, { maxLength: 6 }), (scheme, pieces) => {
        const value = `${scheme}${pieces.join('')}`;
        // Numbers that mean an IPv4 address are the one thing that is left to the comparison.
        if (!isOrigin(value) || value.includes('[') || /[.:/](?:443|80|9)+(?:\.|:|$)/.test(value)) return;
        expect(new URL(value).origin).toBe(value);
      }),
      { numRuns: 5000 },
    );
  });
});

describe('A list of origins', () => {
  const list = new OriginList([
    'https://example.com',
    'https://app.example.com:8443',
    'https://*.tenants.test',
    'http://*.local.test:3000',
    /^https:\/\/pr-\d+\.preview\.test$/,
    'http://[::1]:3000',
    'capacitor://localhost',
  ]);

  it.each([
    'https://example.com',
    'https://app.example.com:8443',
    'https://a.tenants.test',
    'https://a.b.c.tenants.test',
    'http://a.local.test:3000',
    'https://pr-12.preview.test',
    'http://[::1]:3000',
    'capacitor://localhost',
  ])('allows %s', (origin) => {
    expect(list.allows(origin)).toBe(true);
  });

  it.each([
    ['a suffix', 'https://example.com.evil.test'],
    ['a prefix', 'https://evil-example.com'],
    ['a prefix without a mark', 'https://evilexample.com'],
    ['a name below an exact one', 'https://www.example.com'],
    ['another scheme', 'http://example.com'],
    ['a scheme that begins alike', 'httpsx://a.tenants.test'],
    ['another scheme for a pattern', 'http://a.tenants.test'],
    ['a user name', 'https://example.com@evil.test'],
    ['a user name before the origin', 'https://evil.test@example.com'],
    ['a path', 'https://evil.test/https://example.com'],
    ['a fragment', 'https://evil.test#https://example.com'],
    ['a slash at the end', 'https://example.com/'],
    ['capital letters', 'https://EXAMPLE.com'],
    ['a capital scheme', 'HTTPS://example.com'],
    ['a dot at the end', 'https://example.com.'],
    ['a dot at the end of a pattern', 'https://a.tenants.test.'],
    ['a port', 'https://example.com:8443'],
    ['another port', 'https://app.example.com:8444'],
    ['no port', 'https://app.example.com'],
    ['the default port', 'https://example.com:443'],
    ['a port for a pattern without', 'https://a.tenants.test:8443'],
    ['no port for a pattern with one', 'http://a.local.test'],
    ['the name above a pattern', 'https://tenants.test'],
    ['a name that ends like a pattern', 'https://eviltenants.test'],
    ['a suffix to a pattern', 'https://a.tenants.test.evil.test'],
    ['an empty label', 'https://.tenants.test'],
    ['two dots', 'https://a..tenants.test'],
    ['a slash before a pattern', 'https://evil.test/.tenants.test'],
    ['a query before a pattern', 'https://evil.test?.tenants.test'],
    ['a user name before a pattern', 'https://evil.test@a.tenants.test'],
    ['a backslash before a pattern', 'https://evil.test\\.tenants.test'],
    ['a NUL before a pattern', 'https://evil.test\u0000.tenants.test'],
    ['a star', 'https://*.tenants.test'],
    ['Cyrillic letters', 'https://ехample.com'],
    ['a full-width dot', 'https://example．com'],
    ['Unicode before a pattern', 'https://ä.tenants.test'],
    ['null', 'null'],
    ['nothing', ''],
    ['two origins', 'https://example.com, https://example.com'],
    ['an origin and null', 'https://example.com, null'],
    ['a space', 'https://example.com '],
    ['a line break', 'https://pr-1.preview.test\n'],
    ['a suffix to an expression', 'https://pr-1.preview.test.evil.test'],
    ['another character for the dot of an expression', 'https://pr-1xpreview.test'],
    ['a long name', `https://${'a.'.repeat(200)}tenants.test`],
  ])('refuses %s', (_, origin) => {
    expect(list.allows(origin)).toBe(false);
  });

  it('tries expressions on origins alone, however much they would match', () => {
    const any = new OriginList([/^.*$/]);
    expect(any.allows('https://a.test')).toBe(true);
    for (const value of ['null', '', 'https://a.test/', 'a', `https://${'a'.repeat(LONGEST_ORIGIN)}`]) {
      expect(any.allows(value)).toBe(false);
    }
  });

  it('keeps no state between look-ups, and none of the expression that it was given', () => {
    const expression = /^https:\/\/a\.test$/;
    const own = new OriginList([expression]);
    expression.compile('^.*$');
    expect(['https://a.test', 'https://b.test', 'https://a.test'].map((origin) => own.allows(origin))).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('finds the last of 10,000 origins and patterns', () => {
    const many = new OriginList(
      Array.from({ length: 10_000 }, (_, index) => [`https://o${index}.test`, `https://*.p${index}.test`]).flat(),
    );
    expect(many.allows('https://o9999.test')).toBe(true);
    expect(many.allows('https://x.y.p9999.test')).toBe(true);
    expect(many.allows('https://o10000.test')).toBe(false);
    expect(many.allows('https://x.p10000.test')).toBe(false);
  });

  it('allows nothing but what is configured, whatever comes', () => {
    const own = new OriginList(['https://example.com', 'https://*.tenants.test']);
    const piece = fc.constantFrom(
      'https://',
      'http://',
      'example.com',
      'tenants.test',
      'a',
      'evil.test',
      '.',
      '-',
      ':443',
      '/',
      '@',
      '\\',
      '#',
      '?',
      ',',
      ' ',
      '%2e',
      'null',
      '\u0000',
      'ä',
    );
    const made = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(made, fc.string(), fc.string({ unit: 'binary' })), (origin) => {
        const host = /^https:\/\/((?:[a-z0-9_-]+\.)+tenants\.test|example\.com)$/.exec(origin);
        expect(own.allows(origin)).toBe(host !== null);
      }),
      { numRuns: 5000 },
    );
  });
});

describe("The application's own origin", () => {
  it.each<[string, 'http' | 'https', string]>([
    ['https://example.com', 'https', 'example.com'],
    ['https://example.com', 'https', 'example.com:443'],
    ['http://example.com', 'http', 'example.com:80'],
    ['http://localhost:3000', 'http', 'localhost:3000'],
    ['http://[::1]:3000', 'http', '[::1]:3000'],
    ['https://[::1]', 'https', '[::1]:443'],
  ])('is %s for %s and %s', (origin, scheme, host) => {
    expect(isOwnOrigin(origin, scheme, host)).toBe(true);
  });

  it.each<[string, 'http' | 'https', string]>([
    ['https://example.com', 'http', 'example.com'],
    ['http://example.com', 'https', 'example.com'],
    ['https://example.com:8443', 'https', 'example.com'],
    ['https://example.com', 'https', 'example.com:8443'],
    ['https://example.com', 'https', 'example.com:80'],
    ['https://example.com', 'https', 'example.com:844'],
    ['https://evil-example.com', 'https', 'example.com'],
    ['https://example.com.evil.test', 'https', 'example.com'],
    ['https://xample.com', 'https', 'example.com'],
    ['https://', 'https', ''],
    ['null', 'https', 'null'],
    ['', 'https', 'example.com'],
    ['https:example.com', 'https', 'example.com'],
  ])('is not %s for %s and %s', (origin, scheme, host) => {
    expect(isOwnOrigin(origin, scheme, host)).toBe(false);
  });
});
