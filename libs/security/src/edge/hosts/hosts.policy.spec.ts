import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { EdgeRequest } from '../edge.request.js';
import type { HostsOptions } from './hosts.options.js';
import { compileHosts, type HostDecision } from './hosts.policy.js';

function outcomeOf(decision: HostDecision): string {
  return decision.allowed ? decision.host.name : decision.reason;
}

interface Sent {
  /** The lines of the `Host` field. */
  readonly hosts?: readonly string[];
  readonly url?: string | undefined;
  readonly authority?: string | undefined;
  readonly httpVersionMajor?: number;
}

function requestOf({ hosts = [], url = '/', authority, httpVersionMajor = 1 }: Sent): EdgeRequest {
  const rawHeaders = ['Accept', '*/*', ...hosts.flatMap((host, index) => [index === 0 ? 'Host' : 'hOST', host])];
  const headers = {
    ...(hosts[0] === undefined ? {} : { host: hosts[0] }),
    ...(authority === undefined ? {} : { ':authority': authority }),
  };
  return { method: 'GET', url, httpVersionMajor, headers, rawHeaders, socket: {} };
}

const STARLETTE = ['testserver', '*.testserver'];
const DJANGO = ['12.34.56.78', '[2001:19f0:feee::dead:beef:cafe]', 'INSENSITIVE.com'];

