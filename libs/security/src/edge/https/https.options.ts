import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, OptionalRule, Part, wholeNumber } from '../../core/options.rules.js';
import type { Enforcement, Profile } from '../../core/profile.js';
import { parseHost } from '../hosts/parsed-host.js';

/** What becomes of requests without TLS, and how browsers are told to use it. */
export interface HttpsOptions {
  /**
   * `redirect` sends the caller to the same path under `https:`; `reject` answers 403 `https_required`. A program that
   * is redirected has sent its credentials in the clear already and would never notice (OWASP ASVS 4.1.2); to redirect
   * needs `hosts`.
   * @default 'reject' in the profile `api`, 'redirect' in the profile `web`
   */
  readonly mode?: 'redirect' | 'reject' | undefined;
  /**
   * The status of the redirect: 308 is kept by browsers, 307 is not. Both keep method and body; 301 and 302 would let a
   * POST become a GET (RFC 9110, sections 15.4.2 and 15.4.3).
   * @default 308
   */
  readonly status?: 307 | 308 | undefined;
  /**
   * The port that speaks TLS, as clients see it; 443 is left out of the address.
   * @default 443
   */
  readonly port?: number | undefined;
  /**
   * Whether a request without TLS is stopped or only recorded. While it is only recorded, HSTS is sent only if `hsts` is
   * given: browsers would enforce what is meant to be tried.
   * @default 'enforce'
   */
  readonly enforcement?: Enforcement | undefined;
  /**
   * The `Strict-Transport-Security` field of answers over TLS; `false` leaves it out.
   * @default one year, with subdomains
   */
  readonly hsts?: false | HstsOptions | undefined;
}

/** How long, and for which hosts, browsers use nothing but TLS (RFC 6797). */
export interface HstsOptions {
  /**
   * Seconds; 0 makes browsers forget.
   * @default 31536000
   */
  readonly maxAge?: number | undefined;
  /**
   * Whether it holds for all names below the host.
   * @default true
   */
  readonly includeSubDomains?: boolean | undefined;
  /**
   * Asks for a place in the list that browsers are shipped with; it takes months to leave it again. Needs a year or more
   * and the subdomains (hstspreload.org).
   * @default false
   */
  readonly preload?: boolean | undefined;
  /**
   * Names whose own answers do not carry the field. `includeSubDomains` of a name above still holds for them. Loopback
   * and IP addresses never carry it.
   * @default []
   */
  readonly exclude?: readonly string[] | undefined;
}

/** The values of what is left out; the mode goes by the profile. */
export const HTTPS_DEFAULTS = Object.freeze({ status: 308, port: 443 });

/** The values of what is left out of {@link HstsOptions}. */
export const HSTS_DEFAULTS: Readonly<Required<{ [K in keyof HstsOptions]: NonNullable<HstsOptions[K]> }>> =
  Object.freeze({
    maxAge: 31_536_000,
    includeSubDomains: true,
    preload: false,
    exclude: Object.freeze([]),
  });

// Browsers keep it as a number of seconds; a hundred years are beyond every doubt about its size.
const LONGEST_AGE = 3_153_600_000;

class HstsRules {
  @OptionalRule(wholeNumber(0, LONGEST_AGE), 'Leave it out for a year: 31536000 seconds')
  maxAge?: unknown;

  @OptionalRule(flag, 'Leave it out to include them')
  includeSubDomains?: unknown;

  @OptionalRule(preloadProblem, 'Leave maxAge and includeSubDomains out, or leave preload out')
  @OptionalRule(flag, 'Leave it out unless the name is to be preloaded', 'flag')
  preload?: unknown;

  @OptionalRule(
    (value) => (Array.isArray(value) ? undefined : `must be a list of names, not ${describe(value)}`),
    "Give the names as ['legacy.example.com']",
  )
  exclude?: unknown;
}

function preloadProblem(preload: unknown, options: object): string | undefined {
  if (preload !== true) return undefined;
  const { maxAge = HSTS_DEFAULTS.maxAge, includeSubDomains = true } = options as HstsOptions;
  if (includeSubDomains !== true) return 'would be refused by the list: it takes only names with their subdomains';
  return maxAge < HSTS_DEFAULTS.maxAge ? 'would be refused by the list: it asks for a maxAge of a year' : undefined;
}

class HttpsRules {
  @OptionalRule(
    (value) =>
      value === 'redirect' || value === 'reject' ? undefined : `must be 'redirect' or 'reject', not ${describe(value)}`,
    'Leave it out to go by the profile',
  )
  mode?: unknown;

  @OptionalRule(
    (value) => (value === 307 || value === 308 ? undefined : 'must be 307 or 308: others let a POST become a GET'),
    'Leave it out for 308; 307 is not remembered by browsers',
  )
  status?: unknown;

  @OptionalRule(wholeNumber(1, 65_535), 'Leave it out for 443')
  port?: unknown;

  @OptionalRule(
    (value) =>
      value === 'enforce' || value === 'report' ? undefined : `must be 'enforce' or 'report', not ${describe(value)}`,
    "Leave it out to stop such requests; 'report' only records them",
  )
  enforcement?: unknown;

  @OptionalRule(
    (value) => (Array.isArray(value) ? 'must be one object, not a list' : undefined),
    'Give the options themselves, or false to leave the field out',
  )
  @Part(() => HstsRules)
  hsts?: unknown;
}

/** What the options of HTTPS are checked against. */
export interface HttpsContext {
  /** Whether the hosts that are served are listed. */
  readonly hasHosts: boolean;
  readonly profile: Profile;
}

/** Adds what is wrong with the options to `problems`. */
export function checkHttpsOptions(
  options: unknown,
  path: string,
  problems: ConfigurationProblem[],
  context: HttpsContext,
): void {
  checkOptions(HttpsRules, options, path, problems);
  if (!isRecord(options)) return;
  if (isRecord(options.hsts) && Array.isArray(options.hsts.exclude)) {
    checkExcluded(options.hsts.exclude, `${path}.hsts.exclude`, problems);
  }
  if (modeOf(options, context.profile) === 'redirect') {
    if (context.hasHosts) return;
    problems.push({
      where: `${path}.mode`,
      problem: 'redirects to the host of the request, which nobody has checked: an open redirect',
      fix: "List the hosts of the application in `hosts`, or set `mode: 'reject'`",
    });
    return;
  }
  for (const key of ['status', 'port']) {
    if (options[key] === undefined) continue;
    problems.push({
      where: `${path}.${key}`,
      problem: 'has no effect: requests without TLS are rejected, not redirected',
      fix: "Leave it out, or set `mode: 'redirect'`",
    });
  }
}

/** What becomes of a request without TLS. */
export function modeOf(options: { readonly mode?: unknown }, profile: Profile): unknown {
  return options.mode ?? (profile === 'api' ? 'reject' : 'redirect');
}

function checkExcluded(names: readonly unknown[], path: string, problems: ConfigurationProblem[]): void {
  names.forEach((name, index) => {
    const host = typeof name === 'string' ? parseHost(name) : undefined;
    if (host?.kind === 'name' && host.port === undefined) return;
    problems.push({
      where: `${path}[${index}]`,
      problem: 'is no name of a host that would carry the field',
      fix: "Write a name without port and wildcard, in punycode: 'legacy.example.com'",
    });
  });
}

function flag(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`;
}
