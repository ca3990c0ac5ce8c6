import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isWeakSecret } from './weak-secret.js';

describe('isWeakSecret', () => {
  it.each([
    ['one character, repeated', 'a'.repeat(64)],
    ['few distinct characters', 'abcabbcacbabcabcbacbbabcacbbacabcabc'],
    ['the placeholder of a tutorial', 'your-256-bit-secret-goes-into-this-place'],
    ['a word in capitals, divided', 'Xk2-CHANGE_ME-pQ9fL7vR3zN8wT4yB6uJ1hG5'],
    ['a password with an ornament', 'P4x!Password!Zq8mW2nV7cR5tY9uI3oL6kJ1'],
    ['a unit that comes again', 'g7Kq2Zx9mLwPg7Kq2Zx9mLwPg7Kq2Zx9mLwPg7Kq2'],
    ['the digits in order', '01234567890123456789012345678901'],
    ['bytes in order', Uint8Array.from({ length: 32 }, (_, index) => index)],
    ['bytes in steps', Uint8Array.from({ length: 48 }, (_, index) => 7 - index * 5)],
    ['zeros', new Uint8Array(64)],
  ])('finds %s weak', (_, secret) => {
    expect(isWeakSecret(secret)).toBe(true);
  });

  it.each([
    ['bytes', (bytes: Buffer) => bytes],
    ['hexadecimal digits', (bytes: Buffer) => bytes.toString('hex')],
    ['base64', (bytes: Buffer) => bytes.toString('base64')],
  ])('takes random %s', (_, write) => {
    for (let round = 0; round < 200; round++) expect(isWeakSecret(write(randomBytes(32)))).toBe(false);
  });
});
