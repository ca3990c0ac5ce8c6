import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createPrincipal, ANONYMOUS, type Principal, type PrincipalInit } from '../core/principal.js';
import { compileAddress, compilePartition } from './partition.js';
import type { RateLimitContext } from './rate-limiting.options.js';

const addressOf = compileAddress(64);

function from(address: string | undefined, principal?: Principal): RateLimitContext {
  return { request: { headers: {} }, address, principal, body: {} };
}

function caller(init: PrincipalInit, scheme = 'jwt'): RateLimitContext {
  return from('192.0.2.1', createPrincipal(init, scheme));
}

describe('a client counted by address', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:db8:0:0:ffff::2', '2001:db8::/64'],
    ['2001:db8:0:1::1', '2001:db8:0:1::/64'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['::1', '::/64'],
    ['nonsense:', 'unknown'],
    [undefined, 'unknown'],
  ])('%s is %s', (address, partition) => {
    expect(addressOf(from(address))).toBe(partition);
    // Remembered, it is the same.
    expect(addressOf(from(address))).toBe(partition);
  });

  it('is told apart by as many bits as are asked for', () => {
    const by56 = compileAddress(56);
    expect(by56(from('2001:db8:1:5600::1'))).toBe(by56(from('2001:db8:1:56ff::2')));
    expect(by56(from('2001:db8:1:5700::1'))).not.toBe(by56(from('2001:db8:1:56ff::2')));
    expect(compileAddress(128)(from('2001:db8::1'))).toBe('2001:db8::1/128');
  });

  it('is one however many addresses of the subnet there are, and memory stays bounded', () => {
    const partitions = new Set<string>();
    for (let i = 0; i < 10_000; i++) partitions.add(addressOf(from(`2001:db8::${i.toString(16)}`)));
    expect([...partitions]).toEqual(['2001:db8::/64']);
  });
});

describe('a client counted by who it is', () => {
  it('is the same principal from every address', () => {
    const byUser = compilePartition('user', addressOf);
    const alice = createPrincipal({ id: 'alice', issuer: 'https://a' }, 'jwt');
    expect(byUser(from('192.0.2.1', alice))).toBe(byUser(from('192.0.2.2', alice)));
  });

  it('is another one under another issuer', () => {
    const byUser = compilePartition('user', addressOf);
    expect(byUser(caller({ id: 'alice', issuer: 'a' }))).not.toBe(byUser(caller({ id: 'alice', issuer: 'b' })));
    expect(byUser(caller({ id: 'b|c', issuer: 'a' }))).not.toBe(byUser(caller({ id: 'c', issuer: 'a|b' })));
    expect(byUser(caller({ id: 'alice' }))).not.toBe(byUser(caller({ id: 'alice', issuer: '' })));
  });

  it.each(['user', 'tenant', 'api-key'] as const)('is counted by address while nobody is known (%s)', (by) => {
    const partition = compilePartition(by, addressOf);
    expect(partition(from('192.0.2.1'))).toBe('192.0.2.1');
    expect(partition(from('192.0.2.1', ANONYMOUS))).toBe('192.0.2.1');
  });

  it('is its tenant, or itself where it has none', () => {
    const byTenant = compilePartition('tenant', addressOf);
    expect(byTenant(caller({ id: 'alice', tenant: 'acme' }))).toBe(byTenant(caller({ id: 'bob', tenant: 'acme' })));
    expect(byTenant(caller({ id: 'alice' }))).not.toBe(byTenant(caller({ id: 'bob' })));
    expect(byTenant(caller({ id: 'acme' }))).not.toBe(byTenant(caller({ id: 'bob', tenant: 'acme' })));
  });

  it('is its key, or itself where it has none', () => {
    const byKey = compilePartition('api-key', addressOf);
    const first = caller({ id: 'alice', tokenId: 'k1' }, 'api-key');
    const second = caller({ id: 'alice', tokenId: 'k2' }, 'api-key');
    expect(byKey(first)).not.toBe(byKey(second));
    expect(byKey(caller({ id: 'alice' }))).toBe(compilePartition('user', addressOf)(caller({ id: 'alice' })));
  });

  it('is what a function says, and its address where it says nothing', () => {
    const keyed = compilePartition(({ request }) => request.body as string | undefined, addressOf);
    const sent = (body: unknown): RateLimitContext => ({ ...from('192.0.2.1'), request: { headers: {}, body } });
    expect(keyed(sent('alice'))).not.toBe(keyed(sent('bob')));
    for (const nothing of [undefined, '', '  ', null]) expect(keyed(sent(nothing))).toBe('192.0.2.1');
    expect(keyed(sent(7))).toBe(keyed(sent('7')));
  });

  it('is nobody where a function answers with neither text nor a number', () => {
    const keyed = compilePartition(({ request }) => request.body, addressOf);
    const sent = (body: unknown): RateLimitContext => ({ ...from('192.0.2.1'), request: { headers: {}, body } });
    for (const odd of [
      ['alice'],
      [],
      { a: 1 },
      {},
      true,
      false,
      Number.NaN,
      Infinity,
      Symbol('alice'),
      () => 'alice',
    ]) {
      expect(keyed(sent(odd))).toBeUndefined();
    }
  });

  it('is one by a key in all its spellings, unless keys are compared exactly, and never a principal', () => {
    const sent = (body: unknown): RateLimitContext => ({ ...from('192.0.2.1'), request: { headers: {}, body } });
    const keyed = compilePartition(({ request }) => request.body, addressOf);
    const exact = compilePartition(({ request }) => request.body, addressOf, false);
    const ids = compilePartition('user', addressOf);
    expect(keyed(sent('Bob@x.org'))).toBe(keyed(sent(' bob@x.org ')));
    expect(exact(sent('Bob@x.org'))).not.toBe(exact(sent('bob@x.org')));
    expect(ids(caller({ id: 'Bob' }))).not.toBe(ids(caller({ id: 'bob' })));
  });

  it('is another one by every other key, however long and odd', () => {
    const keyed = compilePartition(({ request }) => request.body, addressOf, false);
    const sent = (body: unknown): RateLimitContext => ({ ...from('192.0.2.1'), request: { headers: {}, body } });
    const long = 'x'.repeat(300);
    const keys = [
      '__proto__',
      'constructor',
      'toString',
      'a',
      'A',
      'a\0',
      `${long}\ud800`,
      `${long}\ud801`,
      `${long}?`,
      long,
    ];
    expect(new Set(keys.map((key) => keyed(sent(key)))).size).toBe(keys.length);
  });

  it('never passes for somebody counted by address, and has a name of bounded length', () => {
    const byUser = compilePartition('user', addressOf);
    const keyed = compilePartition(({ request }) => request.body as string, addressOf);
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ minLength: 1, maxLength: 2000 })), (id) => {
        const user = byUser(caller({ id }));
        const key = keyed({ request: { headers: {}, body: id }, address: '192.0.2.1', principal: undefined, body: {} });
        for (const partition of [user, key]) {
          expect(partition?.length ?? 0).toBeLessThanOrEqual(256);
          expect(id.trim() === '' || /^[ukh]:/.test(String(partition))).toBe(true);
        }
        expect(user).not.toBe(addressOf(from(id)));
        return user !== key || id.length > 200;
      }),
    );
  });
});
