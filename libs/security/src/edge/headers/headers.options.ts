import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, Known, OptionalRule } from '../../core/options.rules.js';
import type { ContentSecurityPolicyOptions, ReportOnlyPolicyOptions } from './content-security-policy.js';
import {
  checkContentSecurityPolicy,
  checkPolicyOfRoute,
  checkReportOnlyPolicy,
  ownDirective,
} from './content-security-policy.rules.js';
import { checkCspReporting, type CspReportingOptions } from './csp-reporting.options.js';
import { checkPermissionsPolicy, type PermissionsPolicyOptions } from './permissions-policy.js';

const EMBEDDER = ['require-corp', 'credentialless', 'unsafe-none'] as const;
const OPENER = ['same-origin', 'same-origin-allow-popups', 'noopener-allow-popups', 'unsafe-none'] as const;
const RESOURCE = ['same-origin', 'same-site', 'cross-origin'] as const;
const REFERRER = [
  'no-referrer',
  'no-referrer-when-downgrade',
  'same-origin',
  'origin',
  'strict-origin',
  'origin-when-cross-origin',
  'strict-origin-when-cross-origin',
] as const;
const PREFETCH = ['off', 'on'] as const;
const FRAME = ['DENY', 'SAMEORIGIN'] as const;
const CROSS_DOMAIN = ['none', 'master-only', 'by-content-type', 'all'] as const;
const CACHE = ['always', 'authenticated'] as const;

/** A policy of Referrer-Policy. `unsafe-url` is none: it gives whole addresses, with what is secret in them, to anybody. */
export type ReferrerPolicy = (typeof REFERRER)[number];

/**
 * The headers of every answer, errors included; `false` leaves a header out. Strict-Transport-Security is an option of
 * `https`.
 */
export interface HeadersOptions {
  /**
   * What a page may load, run and be framed by (CSP Level 3).
   * @default profile `web`: helmet's policy; profile `api`: nothing may be loaded, nobody may frame (OWASP REST Security
   * Cheat Sheet)
   */
  contentSecurityPolicy?: ContentSecurityPolicyOptions | false | undefined;
  /**
   * A second policy, which only reports: for finding out what a stricter one would break.
   * @default none
   */
  contentSecurityPolicyReportOnly?: ReportOnlyPolicyOptions | false | undefined;
  /**
   * Where browsers report violations of the policies, as `Reporting-Endpoints`, `report-to` and `report-uri`.
   * @default nowhere
   */
  reporting?: CspReportingOptions | false | undefined;
  /**
   * Who may use which powerful feature of the browser; features that are not named keep the default.
   * @default nobody uses sensors, devices, location, camera, microphone, screen capture, payment
   */
  permissionsPolicy?: PermissionsPolicyOptions | false | undefined;
  /**
   * Cross-Origin-Embedder-Policy: whether everything on a page must consent to be there.
   * @default false
   */
  crossOriginEmbedderPolicy?: (typeof EMBEDDER)[number] | false | undefined;
  /**
   * Cross-Origin-Opener-Policy: which windows may reach that of a page.
   * @default 'same-origin'
   */
  crossOriginOpenerPolicy?: (typeof OPENER)[number] | false | undefined;
  /**
   * Cross-Origin-Resource-Policy: who may load an answer without CORS.
   * @default 'same-origin'
   */
  crossOriginResourcePolicy?: (typeof RESOURCE)[number] | false | undefined;
  /**
   * Origin-Agent-Cluster: a process for each origin, not for each site.
   * @default true
   */
  originAgentCluster?: boolean | undefined;
  /**
   * Referrer-Policy, or several of which browsers take the last that they know. With `no-referrer` a page's own forms say
   * `Origin: null`, and are refused where the browser sends no `Sec-Fetch-Site`.
   * @default 'no-referrer' in the profile `api`, 'same-origin' in the profile `web`
   */
  referrerPolicy?: ReferrerPolicy | readonly ReferrerPolicy[] | false | undefined;
  /**
   * X-Content-Type-Options: an answer is what its Content-Type says.
   * @default true
   */
  contentTypeOptions?: boolean | undefined;
  /**
   * X-DNS-Prefetch-Control: whether hosts of links are looked up before anybody follows them.
   * @default 'off'
   */
  dnsPrefetchControl?: (typeof PREFETCH)[number] | false | undefined;
  /**
   * X-Download-Options, for Internet Explorer: downloads are not opened on the site.
   * @default true
   */
  downloadOptions?: boolean | undefined;
  /**
   * X-Frame-Options: who may frame an answer, for browsers without `frame-ancestors`, which follows it.
   * @default profile `web`: 'SAMEORIGIN'; profile `api`: 'DENY'
   */
  frameOptions?: (typeof FRAME)[number] | false | undefined;
  /**
   * X-Permitted-Cross-Domain-Policies: which policy files of Adobe's products count.
   * @default 'none'
   */
  permittedCrossDomainPolicies?: (typeof CROSS_DOMAIN)[number] | false | undefined;
  /**
   * X-XSS-Protection: 0, as the filter of old browsers was itself a hole.
   * @default true
   */
  xssProtection?: boolean | undefined;
  /**
   * `Cache-Control: no-store` on which answers; what a handler sets itself stands.
   * @default profile `web`: 'authenticated'; profile `api`: 'always'
   */
  cacheControl?: (typeof CACHE)[number] | false | undefined;
}

