const PERCENT = 0x25;

const DIGITS = new Int8Array(128).fill(-1);
for (let value = 0; value < 16; value += 1) {
  const digit = value.toString(16);
  DIGITS[digit.charCodeAt(0)] = value;
  DIGITS[digit.toUpperCase().charCodeAt(0)] = value;
}

/** The smallest code point that may be written with so many bytes more than one; anything smaller is overlong. */
const SMALLEST = [0, 0x80, 0x800, 0x10000] as const;

/**
 * The character that the percent-encoded bytes from `at` on stand for, or -1: bytes that are not two hexadecimal
 * digits each, or no UTF-8 (RFC 3629, section 4: no overlong form, no surrogate, nothing above U+10FFFF).
 */
export function encodedCodePoint(text: string, at: number): number {
  const first = byteAt(text, at);
  if (first < 0x80) return first;
  if (first < 0xc2 || first > 0xf4) return -1;
  const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  let codePoint = first & (0x3f >> more);
  for (let i = 1; i <= more; i += 1) {
    const byte = byteAt(text, at + 3 * i);
    if ((byte & 0xc0) !== 0x80) return -1;
    codePoint = (codePoint << 6) | (byte & 0x3f);
  }
  if (codePoint < (SMALLEST[more] as number) || codePoint > 0x10ffff) return -1;
  return codePoint >= 0xd800 && codePoint <= 0xdfff ? -1 : codePoint;
}

/** How many characters of the text the percent-encoded form of a character takes. */
export function encodedWidth(codePoint: number): number {
  if (codePoint < 0x80) return 3;
  if (codePoint < 0x800) return 6;
  return codePoint < 0x10000 ? 9 : 12;
}

/** The control characters of ASCII and of Latin-1: U+0000 to U+001F and U+007F to U+009F. */
export function isControlCharacter(codePoint: number): boolean {
  return codePoint < 0x20 || (codePoint >= 0x7f && codePoint <= 0x9f);
}

function byteAt(text: string, at: number): number {
  if (text.charCodeAt(at) !== PERCENT) return -1;
  const high = digitAt(text, at + 1);
  const low = digitAt(text, at + 2);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** Behind the end of the text the code is `NaN`, which is no smaller than anything. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 128 ? (DIGITS[code] as number) : -1;
}
