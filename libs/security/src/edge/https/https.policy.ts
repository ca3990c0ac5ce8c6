import { ALLOWED, type Allowed, type Denied, denied } from '../../core/decision.js';
import type { Profile } from '../../core/profile.js';
import { type ParsedHost, parseHost } from '../hosts/parsed-host.js';
import { HSTS_DEFAULTS, HTTPS_DEFAULTS, type HttpsOptions, modeOf } from './https.options.js';

/** Where to send a caller that came without TLS. */
export interface HttpsRedirect {
  readonly status: 307 | 308;
  /** The value of the `Location` field. */
  readonly location: string;
}

/** The request came without TLS; where `redirect` is given, it is answered with that instead of the error. */
export interface HttpsDenied extends Denied {
  readonly redirect?: HttpsRedirect | undefined;
}

/** Whether a request may go on as far as TLS is concerned. */
export type HttpsDecision = Allowed | HttpsDenied;

/** What holds for TLS, compiled. */
export interface HttpsPolicy {
  /** `host` is the one that was decided on and allowed; there is no redirect to any other. */
  decide(secure: boolean, host: ParsedHost | undefined, target: string): HttpsDecision;
  /** The value of `Strict-Transport-Security` for the answer, if it carries one. */
  hstsFor(secure: boolean, host: ParsedHost | undefined): string | undefined;
}

// RFC 9110, section 4.1: what every recipient should be able to take.
const LONGEST_LOCATION = 8000;

/**
 * Compiles the options, which have been checked. Left out, they ask nothing of a request, and answers over TLS carry
 * HSTS; `false` switches that off as well.
 */
export function compileHttps(options: HttpsOptions | false | undefined, profile: Profile): HttpsPolicy {
  return { decide: compileDecision(options, profile), hstsFor: compileHsts(options) };
}

function compileDecision(options: HttpsOptions | false | undefined, profile: Profile): HttpsPolicy['decide'] {
  if (options === undefined || options === false) return () => ALLOWED;
  const refused = denied('https_required');
  if (modeOf(options, profile) === 'reject') return (secure) => (secure ? ALLOWED : refused);
  const { status = HTTPS_DEFAULTS.status, port = HTTPS_DEFAULTS.port } = options;
  const suffix = port === 443 ? '' : `:${port}`;
  return (secure, host, target) => {
    if (secure) return ALLOWED;
    // An address built from an unchecked host is an open redirect (fails closed).
    if (host === undefined) return refused;
    const location = `https://${host.name}${suffix}${pathAndQuery(target)}`;
    // It would be cut off or refused on its way (fails closed).
    if (location.length > LONGEST_LOCATION) return refused;
    return { ...refused, redirect: { status: status === 307 ? 307 : 308, location } };
  };
}

function compileHsts(options: HttpsOptions | false | undefined): HttpsPolicy['hstsFor'] {
  const hsts = options === false ? false : (options?.hsts ?? defaultHsts(options));
  if (hsts === false) return () => undefined;
  const { maxAge, includeSubDomains, preload, exclude } = { ...HSTS_DEFAULTS, ...withoutUndefined(hsts) };
  const value = `max-age=${maxAge}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
  const excluded = new Set(exclude.map((name) => parseHost(name)?.name));
  return (secure, host) => {
    // Over plain HTTP browsers must ignore it (RFC 6797, section 8.1), and a name on the machine itself would keep every
    // other project of the developer from being reached.
    if (!secure || host === undefined || host.kind !== 'name') return undefined;
    return excluded.has(host.name) ? undefined : value;
  };
}

function defaultHsts(options: HttpsOptions | undefined): false | NonNullable<HttpsOptions['hsts']> {
  return options?.enforcement === 'report' ? false : {};
}

function withoutUndefined<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

/** Path and query of a request target, beginning with `/`, with nothing in it that would end a header field or a URL. */
function pathAndQuery(target: string): string {
  const start = pathStart(target);
  const rest = start === -1 ? '' : target.slice(start);
  const path = encoded(rest);
  return path.startsWith('/') ? path : `/${path}`;
}

/** Where path or query begin: behind the authority of an absolute target; -1 where there is neither. */
function pathStart(target: string): number {
  if (target.startsWith('/')) return 0;
  const scheme = target.indexOf('://');
  if (scheme === -1) return -1;
  const authority = target.slice(scheme + 3);
  const end = authority.search(/[/?#]/);
  return end === -1 ? -1 : scheme + 3 + end;
}

// What RFC 3986 has no place for in a path or a query; everything else stays as it came.
const NOT_IN_A_URL = /[^\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e\x25]/gu;

function encoded(text: string): string {
  return text.replace(NOT_IN_A_URL, percentEncoded);
}

function percentEncoded(character: string): string {
  let text = '';
  for (const byte of Buffer.from(character)) text += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  return text;
}
