/**
 * The grammar that header fields share (RFC 9110, section 5.6). White space is the space and the tab: `String.trim` and
 * `\s` take U+00A0, U+FEFF, the vertical tab and the form feed for white space as well, which no other reader of the same
 * bytes does, so that two names become one.
 */

const SPACE = 0x20;
const TAB = 0x09;
const SLASH = 0x2f;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The characters of a token (RFC 9110, section 5.6.2). */
const IN_TOKEN = new Uint8Array(128);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
  IN_TOKEN[character.charCodeAt(0)] = 1;
}

/** True for a space or a tab (RFC 9110, section 5.6.3). */
export function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Returns the part of a field between two indices without the blanks around it. */
export function withoutBlanks(field: string, start = 0, end = field.length): string {
  let from = start;
  let to = end;
  while (from < to && isBlank(field.charCodeAt(from))) from++;
  while (to > from && isBlank(field.charCodeAt(to - 1))) to--;
  return field.slice(from, to);
}

export function isToken(value: string): boolean {
  return value !== '' && endOfToken(value, 0) === value.length;
}

/**
 * Lowers A to Z and leaves every other character as it is: names of the protocol are ASCII, while `toLowerCase` makes a
 * `k` of the Kelvin sign (U+212A).
 */
export function lowerCased(text: string): string {
  return BEYOND_ASCII.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text.toLowerCase();
}

// oxlint-disable-next-line no-control-regex
const BEYOND_ASCII = /[^\0-\x7f]/;

/** Returns the media type in lower case if the whole field is well-formed (RFC 9110, section 8.3.1). */
export function mediaTypeOf(field: string): string | undefined {
  const slash = endOfToken(field, 0);
  if (slash === 0 || field.charCodeAt(slash) !== SLASH) return undefined;
  const end = endOfToken(field, slash + 1);
  if (end === slash + 1) return undefined;
  return areParameters(field, end) ? field.slice(0, end).toLowerCase() : undefined;
}

/** `*( OWS ";" OWS [ parameter ] )` up to the end; a comma, which repeated fields are joined by, fits nowhere. */
function areParameters(field: string, from: number): boolean {
  let at = from;
  while (at < field.length) {
    at = endOfBlanks(field, at);
    // Blanks at the very end are no part of the value (RFC 9110, section 5.5).
    if (field.charCodeAt(at) !== SEMICOLON) return false;
    at = endOfBlanks(field, at + 1);
    const name = endOfToken(field, at);
    if (name === at) continue;
    if (field.charCodeAt(name) !== EQUALS) return false;
    const value = endOfValue(field, name + 1);
    if (value === name + 1) return false;
    at = value;
  }
  return true;
}

/** Returns the end of a token or a quoted string; the start if it is neither. */
function endOfValue(field: string, from: number): number {
  if (field.charCodeAt(from) !== QUOTE) return endOfToken(field, from);
  for (let at = from + 1; at < field.length; at += 1) {
    const code = field.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at += 1;
  }
  return from;
}

function endOfToken(field: string, from: number): number {
  let at = from;
  while (at < field.length && IN_TOKEN[field.charCodeAt(at)] === 1) at += 1;
  return at;
}

function endOfBlanks(field: string, from: number): number {
  let at = from;
  while (isBlank(field.charCodeAt(at))) at += 1;
  return at;
}
