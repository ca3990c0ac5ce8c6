import type { Profile } from '../../core/profile.js';
import {
  compileCsp,
  type CompiledCsp,
  type ContentSecurityPolicyOptions,
  defaultDirectives,
  type Directives,
  directivesOf,
  REPORTING_ENDPOINT,
} from './content-security-policy.js';
import { compileCspReporting, type CompiledCspReporting } from './csp-reporting.options.js';
import type { HeadersOptions } from './headers.options.js';
import { permissionsPolicyValue } from './permissions-policy.js';

/** The value of Cache-Control for answers that nobody may keep. */
export const NO_STORE = 'no-store';

/** A header: its name and its value. */
export type HeaderField = readonly [name: string, value: string];

/** The headers of an application, with everything made that does not depend on the request. */
export interface CompiledHeaders {
  /**
   * What every answer carries, set before a handler can set its own. Holds the policies that need no nonce, and
   * `Cache-Control` where {@link cacheControl} is `'always'`.
   */
  readonly constants: readonly HeaderField[];
  /** The policy, where it needs a nonce. */
  readonly csp: CompiledCsp | undefined;
  /** The policy that only reports beside the other, where it needs a nonce. */
  readonly cspReportOnly: CompiledCsp | undefined;
  /** For `'authenticated'`, who answers sets {@link NO_STORE} once a principal is known, unless the header is there. */
  readonly cacheControl: 'always' | 'authenticated' | false;
  /** What the endpoint for reports is made of, if there is one. */
  readonly reporting: CompiledCspReporting | undefined;
}

/** Makes the headers once, when the application starts. The options have been checked. */
export function compileHeaders(options: HeadersOptions = {}, profile: Profile): CompiledHeaders {
  const reporting = options.reporting ? compileCspReporting(options.reporting) : undefined;
  const csp = compileRootCsp(options, profile);
  const cspReportOnly = options.contentSecurityPolicyReportOnly
    ? compileCsp(
        directivesOf(options.contentSecurityPolicyReportOnly, defaultsOf(options, profile)),
        true,
        reporting?.path,
      )
    : undefined;
  const cacheControl = options.cacheControl ?? (profile === 'api' ? 'always' : 'authenticated');

  const constants: (readonly [name: string, value: string | false | undefined])[] = [
    ...constantPolicies([csp, cspReportOnly]),
    ['Cross-Origin-Embedder-Policy', options.crossOriginEmbedderPolicy],
    ['Cross-Origin-Opener-Policy', options.crossOriginOpenerPolicy ?? 'same-origin'],
    ['Cross-Origin-Resource-Policy', options.crossOriginResourcePolicy ?? 'same-origin'],
    ['Origin-Agent-Cluster', options.originAgentCluster !== false && '?1'],
    ['Referrer-Policy', referrerPolicyValue(options.referrerPolicy, profile)],
    ['X-Content-Type-Options', options.contentTypeOptions !== false && 'nosniff'],
    ['X-DNS-Prefetch-Control', options.dnsPrefetchControl ?? 'off'],
    ['X-Download-Options', options.downloadOptions !== false && 'noopen'],
    ['X-Frame-Options', options.frameOptions ?? (profile === 'api' ? 'DENY' : 'SAMEORIGIN')],
    ['X-Permitted-Cross-Domain-Policies', options.permittedCrossDomainPolicies ?? 'none'],
    ['X-XSS-Protection', options.xssProtection !== false && '0'],
    ['Permissions-Policy', options.permissionsPolicy !== false && permissionsPolicyValue(options.permissionsPolicy)],
    ['Cache-Control', cacheControl === 'always' && NO_STORE],
    ['Reporting-Endpoints', reporting && `${REPORTING_ENDPOINT}="${reporting.path}"`],
  ];
  return Object.freeze({
    constants: Object.freeze(constants.filter(isPresent).map((field) => Object.freeze(field))),
    csp: csp?.needsNonce ? csp : undefined,
    cspReportOnly: cspReportOnly?.needsNonce ? cspReportOnly : undefined,
    cacheControl,
    reporting,
  });
}

/**
 * Makes the policy of a route, which replaces both headers of the application's; `'off'` sends neither. `value` is that
 * of `@ContentSecurityPolicy`, `root` the options of `headers`; both have been checked.
 */
export function compileRouteCsp(
  value: ContentSecurityPolicyOptions | false,
  root: HeadersOptions = {},
  profile: Profile,
): CompiledCsp | 'off' {
  if (value === false) return 'off';
  const { contentSecurityPolicy } = root;
  const defaults = defaultsOf(root, profile);
  const base = contentSecurityPolicy ? directivesOf(contentSecurityPolicy, defaults) : defaults;
  const reportOnly = value.reportOnly ?? (contentSecurityPolicy ? contentSecurityPolicy.reportOnly : undefined);
  const reportPath = root.reporting ? root.reporting.path : undefined;
  return compileCsp(directivesOf(value, base), reportOnly === true, reportPath) ?? 'off';
}

function compileRootCsp(options: HeadersOptions, profile: Profile): CompiledCsp | undefined {
  const { contentSecurityPolicy = {}, reporting } = options;
  if (contentSecurityPolicy === false) return undefined;
  return compileCsp(
    directivesOf(contentSecurityPolicy, defaultsOf(options, profile)),
    contentSecurityPolicy.reportOnly === true,
    reporting ? reporting.path : undefined,
  );
}

function defaultsOf(options: HeadersOptions, profile: Profile): Directives {
  return defaultDirectives(profile, options.frameOptions);
}

function constantPolicies(policies: readonly (CompiledCsp | undefined)[]): readonly HeaderField[] {
  return policies
    .filter((policy) => policy !== undefined)
    .filter(({ needsNonce }) => !needsNonce)
    .map((policy) => [policy.name, policy.value('')]);
}

/** With `no-referrer` browsers say `Origin: null` where a page posts its own form, which CSRF has to refuse. */
function referrerPolicyValue(policy: HeadersOptions['referrerPolicy'], profile: Profile): string | false {
  if (policy === undefined) return profile === 'web' ? 'same-origin' : 'no-referrer';
  return Array.isArray(policy) ? policy.join(',') : (policy as string | false);
}

function isPresent(field: readonly [name: string, value: string | false | undefined]): field is HeaderField {
  return typeof field[1] === 'string';
}
