import { ApplicationFunctionError, dropPromise, failureOf } from '../core/application-functions.js';
import { denied, type Denied } from '../core/decision.js';
import { mediaTypeOf, withoutBlanks } from '../core/http-grammar.js';
import { isAuthorizationRepeated, type HttpRequest } from '../core/request.js';
import { cookieNamed, REPEATED_COOKIE } from './cookie.policy.js';
import type { JwtTransport } from './jwt/jwt.options.js';

/** A token, a denial, or nothing where the request carries none. */
export type TokenSource = (request: HttpRequest) => string | Denied | undefined;

// RFC 9110, section 11.1: the scheme is case-insensitive. RFC 6750, section 2.1 asks for exactly one space; more are
// taken as one (RFC 9110, section 11.4), anything behind the token is malformed.
const BEARER = /^bearer(?: +|$)/i;
// As nearly every client writes it.
const USUAL = 'Bearer ';
const SPACE = 0x20;
const MALFORMED = denied('credentials_malformed');
const REPEATED = denied('credentials_repeated');
const FROM = 'A function of authentication.jwt.from';

/** The token of the `Authorization` header (RFC 6750, section 2.1). Another scheme is no bearer credential. */
export function tokenFromHeader(request: HttpRequest): string | Denied | undefined {
  const header = request.headers.authorization;
  if (header === undefined) return undefined;
  if (isAuthorizationRepeated(request)) return REPEATED;
  const start = startOfToken(header);
  if (start === undefined) return undefined;
  const token = withoutBlanks(header, start);
  return token.includes(' ') || token.includes(',') ? MALFORMED : token;
}

function startOfToken(header: string): number | undefined {
  if (header.startsWith(USUAL) && header.charCodeAt(USUAL.length) !== SPACE) return USUAL.length;
  return BEARER.exec(header)?.[0].length;
}

/** One function for the configured transports; two that both carry a token are refused (RFC 6750, section 2). */
export function tokenSource(transports: readonly JwtTransport[]): TokenSource {
  const sources = transports.map(sourceOf);
  const [first, ...others] = sources;
  if (first !== undefined && others.length === 0) return first;
  return (request) => {
    let found: string | undefined;
    for (const source of sources) {
      const token = source(request);
      if (token === undefined) continue;
      if (typeof token !== 'string') return token;
      if (found !== undefined) return REPEATED;
      found = token;
    }
    return found;
  };
}

/**
 * Whether a token came by a way that browsers take by themselves, from any site: a cookie. What an application's own
 * function reads may be one (fails closed). `undefined` where no such way is configured.
 */
export function ambientSource(transports: readonly JwtTransport[]): ((request: HttpRequest) => boolean) | undefined {
  const ambient = transports
    .filter((transport) => typeof transport === 'function' || (typeof transport === 'object' && 'cookie' in transport))
    .map(sourceOf);
  return ambient.length === 0 ? undefined : (request) => ambient.some((source) => source(request) !== undefined);
}

function sourceOf(transport: JwtTransport): TokenSource {
  if (transport === 'header') return tokenFromHeader;
  if (typeof transport === 'function') return fromFunction(transport);
  if ('cookie' in transport) return fromCookie(transport.cookie);
  if ('query' in transport) return (request) => single(valueIn(request.query, transport.query));
  return (request) => (isForm(request) ? single(valueIn(request.body, transport.form)) : undefined);
}

function fromFunction(extract: (request: object) => string | undefined): TokenSource {
  return (request) => {
    let token: unknown;
    try {
      token = extract(request);
    } catch (error) {
      throw failureOf(error, FROM, [request.headers, request.query, request.body]);
    }
    if (token === undefined || token === null) return undefined;
    // It could be no token at all, which is known when the promise is settled; nobody waits for it (fails closed).
    if (dropPromise(token)) {
      throw new ApplicationFunctionError(FROM, 'answered with a promise: answer with the token, or undefined, at once');
    }
    return single(token);
  };
}

/** A parameter that is there must be there once and hold something (RFC 6750, section 3.1: invalid_request). */
function single(value: unknown): string | Denied | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return REPEATED;
  return typeof value === 'string' && value !== '' ? value : MALFORMED;
}

function valueIn(record: unknown, name: string): unknown {
  return typeof record === 'object' && record !== null && Object.hasOwn(record, name)
    ? (record as Record<string, unknown>)[name]
    : undefined;
}

/** RFC 6750, section 2.2: only single-part, form-encoded bodies carry a token. */
function isForm(request: HttpRequest): boolean {
  return mediaTypeOf(request.headers['content-type'] ?? '') === 'application/x-www-form-urlencoded';
}

/** Reads the cookie from the header, so that no cookie parser is needed; two of one name are refused. */
function fromCookie(name: string): TokenSource {
  return ({ headers }) => {
    const found = cookieNamed(name, headers.cookie);
    if (found === REPEATED_COOKIE) return REPEATED;
    return found === '' ? undefined : found;
  };
}