describe('A host against the list', () => {
  it.each<[string, readonly string[], string, string]>([
    ['host-02', STARLETTE, 'subdomain.testserver', 'subdomain.testserver'],
    ['host-03', STARLETTE, 'invalidhost', 'host_refused'],
    ['host-06', ['testserver'], 'evil.testserver.com', 'host_refused'],
    ['host-07', ['*.testserver'], 'testserver', 'host_refused'],
    ['host-09', ['example.com', 'localHost'], 'localhost:9090', 'localhost'],
    ['host-10', ['example.com', 'localhost'], 'example.com:443', 'example.com'],
    ['host-11', ['localhost'], 'localHost:80', 'localhost'],
    ['host-12', ['*.exampLe.com'], 'foo.eXample.com:443', 'foo.example.com'],
    ['host-13', ['*.exampLe.com'], 'f.eXample.com:443', 'f.example.com'],
    ['host-14', ['127.0.0.1'], '127.0.0.1', '127.0.0.1'],
    ['host-15', ['127.0.0.1'], '127.0.0.1:443', '127.0.0.1'],
    ['host-18', ['[::aBc]'], '[::ABC]', '[::abc]'],
    ['host-19', ['[::1]'], '[::1]:80', '[::1]'],
    ['host-20', ['localhost'], 'example.com', 'host_refused'],
    ['host-21', ['example.com'], 'localhost:9090', 'host_refused'],
    ['host-23', ['example.com', 'localhost'], ';:80', 'host_malformed'],
    ['host-25', ['localhost'], ':', 'host_malformed'],
    ['host-28', ['*.example.com'], 'foo.com:443', 'host_refused'],
    ['host-31', ['[::1]'], '[::1', 'host_malformed'],
    ['host-36', ['example.com'], 'example.com:dr.frankenstein@evil.tld', 'host_malformed'],
    ['host-37', ['example.com'], 'example.com:dr.frankenstein@evil.tld:80', 'host_malformed'],
    ['host-39', ['example.com'], 'example.com: recovermypassword.com', 'host_malformed'],
    ['host-41', DJANGO, '12.34.56.78:443', '12.34.56.78'],
    ['host-43', DJANGO, 'insensitive.com', 'insensitive.com'],
    ['host-44', ['example.com'], 'example.com.', 'example.com'],
    ['fw-52', ['myexample.org'], 'example.org', 'host_refused'],
    ['any depth below a wildcard', ['*.example.com'], 'a.b.c.example.com', 'a.b.c.example.com'],
    ['a longer name that ends alike', ['*.example.com'], 'evilexample.com', 'host_refused'],
    ['a name that begins alike', ['example.com'], 'example.com.evil.test', 'host_refused'],
    ['an empty label below a wildcard', ['*.example.com'], '.example.com', 'host_malformed'],
    ['a wildcard is no name', ['*.example.com'], '*.example.com', 'host_malformed'],
    ['the shorter of two wildcards', ['*.a.example.com', '*.example.com'], 'b.example.com', 'b.example.com'],
    ['a wildcard of one label', ['*.testserver'], 'a.b.testserver.', 'a.b.testserver'],
    ['the exact port', ['example.com:8443'], 'example.com:8443', 'example.com'],
    ['another port', ['example.com:8443'], 'example.com:8444', 'host_refused'],
    ['no port where one is asked for', ['example.com:8443'], 'example.com', 'host_refused'],
    ['a default port that is left out', ['example.com:443'], 'example.com', 'example.com'],
    ['a default port that is written', ['example.com:443'], 'example.com:443', 'example.com'],
    ['the other default port that is left out', ['example.com:80'], 'example.com', 'example.com'],
    ['one default port for another', ['example.com:443'], 'example.com:80', 'host_refused'],
    ['one of two ports', ['example.com:1', 'example.com:2'], 'example.com:2', 'example.com'],
    ['any port beside one', ['example.com:1', 'example.com'], 'example.com:9', 'example.com'],
    ['one port beside any', ['example.com', 'example.com:1'], 'example.com:9', 'example.com'],
    ['the port of a wildcard', ['*.example.com:8443'], 'a.example.com:8443', 'a.example.com'],
    ['another port of a wildcard', ['*.example.com:8443'], 'a.example.com', 'host_refused'],
    ['a wildcard beside a port', ['a.example.com:1', '*.example.com'], 'a.example.com:2', 'a.example.com'],
    ['a name in punycode', ['bücher.example'], 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['a name outside ASCII', ['bücher.example'], 'bücher.example', 'host_malformed'],
    ['one address written otherwise', ['[2001:db8::1]'], '[2001:0DB8:0:0:0:0:0:1]:1', '[2001:db8::1]'],
    ['an address by a wildcard', ['*.example.com'], '192.0.2.1', 'host_refused'],
    ['a key of objects', ['example.com'], '__proto__', 'host_refused'],
    ['an unknown entry allows nothing', ['*'], 'example.com', 'host_refused'],
  ])('%s: %j, asked for %j, is %j', (_id, allowed, raw, outcome) => {
    const hosts = compileHosts(allowed);
    expect(outcomeOf(hosts.decide(raw))).toBe(outcome);
    // From memory, too.
    expect(outcomeOf(hosts.decide(raw))).toBe(outcome);
  });

  it('may be given with how it is enforced', () => {
    const hosts = compileHosts({ allowed: ['example.com'], enforcement: 'report' });
    expect(outcomeOf(hosts.decide('example.com'))).toBe('example.com');
    expect(outcomeOf(hosts.decide('example.org'))).toBe('host_refused');
  });

  it('host-04: is any well-formed one where there is no list', () => {
    const hosts = compileHosts(undefined);
    expect(outcomeOf(hosts.decide('anything.example'))).toBe('anything.example');
    expect(outcomeOf(hosts.decide('any thing'))).toBe('host_malformed');
  });

  it('is told with its port and kind', () => {
    expect(compileHosts(['localhost']).decide('LOCALHOST:3000')).toEqual({
      allowed: true,
      host: { name: 'localhost', port: 3000, kind: 'loopback' },
    });
  });
});

describe('The memory for hosts', () => {
  it('gives the same decision again, for what is in the list from the start', () => {
    const hosts = compileHosts(['example.com', '*.example.com']);
    expect(hosts.decide('example.com')).toBe(hosts.decide('example.com'));
    expect(hosts.decide('a.example.com')).toBe(hosts.decide('a.example.com'));
  });

  it('forgets what was asked for long ago, never what is in the list', () => {
    const hosts = compileHosts(['example.com', '*.example.com']);
    const listed = hosts.decide('example.com');
    const first = hosts.decide('first.example.com');
    for (let i = 0; i < 5000; i++) expect(hosts.decide(`n${i}.example.com`).allowed).toBe(true);
    expect(hosts.decide('example.com')).toBe(listed);
    expect(hosts.decide('first.example.com')).not.toBe(first);
    expect(hosts.decide('first.example.com')).toEqual(first);
  });

  it('keeps what is asked for again and again', () => {
    const hosts = compileHosts(['*.example.com']);
    const first = hosts.decide('first.example.com');
    const again: HostDecision[] = [];
    for (let i = 0; i < 5000; i++) {
      hosts.decide(`n${i}.example.com`);
      if (i % 100 === 0) again.push(hosts.decide('first.example.com'));
    }
    expect(again.every((decision) => decision === first)).toBe(true);
  });

  it('does not fill with other spellings of one host', () => {
    const hosts = compileHosts(['*.example.com']);
    const first = hosts.decide('first.example.com');
    for (let i = 0; i < 5000; i++) hosts.decide(`N${i}.example.com`);
    expect(hosts.decide('first.example.com')).toBe(first);
  });
});

describe('The host of a request', () => {
  it.each<[string, Sent, string]>([
    ['is that of its Host line', { hosts: ['example.com'] }, 'example.com'],
    ['host-34: is missing without one', { hosts: [] }, 'host_missing'],
    ['is missing where the line is empty', { hosts: [''] }, 'host_missing'],
    ['is refused where there are two lines', { hosts: ['example.com', 'evil.test'] }, 'host_repeated'],
    ['is refused where there are two equal lines', { hosts: ['example.com', 'example.com'] }, 'host_repeated'],
    ['is refused where the second line is empty', { hosts: ['example.com', ''] }, 'host_repeated'],
    ['stands in the line for OPTIONS *', { hosts: ['example.com'], url: '*' }, 'example.com'],
    ['is that of an absolute target', { hosts: ['example.com'], url: 'http://example.com/a' }, 'example.com'],
    ['is read in an absolute target in any case', { hosts: ['example.com'], url: 'HTTP://Example.COM' }, 'example.com'],
    ['has the default port of http', { hosts: ['example.com'], url: 'http://example.com:80?x' }, 'example.com'],
    ['has the default port of https', { hosts: ['example.com:443'], url: 'https://example.com/' }, 'example.com'],
    ['is not another port', { hosts: ['example.com'], url: 'https://example.com:80/' }, 'host_malformed'],
    ['is not another one than the target', { hosts: ['example.com'], url: 'http://evil.test/' }, 'host_malformed'],
    ['is not another one than the line', { hosts: ['evil.test'], url: 'http://example.com/' }, 'host_malformed'],
    ['has no user in the target', { hosts: ['example.com'], url: 'http://u@example.com/' }, 'host_malformed'],
    ['ends where the path begins', { hosts: ['example.com'], url: 'http://evil.test#@example.com/' }, 'host_malformed'],
    ['has no backslash', { hosts: ['example.com'], url: 'http://example.com\\@evil.test/' }, 'host_malformed'],
    ['is not empty in the target', { hosts: ['example.com'], url: 'http:///a' }, 'host_malformed'],
    ['is not that of another scheme', { hosts: ['example.com'], url: 'ftp://example.com/' }, 'target_malformed'],
    ['is not that of a lengthened scheme', { hosts: ['example.com'], url: 'httpx://example.com' }, 'target_malformed'],
    ['is not that of an authority alone', { hosts: ['example.com'], url: 'example.com:443' }, 'target_malformed'],
    ['is not that of no target', { hosts: ['example.com'], url: '' }, 'target_malformed'],
    ['is missing even where the target is absolute', { hosts: [], url: 'http://example.com/' }, 'host_missing'],
    ['is :authority in HTTP/2', { authority: 'example.com', httpVersionMajor: 2 }, 'example.com'],
    ['is Host in HTTP/2 without :authority', { hosts: ['example.com'], httpVersionMajor: 2 }, 'example.com'],
    [
      'is one in HTTP/2, though told twice',
      { hosts: ['EXAMPLE.com'], authority: 'example.com', httpVersionMajor: 2 },
      'example.com',
    ],
    [
      'is not one of two in HTTP/2',
      { hosts: ['evil.test'], authority: 'example.com', httpVersionMajor: 2 },
      'host_malformed',
    ],
    [
      'is not repeated in HTTP/2',
      { hosts: ['example.com', 'evil.test'], authority: 'example.com', httpVersionMajor: 2 },
      'host_repeated',
    ],
    ['is missing in HTTP/2 without both', { httpVersionMajor: 2 }, 'host_missing'],
    ['is no :authority in HTTP/1', { authority: 'example.com' }, 'host_missing'],
  ])('%s', (_behaviour, sent, outcome) => {
    expect(outcomeOf(compileHosts(['example.com']).decideRequest(requestOf(sent), undefined))).toBe(outcome);
  });

  it('is missing where Node gives no target at all', () => {
    const request = { ...requestOf({ hosts: ['example.com'] }), url: undefined };
    expect(outcomeOf(compileHosts(undefined).decideRequest(request, undefined))).toBe('target_malformed');
  });

  it.each<[string, Sent, string, string]>([
    ['is the one the proxy tells', { hosts: ['upstream:3000'] }, 'example.com', 'example.com'],
    ['is not the one of the line', { hosts: ['example.com'] }, 'evil.test', 'host_refused'],
    ['must be well-formed', { hosts: ['example.com'] }, 'example.com, evil.test', 'host_malformed'],
    ['must not be empty', { hosts: ['example.com'] }, '', 'host_malformed'],
    ['needs a line in order all the same', { hosts: ['up stream'] }, 'example.com', 'host_malformed'],
    ['needs one line all the same', { hosts: ['upstream', 'example.com'] }, 'example.com', 'host_repeated'],
    ['needs a line all the same', { hosts: [] }, 'example.com', 'host_missing'],
  ])('behind a trusted proxy %s', (_behaviour, sent, forwardedHost, outcome) => {
    const hosts = compileHosts(['example.com']);
    expect(outcomeOf(hosts.decideRequest(requestOf(sent), forwardedHost))).toBe(outcome);
    expect(outcomeOf(hosts.decideRequest(requestOf(sent), forwardedHost))).toBe(outcome);
  });
});

describe('Whatever bytes a request names its host with', () => {
  const nameTexts = [
    'example.com',
    'EXAMPLE.com.',
    'a.example.org',
    'evil.test',
    '192.0.2.1',
    '[::1]',
    ':80',
    ':443',
    '@',
    '/',
    '.',
    ' ',
    '\0',
    'é',
    '\\',
    '#',
    '?',
    'http://',
    'https://',
    ',',
    '*',
    '%2e',
    '[',
  ];
  const names = fc.constantFrom(...nameTexts);
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(names, { maxLength: 4 }).map((parts) => parts.join('')),
  );
  const request = fc.record({
    hosts: fc.array(text, { maxLength: 2 }),
    url: fc.oneof(fc.constant('/'), text),
    authority: fc.option(text, { nil: undefined }),
    httpVersionMajor: fc.constantFrom(1, 2),
  });

  it('none but those in the list is allowed, and nothing throws', () => {
    const options: HostsOptions = ['example.com', '*.example.org', '[::1]:443'];
    const hosts = compileHosts(options);
    fc.assert(
      fc.property(request, fc.option(text, { nil: undefined }), (sent, forwardedHost) => {
        const decision = hosts.decideRequest(requestOf(sent), forwardedHost);
        if (!decision.allowed) return true;
        const { name, port } = decision.host;
        return (
          name === 'example.com' ||
          name.endsWith('.example.org') ||
          (name === '[::1]' && (port === 443 || port === undefined))
        );
      }),
      { numRuns: 5000 },
    );
  });
});
