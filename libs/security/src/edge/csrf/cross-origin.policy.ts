import { ALLOWED, denied, type Decision } from '../../core/decision.js';

const CROSS_ORIGIN = denied('csrf_cross_origin');

/** What the decision needs of a request. */
export interface CrossOriginRequest {
  readonly method: string | undefined;
  /** `Sec-Fetch-Site`; a repeated header as its lines joined. */
  readonly secFetchSite: string | undefined;
  /** `Origin`; a repeated header as its lines joined. */
  readonly origin: string | undefined;
  /** The effective host: lower-case `name[:port]`, without a default port. */
  readonly host: string | undefined;
  /** True when the request surely came over TLS. */
  readonly secure: boolean;
}

/**
 * Methods that must not change anything (RFC 9110, section 9.2.1). Methods are case-sensitive. `QUERY` is safe as well,
 * but frameworks of today route it like any other: it is checked (fails closed).
 */
export function isSafeMethod(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}

/**
 * Whether an unsafe request comes from the application's own pages, by the rules of Go 1.25's `CrossOriginProtection`:
 *
 * 1. `Sec-Fetch-Site`, which no page can forge, says `same-origin`, or `none` for what the user did without a page.
 *    Any other value counts as another origin, `same-site` too: a sibling subdomain may be anybody's.
 * 2. Without it, a request without `Origin` is from no browser: every one since 2020 sends it with unsafe methods.
 * 3. Without it, `Origin` names the host that was asked for.
 * 4. `Origin` is one of those trusted.
 *
 * One rule is stricter than Go's, which cannot know the scheme: where the request surely came over TLS, `http:` of the
 * same host is another origin. Whoever sits on the network can write that page.
 */
export function decideCrossOrigin(request: CrossOriginRequest, trustedOrigins: ReadonlySet<string>): Decision {
  if (isSafeMethod(request.method)) return ALLOWED;
  const { secFetchSite, origin } = request;
  if (secFetchSite === undefined) {
    if (origin === undefined || isOwnOrigin(origin, request.host, request.secure)) return ALLOWED;
  } else if (secFetchSite === 'same-origin' || secFetchSite === 'none') {
    return ALLOWED;
  }
  // What is empty, joined from several lines, malformed or `null` equals no trusted origin (fails closed).
  return origin !== undefined && trustedOrigins.has(origin) ? ALLOWED : CROSS_ORIGIN;
}

/**
 * Compares text, and parses nothing: a browser writes its origin in one form only (RFC 6454, section 6.2). Any other is
 * from no browser and is refused (fails closed). `https:` towards a request that is not known to be secure is right
 * behind a proxy that ends TLS and is not trusted.
 */
function isOwnOrigin(origin: string, host: string | undefined, secure: boolean): boolean {
  if (host === undefined || host === '') return false;
  if (origin.startsWith('https://')) return namesHost(origin.slice(8), host, ':443');
  return !secure && origin.startsWith('http://') && namesHost(origin.slice(7), host, ':80');
}

/** The default port is that of the origin's scheme: behind such a proxy `Host` may still carry `:443`. */
function namesHost(authority: string, host: string, defaultPort: string): boolean {
  return authority === host || authority + defaultPort === host;
}
