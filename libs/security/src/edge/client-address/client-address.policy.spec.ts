import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import type { EdgeRequest } from '../edge.request.js';
import { type ClientOrigin, compileClientOrigin } from './client-address.policy.js';
import type { ProxyOptions } from './proxy.options.js';

interface Sent {
  readonly peer?: string | undefined;
  readonly encrypted?: boolean;
  readonly headers?: IncomingHttpHeaders;
}

function requestOf({ peer, encrypted, headers = {} }: Sent): EdgeRequest {
  return { httpVersionMajor: 1, url: '/', headers, rawHeaders: [], socket: { remoteAddress: peer, encrypted } };
}

function originOf(options: ProxyOptions | undefined, sent: Sent): ClientOrigin {
  return compileClientOrigin(options)(requestOf({ peer: '10.0.0.1', ...sent }));
}

function xForwardedFor(list: string): Sent {
  return { headers: { 'x-forwarded-for': list } };
}

describe('Without a trusted proxy, where a request comes from', () => {
  it('is the peer of the socket, whatever the header fields say', () => {
    const headers = {
      'x-forwarded-for': '203.0.113.99',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.test',
      forwarded: 'for=203.0.113.99;proto=https;host=evil.test',
      'x-real-ip': '203.0.113.99',
    };
    expect(originOf(undefined, { headers })).toEqual({ address: '10.0.0.1', secure: false, forwardedHost: undefined });
  });

  it('is one address, whether IPv4 came mapped into IPv6 or not', () => {
    expect(originOf(undefined, { peer: '::ffff:192.0.2.1' }).address).toBe('192.0.2.1');
    expect(originOf(undefined, { peer: undefined }).address).toBeUndefined();
  });

  it('is secure by TLS on the socket alone', () => {
    expect(originOf(undefined, { encrypted: true }).secure).toBe(true);
    expect(originOf(undefined, { headers: { 'x-forwarded-proto': 'https' } }).secure).toBe(false);
  });
});

