import { randomInt } from 'node:crypto';

const COUNTRY = 'LD';
const DIGITS = 12;
const FORM = /^LD\d{14}$/;

/** A new account number of the form of an IBAN (ISO 13616): country, two check digits, twelve digits. */
export function createAccountNumber(): string {
  const half = 10 ** (DIGITS / 2);
  const digits = [randomInt(half), randomInt(half)].map((part) => String(part).padStart(DIGITS / 2, '0')).join('');
  return withCheckDigits(digits);
}

/** Completes the twelve digits of an account to its number. */
export function withCheckDigits(digits: string): string {
  const check = 98n - remainder(`${COUNTRY}00${digits}`);
  return `${COUNTRY}${String(check).padStart(2, '0')}${digits}`;
}

/** True when the check digits fit (ISO 7064, MOD 97-10): one wrong or two swapped digits never do. */
export function isAccountNumber(value: string): boolean {
  return FORM.test(value) && remainder(value) === 1n;
}

// ISO 13616: the first four characters go to the end, letters count from A = 10.
function remainder(number: string): bigint {
  const rearranged = number.slice(4) + number.slice(0, 4);
  return BigInt(rearranged.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))) % 97n;
}
