import { describe, expect, it } from '@jest/globals';
import { KnownAddresses } from './known-addresses.js';

describe('What is known of addresses', () => {
  it('is known for its time', () => {
    const known = new KnownAddresses();
    known.set('192.0.2.1', true, 0, 1000);
    known.set('192.0.2.2', false, 0, 1000);
    expect(known.isBanned('192.0.2.1', 999)).toBe(true);
    expect(known.isBanned('192.0.2.2', 999)).toBe(false);
    expect(known.isBanned('192.0.2.3', 999)).toBeUndefined();
    expect(known.isBanned('192.0.2.1', 1000)).toBeUndefined();
    known.delete('192.0.2.2');
    expect(known.isBanned('192.0.2.2', 999)).toBeUndefined();
  });

  it('is asked for again where the clock was set back', () => {
    const known = new KnownAddresses();
    known.set('192.0.2.1', false, 100_000, 1000);
    expect(known.isBanned('192.0.2.1', 99_999)).toBeUndefined();
    expect(known.isBanned('192.0.2.1', 100_000)).toBe(false);
  });

  it('stays bounded under a flood of addresses', () => {
    const known = new KnownAddresses();
    for (let i = 0; i < 100_000; i++) known.set(String(i), false, 0, 1);
    expect(known.size).toBeLessThanOrEqual(16_384);
    expect(known.isBanned('99999', 0)).toBe(false);
  });
});
