import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { validateHeaderValue } from 'node:http';
import { compileHosts } from '../hosts/hosts.policy.js';
import { type ParsedHost, parseHost } from '../hosts/parsed-host.js';
import type { HttpsOptions } from './https.options.js';
import { compileHttps, type HttpsDecision } from './https.policy.js';

function host(text: string): ParsedHost {
  return parseHost(text) as ParsedHost;
}

function redirectOf(decision: HttpsDecision): { status: number; location: string } | undefined {
  return decision.allowed ? undefined : decision.redirect;
}

function redirected(options: HttpsOptions, name: string, target: string): string | undefined {
  return redirectOf(compileHttps({ mode: 'redirect', ...options }, 'api').decide(false, host(name), target))?.location;
}

describe('A request without TLS', () => {
  it('is rejected by an API and redirected by a site, unless the mode says otherwise', () => {
    const decided = (options: HttpsOptions, profile: 'api' | 'web') =>
      compileHttps(options, profile).decide(false, host('example.com'), '/');
    expect(decided({}, 'api')).toEqual({ allowed: false, reason: 'https_required' });
    expect(decided({ mode: 'reject' }, 'web')).toEqual({ allowed: false, reason: 'https_required' });
    const redirect = { status: 308, location: 'https://example.com/' };
    expect(decided({}, 'web')).toEqual({ allowed: false, reason: 'https_required', redirect });
    expect(decided({ mode: 'redirect' }, 'api')).toEqual({ allowed: false, reason: 'https_required', redirect });
  });

  it.each([undefined, false] as const)('may go on where HTTPS is not asked for: %p', (options) => {
    expect(compileHttps(options, 'web').decide(false, host('example.com'), '/').allowed).toBe(true);
  });

  it('is never redirected to a host that was not allowed', () => {
    expect(compileHttps({ mode: 'redirect' }, 'web').decide(false, undefined, '/')).toEqual({
      allowed: false,
      reason: 'https_required',
    });
  });

  it('is not redirected to an address that nobody could take', () => {
    const decision = compileHttps({ mode: 'redirect' }, 'web').decide(false, host('a.test'), `/${'é'.repeat(1500)}`);
    expect(decision).toEqual({ allowed: false, reason: 'https_required' });
  });

  it.each<[string, HttpsOptions, string, string, number, string]>([
    ['https-04: port 443 is dropped', { status: 307 }, 'testserver:443', '/', 307, 'https://testserver/'],
    [
      'https-06: path and query stay as they are',
      { status: 307 },
      'testserver',
      '/a/b?x=1&y=%2F',
      307,
      'https://testserver/a/b?x=1&y=%2F',
    ],
    ['https-08: so does the path of an upgrade', { status: 307 }, 'testserver', '/ws', 307, 'https://testserver/ws'],
    ['https-10: the port is an option', { status: 307, port: 1 }, 'localhost', '/', 307, 'https://localhost:1/'],
    ['https-11: so is the status', { status: 308, port: 3449 }, 'localhost', '/', 308, 'https://localhost:3449/'],
    ['https-12: with 308 for 301, by decision', { port: 5050 }, 'localhost', '/', 308, 'https://localhost:5050/'],
    ['https-14: 443 holds where no port is told', {}, 'localhost', '/', 308, 'https://localhost/'],
    [
      'https-16: with 308 for 302, by decision, and one port for a map',
      { port: 8443 },
      'localhost:8080',
      '/path/page.html?query=string',
      308,
      'https://localhost:8443/path/page.html?query=string',
    ],
  ])('%s', (_behaviour, options, name, target, status, location) => {
    const decision = compileHttps({ mode: 'redirect', ...options }, 'web').decide(false, host(name), target);
    expect(redirectOf(decision)).toEqual({ status, location });
  });

  it.each([
    ['/', '/'],
    ['//evil.test/x', '//evil.test/x'],
    ['/\\evil.test', '/%5Cevil.test'],
    ['/@evil.test', '/@evil.test'],
    ['/../..', '/../..'],
    ['?x=1', '/'],
    ['*', '/'],
    ['', '/'],
    ['evil.test', '/'],
    ['.evil.test', '/'],
    ['@evil.test', '/'],
    [':80@evil.test', '/'],
    ['http://evil.test/a?b', '/a?b'],
    ['http://evil.test?b', '/?b'],
    ['http://evil.test', '/'],
    ['http://evil.test#/x', '/%23/x'],
    ['/a b\r\nSet-Cookie: x=1', '/a%20b%0D%0ASet-Cookie:%20x=1'],
    ['/ä\u2028\ud83d\ude00\ud800', '/%C3%A4%E2%80%A8%F0%9F%98%80%EF%BF%BD'],
    ['/%zz%2F%', '/%zz%2F%'],
    ['/a#b', '/a%23b'],
    ['/"<>^`{|}\0\x7f', '/%22%3C%3E%5E%60%7B%7C%7D%00%7F'],
    [`/-._~!$&'()*+,;=:@[]?/`, `/-._~!$&'()*+,;=:@[]?/`],
  ])('with the target %j is redirected to %j of the same host', (target, path) => {
    expect(redirected({}, 'example.com:8080', target)).toBe(`https://example.com${path}`);
  });

  it('keeps an IPv6 address in brackets', () => {
    expect(redirected({ port: 8443 }, '[2001:DB8::1]:80', '/x')).toBe('https://[2001:db8::1]:8443/x');
  });

  it('is redirected to the host that was allowed and nowhere else, whatever its target', () => {
    const pieceTexts = [
      '/',
      '//',
      '\\',
      '@',
      ':',
      '?',
      '#',
      'http://',
      'https://',
      'evil.test',
      '.',
      '%',
      '\r\n',
      '\0',
      ' ',
      'é',
      '*',
    ];
    const pieces = fc.constantFrom(...pieceTexts);
    const targets = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.array(pieces).map((parts) => parts.join('')),
    );
    const ports = fc.constantFrom(443, 8443);
    fc.assert(
      fc.property(targets, ports, (target, port) => {
        const location = redirected({ port }, 'example.com:8080', target) as string;
        const url = new URL(location);
        expect(() => validateHeaderValue('location', location)).not.toThrow();
        expect(location).toMatch(/^[\x21-\x7e]+$/);
        expect(url.origin).toBe(port === 443 ? 'https://example.com' : 'https://example.com:8443');
        expect(url.username + url.password + url.hash).toBe('');
      }),
      { numRuns: 3000 },
    );
  });
});

