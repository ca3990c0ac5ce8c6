import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createAccountNumber, isAccountNumber, withCheckDigits } from './account-number.js';

const digits = fc.stringMatching(/^\d{12}$/);

describe('an account number', () => {
  it('is made with fitting check digits', () => {
    for (let i = 0; i < 200; i++) expect(isAccountNumber(createAccountNumber())).toBe(true);
  });

  it('has check digits as ISO 13616 computes them', () => {
    // By hand: LD is 21 13; 000000000001 2113 00 leaves 211300 + 1000000 = 1211300 mod 97 = 61, and 98 - 61 = 37.
    expect(withCheckDigits('000000000001')).toBe('LD37000000000001');
  });

  it('does not survive one wrong digit', () => {
    fc.assert(
      fc.property(digits, fc.integer({ min: 2, max: 15 }), fc.integer({ min: 1, max: 9 }), (body, index, shift) => {
        const number = withCheckDigits(body);
        const wrong = (Number(number[index]) + shift) % 10;
        expect(isAccountNumber(number.slice(0, index) + wrong + number.slice(index + 1))).toBe(false);
      }),
    );
  });

  it('does not survive two neighbours changing places', () => {
    fc.assert(
      fc.property(digits, fc.integer({ min: 2, max: 14 }), (body, index) => {
        const number = withCheckDigits(body);
        fc.pre(number[index] !== number[index + 1]);
        const swapped = `${number.slice(0, index)}${number[index + 1]}${number[index]}${number.slice(index + 2)}`;
        expect(isAccountNumber(swapped)).toBe(false);
      }),
    );
  });

  it.each(['', 'LD', 'DE37000000000001', 'LD3700000000001', 'LD370000000000011', 'ld37000000000001'])(
    'is not "%s"',
    (value) => {
      expect(isAccountNumber(value)).toBe(false);
    },
  );
});