describe('The address of the client behind proxies', () => {
  it.each<[string, ProxyOptions['trust'], string | undefined, string, string]>([
    ['ip-02: is the right-most entry behind one proxy', 1, '10.0.0.1', '12.112.112.12, 11.111.111.11', '11.111.111.11'],
    [
      'ip-04: is the last good one before garbage',
      10,
      '10.0.0.1',
      '13.113.113.13, 12.112.112.12.23456, 11.111.111.11',
      '11.111.111.11',
    ],
    ['ip-05: is the peer where that is no trusted proxy', ['20.0.0.1'], '10.0.0.1', '11.111.111.11', '10.0.0.1'],
    [
      'ip-06: is the first that is no trusted proxy',
      ['10.0.0.1', '11.111.111.11'],
      '10.0.0.1',
      '12.112.112.12, 11.111.111.11',
      '12.112.112.12',
    ],
    ['ip-07: is the peer where only loopback is trusted', ['loopback'], '11.111.111.11', '10.0.0.1', '11.111.111.11'],
    ['is what loopback tells, mapped or not', ['loopback'], '::ffff:127.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['is what link-local tells, with its zone', ['linklocal'], 'fe80::1%eth0', '192.0.2.1', '192.0.2.1'],
    ['is what a unique local address tells', ['uniquelocal'], 'fd00::5', '192.0.2.1', '192.0.2.1'],
    ['is what a private address tells', ['uniquelocal'], '172.31.255.255', '192.0.2.1', '192.0.2.1'],
    ['is the peer one beyond the range', ['172.16.0.0/12'], '172.32.0.0', '192.0.2.1', '172.32.0.0'],
    ['is the peer one before the range', ['172.16.0.0/12'], '172.15.255.255', '192.0.2.1', '172.15.255.255'],
    ['is told by the high half of IPv4 too', ['224.0.0.0/8'], '224.1.2.3', '192.0.2.1', '192.0.2.1'],
    ['is told by a range of IPv6', ['2001:db8::/32'], '2001:db8:ffff::1', '192.0.2.1', '192.0.2.1'],
    ['is told through a range written as mapped', ['::ffff:10.0.0.0/104'], '10.9.9.9', '192.0.2.1', '192.0.2.1'],
    ['is not told by an IPv4-compatible address', ['10.0.0.1'], '::10.0.0.1', '192.0.2.1', '::10.0.0.1'],
    ['is the left-most where all are trusted', ['loopback'], '127.0.0.1', '127.0.0.3, 127.0.0.2', '127.0.0.3'],
    ['is the left-most of a list shorter than the hops', 3, '10.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['is the second behind two', 2, '10.0.0.1', '192.0.2.9, 192.0.2.1, 10.0.0.2', '192.0.2.1'],
    ['is canonical', 1, '10.0.0.1', '[2001:DB8:0::1]:443', '2001:db8::1'],
    ['is told with blanks around it', 1, '10.0.0.1', '192.0.2.9 ,\t192.0.2.1 ', '192.0.2.1'],
    ['is the proxy where that hides it', 1, '10.0.0.1', '192.0.2.1, unknown', '10.0.0.1'],
    ['is the proxy where the entry is empty', 1, '10.0.0.1', '192.0.2.1, ', '10.0.0.1'],
    ['is the proxy where the list is empty', 1, '10.0.0.1', '', '10.0.0.1'],
    ['is the proxy where the list is a comma', 5, '10.0.0.1', ',', '10.0.0.1'],
    ['is no octal number', 1, '10.0.0.1', '010.0.0.5', '10.0.0.1'],
    ['is told over a Unix socket, by number', 1, undefined, '192.0.2.1', '192.0.2.1'],
  ])('%s', (_behaviour, trust, peer, list, address) => {
    expect(originOf({ trust }, { ...xForwardedFor(list), peer }).address).toBe(address);
  });

  it('is nobody over a Unix socket, where addresses are trusted (fails closed)', () => {
    const sent = { ...xForwardedFor('192.0.2.1'), peer: undefined };
    expect(originOf({ trust: ['loopback'] }, sent).address).toBeUndefined();
  });

  it('is the proxy where no field tells it', () => {
    expect(originOf({ trust: 1 }, {}).address).toBe('10.0.0.1');
  });

  it('is the proxy where the field is not what Node would give', () => {
    const headers = { 'x-forwarded-for': ['192.0.2.1'] };
    expect(originOf({ trust: 1 }, { headers }).address).toBe('10.0.0.1');
  });

  it('is looked for in 64 entries at most', () => {
    const list = Array.from({ length: 200 }, (_, index) => `127.0.0.${index}`).join(', ');
    expect(originOf({ trust: ['loopback'] }, { ...xForwardedFor(list), peer: '127.0.0.1' }).address).toBe(
      '127.0.0.136',
    );
  });

  it('is not looked for in an entry without end', () => {
    const list = `192.0.2.1${' '.repeat(600)}`;
    expect(originOf({ trust: 1 }, xForwardedFor(list)).address).toBe('10.0.0.1');
  });

  it('is asked anew for each stranger, and the same again for each proxy', () => {
    const read = compileClientOrigin({ trust: ['10.0.0.0/8'] });
    for (const round of [1, 2, 3]) {
      const list = `192.0.2.${round}`;
      expect(read(requestOf({ ...xForwardedFor(list), peer: '10.1.1.1' })).address).toBe(list);
      expect(read(requestOf({ ...xForwardedFor(list), peer: '203.0.113.1' })).address).toBe('203.0.113.1');
    }
  });

  it('is still told when more proxies were seen than are remembered', () => {
    const read = compileClientOrigin({ trust: ['10.0.0.0/8'] });
    for (let i = 0; i < 600; i++) {
      const peer = `10.0.${i >> 8}.${i & 255}`;
      expect(read(requestOf({ ...xForwardedFor('192.0.2.1'), peer })).address).toBe('192.0.2.1');
    }
  });
});

describe('Scheme and host behind a trusted proxy', () => {
  it.each<[string, number, IncomingHttpHeaders, boolean, boolean]>([
    ['https-18: TLS that ended at the proxy is TLS', 1, { 'x-forwarded-proto': 'https' }, false, true],
    ['the word is read in any case', 1, { 'x-forwarded-proto': ' HTTPS ' }, false, true],
    ['plain HTTP to the proxy is none, though the proxy came by TLS', 1, { 'x-forwarded-proto': 'http' }, true, false],
    ['the socket tells where the proxy is silent', 1, {}, true, true],
    ['silence without TLS is no TLS', 1, {}, false, false],
    ['an unknown scheme is no TLS', 1, { 'x-forwarded-proto': 'wss' }, true, false],
    ['an empty one is no TLS', 1, { 'x-forwarded-proto': '' }, true, false],
    ['a list of one is not', 1, { 'x-forwarded-proto': 'https/1.1' }, false, false],
    ['the client cannot put it to the left', 1, { 'x-forwarded-proto': 'https, http' }, false, false],
    ['a trailing comma is no TLS', 1, { 'x-forwarded-proto': 'https,' }, false, false],
    ['a non-ASCII blank is no blank', 1, { 'x-forwarded-proto': '\u00a0https' }, false, false],
    [
      'it is that of the hop of the address',
      2,
      { 'x-forwarded-for': '192.0.2.1, 10.0.0.2', 'x-forwarded-proto': 'https, http' },
      false,
      true,
    ],
    [
      'the client cannot put it beyond the hops',
      2,
      { 'x-forwarded-for': '1.1.1.1, 192.0.2.1, 10.0.0.2', 'x-forwarded-proto': 'https, http, https' },
      false,
      false,
    ],
    [
      'it is the left-most of a shorter list',
      2,
      { 'x-forwarded-for': '192.0.2.1, 10.0.0.2', 'x-forwarded-proto': 'https' },
      false,
      true,
    ],
    ['the other family says nothing', 1, { forwarded: 'for=1.1.1.1;proto=https' }, false, false],
  ])('%s', (_behaviour, trust, headers, encrypted, secure) => {
    expect(originOf({ trust }, { headers, encrypted }).secure).toBe(secure);
  });

  it.each<[string, number, IncomingHttpHeaders, string | undefined]>([
    ['is what the proxy tells', 1, { 'x-forwarded-host': 'example.com' }, 'example.com'],
    ['is not what stands left of it', 1, { 'x-forwarded-host': 'evil.test, example.com' }, 'example.com'],
    ['is not told where no field is', 1, {}, undefined],
    ['is empty where it tells nothing', 1, { 'x-forwarded-host': 'example.com,' }, ''],
    [
      'is that of the hop of the address',
      2,
      { 'x-forwarded-for': '192.0.2.1, 10.0.0.2', 'x-forwarded-host': 'evil.test, example.com, inner.internal' },
      'example.com',
    ],
  ])('the host %s', (_behaviour, trust, headers, host) => {
    expect(originOf({ trust }, { headers }).forwardedHost).toBe(host);
  });

  it('are no TLS and no host where a field is not what Node would give', () => {
    const headers = { 'x-forwarded-proto': ['https'], 'x-forwarded-host': ['example.com'] };
    expect(originOf({ trust: 1 }, { headers, encrypted: true })).toMatchObject({ secure: false, forwardedHost: '' });
  });

  it('are not told by a peer that is not trusted: a spoofed X-Forwarded-Proto changes nothing', () => {
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.test' };
    expect(originOf({ trust: ['loopback'] }, { headers })).toEqual({
      address: '10.0.0.1',
      secure: false,
      forwardedHost: undefined,
    });
  });
});

describe('Where a request comes from by Forwarded (RFC 7239)', () => {
  it.each<[string, number, string, Partial<ClientOrigin>]>([
    [
      'is what the nearest proxy tells',
      1,
      'for=192.0.2.60;proto=https;by=203.0.113.43;host="example.com:8443"',
      { address: '192.0.2.60', secure: true, forwardedHost: 'example.com:8443' },
    ],
    [
      'is an IPv6 address in quotes and brackets',
      1,
      'For="[2001:DB8:cafe::17]:4711"',
      { address: '2001:db8:cafe::17' },
    ],
    [
      'is not what the client put to the left',
      1,
      'for=1.1.1.1;proto=https, for=192.0.2.1;proto=http',
      {
        address: '192.0.2.1',
        secure: false,
      },
    ],
    [
      'is the second behind two',
      2,
      'for=1.1.1.1,for=192.0.2.1;proto=https,for=10.0.0.2;proto=http',
      {
        address: '192.0.2.1',
        secure: true,
      },
    ],
    [
      'goes by the next proxy where the first does not tell the scheme',
      2,
      'for=192.0.2.1,for=10.0.0.2;proto=https',
      {
        address: '192.0.2.1',
        secure: true,
      },
    ],
    ['is not hidden by garbage on the left', 1, 'for=",;;=, for=192.0.2.1', { address: '192.0.2.1' }],
    [
      'is not hidden by an open quote on the left',
      1,
      'for="x, for="[2001:db8::1]";proto=https',
      {
        address: '2001:db8::1',
        secure: true,
      },
    ],
    ['is not hidden by an escape on the left', 1, 'for="\\", for=192.0.2.1', { address: '192.0.2.1' }],
    [
      'is the last good one before garbage',
      3,
      'for=1.1.1.1, nonsense, for=192.0.2.1;proto=https',
      {
        address: '192.0.2.1',
        secure: true,
      },
    ],
    [
      'is the last good one before a hidden one',
      3,
      'for=1.1.1.1, for=_hidden;proto=https, for=192.0.2.1;proto=http',
      {
        address: '192.0.2.1',
        secure: false,
      },
    ],
    [
      'is the proxy where that hides the client; its scheme counts',
      1,
      'for=unknown;proto=https;host=example.com',
      {
        address: '10.0.0.1',
        secure: true,
        forwardedHost: 'example.com',
      },
    ],
    ['is the proxy where that tells the scheme alone', 1, 'proto=https', { address: '10.0.0.1', secure: true }],
    ['reads a comma and a semicolon in quotes as text', 1, 'by="a,b;c";for=192.0.2.1', { address: '192.0.2.1' }],
  ])('%s', (_behaviour, trust, forwarded, origin) => {
    expect(originOf({ trust, headers: 'forwarded' }, { headers: { forwarded } })).toMatchObject(origin);
  });

  it.each([
    '',
    ' ',
    ',',
    'for',
    'for=',
    'for=1.1.1.1;',
    'for=1.1.1.1;for=2.2.2.2',
    'for=1.1.1.1;FOR=2.2.2.2',
    'for=1.1.1.1;proto=http;proto=https',
    'for=1.1.1.1;__proto__=https',
    'for="1.1.1.1',
    'for=1.1.1.1"',
    'for="1.1.1.1\\"',
    'for=1.1.1.1, ',
    'for="1.1.1.\\1"',
    'by="\\",for=1.1.1.1;proto=https"',
    'for=1.1.1.1\0',
    `for=${'1'.repeat(600)}`,
  ])('is the proxy, without TLS and without host, where the nearest element is malformed: %j', (forwarded) => {
    expect(originOf({ trust: 1, headers: 'forwarded' }, { headers: { forwarded }, encrypted: true })).toEqual({
      address: '10.0.0.1',
      secure: false,
      forwardedHost: '',
    });
  });

  it('is looked for in 64 elements at most', () => {
    const forwarded = Array.from({ length: 200 }, (_, index) => `for=127.0.0.${index}`).join(', ');
    const sent = { peer: '127.0.0.1', headers: { forwarded } };
    expect(originOf({ trust: ['loopback'], headers: 'forwarded' }, sent).address).toBe('127.0.0.136');
  });

  it('is not told by the other family', () => {
    const headers = { 'x-forwarded-for': '1.1.1.1', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.test' };
    expect(originOf({ trust: 1, headers: 'forwarded' }, { headers })).toEqual({
      address: '10.0.0.1',
      secure: false,
      forwardedHost: undefined,
    });
  });
});

describe('Whatever stands in the header fields', () => {
  const pieceTexts = [
    'for=',
    'proto=https',
    'host=a',
    ';',
    ',',
    ', ',
    '"',
    '\\',
    '=',
    ' ',
    '192.0.2.1',
    '[::1]:80',
    'unknown',
    '_x',
    'https',
    'http',
    '127.0.0.1',
    '::ffff:1.2.3.4',
    '%',
    '\t',
    '\0',
    'é',
    '__proto__',
  ];
  const pieces = fc.constantFrom(...pieceTexts);
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((parts) => parts.join('')),
  );
  const headers = fc.record(
    { 'x-forwarded-for': text, 'x-forwarded-proto': text, 'x-forwarded-host': text, forwarded: text },
    { requiredKeys: [] },
  );
  const options = fc.record({
    trust: fc.oneof(fc.integer({ min: 1, max: 32 }), fc.constant(['loopback', '10.0.0.0/8'])),
    headers: fc.constantFrom('x-forwarded' as const, 'forwarded' as const),
  });

  it('the answer is an address, and nothing throws', () => {
    fc.assert(
      fc.property(options, headers, (proxy, fields) => {
        const { address } = originOf(proxy, { headers: fields });
        return address !== undefined && isIP(address) !== 0;
      }),
      { numRuns: 2000 },
    );
  });

  it('a client changes nothing from the left of what its proxy adds', () => {
    const added = {
      'x-forwarded-for': '192.0.2.7',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'example.com',
      forwarded: 'for=192.0.2.7;proto=http;host=example.com',
    };
    fc.assert(
      fc.property(options, text, (proxy, spoofed) => {
        const fields = Object.fromEntries(Object.entries(added).map(([name, value]) => [name, `${spoofed}, ${value}`]));
        const origin = originOf({ ...proxy, trust: ['10.0.0.1'] }, { headers: fields });
        expect(origin).toEqual({ address: '192.0.2.7', secure: false, forwardedHost: 'example.com' });
      }),
      { numRuns: 2000 },
    );
  });
});