describe('A redirect of any bytes of Host and target', () => {
  it('leads to a host of the list', () => {
    const hosts = compileHosts(['example.com', '*.example.org', '[::1]']);
    const https = compileHttps({ mode: 'redirect' }, 'web');
    const pieceTexts = [
      'example.com',
      'a.example.org',
      '[::1]',
      'evil.test',
      ':80',
      '@',
      '.',
      '/',
      '\\',
      '#',
      '?',
      ' ',
      '\0',
      'é',
      '//',
    ];
    const pieces = fc.constantFrom(...pieceTexts);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 4 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, text, (raw, target) => {
        const decision = hosts.decide(raw);
        const redirect = redirectOf(https.decide(false, decision.allowed ? decision.host : undefined, target));
        if (redirect === undefined) return !decision.allowed;
        const { hostname, protocol, port } = new URL(redirect.location);
        const isListed = hostname === 'example.com' || hostname.endsWith('.example.org') || hostname === '[::1]';
        return isListed && protocol === 'https:' && port === '';
      }),
      { numRuns: 5000 },
    );
  });
});

describe('A request with TLS', () => {
  it.each(['redirect', 'reject'] as const)('https-01: may go on in the mode %p', (mode) => {
    expect(compileHttps({ mode }, 'web').decide(true, host('testserver'), '/').allowed).toBe(true);
    expect(compileHttps({ mode }, 'web').decide(true, undefined, '/').allowed).toBe(true);
  });
});

describe('Strict-Transport-Security', () => {
  const YEAR = 'max-age=31536000; includeSubDomains';

  it.each<[string, HttpsOptions | false | undefined, string, string | undefined]>([
    ['hsts-01: holds for a year by default', {}, 'example.com:5050', YEAR],
    ['holds for a year where nothing is set at all', undefined, 'example.com', YEAR],
    ['hsts-03: can be taken back', { hsts: { maxAge: 0 } }, 'example.com', 'max-age=0; includeSubDomains'],
    ['may leave the subdomains out', { hsts: { includeSubDomains: false } }, 'example.com', 'max-age=31536000'],
    ['asks to be preloaded', { hsts: { preload: true } }, 'example.com', `${YEAR}; preload`],
    ['has its defaults where an option is undefined', { hsts: { maxAge: undefined } }, 'example.com', YEAR],
    ['hsts-09: is not sent for loopback by IPv6', {}, '[::1]:5050', undefined],
    ['is not sent for loopback by IPv4', {}, '127.0.0.1', undefined],
    ['is not sent for any of loopback', {}, '127.8.8.8:1', undefined],
    ['is not sent for localhost', {}, 'LOCALHOST:3000', undefined],
    ['is not sent below localhost', {}, 'app.localhost', undefined],
    ['is sent for a name that only begins so', {}, 'localhost.example.com', YEAR],
    ['is not sent for an address, which browsers would not remember', {}, '192.0.2.1', undefined],
    [
      'hsts-11: is not sent for a name that is excluded',
      { hsts: { exclude: ['example.com'] } },
      'EXAMPLE.COM',
      undefined,
    ],
    ['compares what is excluded in any case', { hsts: { exclude: ['Example.COM.'] } }, 'example.com:1', undefined],
    ['is sent below a name that is excluded', { hsts: { exclude: ['example.com'] } }, 'a.example.com', YEAR],
    ['is not sent where it is switched off', { hsts: false }, 'example.com', undefined],
    ['is not sent where HTTPS is switched off', false, 'example.com', undefined],
    ['is not sent by itself while HTTPS is only tried', { enforcement: 'report' }, 'example.com', undefined],
    ['is sent on demand while HTTPS is only tried', { enforcement: 'report', hsts: {} }, 'example.com', YEAR],
  ])('%s', (_behaviour, options, name, value) => {
    const { hstsFor } = compileHttps(options, 'api');
    expect(hstsFor(true, host(name))).toBe(value);
    expect(hstsFor(false, host(name))).toBeUndefined();
    expect(hstsFor(true, undefined)).toBeUndefined();
  });
});
