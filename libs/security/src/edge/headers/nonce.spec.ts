import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NoncePool } from './nonce.js';

/** Fills with bytes that count on, so that each range of the pool can be told from every other. */
function counting(): { fill: (bytes: Buffer) => void; fills: () => number } {
  let next = 0;
  let fills = 0;
  return {
    fill: (bytes) => {
      fills++;
      for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32BE(next++, at);
    },
    fills: () => fills,
  };
}

describe('a pool of nonces', () => {
  it('gives 128 bits in base64', () => {
    const pool = new NoncePool();
    for (let count = 0; count < 1000; count++) {
      const nonce = pool.take();
      expect(nonce).toMatch(/^[A-Za-z0-9+/]{22}==$/);
      expect(Buffer.from(nonce, 'base64')).toHaveLength(16);
    }
  });

  it('never gives one twice', () => {
    const pool = new NoncePool();
    const seen = new Set(Array.from({ length: 20_000 }, () => pool.take()));
    expect(seen.size).toBe(20_000);
  });

  it('gives every random byte once and leaves none out, whatever its size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 200 }), (size, count) => {
        const source = counting();
        const pool = new NoncePool(size, source.fill);
        const given = Buffer.concat(Array.from({ length: count }, () => Buffer.from(pool.take(), 'base64')));
        const expected = Buffer.alloc(count * 16);
        for (let word = 0; word < count * 4; word++) expected.writeUInt32BE(word, word * 4);
        expect(given.equals(expected)).toBe(true);
        expect(source.fills()).toBe(Math.ceil(count / size));
      }),
    );
  });

  it('has every bit set about half of the time', () => {
    const pool = new NoncePool();
    const count = 4096;
    const ones = Array.from({ length: 128 }, () => 0);
    for (let taken = 0; taken < count; taken++) {
      const bytes = Buffer.from(pool.take(), 'base64');
      for (let bit = 0; bit < 128; bit++) ones[bit]! += ((bytes[bit >> 3] as number) >> (bit & 7)) & 1;
    }
    // Ten standard deviations: a sound generator fails once in the age of the universe, a constant bit always.
    for (const set of ones) expect(Math.abs(set - count / 2)).toBeLessThan(320);
  });

  it('draws nothing before the first nonce, so that a snapshot of the process shares none', () => {
    const source = counting();
    const pool = new NoncePool(4, source.fill);
    expect(source.fills()).toBe(0);
    pool.take();
    expect(source.fills()).toBe(1);
  });

  it('gives no old nonce when the generator fails', () => {
    let fails = false;
    const source = counting();
    const pool = new NoncePool(1, (bytes) => {
      if (fails) throw new Error('no entropy');
      source.fill(bytes);
    });
    pool.take();
    fails = true;
    expect(() => pool.take()).toThrow('no entropy');
    expect(() => pool.take()).toThrow('no entropy');
  });
});
