import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isIP } from 'node:net';
import { addressOfEntry, peerAddress } from './ip-address.js';

describe('the address of a peer', () => {
  it.each<[string | undefined, string | undefined]>([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::1', '::1'],
    ['fe80::1%eth0', 'fe80::1'],
    [undefined, undefined],
  ])('%j is known as %j', (remote, address) => {
    expect(peerAddress(remote)).toBe(address);
  });
});

describe('the address in an entry of a proxy', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:80', '192.0.2.1'],
    ['192.0.2.1:_hidden', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['[::ffff:192.0.2.1]:80', '192.0.2.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:1', 'fe80::1'],
  ])('%j is %j', (entry, address) => {
    expect(addressOfEntry(entry)).toBe(address);
  });

  it.each([
    '',
    'unknown',
    '_hidden',
    'localhost',
    'example.com:80',
    '127.1',
    '0x7f000001',
    '2130706433',
    '010.0.0.1',
    '192.0.2.256',
    '192.0.2.1.23456',
    '192.0.2.1:',
    '192.0.2.1:http',
    '192.0.2.1:123456',
    '[192.0.2.1]',
    '[2001:db8::1',
    '[2001:db8::1]80',
    '[2001:db8::1]:',
    '[2001:db8::1] :80',
    '2001:db8::1]:80',
    '[]',
    '[',
    ':',
    '::1::1',
    '1.1.1.1 2.2.2.2',
    ' 192.0.2.1',
    '192.0.2.1\0',
    '１９２.0.2.1',
    // Not 10.0.0.1: an IPv4-compatible address is another one (RFC 4291, section 2.5.5.1).
    '::10.0.0.1',
    `${'0'.repeat(100)}`,
    `::1%${'x'.repeat(100)}`,
  ])('%j is none', (entry) => {
    expect(addressOfEntry(entry)).toBeUndefined();
  });

  it('is never anything but an address, whatever stands there', () => {
    const pieces = fc.constantFrom(
      '1',
      '255',
      '.',
      ':',
      '::',
      '[',
      ']',
      '%',
      'ffff',
      '127.0.0.1',
      '_',
      ' ',
      'a',
      '::1',
    );
    const entries = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(entries, (entry) => {
        const address = addressOfEntry(entry);
        return address === undefined || (isIP(address) !== 0 && !address.includes('%'));
      }),
      { numRuns: 2000 },
    );
  });

  it('has one form, that of URLs, however it is written', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.boolean(), (text, isBracketed) => {
        const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
        const address = addressOfEntry(isBracketed ? `[${text.toUpperCase()}]:8080` : text.toUpperCase());
        if (address === undefined) return text.includes('.') && !/ffff:/i.test(text);
        return address === canonical || new URL(`http://[::ffff:${address}]/`).hostname === `[${canonical}]`;
      }),
      { numRuns: 2000 },
    );
  });
});
