import { withoutBlanks } from '../core/http-grammar.js';

/** Stands for several cookies of one name: nothing tells which of them this application has set. */
export const REPEATED_COOKIE = Symbol('repeated cookie');

/**
 * Returns the value of a cookie. Names are compared byte for byte (RFC 6265bis, section 5.6): one that is spelled with
 * other letters, or with any white space but blanks around it, is another cookie. Browsers keep sibling domains from
 * setting `__Host-sid`, and let them set what a lenient reader would take for it.
 */
export function cookieNamed(name: string, header: string | undefined): string | typeof REPEATED_COOKIE | undefined {
  if (header === undefined || !header.includes(name)) return undefined;
  let found: string | undefined;
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || withoutBlanks(pair, 0, equals) !== name) continue;
    if (found !== undefined) return REPEATED_COOKIE;
    found = unquoted(withoutBlanks(pair, equals + 1));
  }
  return found;
}

function unquoted(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

const PREFIXES: readonly string[] = ['__Host-', '__Secure-', '__Http-', '__Host-Http-'];
const PREFIX = /^__(?:host-http|host|secure|http)-/i;

/** Returns the prefix that a name is meant to have and spells in other letters. */
export function misspelledPrefix(name: string): string | undefined {
  const written = PREFIX.exec(name)?.[0];
  if (written === undefined || PREFIXES.includes(written)) return undefined;
  return PREFIXES.find((prefix) => prefix.toLowerCase() === written.toLowerCase());
}
