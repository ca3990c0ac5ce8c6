import { describe, expect, it } from '@jest/globals';
import { ApplicationFunctionError } from '../../core/application-functions.js';
import type { BanContext } from './bans.options.js';
import { compileCondition, compileList, isCrossSite } from './bans.policy.js';

function request(url: string, headers: Record<string, string> = {}, method = 'GET'): BanContext['request'] {
  return { method, url, headers };
}

const from = (address: string | undefined): BanContext => ({ address, request: request('/'), path: '/' });

describe('A list', () => {
  it('is nobody where it is left out or empty', () => {
    expect(compileList(undefined, 'bans.safelist')(from('192.0.2.1'))).toBe(false);
    expect(compileList([], 'bans.safelist')(from('192.0.2.1'))).toBe(false);
  });

  it('has whoever is in one of its ranges, and nobody without an address', () => {
    const list = compileList(['192.0.2.0/24', 'loopback', '2001:db8::/32'], 'bans.safelist');
    expect(['192.0.2.77', '127.0.0.1', '::1', '2001:db8:1::1'].map((address) => list(from(address)))).toEqual(
      Array(4).fill(true),
    );
    expect(['192.0.3.1', '2001:db9::1', 'unknown', undefined].map((address) => list(from(address)))).toEqual(
      Array(4).fill(false),
    );
  });

  it('is what a function says', () => {
    expect(compileList(({ address }) => address === '192.0.2.1', 'bans.safelist')(from('192.0.2.1'))).toBe(true);
  });
});

describe('A condition', () => {
  it.each([
    [true, true],
    [false, false],
    [undefined, false],
  ])('answers %j: %j', (answer, expected) => {
    expect(compileCondition(() => answer, 'a rule')(from('192.0.2.1'))).toBe(expected);
  });

  it.each([Promise.resolve(false), 'no', 0, null, {}])('that answers neither yes nor no has failed', (answer) => {
    expect(() => compileCondition((() => answer) as never, 'a rule')(from('192.0.2.1'))).toThrow(
      ApplicationFunctionError,
    );
  });
});

describe('What another site had a browser send', () => {
  it.each([
    ['is no request of another program', {}, 'GET', false],
    ['is none of a page of the application', { 'sec-fetch-site': 'same-origin' }, 'POST', false],
    ['is none of the address bar', { 'sec-fetch-site': 'none' }, 'GET', false],
    ['is an image on the page of somebody else', { 'sec-fetch-site': 'cross-site' }, 'GET', true],
    ['is a form on the page of somebody else', { 'sec-fetch-site': 'cross-site' }, 'POST', true],
    ['is an image on a page of a neighbour', { 'sec-fetch-site': 'same-site' }, 'HEAD', true],
    ['is a preflight', { origin: 'https://evil.example', 'access-control-request-method': 'PUT' }, 'OPTIONS', true],
    ['is no other OPTIONS', {}, 'OPTIONS', false],
  ])('%s: %j %s', (_, headers, method, expected) => {
    expect(isCrossSite(request('/', headers, method))).toBe(expected);
  });
});