function oneOf(known: readonly string[]): PropertyDecorator {
  return OptionalRule(
    (value) =>
      value === false || known.includes(value as string) ? undefined : `is none of its values, but ${describe(value)}`,
    `Known are ${known.map((name) => `'${name}'`).join(', ')}, and false`,
  );
}

function onOrOff(): PropertyDecorator {
  return OptionalRule(
    (value) => (typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`),
    'Leave it out to send the header',
  );
}

class HeadersRules {
  @Known() contentSecurityPolicy?: unknown;
  @Known() contentSecurityPolicyReportOnly?: unknown;
  @Known() reporting?: unknown;
  @Known() permissionsPolicy?: unknown;
  @oneOf(EMBEDDER) crossOriginEmbedderPolicy?: unknown;
  @oneOf(OPENER) crossOriginOpenerPolicy?: unknown;
  @oneOf(RESOURCE) crossOriginResourcePolicy?: unknown;
  @onOrOff() originAgentCluster?: unknown;
  @OptionalRule(referrerProblem, `Known are ${REFERRER.join(', ')}`) referrerPolicy?: unknown;
  @onOrOff() contentTypeOptions?: unknown;
  @oneOf(PREFETCH) dnsPrefetchControl?: unknown;
  @onOrOff() downloadOptions?: unknown;
  @oneOf(FRAME) frameOptions?: unknown;
  @oneOf(CROSS_DOMAIN) permittedCrossDomainPolicies?: unknown;
  @onOrOff() xssProtection?: unknown;
  @oneOf(CACHE) cacheControl?: unknown;
}

function referrerProblem(value: unknown): string | undefined {
  if (value === false || REFERRER.includes(value as ReferrerPolicy)) return undefined;
  if (value === 'unsafe-url') return 'gives whole addresses, with what is secret in them, to anybody';
  if (!Array.isArray(value)) return `is no policy, but ${describe(value)}`;
  if (value.length === 0) return 'lists nothing';
  if (!value.every((policy) => REFERRER.includes(policy))) return 'lists something that is no policy';
  return new Set(value).size < value.length ? 'lists a policy twice' : undefined;
}

const PARTS = [
  ['contentSecurityPolicy', checkContentSecurityPolicy],
  ['contentSecurityPolicyReportOnly', checkReportOnlyPolicy],
  ['reporting', checkCspReporting],
  ['permissionsPolicy', checkPermissionsPolicy],
] as const;

/** Adds what is wrong with the options to `problems`. */
export function checkHeadersOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(HeadersRules, options, path, problems);
  if (!isRecord(options)) return;
  for (const [name, check] of PARTS) {
    const part = options[name];
    if (part !== undefined && part !== false) check(part, `${path}.${name}`, problems);
  }
  checkContradictions(options as HeadersOptions, path, problems);
}

/**
 * Adds what is wrong with the value of `@ContentSecurityPolicy` to `problems`; `where` names the handler or the class,
 * `root` are the options of `headers`, checked elsewhere.
 */
export function checkRouteCsp(
  value: unknown,
  where: string,
  problems: ConfigurationProblem[],
  root?: HeadersOptions,
): void {
  checkPolicyOfRoute(value, where, problems, root?.contentSecurityPolicy);
}

function checkContradictions(options: HeadersOptions, path: string, problems: ConfigurationProblem[]): void {
  const { contentSecurityPolicy: enforced, contentSecurityPolicyReportOnly: reportOnly, frameOptions } = options;
  const policy = isRecord(enforced) ? (enforced as ContentSecurityPolicyOptions) : undefined;
  if (policy?.reportOnly === true && isRecord(reportOnly)) {
    problems.push({
      where: `${path}.contentSecurityPolicyReportOnly`,
      problem: 'stands beside a policy that only reports as well',
      fix: 'Keep one of the two, or enforce contentSecurityPolicy',
    });
  }
  if (frameOptions === 'DENY' && policy !== undefined && policy.reportOnly !== true) {
    const ancestors = ownDirective(policy, 'frame-ancestors');
    if (Array.isArray(ancestors) && !ancestors.includes("'none'")) {
      problems.push({
        where: `${path}.frameOptions`,
        problem: 'denies what frame-ancestors allows, and browsers heed the latter',
        fix: `Write frameAncestors: ["'none'"], or leave frameOptions out`,
      });
    }
  }
  if (isRecord(options.reporting)) {
    for (const name of ['contentSecurityPolicy', 'contentSecurityPolicyReportOnly'] as const) {
      const part = options[name];
      if (!isRecord(part) || !Array.isArray(ownDirective(part, 'report-uri'))) continue;
      problems.push({
        where: `${path}.${name}.directives.reportUri`,
        problem: 'stands beside headers.reporting, which would get no report',
        fix: 'Keep one of the two',
      });
    }
  }
}
