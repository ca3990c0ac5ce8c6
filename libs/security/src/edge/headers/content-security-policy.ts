import type { Profile } from '../../core/profile.js';
import { spellingsOf, type Spelled } from './spellings.js';

const LIST_DIRECTIVES = [
  'default-src',
  'base-uri',
  'child-src',
  'connect-src',
  'fenced-frame-src',
  'font-src',
  'form-action',
  'frame-ancestors',
  'frame-src',
  'img-src',
  'manifest-src',
  'media-src',
  'object-src',
  'report-uri',
  'require-trusted-types-for',
  'script-src',
  'script-src-attr',
  'script-src-elem',
  'style-src',
  'style-src-attr',
  'style-src-elem',
  'trusted-types',
  'worker-src',
] as const;

/** Directives that stand alone or with a list. */
const SANDBOX = 'sandbox';
const UPGRADE = 'upgrade-insecure-requests';

/** A directive of CSP Level 3 that a policy of the application may have; `report-to` is set by `headers.reporting`. */
export type CspDirective = (typeof LIST_DIRECTIVES)[number] | typeof SANDBOX | typeof UPGRADE;

/** Every way of writing a directive, with the name that stands in the header. */
export const CSP_DIRECTIVES: ReadonlyMap<string, CspDirective> = spellingsOf([...LIST_DIRECTIVES, SANDBOX, UPGRADE]);

/**
 * The directives of a policy, in camelCase or as they stand in the header: a list of sources, `false` to leave out one
 * of the defaults. `"'nonce'"` among the sources of scripts or styles stands for the nonce of the request.
 */
export type CspDirectives = Spelled<(typeof LIST_DIRECTIVES)[number], readonly string[] | false> &
  Spelled<typeof SANDBOX, readonly string[] | boolean> &
  Spelled<typeof UPGRADE, boolean>;

/** A source that lets an injected script run. */
export type DangerousScriptSource = "'unsafe-inline'" | "'unsafe-eval'" | 'data:' | 'http:' | 'https:' | '*';

/** A Content-Security-Policy (CSP Level 3). */
export interface ContentSecurityPolicyOptions {
  /**
   * The directives that differ from the defaults.
   * @default none
   */
  directives?: CspDirectives | undefined;
  /**
   * Whether directives that are not named come from the defaults: those of the profile, and for a route those of the
   * application.
   * @default true
   */
  useDefaults?: boolean | undefined;
  /**
   * Sends the policy as `Content-Security-Policy-Report-Only`: browsers report what breaks it and block nothing.
   * @default false, for a route as the application
   */
  reportOnly?: boolean | undefined;
  /**
   * Sources of scripts that are accepted although they let an injected script run: `'unsafe-inline'`, unless a nonce, a
   * hash or `'strict-dynamic'` makes browsers ignore it; `'unsafe-eval'`; and `data:`, `http:`, `https:` and `*`, unless
   * `'strict-dynamic'` does.
   * @default none
   */
  dangerouslyAllowScripts?: readonly DangerousScriptSource[] | undefined;
  /**
   * Accepts a policy without `default-src`: kinds of resources that no directive names are then loaded from anywhere.
   * @default false
   */
  dangerouslyWithoutDefaultSrc?: boolean | undefined;
}

/** A policy beside the enforced one, which only reports. */
export type ReportOnlyPolicyOptions = Omit<ContentSecurityPolicyOptions, 'reportOnly'>;

/** What stands in a list of sources for the nonce of the request. */
export const NONCE_SOURCE = "'nonce'";

/** The two headers that carry a policy. A policy of a route replaces both. */
export const CSP_HEADERS = ['Content-Security-Policy', 'Content-Security-Policy-Report-Only'] as const;

/** A policy as it is sent. */
export interface CompiledCsp {
  readonly name: (typeof CSP_HEADERS)[number];
  /** Whether {@link value} needs a nonce; without, it is the same for every request. */
  readonly needsNonce: boolean;
  /** The value of the header; the nonce is 128 random bits in base64. */
  value(nonce: string): string;
}

/** Directives under the names of the header, in its order; an empty list for a directive that stands alone. */
export type Directives = ReadonlyMap<CspDirective, readonly string[]>;

