import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ALLOWED, denied } from '../../core/decision.js';
import { decideCrossOrigin, isSafeMethod, type CrossOriginRequest } from './cross-origin.policy.js';

const REFUSED = denied('csrf_cross_origin');
const TRUSTED = 'https://trusted.example';
const BASE: CrossOriginRequest = {
  method: 'POST',
  secFetchSite: undefined,
  origin: undefined,
  host: 'example.com',
  secure: false,
};

function decide(request: Partial<CrossOriginRequest>, trusted: readonly string[] = []) {
  return decideCrossOrigin({ ...BASE, ...request }, new Set(trusted));
}

describe('An unsafe request', () => {
  it.each<[string, Partial<CrossOriginRequest>]>([
    ['from a page of the same origin', { secFetchSite: 'same-origin' }],
    ['that the user made without a page (csrf-02)', { secFetchSite: 'none' }],
    ['from no browser', {}],
    ['whose origin is the host (csrf-06)', { origin: 'https://example.com' }],
    ['from the same origin, whatever Origin says', { secFetchSite: 'same-origin', origin: 'null' }],
  ])('%s is allowed', (_, request) => {
    expect(decide(request)).toBe(ALLOWED);
  });

  it.each<[string, Partial<CrossOriginRequest>]>([
    ['from another site (csrf-03)', { secFetchSite: 'cross-site' }],
    ['from another site by PUT (csrf-12)', { method: 'PUT', secFetchSite: 'cross-site' }],
    ['from a sibling subdomain', { secFetchSite: 'same-site' }],
    ['from another site, though Origin is the host', { secFetchSite: 'cross-site', origin: 'https://example.com' }],
    ['whose origin is another (csrf-07)', { origin: 'https://attacker.example' }],
    ['of an opaque origin', { origin: 'null' }],
    ['of an opaque origin to a host of that name', { origin: 'null', host: 'null' }],
    ['without a method', { method: undefined, secFetchSite: 'cross-site' }],
    ['to no host', { origin: 'https://example.com', host: undefined }],
    ['to an empty host', { origin: 'https://', host: '' }],
    ['to an empty host from a default port', { origin: 'https://:443', host: '' }],
  ])('%s is refused', (_, request) => {
    expect(decide(request)).toBe(REFUSED);
  });

  it.each([
    '',
    ' ',
    'Same-Origin',
    'same-origin ',
    'same-origin, same-origin',
    'same-origin, cross-site',
    'none;',
    'x',
  ])('is refused when Sec-Fetch-Site is %j', (secFetchSite) => {
    expect(decide({ secFetchSite, origin: 'https://example.com' })).toBe(REFUSED);
  });

  it.each([
    '',
    ' ',
    'https://example.com, https://example.com',
    'https://example.com, https://attacker.example',
    'https://example.com/',
    'https://example.com/path',
    'https://example.com?',
    'https://example.com#',
    'https://example.com.',
    'https://example.com.attacker.example',
    'https://attacker.example#example.com',
    'https://attackerexample.com',
    'https://sub.example.com',
    'https://user@example.com',
    'https://example.com@attacker.example',
    'https://EXAMPLE.com',
    'HTTPS://example.com',
    'https:/example.com',
    'https:example.com',
    '//example.com',
    'example.com',
    'https://',
    'ftp://example.com',
    'file://',
    'wss://example.com',
    'chrome-extension://example.com',
    'https://example.com\u0000',
    'https://exämple.com',
  ])('is refused when Origin is %j', (origin) => {
    expect(decide({ origin })).toBe(REFUSED);
  });

  it.each([
    ['https://example.com', 'example.com'],
    ['http://example.com', 'example.com'],
    ['https://example.com', 'example.com:443'],
    ['http://example.com', 'example.com:80'],
    ['https://example.com:8443', 'example.com:8443'],
    ['http://localhost:3000', 'localhost:3000'],
    ['http://[::1]:3000', '[::1]:3000'],
    ['https://[2001:db8::1]', '[2001:db8::1]'],
    ['https://xn--exmple-cua.com', 'xn--exmple-cua.com'],
  ])('from %s to %s is allowed', (origin, host) => {
    expect(decide({ origin, host })).toBe(ALLOWED);
  });

  it.each([
    ['https://example.com', 'example.com:8443'],
    ['https://example.com', 'example.com:80'],
    ['http://example.com', 'example.com:443'],
    ['https://example.com:8443', 'example.com'],
    ['https://example.com:8443', 'example.com:8444'],
    ['http://localhost:3000', 'localhost:3001'],
    ['http://localhost:3000', 'localhost'],
    ['http://127.0.0.1:3000', 'localhost:3000'],
    ['http://[::1]:3000', '[::1]'],
    // The port of another scheme, and a default port that no browser writes.
    ['https://example.com:443', 'example.com'],
    ['http://example.com:80', 'example.com'],
  ])('from %s to %s is refused', (origin, host) => {
    expect(decide({ origin, host })).toBe(REFUSED);
  });

  it.each(['GET', 'HEAD', 'OPTIONS'])('is none by %s (csrf-10, csrf-11), wherever it comes from', (method) => {
    expect(decide({ method, secFetchSite: 'cross-site', origin: 'https://attacker.example' })).toBe(ALLOWED);
  });

  it.each(['get', 'Get', 'GET ', '', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'TRACE', 'CONNECT', 'PROPFIND', 'X'])(
    'is one by %j',
    (method) => {
      expect(isSafeMethod(method)).toBe(false);
      expect(decide({ method, secFetchSite: 'cross-site' })).toBe(REFUSED);
    },
  );
});

