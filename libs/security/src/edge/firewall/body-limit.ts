import bytes from 'bytes';
import type { IncomingHttpHeaders } from 'node:http';
import { ALLOWED, denied, type Decision } from '../../core/decision.js';
import { describe } from '../../core/options.rules.js';

const EXCEEDED = denied('body_too_large');

// `bytes` alone takes `12 apples` for twelve, and less than nothing.
const WHOLE = /^\d{1,15}(?: ?b)?$/i;
const WITH_UNIT = /^\d{1,15}(?:\.\d{1,3})? ?[kmg]b$/i;

/** What mends a size that is none. */
export const BYTE_SIZE_FIX = "Give bytes as a whole number, or write '512b', '100kb', '1.5mb' or '1gb'";

/** The bytes of a size: a whole number, or text with b, kb, mb or gb (1 kb is 1024 bytes); `undefined` for any other. */
export function parseByteSize(size: unknown): number | undefined {
  if (typeof size === 'number') return isLength(size) ? size : undefined;
  if (typeof size !== 'string' || !(WHOLE.test(size) || WITH_UNIT.test(size))) return undefined;
  const parsed = bytes.parse(size);
  return parsed !== null && isLength(parsed) ? parsed : undefined;
}

/** What keeps a value from being a size, or `undefined`. */
export function byteSizeProblem(size: unknown): string | undefined {
  if (parseByteSize(size) !== undefined) return undefined;
  return typeof size === 'string' || typeof size === 'number'
    ? 'is no size'
    : `must be a number or text, not ${describe(size)}`;
}

/**
 * The length that the headers declare for the body, `undefined` where they declare none (chunked, or no body).
 * `Infinity` for a malformed one, which is over every limit (fails closed).
 */
export function declaredLength(headers: IncomingHttpHeaders): number | undefined {
  const length = headers['content-length'];
  if (length === undefined) return undefined;
  return /^\d{1,15}$/.test(length) ? Number(length) : Infinity;
}

/** Whether a body of the declared length may be read at all (RFC 9110, section 15.5.14). */
export function refusedLength(headers: IncomingHttpHeaders, limit: number): Decision {
  const length = declaredLength(headers);
  return length !== undefined && length > limit ? EXCEEDED : ALLOWED;
}

function isLength(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0;
}