const DEFAULTS: Readonly<Record<Profile, Directives>> = {
  // helmet 8.3.
  web: new Map<CspDirective, readonly string[]>([
    ['default-src', ["'self'"]],
    ['base-uri', ["'self'"]],
    ['font-src', ["'self'", 'https:', 'data:']],
    ['form-action', ["'self'"]],
    ['frame-ancestors', ["'self'"]],
    ['img-src', ["'self'", 'data:']],
    ['object-src', ["'none'"]],
    ['script-src', ["'self'"]],
    ['script-src-attr', ["'none'"]],
    ['style-src', ["'self'", 'https:', "'unsafe-inline'"]],
    ['upgrade-insecure-requests', []],
  ]),
  // OWASP REST Security Cheat Sheet. `base-uri`, `form-action` and `frame-ancestors` do not fall back to `default-src`.
  api: new Map<CspDirective, readonly string[]>([
    ['default-src', ["'none'"]],
    ['base-uri', ["'none'"]],
    ['form-action', ["'none'"]],
    ['frame-ancestors', ["'none'"]],
  ]),
};

const FRAME_ANCESTORS = { DENY: ["'none'"], SAMEORIGIN: ["'self'"] } as const;

/**
 * The directives of a profile. `frame-ancestors` follows `X-Frame-Options` where the application has chosen one, as
 * browsers ignore the header beside the directive (CSP Level 3, "Relation to X-Frame-Options").
 */
export function defaultDirectives(profile: Profile, frameOptions?: 'DENY' | 'SAMEORIGIN' | false): Directives {
  if (frameOptions === undefined || frameOptions === false) return DEFAULTS[profile];
  return new Map(DEFAULTS[profile]).set('frame-ancestors', FRAME_ANCESTORS[frameOptions]);
}

/** The directives of a policy on top of the defaults. The options have been checked. */
export function directivesOf(options: ContentSecurityPolicyOptions, defaults: Directives): Directives {
  const directives = new Map(options.useDefaults === false ? [] : defaults);
  for (const [spelling, value] of Object.entries(options.directives ?? {})) {
    const name = CSP_DIRECTIVES.get(spelling);
    if (name === undefined || value === undefined) continue;
    if (value === false) directives.delete(name);
    else directives.set(name, value === true ? [] : value);
  }
  return directives;
}

/** Browsers ignore these in a policy that only reports, and complain. */
const ENFORCED_ONLY: ReadonlySet<CspDirective> = new Set([SANDBOX, UPGRADE]);

/** The name of the endpoint in `Reporting-Endpoints`. */
export const REPORTING_ENDPOINT = 'csp';

// Stands in no checked source: those are visible characters only.
const NONCE_PLACE = '\0';

/**
 * A policy ready to be sent, or `undefined` when no directive is left. Violations are reported to `reportPath`, unless
 * the policy has a `report-uri` of its own.
 */
export function compileCsp(
  directives: Directives,
  reportOnly: boolean,
  reportPath: string | undefined,
): CompiledCsp | undefined {
  const parts: string[] = [];
  for (const [name, values] of directives) {
    if (reportOnly && ENFORCED_ONLY.has(name)) continue;
    parts.push([name, ...values.map(withNoncePlace)].join(' '));
  }
  if (parts.length === 0) return undefined;
  if (reportPath !== undefined && !directives.has('report-uri')) {
    // Browsers that know `report-to` ignore `report-uri`; the others know the latter only.
    parts.push(`report-uri ${reportPath}`, `report-to ${REPORTING_ENDPOINT}`);
  }
  const pieces = parts.join(';').split(NONCE_PLACE);
  const [constant = ''] = pieces;
  const needsNonce = pieces.length > 1;
  return Object.freeze({
    name: CSP_HEADERS[reportOnly ? 1 : 0],
    needsNonce,
    value: needsNonce ? (nonce: string) => pieces.join(nonce) : () => constant,
  });
}

function withNoncePlace(source: string): string {
  return source === NONCE_SOURCE ? `'nonce-${NONCE_PLACE}'` : source;
}
