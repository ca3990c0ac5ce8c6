import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { isIPv4 } from 'node:net';
import { compileRanges, rangeProblem, rangesOf } from './address-ranges.js';

describe('Ranges of addresses', () => {
  it('mean the ranges behind the names, and IPv4 where it is mapped into IPv6', () => {
    const ranges = rangesOf(['loopback', '::ffff:10.0.0.0/104', '2001:db8::1']);
    expect(ranges.map(([address, prefix]) => `${address.toString()}/${prefix}`)).toEqual([
      '127.0.0.0/8',
      '::1/128',
      '10.0.0.0/8',
      '2001:db8::1/128',
    ]);
  });

  it.each<[string, string, boolean]>([
    ['10.0.0.0/8', '10.255.255.255', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['192.0.2.1', '192.0.2.2', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['::/0', '203.0.113.9', false],
    ['128.0.0.0/1', '200.0.0.1', true],
    ['128.0.0.0/1', '127.0.0.1', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::ffff:192.0.2.0/120', '192.0.2.77', true],
    ['loopback', '::1', true],
    ['10.0.0.0/8', 'unknown', false],
    ['10.0.0.0/8', '', false],
  ])('%s has %s: %s', (range, address, expected) => {
    expect(compileRanges(['203.0.113.250', range])(address)).toBe(expected);
  });

  it('take what Node takes for an IPv4 address, and nothing else', () => {
    const isAnything = compileRanges(['0.0.0.0/0']);
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.stringMatching(/^[0-9.]{0,16}$/), fc.string()), (text) => {
        expect(isAnything(text)).toBe(isIPv4(text));
      }),
    );
    for (const text of ['1.2.3.04', '256.1.1.1', '1.2.3', '1.2.3.4.', '.1.2.3', '1..2.3', '1.2.3.4.5']) {
      expect(isAnything(text)).toBe(false);
    }
  });

  it('have the addresses that ipaddr.js finds in them', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), (network, address, prefix) => {
        const first = ipaddr.IPv4.networkAddressFromCIDR(`${network}/${prefix}`);
        const expected = ipaddr.IPv4.parse(address).match([first, prefix]);
        expect(compileRanges([`${first.toString()}/${prefix}`])(address)).toBe(expected);
      }),
    );
  });

  it.each<[unknown, string | undefined]>([
    ['0.0.0.0/0', undefined],
    ['::/0', undefined],
    ['2001:db8::/32', undefined],
    ['uniquelocal', undefined],
    ['10.1.2.3/8', 'bits set behind its prefix'],
    ['::ffff:0:0/90', 'bits set behind its prefix'],
    ['10.0.0.0/33', 'prefix length that is none'],
    ['*', 'is neither an address'],
    ['example.com', 'is neither an address'],
    [7, 'is neither an address'],
  ])('are checked: %j', (entry, problem) => {
    const found = rangeProblem(entry)?.problem;
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(problem);
  });
});
