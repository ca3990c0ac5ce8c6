import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkProxyOptions } from './proxy.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkProxyOptions(options, 'proxy', problems);
  return problems;
}

describe('the options of the proxy', () => {
  it.each<unknown>([
    { trust: 1 },
    { trust: 32, headers: 'forwarded' },
    { trust: ['10.0.0.1'], headers: 'x-forwarded' },
    { trust: ['loopback', 'linklocal', 'uniquelocal'] },
    { trust: ['10.0.0.0/8', 'fc00::/7', '2400:cb00::/32', '2001:db8::1', '::ffff:10.0.0.0/104', '192.0.2.1/32'] },
    { trust: 1, headers: undefined },
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[unknown, string]>([
    [{}, 'is missing'],
    [{ trust: true }, 'whatever anybody writes'],
    [{ trust: false }, 'must be a number or a list'],
    [{ trust: 0 }, 'no proxy at all'],
    [{ trust: -1 }, 'whole number from 1 to 32'],
    [{ trust: 33 }, 'whole number from 1 to 32'],
    [{ trust: 1.5 }, 'whole number from 1 to 32'],
    [{ trust: Number.NaN }, 'whole number from 1 to 32'],
    [{ trust: '1' }, 'must be a number or a list'],
    [{ trust: '*' }, 'must be a number or a list'],
    [{ trust: null }, 'must be a number or a list'],
    [{ trust: [] }, 'names nobody'],
  ])('that say %j of whom to trust are refused', (options, problem) => {
    expect(problemsOf(options)).toEqual([
      expect.objectContaining({ where: 'proxy.trust', problem: expect.stringContaining(problem) }),
    ]);
  });

  it.each<[unknown, string]>([
    ['*', 'takes in strangers'],
    ['0.0.0.0/0', 'takes in strangers'],
    ['::/0', 'takes in strangers'],
    ['128.0.0.0/1', 'takes in strangers'],
    ['10.0.0.0/7', 'takes in strangers'],
    ['2000::/3', 'takes in strangers'],
    ['2000::/12', 'takes in strangers'],
    ['::ffff:0.0.0.0/96', 'takes in strangers'],
    ['::ffff:0:0/96', 'takes in strangers'],
    ['0.0.0.0', 'takes in strangers'],
    ['::', 'takes in strangers'],
    ['10.1.2.3/8', 'bits set behind its prefix'],
    ['2001:db8::1/64', 'bits set behind its prefix'],
    ['10.0.0.0/33', 'prefix length that is none'],
    ['10.0.0.0/', 'prefix length that is none'],
    ['10.0.0.0/08', 'prefix length that is none'],
    ['10.0.0.0/255.0.0.0', 'prefix length that is none'],
    ['2001:db8::/129', 'prefix length that is none'],
    ['10.0.0.0/8/8', 'is neither an address'],
    ['010.0.0.1', 'is neither an address'],
    ['10.1', 'is neither an address'],
    ['[::1]', 'is neither an address'],
    ['fe80::1%eth0', 'is neither an address'],
    ['proxy.internal', 'is neither an address'],
    ['Loopback', 'is neither an address'],
    ['', 'is neither an address'],
    [' 10.0.0.1', 'is neither an address'],
    [1, 'is neither an address'],
    [null, 'is neither an address'],
  ])('with %j among the trusted are refused, and say where', (entry, problem) => {
    expect(problemsOf({ trust: ['10.0.0.1', entry] })).toEqual([
      expect.objectContaining({ where: 'proxy.trust[1]', problem: expect.stringContaining(problem) }),
    ]);
  });

  it('name fields that are read nowhere else', () => {
    expect(problemsOf({ trust: 1, headers: 'x-real-ip' })).toEqual([
      expect.objectContaining({ where: 'proxy.headers' }),
    ]);
  });

  it('name the nearest option for one that is not known', () => {
    expect(problemsOf({ trust: 1, header: 'forwarded' })).toEqual([
      { where: 'proxy.header', problem: 'is not an option', fix: 'Did you mean "headers"?' },
    ]);
  });

  it.each([true, 1, 'loopback', null])('must be an object, not %j', (options) => {
    expect(problemsOf(options)).toHaveLength(1);
  });
});
