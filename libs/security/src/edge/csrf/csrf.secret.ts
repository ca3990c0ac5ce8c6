import { isWeakSecret } from '../../core/weak-secret.js';

/** What CSRF tokens are signed with: text, of which the UTF-8 bytes count, or the bytes themselves. */
export type CsrfSecret = string | Uint8Array;

/** HMAC-SHA-256 gains nothing from a key shorter than its output (RFC 2104, section 3). */
export const FEWEST_SECRET_BYTES = 32;

/** What keeps a value from being a secret to sign with, or `undefined`; never repeats the value. */
export function secretProblem(secret: unknown): string | undefined {
  if (typeof secret !== 'string' && !(secret instanceof Uint8Array)) return 'must be text or bytes';
  const bytes = Buffer.from(secret);
  if (bytes.length < FEWEST_SECRET_BYTES) return `is shorter than ${FEWEST_SECRET_BYTES} bytes`;
  return isWeakSecret(bytes) ? 'can be guessed: it repeats itself or holds a common placeholder' : undefined;
}
