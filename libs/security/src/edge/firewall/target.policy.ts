import { ALLOWED, denied, type Decision, type Denied } from '../../core/decision.js';
import { NEVER_ALLOWED_METHODS, type FirewallAllowance, type ResolvedFirewall } from './firewall.options.js';
import { encodedCodePoint, encodedWidth, isControlCharacter } from './percent-encoding.js';

/** Decides on a method and a request target, both as they came. */
export type TargetPolicy = (method: string | undefined, target: string | undefined) => Decision;

/** What a character of a path, raw or percent-encoded, means to whoever routes by it. */
const enum Kind {
  Plain = 0,
  Separator,
  Dot,
  Percent,
  Query,
  /** A semicolon where it is allowed: some servers cut the segment there, so that `..;` is `..` to them. */
  Parameters,
  NotNormalized,
  Malformed,
}

const METHOD_REFUSED = denied('method_refused');
const MALFORMED = denied('target_malformed');
const NOT_NORMALIZED = denied('target_not_normalized');
const TOO_LONG = denied('target_too_long');

const SLASH = 0x2f;
const HASH = 0x23;

/** Absolute-form (RFC 9112, section 3.2.2) up to its path. No user information (RFC 9110, section 4.2.4). */
const ABSOLUTE = /^https?:\/\/[\w.~:[\]-]+/i;

/**
 * Compiles the rules for methods and request targets: one pass over the characters, nothing allocated. Whatever two
 * readers of a path could understand differently is refused, never rewritten: the parity is with Spring Security's
 * StrictHttpFirewall, the definitions are those of RFC 3986 (section 5.2.4, dot segments) and RFC 9112 (section 3.2).
 */
export function compileTarget(
  firewall: Pick<ResolvedFirewall, 'methods' | 'allowed' | 'maxTargetLength'>,
): TargetPolicy {
  const { allowed, maxTargetLength } = firewall;
  const acceptsMethod = compileMethods(firewall.methods);
  const raw = rawKinds(allowed);
  const encoded = encodedKinds(allowed);
  const mayBeEmpty = allowed.has('doubleSlash');

  function kindOfEncoded(codePoint: number): Kind {
    if (codePoint < 0) return Kind.Malformed;
    if (codePoint < 128) return encoded[codePoint] as Kind;
    if (isControlCharacter(codePoint)) return Kind.Malformed;
    if (codePoint === 0x2028) return allowed.has('encodedLineSeparator') ? Kind.Plain : Kind.Malformed;
    if (codePoint === 0x2029) return allowed.has('encodedParagraphSeparator') ? Kind.Plain : Kind.Malformed;
    return Kind.Plain;
  }

  function decideFrom(target: string, path: number): Decision {
    let segment = path + 1;
    let dots = 0;
    let dotted = 0;
    let at = segment;
    while (at < target.length) {
      const code = target.charCodeAt(at);
      let kind: Kind = code < 128 ? (raw[code] as Kind) : Kind.Malformed;
      if (kind === Kind.Plain) {
        at += 1;
        continue;
      }
      if (kind === Kind.Query) break;
      let width = 1;
      if (kind === Kind.Percent) {
        const codePoint = encodedCodePoint(target, at);
        width = encodedWidth(codePoint);
        kind = kindOfEncoded(codePoint);
      }
      if (kind === Kind.Malformed) return MALFORMED;
      if (kind === Kind.NotNormalized) return NOT_NORMALIZED;
      if (kind === Kind.Dot) {
        dots += 1;
        dotted += width;
      } else if (kind !== Kind.Plain) {
        if (at === segment && !mayBeEmpty) return NOT_NORMALIZED;
        if (isDotSegment(dots, dotted, at - segment)) return NOT_NORMALIZED;
        if (kind === Kind.Separator) {
          segment = at + width;
          dots = 0;
          dotted = 0;
        }
      }
      at += width;
    }
    if (isDotSegment(dots, dotted, at - segment)) return NOT_NORMALIZED;
    return isQueryPrintable(target, at + 1) ? ALLOWED : MALFORMED;
  }

  return (method, target) => {
    if (method === undefined || !acceptsMethod(method)) return METHOD_REFUSED;
    // (fails closed)
    if (target === undefined || target === '') return MALFORMED;
    if (target.length > maxTargetLength) return TOO_LONG;
    if (target.charCodeAt(0) === SLASH) return decideFrom(target, 0);
    // Asterisk-form (RFC 9112, section 3.2.4).
    if (target === '*') return method === 'OPTIONS' ? ALLOWED : MALFORMED;
    const path = startOfPath(target);
    return typeof path === 'number' ? decideFrom(target, path) : path;
  };
}

