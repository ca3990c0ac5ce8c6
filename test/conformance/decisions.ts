import type { ConformanceCase } from './cases.js';

/** The answer to a case was decided on; where its setup is refused, it is run in the nearest one that is not. */
export interface DifferentAnswer {
  readonly reason: string;
  /** The option that stops the start, where the setup of the case is refused as it is written. */
  readonly refusedAtStart?: string;
  /** Where it is not the case's own. */
  readonly expect?: ConformanceCase['expect'];
}

const ANYBODY_WITH_CREDENTIALS: DifferentAnswer = {
  reason: "'*' with credentials would let every page act for whoever visits it; the origin is listed instead",
  refusedAtStart: 'cors.origins',
};

const UNANCHORED: DifferentAnswer = {
  reason: 'A regular expression of origins must be anchored; with ^ and $ it means what its source makes of it',
  refusedAtStart: 'cors.origins[0]',
};

const refusedPreflight = (code: string, absentHeaders = ['Access-Control-Allow-Origin']): DifferentAnswer => ({
  reason:
    'A preflight that is refused is answered with 403, as everything that is understood and forbidden, and a code',
  expect: { status: 403, body: { contains: `"code":"${code}"` }, absentHeaders },
});

/** Cases that are answered differently by decision. */
export const DECIDED: Readonly<Record<string, DifferentAnswer>> = {
  'fa-09': {
    reason: 'RFC 6749, section 5.2 gives the token endpoint 400 invalid_request, not a validation error',
    expect: { status: 400 },
  },
  'fa-10': {
    reason: 'RFC 6749, section 5.2 gives the token endpoint 400 unsupported_grant_type, not a validation error',
    expect: { status: 400 },
  },
  'hdr-05': {
    reason: 'With no-referrer browsers say `Origin: null` where a page posts its own form, which CSRF has to refuse',
    expect: { status: 200, headers: { 'Referrer-Policy': 'same-origin' } },
  },
  'cors-01': {
    ...ANYBODY_WITH_CREDENTIALS,
    reason: `${ANYBODY_WITH_CREDENTIALS.reason}, and so are the header fields`,
    expect: {
      status: 204,
      headers: {
        'Access-Control-Allow-Origin': 'https://example.org',
        'Access-Control-Allow-Headers': { contains: 'X-Example' },
        'Access-Control-Allow-Credentials': 'true',
        Vary: { contains: 'Origin' },
      },
    },
  },
  'cors-02': ANYBODY_WITH_CREDENTIALS,
  'cors-03': ANYBODY_WITH_CREDENTIALS,
  'cors-04': ANYBODY_WITH_CREDENTIALS,
  'cors-05': ANYBODY_WITH_CREDENTIALS,
  'cors-12': refusedPreflight('cors_origin_refused'),
  'cors-13': refusedPreflight('cors_header_refused'),
  'cors-17': UNANCHORED,
  'cors-18': UNANCHORED,
  'cors-19': UNANCHORED,
  'cors-21': { ...UNANCHORED, ...refusedPreflight('cors_origin_refused'), reason: UNANCHORED.reason },
  'cors-23': { ...UNANCHORED, reason: `${UNANCHORED.reason}; a dot that means any character is refused as well` },
  'cors-26': ANYBODY_WITH_CREDENTIALS,
  'cors-33': refusedPreflight('cors_private_network_refused', [
    'Access-Control-Allow-Origin',
    'Access-Control-Allow-Private-Network',
  ]),
  'host-04': {
    reason: 'A list of hosts that accepts every host is none: whoever wants that leaves the option out',
    refusedAtStart: 'hosts[0]',
  },
  'rl-08': {
    reason: 'A name that had to be escaped would be read wrongly by clients that do not parse structured fields',
    refusedAtStart: 'rateLimit.limits.a"b',
  },
  'rl-24': {
    reason: 'Whoever is banned has no quota to wait for: 403 and a code, as for everything that is forbidden',
    expect: { status: 403, body: { contains: '"code":"address_banned"' } },
  },
  'rl-12': {
    reason: 'A limit that nobody declared stops the start instead of failing requests',
    refusedAtStart: 'rateLimit.default',
  },
  'hsts-04': {
    reason: 'hstspreload.org takes only names with their subdomains and a year or more',
    refusedAtStart: 'https.hsts.preload',
    expect: {
      status: 200,
      headers: { 'Strict-Transport-Security': 'max-age=31536000; includeSubDomains; preload' },
    },
  },
  'https-12': {
    reason: 'A redirect with 301 lets a POST become a GET (RFC 9110, section 15.4.2)',
    refusedAtStart: 'https.status',
    expect: { status: 308, headers: { Location: 'https://localhost:5050/' } },
  },
  'https-14': {
    reason: 'The port is 443 unless told otherwise; what stops the start is a redirect to a host that nobody listed',
    refusedAtStart: 'https.mode',
    expect: { status: 308, headers: { Location: 'https://localhost/' } },
  },
  'https-16': {
    reason: 'A redirect with 302 lets a POST become a GET; there is one port for TLS, and no map of ports',
    refusedAtStart: 'https.status',
    expect: { status: 308, headers: { Location: 'https://localhost:8443/path/page.html?query=string' } },
  },
};
