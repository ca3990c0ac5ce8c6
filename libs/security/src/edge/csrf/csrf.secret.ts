/** What CSRF tokens are signed with: text, of which the UTF-8 bytes count, or the bytes themselves. */
export type CsrfSecret = string | Uint8Array;

/** HMAC-SHA-256 gains nothing from a key shorter than its output (RFC 2104, section 3). */
export const FEWEST_SECRET_BYTES = 32;

/** A random secret of 32 bytes has about 30 distinct ones; written as hexadecimal digits, about 14. */
const FEWEST_DISTINCT_BYTES = 8;

/** Placeholders of tutorials and of impatience, written without the signs between the words. */
const PLACEHOLDERS = [
  'secret',
  'password',
  'changeme',
  'changethis',
  'replaceme',
  'placeholder',
  'example',
  'default',
  'keyboardcat',
  'letmein',
  'qwerty',
  '0123456789',
  '1234567890',
  'abcdefghij',
];

/** What keeps a value from being a secret to sign with, or `undefined`; never repeats the value. */
export function secretProblem(secret: unknown): string | undefined {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) return 'must be text or bytes';
  const bytes = Buffer.from(secret);
  if (bytes.length < FEWEST_SECRET_BYTES) return `is shorter than ${FEWEST_SECRET_BYTES} bytes`;
  return isGuessable(bytes) ? 'can be guessed: it repeats itself or holds a common placeholder' : undefined;
}

function isGuessable(bytes: Buffer): boolean {
  if (new Set(bytes).size < FEWEST_DISTINCT_BYTES || isRepetition(bytes)) return true;
  const written = bytes
    .toString('latin1')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');
  return PLACEHOLDERS.some((word) => written.includes(word));
}

/** A text that repeats a unit shows again within itself, at most half its length on. */
function isRepetition(bytes: Buffer): boolean {
  for (let unit = 1; unit <= bytes.length / 2; unit++) {
    if (bytes.subarray(unit).equals(bytes.subarray(0, bytes.length - unit))) return true;
  }
  return false;
}