describe('An unsafe request over TLS', () => {
  it('from http of the same host is refused: whoever sits on the network can write that page', () => {
    expect(decide({ secure: true, origin: 'http://example.com' })).toBe(REFUSED);
    expect(decide({ secure: true, origin: 'http://example.com:8080', host: 'example.com:8080' })).toBe(REFUSED);
  });

  it('from https of the same host is allowed', () => {
    expect(decide({ secure: true, origin: 'https://example.com' })).toBe(ALLOWED);
  });

  it('from http of the same host is allowed where that is trusted', () => {
    expect(decide({ secure: true, origin: 'http://example.com' }, ['http://example.com'])).toBe(ALLOWED);
  });
});

describe('A trusted origin', () => {
  it.each<[string, Partial<CrossOriginRequest>]>([
    ['by Origin (csrf-13)', { origin: TRUSTED }],
    ['from another site', { origin: TRUSTED, secFetchSite: 'cross-site' }],
    ['from the same site', { origin: TRUSTED, secFetchSite: 'same-site' }],
    ['to no host', { origin: TRUSTED, host: undefined }],
  ])('may send %s', (_, request) => {
    expect(decide(request, [TRUSTED])).toBe(ALLOWED);
  });

  it.each<[string, Partial<CrossOriginRequest>]>([
    ['another origin (csrf-15)', { origin: 'https://attacker.example' }],
    ['another origin on another site (csrf-16)', { origin: 'https://attacker.example', secFetchSite: 'cross-site' }],
    ['a request from another site without Origin', { secFetchSite: 'cross-site' }],
    ['another port', { origin: `${TRUSTED}:8443` }],
    ['the default port, written', { origin: `${TRUSTED}:443` }],
    ['another scheme', { origin: 'http://trusted.example' }],
    ['a subdomain', { origin: 'https://sub.trusted.example' }],
    ['a longer name', { origin: `${TRUSTED}.attacker.example` }],
    ['capital letters', { origin: 'https://Trusted.example' }],
    ['a path', { origin: `${TRUSTED}/` }],
    ['itself twice', { origin: `${TRUSTED}, ${TRUSTED}` }],
    ['itself and another', { origin: `${TRUSTED}, https://attacker.example` }],
    ['an opaque origin', { origin: 'null' }],
  ])('vouches not for %s', (_, request) => {
    expect(decide(request, [TRUSTED])).toBe(REFUSED);
  });
});

describe('decideCrossOrigin, whatever it is given,', () => {
  const text = fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), fc.constantFrom('null', '', TRUSTED)), {
    nil: undefined,
  });

  it('allows no unsafe request from another site but those of trusted origins', () => {
    fc.assert(
      fc.property(text, text, fc.boolean(), (origin, host, secure) => {
        fc.pre(origin !== TRUSTED);
        expect(decide({ secFetchSite: 'cross-site', origin, host, secure }, [TRUSTED])).toBe(REFUSED);
      }),
    );
  });

  it('allows by Origin alone only an http or https origin that ends in the host, or a trusted one', () => {
    const host = fc.constantFrom('example.com', 'example.com:8443', '[::1]:3000');
    const origin = fc.oneof(
      fc.string(),
      fc
        .tuple(fc.constantFrom('https://', 'http://', 'ftp://', ''), fc.string({ maxLength: 3 }), host)
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(origin, host, fc.boolean(), (sent, asked, secure) => {
        const expected = sent === `https://${asked}` || (!secure && sent === `http://${asked}`);
        expect(decide({ origin: sent, host: asked, secure }).allowed).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });
});