function compileMethods(methods: ResolvedFirewall['methods']): (method: string) => boolean {
  if (methods === 'any') return (method) => !NEVER_ALLOWED_METHODS.has(method.toUpperCase());
  const accepted = new Set(methods);
  // Methods are case-sensitive (RFC 9110, section 9.1).
  return (method) => accepted.has(method);
}

/** Where the path of a target in absolute-form starts; authority-form and anything else is refused. */
function startOfPath(target: string): number | Denied {
  const path = ABSOLUTE.exec(target)?.[0].length;
  // (fails closed)
  if (path === undefined) return MALFORMED;
  const code = target.charCodeAt(path);
  if (code === SLASH) return path;
  // `http://host` and `http://host?/admin`: the path is `/` by RFC 3986, section 6.2.3, and `/admin` to some routers.
  return path === target.length || target.startsWith('?', path) ? NOT_NORMALIZED : MALFORMED;
}

/** `.` and `..`, however the dots were written. */
function isDotSegment(dots: number, dotted: number, width: number): boolean {
  return dotted === width && (dots === 1 || dots === 2);
}

/** Printable ASCII without space and `#`; what is percent-encoded in a query is for the rules of the parameters. */
function isQueryPrintable(target: string, from: number): boolean {
  for (let at = from; at < target.length; at += 1) {
    const code = target.charCodeAt(at);
    if (code <= 0x20 || code >= 0x7f || code === HASH) return false;
  }
  return true;
}

function rawKinds(allowed: ReadonlySet<FirewallAllowance>): Uint8Array {
  const kinds = new Uint8Array(128).fill(Kind.Malformed);
  kinds.fill(Kind.Plain, 0x21, 0x7f);
  set(kinds, '#', Kind.Malformed);
  set(kinds, '/', Kind.Separator);
  set(kinds, '.', Kind.Dot);
  set(kinds, '%', Kind.Percent);
  set(kinds, '?', Kind.Query);
  set(kinds, ';', allowed.has('semicolon') ? Kind.Parameters : Kind.NotNormalized);
  // URL parsers of browsers take a backslash for a slash: it separates segments here as well.
  set(kinds, '\\', allowed.has('backslash') ? Kind.Separator : Kind.NotNormalized);
  return kinds;
}

function encodedKinds(allowed: ReadonlySet<FirewallAllowance>): Uint8Array {
  const kinds = new Uint8Array(128).fill(Kind.Malformed);
  kinds.fill(Kind.Plain, 0x20, 0x7f);
  set(kinds, '/', allowed.has('encodedSlash') ? Kind.Separator : Kind.NotNormalized);
  set(kinds, '\\', allowed.has('backslash') ? Kind.Separator : Kind.NotNormalized);
  set(kinds, ';', allowed.has('semicolon') ? Kind.Parameters : Kind.NotNormalized);
  set(kinds, '.', allowed.has('encodedPeriod') ? Kind.Dot : Kind.NotNormalized);
  set(kinds, '%', allowed.has('encodedPercent') ? Kind.Plain : Kind.NotNormalized);
  if (allowed.has('encodedNull')) set(kinds, '\0', Kind.Plain);
  if (allowed.has('encodedLineFeed')) set(kinds, '\n', Kind.Plain);
  if (allowed.has('encodedCarriageReturn')) set(kinds, '\r', Kind.Plain);
  return kinds;
}

function set(kinds: Uint8Array, character: string, kind: Kind): void {
  kinds[character.charCodeAt(0)] = kind;
}
