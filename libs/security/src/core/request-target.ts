const SLASH = 0x2f;

/** The scheme and the authority of a target in absolute form (RFC 9112, section 3.2.2). */
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** Returns the path of a request target as it came: without query and fragment, scheme and host. */
export function pathOf(target = '/'): string {
  const from = target.charCodeAt(0) === SLASH ? 0 : (ABSOLUTE.exec(target)?.[0].length ?? target.length);
  if (target.charCodeAt(from) !== SLASH) return '/';
  let end = target.indexOf('?', from);
  const fragment = target.indexOf('#', from);
  if (fragment !== -1 && (end === -1 || fragment < end)) end = fragment;
  if (end !== -1) return target.slice(from, end);
  return from === 0 ? target : target.slice(from);
}

/** A path with something in it that is written in more than one way, or in no way at all. */
const UNUSUAL = /[^\w.~!$&'()*+,=:@/-]|\/(?:\/|\.\.?(?:\/|$))/;
const ESCAPE = /%([0-9a-f]{2})/gi;
const UNRESERVED = /[\w.~-]/;
const NOT_IN_PATHS = /[^\w.~!$&'()*+,;=:@/%-]|%(?![0-9A-F]{2})/g;

/**
 * Returns the path of a request target in the one form that rules by path compare (RFC 3986, section 6.2.2): escapes of
 * unreserved characters are decoded and others in upper case, dot segments are resolved, slashes in a row are one, and
 * parameters of segments (`;v=1`) are left out. Letters keep their case, and a slash at the end stays.
 */
export function normalizedPath(target: string | undefined): string {
  const path = pathOf(target);
  return UNUSUAL.test(path) ? withoutDots(withPlainEscapes(path)) : path;
}

/** Returns a path of the configuration in the form of {@link normalizedPath}: what is beyond ASCII stands for its UTF-8. */
export function normalizedRule(path: string): string {
  return normalizedPath(path.replace(/[^\0-\x7f]+/g, (text) => Buffer.from(text).toString('latin1')));
}

function withPlainEscapes(path: string): string {
  return path
    .replace(ESCAPE, (escape, digits: string) => {
      const character = String.fromCharCode(Number.parseInt(digits, 16));
      return UNRESERVED.test(character) ? character : escape.toUpperCase();
    })
    .replace(NOT_IN_PATHS, escaped);
}

/** Node hands over the bytes of a request line as characters of Latin-1. */
function escaped(character: string): string {
  const bytes = Buffer.from(character, character.charCodeAt(0) <= 0xff ? 'latin1' : 'utf8');
  return [...bytes].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function withoutDots(path: string): string {
  const kept: string[] = [];
  let isOpen = false;
  for (const written of path.split('/')) {
    const parameters = written.indexOf(';');
    const segment = parameters === -1 ? written : written.slice(0, parameters);
    isOpen = segment === '' || segment === '.' || segment === '..';
    if (segment === '..') kept.pop();
    else if (!isOpen) kept.push(segment);
  }
  return `/${kept.join('/')}${isOpen && kept.length > 0 ? '/' : ''}`;
}
