import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { hostText, type ParsedHost, parseHost } from './parsed-host.js';

describe('A host', () => {
  it.each<[string, string, number | undefined, ParsedHost['kind']]>([
    ['example.com', 'example.com', undefined, 'name'],
    ['EXAMPLE.com:8443', 'example.com', 8443, 'name'],
    ['example.com.', 'example.com', undefined, 'name'],
    ['example.com.:80', 'example.com', 80, 'name'],
    ['a', 'a', undefined, 'name'],
    ['my_service-1:65535', 'my_service-1', 65_535, 'name'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example', undefined, 'name'],
    ['3com.com', '3com.com', undefined, 'name'],
    ['0xcafe.example', '0xcafe.example', undefined, 'name'],
    ['192.0.2.1', '192.0.2.1', undefined, 'address'],
    ['192.0.2.1:443', '192.0.2.1', 443, 'address'],
    ['[2001:DB8:0:0::1]', '[2001:db8::1]', undefined, 'address'],
    ['[2001:db8::1]:8080', '[2001:db8::1]', 8080, 'address'],
    ['localhost', 'localhost', undefined, 'loopback'],
    ['LocalHost.:3000', 'localhost', 3000, 'loopback'],
    ['app.localhost', 'app.localhost', undefined, 'loopback'],
    ['notlocalhost', 'notlocalhost', undefined, 'name'],
    ['localhost.example', 'localhost.example', undefined, 'name'],
    ['127.0.0.1', '127.0.0.1', undefined, 'loopback'],
    ['127.255.1.1:1', '127.255.1.1', 1, 'loopback'],
    ['[::1]:5050', '[::1]', 5050, 'loopback'],
    ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', undefined, 'loopback'],
    ['[::ffff:192.0.2.1]', '[::ffff:c000:201]', undefined, 'address'],
  ])('%j is %j, port %p, and %s', (value, name, port, kind) => {
    expect(parseHost(value)).toEqual({ name, port, kind });
  });

  it.each([
    '',
    ' ',
    '.',
    '..',
    ':',
    ':80',
    ';:80',
    '.example.com',
    'example..com',
    'example.com..',
    'example.com:',
    'example.com:0',
    'example.com:080',
    'example.com:65536',
    'example.com:123456',
    'example.com:-1',
    'example.com:+1',
    'example.com:8O',
    'example.com: 80',
    'example.com:80:80',
    'example.com:80 ',
    ' example.com',
    'example.com\t',
    'example.com\0',
    'example.com\r\nX: y',
    'user@example.com',
    'example.com:dr.frankenstein@evil.tld',
    'example.com/',
    'example.com\\',
    'example.com?x',
    'example.com#x',
    'example.com,evil.test',
    'http://example.com',
    '*',
    '*.example.com',
    'ex%61mple.com',
    'bücher.example',
    'example。com',
    '127.1',
    '0x7f.0.0.1',
    '0x7f000001',
    '2130706433',
    '010.0.0.1',
    '1.2.3.256',
    '1.2.3.4.5',
    'example.1',
    'example.0x',
    '::1',
    '2001:db8::1',
    '[::1',
    '[]',
    '[',
    '[::1]x',
    '[::1]:',
    '[::1]:0',
    '[::1]]',
    '[[::1]]',
    '[::1%eth0]',
    '[::1%25eth0]',
    '[192.0.2.1]',
    '[v1.x]',
    '[example.com]',
    '[::192.0.2.1]',
    `${'a'.repeat(64)}.com`,
    `${'a.'.repeat(128)}`,
  ])('%j is none', (value) => {
    expect(parseHost(value)).toBeUndefined();
  });

  const pieceTexts = [
    'a',
    'B',
    '1',
    '.',
    ':',
    '80',
    '[',
    ']',
    '::',
    '@',
    '/',
    '%',
    '-',
    '_',
    ' ',
    '\0',
    'é',
    '*',
    '0x',
    'localhost',
  ];
  const pieces = fc.constantFrom(...pieceTexts);
  const values = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(pieces).map((parts) => parts.join('')),
    fc.domain(),
    fc.ipV4Extended(),
    fc.webAuthority({ withIPv4: true, withIPv6: true, withPort: true, withUserInfo: true }),
  );

  it('that is accepted is the one that a browser understands, whatever bytes it came as', () => {
    fc.assert(
      fc.property(values, (value) => {
        const host = parseHost(value);
        return host === undefined || new URL(`http://${value}/`).hostname.replace(/\.$/, '') === host.name;
      }),
      { numRuns: 5000 },
    );
  });

  it('means the same when it is written again', () => {
    fc.assert(
      fc.property(values, (value) => {
        const host = parseHost(value);
        if (host !== undefined) expect(parseHost(hostText(host))).toEqual(host);
      }),
      { numRuns: 2000 },
    );
  });
});
