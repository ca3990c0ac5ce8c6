import { ALLOWED, denied, type Decision } from '../../core/decision.js';
import { isToken, withoutBlanks } from '../../core/http-grammar.js';
import type { ResolvedFirewallHeaders } from './firewall.options.js';

/**
 * Decides on the header lines of a request: names and values in turn, as they came. Where the parser has refused control
 * characters already, they are not looked for again.
 */
export type HeaderFieldsPolicy = (rawHeaders: readonly string[], parserIsStrict: boolean) => Decision;

const TOO_MANY = denied('headers_too_many');
const MALFORMED = denied('header_malformed');
const TOO_LONG = denied('header_too_long');

/** Pseudo-header fields of HTTP/2 (`:path`), which have rules of their own. */
const COLON = 0x3a;

const CONTENT_TYPE = 'content-type';
const CONTENT_LENGTH = 'content-length';
const TRANSFER_ENCODING = 'transfer-encoding';

/** Control characters but the tab (RFC 9110, section 5.5). Bytes over 0x7F are text of some encoding, and pass. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\n-\x1f\x7f]/;
const DIGITS = /^\d{1,15}$/;

/**
 * Compiles the rules for header lines: how many and how long, and those that say where a body ends, which must be there
 * once and say one thing (request smuggling, RFC 9112, section 6.3).
 */
export function compileHeaderFields(headers: ResolvedFirewallHeaders): HeaderFieldsPolicy {
  const { max, maxNameLength, maxValueLength, accept } = headers;
  const most = max * 2;
  return (rawHeaders, parserIsStrict) => {
    if (rawHeaders.length > most) return TOO_MANY;
    let framing = 0;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at] as string;
      const value = rawHeaders[at + 1];
      // A name without a value (fails closed).
      if (value === undefined) return MALFORMED;
      if (name.charCodeAt(0) === COLON) continue;
      if (name.length > maxNameLength || value.length > maxValueLength) return TOO_LONG;
      const bit = framingOf(name);
      if (bit !== 0) {
        if ((framing & bit) !== 0 || !isFraming(bit, value)) return MALFORMED;
        framing |= bit;
      }
      if (!parserIsStrict && (!isToken(name) || CONTROL.test(value))) return MALFORMED;
      if (accept !== undefined && !accepts(accept, name, value)) return MALFORMED;
    }
    return (framing & LENGTH_AND_CODING) === LENGTH_AND_CODING ? MALFORMED : ALLOWED;
  };
}

const IS_TYPE = 1;
const IS_LENGTH = 2;
const IS_CODING = 4;
const LENGTH_AND_CODING = IS_LENGTH | IS_CODING;

/** Which of the fields about the body this is, or 0. Most names differ in length or first letter, which costs nothing. */
function framingOf(name: string): number {
  switch (name.length) {
    case CONTENT_TYPE.length:
      return isC(name) && name.toLowerCase() === CONTENT_TYPE ? IS_TYPE : 0;
    case CONTENT_LENGTH.length:
      return isC(name) && name.toLowerCase() === CONTENT_LENGTH ? IS_LENGTH : 0;
    case TRANSFER_ENCODING.length:
      return name.toLowerCase() === TRANSFER_ENCODING ? IS_CODING : 0;
    default:
      return 0;
  }
}

function isC(name: string): boolean {
  return (name.charCodeAt(0) | 0x20) === 0x63;
}

/** A length is digits; the one coding that Node decodes is `chunked`, and it lets others pass undecoded. */
function isFraming(bit: number, value: string): boolean {
  if (bit === IS_LENGTH) return DIGITS.test(value);
  return bit !== IS_CODING || withoutBlanks(value).toLowerCase() === 'chunked';
}

function accepts(accept: (name: string, value: string) => boolean, name: string, value: string): boolean {
  try {
    // Only `true`: a promise would admit anything (fails closed).
    return accept(name, value) === true;
  } catch {
    return false;
  }
}

/** What tells by whom a request was parsed. */
export interface ParsedHead {
  readonly httpVersionMajor: number;
  readonly socket: object;
}

/** Read once: it cannot change while the process runs. */
const STRICT_BY_DEFAULT = !`${process.execArgv.join(' ')} ${process.env['NODE_OPTIONS'] ?? ''}`.includes(
  '--insecure-http-parser',
);

/**
 * Whether Node's parser has refused control characters in this request: those of HTTP/1 and HTTP/2 do, unless the
 * server or the process has `insecureHTTPParser` on. A request without a server behind it was parsed by somebody else
 * (fails closed).
 */
export function isParserStrict(request: ParsedHead): boolean {
  // On HTTP/2, nghttp2 refuses them (RFC 9113, section 8.2.1); its `socket` is a proxy, costly to ask.
  if (request.httpVersionMajor === 2) return true;
  const { server } = request.socket as { readonly server?: { readonly insecureHTTPParser?: boolean } | null };
  if (server === undefined || server === null || !('insecureHTTPParser' in server)) return false;
  return server.insecureHTTPParser === undefined ? STRICT_BY_DEFAULT : !server.insecureHTTPParser;
}
