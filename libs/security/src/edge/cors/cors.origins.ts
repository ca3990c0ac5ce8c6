/**
 * Characters of the longest `Origin` that is looked at: a scheme, the 253 characters of a host name and a port fit in.
 */
export const LONGEST_ORIGIN = 300;

const LONGEST_LABEL = 63;
const LONGEST_NAME = 253;
const HIGHEST_PORT = 65_535;

const COLON = 58;
const OPENING_BRACKET = 91;
const CLOSING_BRACKET = 93;

/**
 * Whether text is one serialised origin (RFC 6454, section 6.2), as browsers write them: lower case, a host in ASCII,
 * no default port, nothing behind it. `null`, two origins and origins with user names are none.
 */
export function isOrigin(value: string): boolean {
  if (value.length > LONGEST_ORIGIN) return false;
  const colon = value.indexOf('://');
  if (!isScheme(value, colon)) return false;
  const host = colon + 3;
  const end = value.charCodeAt(host) === OPENING_BRACKET ? endOfAddress(value, host) : endOfName(value, host);
  if (end < 0) return false;
  return end === value.length || isPort(value, end, defaultPort(value));
}

function isScheme(value: string, end: number): boolean {
  if (end < 1 || !isLetter(value.charCodeAt(0))) return false;
  for (let at = 1; at < end; at++) {
    const code = value.charCodeAt(at);
    // RFC 3986, section 3.1: letters, digits, "+", "-" and ".".
    if (!isLetter(code) && !isDigit(code) && code !== 43 && code !== 45 && code !== 46) return false;
  }
  return true;
}

/** Where a host name ends, or -1: labels of letters, digits, `-` and `_`, none empty, no dot at the end. */
function endOfName(value: string, from: number): number {
  let label = from;
  let at = from;
  for (; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code === COLON) break;
    if (code === 46) {
      if (at === label || at - label > LONGEST_LABEL) return -1;
      label = at + 1;
    } else if (!isLetter(code) && !isDigit(code) && code !== 45 && code !== 95) {
      return -1;
    }
  }
  return at === label || at - label > LONGEST_LABEL || at - from > LONGEST_NAME ? -1 : at;
}

/** Where an IPv6 address in brackets ends, or -1. Its inside is not read: configured origins are compared whole. */
function endOfAddress(value: string, from: number): number {
  for (let at = from + 1; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (code === CLOSING_BRACKET) return at - from > 2 ? at + 1 : -1;
    if (!isDigit(code) && !(code >= 97 && code <= 102) && code !== COLON && code !== 46) return -1;
  }
  return -1;
}

function isPort(value: string, from: number, implied: number): boolean {
  const digits = value.length - from - 1;
  if (value.charCodeAt(from) !== COLON || digits < 1 || digits > 5) return false;
  // A leading zero is not how a port is serialised.
  if (value.charCodeAt(from + 1) === 48) return false;
  let port = 0;
  for (let at = from + 1; at < value.length; at++) {
    const code = value.charCodeAt(at);
    if (!isDigit(code)) return false;
    port = port * 10 + code - 48;
  }
  return port <= HIGHEST_PORT && port !== implied;
}

function defaultPort(origin: string): number {
  if (origin.startsWith('https://')) return 443;
  return origin.startsWith('http://') ? 80 : 0;
}

function isLetter(code: number): boolean {
  return code >= 97 && code <= 122;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/**
 * The origins of a list: exact ones, patterns and regular expressions, checked before. How many exact origins and
 * patterns there are makes no difference to a look-up.
 */
export class OriginList {
  private readonly exact = new Set<string>();
  /** The ends of hosts, from a dot on and with their port: `.example.com:8443`. */
  private readonly secure = new Set<string>();
  private readonly plain = new Set<string>();
  private readonly expressions: RegExp[] = [];
  private longestSuffix = 0;

  constructor(origins: readonly (string | RegExp)[]) {
    for (const origin of origins) {
      // A copy: the original could be recompiled later.
      if (typeof origin !== 'string') this.expressions.push(new RegExp(origin.source, origin.flags));
      else if (origin.includes('*')) this.addPattern(origin);
      else this.exact.add(origin);
    }
  }

  /** Compares bytes: what is spelled otherwise than browsers spell it is another origin (fails closed). */
  allows(origin: string): boolean {
    if (origin.length > LONGEST_ORIGIN) return false;
    if (this.exact.has(origin)) return true;
    if (this.longestSuffix === 0 && this.expressions.length === 0) return false;
    return isOrigin(origin) && (this.hasSuffixOf(origin) || this.matches(origin));
  }

  private addPattern(pattern: string): void {
    const suffix = pattern.slice(pattern.indexOf('*') + 1);
    this.suffixesOf(pattern)?.add(suffix);
    this.longestSuffix = Math.max(this.longestSuffix, suffix.length);
  }

  private suffixesOf(origin: string): Set<string> | undefined {
    if (origin.startsWith('https://')) return this.secure;
    return origin.startsWith('http://') ? this.plain : undefined;
  }

  /** Asks for each end of the host that begins at a dot. */
  private hasSuffixOf(origin: string): boolean {
    const suffixes = this.suffixesOf(origin);
    if (suffixes === undefined || suffixes.size === 0) return false;
    // Behind "http://": the first dot of a host is never its first character.
    for (let dot = origin.indexOf('.', 7); dot >= 0; dot = origin.indexOf('.', dot + 1)) {
      if (origin.length - dot <= this.longestSuffix && suffixes.has(origin.slice(dot))) return true;
    }
    return false;
  }

  private matches(origin: string): boolean {
    for (const expression of this.expressions) if (expression.test(origin)) return true;
    return false;
  }
}

/**
 * Whether an `Origin` is the one that a request was sent to, as for a form or a `POST` of the application's own pages.
 * `host` is the name and port that the request was sent to, in lower case.
 */
export function isOwnOrigin(origin: string, scheme: 'http' | 'https', host: string): boolean {
  if (host === '' || !origin.startsWith(scheme) || !origin.startsWith('://', scheme.length)) return false;
  const from = scheme.length + 3;
  const length = origin.length - from;
  if (length === host.length) return origin.endsWith(host);
  // A `Host` may name the default port, an origin never does.
  const port = scheme === 'https' ? ':443' : ':80';
  return length === host.length - port.length && host.endsWith(port) && host.startsWith(origin.slice(from));
}
