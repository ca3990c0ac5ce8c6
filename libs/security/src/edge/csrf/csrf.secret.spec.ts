import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { secretProblem } from './csrf.secret.js';

describe('A secret for CSRF tokens', () => {
  it.each<[string, unknown]>([
    ['is empty', ''],
    ['is a byte too short', 'Zx81mQ4vT7pLr2Wd9KsYh3NbGc6JfUa'],
    ['has too few bytes', randomBytes(31)],
    ['is one character', 'a'.repeat(64)],
    ['is zeros', new Uint8Array(64)],
    ['has few distinct bytes', 'abcabbcacbabcabcbacbbabcacbbacabcabc'],
    ['is a unit that comes again', 'g7Kq2Zx9mLwPg7Kq2Zx9mLwPg7Kq2Zx9mLwPg7Kq2'],
    ['is the placeholder of a tutorial', 'your-256-bit-secret-goes-into-this-place'],
    ['is the default of express-session', 'keyboard cat keyboard dog keyboard bird'],
    ['holds a word in capitals, divided', 'Xk2-CHANGE_ME-pQ9fL7vR3zN8wT4yB6uJ1hG5'],
    ['is the digits in order', '01234567890123456789012345678901'],
    ['is a number', 2 ** 53 - 1],
    ['is null', null],
    ['is missing', undefined],
    ['is an object with a length', { length: 64 }],
  ])('is refused where it %s', (_, secret) => {
    expect(secretProblem(secret)).toEqual(expect.any(String));
  });

  it('is never repeated in what is said of it', () => {
    for (const secret of ['hunter2hunter2', 'my-password-is-hunter2-and-nobody-guesses']) {
      expect(secretProblem(secret)).not.toMatch(/hunter2|nobody/);
    }
  });

  it('counts in bytes', () => {
    expect(secretProblem('ÄÖÜäöüßÉÈÊéèêÇçÑ')).toBeUndefined();
  });

  it.each([
    ['bytes', (bytes: Buffer) => bytes],
    ['hexadecimal digits', (bytes: Buffer) => bytes.toString('hex')],
    ['base64', (bytes: Buffer) => bytes.toString('base64')],
  ])('may be random %s', (_, write) => {
    for (let round = 0; round < 200; round++) expect(secretProblem(write(randomBytes(32)))).toBeUndefined();
  });
});
