import type { ConfigurationProblem } from '../../core/errors.js';
import {
  checkOptions,
  describe,
  isRecord,
  nearestName,
  OptionalRule,
  Part,
  wholeNumber,
} from '../../core/options.rules.js';
import type { Enforcement } from '../../core/profile.js';
import { BYTE_SIZE_FIX, byteSizeProblem, parseByteSize } from './body-limit.js';
import { MEDIA_RANGES_FIX, mediaRangesProblem } from './content-type.policy.js';

/**
 * What of a request is refused before it is routed: whatever two readers of it could understand differently, and
 * whatever is larger than an application needs. Requests are rejected, never rewritten.
 */
export interface FirewallOptions {
  /**
   * The methods that are accepted, case-sensitive (RFC 9110, section 9.1). CONNECT, TRACE and TRACK cannot be
   * (cross-site tracing).
   * @default ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']
   */
  methods?: readonly string[] | undefined;
  /**
   * Forms of a request that readers understand differently, accepted all the same.
   * @default []
   */
  dangerouslyAllow?: readonly FirewallAllowance[] | undefined;
  /** The request target: path and query as they came. */
  target?: FirewallTargetOptions | undefined;
  /** The header fields. */
  headers?: FirewallHeaderOptions | undefined;
  /** The parameters of the query. */
  parameters?: FirewallParameterOptions | undefined;
  /**
   * The media types that a body may have where no `@ContentTypes` says otherwise: `type/subtype`, `type/*` or
   * `type/*+suffix`. A body of another type, or of none, is answered with 415. `text/plain` is not among the defaults:
   * any site can make a browser send it, with JSON inside (CORS-safelisted, Fetch standard).
   * @default ['application/json', 'application/*+json', 'application/x-www-form-urlencoded', 'multipart/form-data']
   */
  contentTypes?: readonly string[] | undefined;
  /**
   * How large a body may be where no `@BodyLimit` says otherwise: bytes, or a number with b, kb, mb or gb (1 kb is
   * 1024 bytes). A larger one is answered with 413, before it is read where its length is declared.
   * @default '100kb'
   */
  bodyLimit?: number | string | undefined;
  /** Bodies that were parsed, of JSON and of forms. */
  json?: FirewallJsonOptions | undefined;
  /** How long a client may take, against those that hold connections open by being slow (slow-loris). */
  timeouts?: FirewallTimeoutOptions | undefined;
  /**
   * Whether what is refused is denied, or only published as an event.
   * @default 'enforce'
   */
  enforcement?: Enforcement | undefined;
}

/**
 * What `dangerouslyAllow` can name; the switches of Spring Security's StrictHttpFirewall are all among them.
 *
 * - `anyMethod`: every method but CONNECT, TRACE and TRACK
 * - `semicolon`: `;` and `%3B` in paths; dot segments before them are still refused
 * - `doubleSlash`: empty segments, `//`
 * - `encodedSlash`: `%2F`, as a separator of segments
 * - `encodedPeriod`: `%2E`; a segment that is `.` or `..` is still refused
 * - `encodedPercent`: `%25`, whatever it decodes to the second time
 * - `backslash`: `\` and `%5C`, as separators of segments
 * - `encodedNull`, `encodedLineFeed`, `encodedCarriageReturn`, `encodedLineSeparator`, `encodedParagraphSeparator`:
 *   `%00`, `%0A`, `%0D`, `%E2%80%A8`, `%E2%80%A9` in paths
 * - `malformedQuery`: percent signs in queries that encode nothing, or bytes that are no UTF-8
 * - `anyContentType`: bodies of any media type, or of none, where no `@ContentTypes` says otherwise
 */
export type FirewallAllowance = (typeof ALLOWANCES)[number];

const ALLOWANCES = [
  'anyMethod',
  'semicolon',
  'doubleSlash',
  'encodedSlash',
  'encodedPeriod',
  'encodedPercent',
  'backslash',
  'encodedNull',
  'encodedLineFeed',
  'encodedCarriageReturn',
  'encodedLineSeparator',
  'encodedParagraphSeparator',
  'malformedQuery',
  'anyContentType',
] as const;

/** Bounds of the request target. */
export interface FirewallTargetOptions {
  /**
   * Characters of path and query together, 1 to 65536; a longer one is answered with 414. Node itself takes no more
   * than 16 KiB for the whole head, unless it is started with `--max-http-header-size`.
   * @default 8192
   */
  maxLength?: number | undefined;
}

/** Bounds of the header fields. */
export interface FirewallHeaderOptions {
  /**
   * Header lines, 1 to 1000; more are answered with 431.
   * @default 100
   */
  max?: number | undefined;
  /**
   * Characters of a name, 1 to 65536.
   * @default 256
   */
  maxNameLength?: number | undefined;
  /**
   * Characters of a value, 1 to 65536.
   * @default 8192
   */
  maxValueLength?: number | undefined;
  /**
   * A rule of your own for each header line, beside those there are: anything but `true`, or a throw, denies. It runs
   * for every line of every request.
   * @default none
   */
  accept?: ((name: string, value: string) => boolean) | undefined;
}

/** Bounds and rules of the parameters of a query. */
export interface FirewallParameterOptions {
  /**
   * Parameters of one query, 1 to 10000.
   * @default 200
   */
  max?: number | undefined;
  /**
   * Characters of a decoded name, 1 to 65536.
   * @default 256
   */
  maxNameLength?: number | undefined;
  /**
   * Characters of a decoded value, 1 to 65536.
   * @default 8192
   */
  maxValueLength?: number | undefined;
  /**
   * Whether a name may come more than once: always, never, or the names that may (HTTP parameter pollution, OWASP WSTG
   * INPV-04). Names are compared decoded; `a` and `a[]` are two names.
   * @default 'allow'
   */
  repeated?: 'allow' | 'refuse' | { readonly allow: readonly string[] } | undefined;
  /**
   * A rule of your own for each parameter, decoded, beside those there are: anything but `true`, or a throw, denies.
   * @default none
   */
  accept?: ((name: string, value: string) => boolean) | undefined;
}

/** Bounds of a parsed body. */
export interface FirewallJsonOptions {
  /**
   * Levels of objects and lists within each other, 1 to 256.
   * @default 32
   */
  maxDepth?: number | undefined;
  /**
   * Keys of objects and items of lists in all, 1 to 10000000.
   * @default 100000
   */
  maxKeys?: number | undefined;
}

/** Times in milliseconds. */
export interface FirewallTimeoutOptions {
  /**
   * From the first byte of a request to the end of its header, 1000 to 3600000.
   * @default 15000
   */
  headers?: number | undefined;
  /**
   * From the first byte of a request to the end of its body, 1000 to 3600000, and no less than `headers`.
   * @default 60000
   */
  request?: number | undefined;
  /**
   * How long a connection without a request is kept, 1 to 3600000. Behind a load balancer it should be longer than the
   * balancer's own.
   * @default 5000
   */
  keepAlive?: number | undefined;
}

/** Cross-site tracing, and tunnels that a server of an application never is the end of. */
export const NEVER_ALLOWED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** The options of the firewall, each with its value. */
export interface ResolvedFirewall {
  readonly methods: readonly string[] | 'any';
  readonly allowed: ReadonlySet<FirewallAllowance>;
  readonly maxTargetLength: number;
  readonly headers: ResolvedFirewallHeaders;
  readonly parameters: ResolvedFirewallParameters;
  readonly contentTypes: readonly string[] | 'any';
  /** In bytes. */
  readonly bodyLimit: number;
  readonly json: ResolvedFirewallJson;
  readonly timeouts: ResolvedFirewallTimeouts;
  readonly enforcement: Enforcement | undefined;
}

export interface ResolvedFirewallHeaders {
  readonly max: number;
  readonly maxNameLength: number;
  readonly maxValueLength: number;
  readonly accept: ((name: string, value: string) => boolean) | undefined;
}

export interface ResolvedFirewallParameters extends ResolvedFirewallHeaders {
  /** The names that may come more than once, where not all may or none. */
  readonly repeated: 'allow' | 'refuse' | ReadonlySet<string>;
}

export interface ResolvedFirewallJson {
  readonly maxDepth: number;
  readonly maxKeys: number;
}

export interface ResolvedFirewallTimeouts {
  readonly headers: number;
  readonly request: number;
  readonly keepAlive: number;
}

const DEFAULT_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'] as const;

const DEFAULT_CONTENT_TYPES = [
  'application/json',
  'application/*+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
] as const;

/** Gives every option its value; the options must have been checked. */
export function resolveFirewall(options: FirewallOptions = {}): ResolvedFirewall {
  const { target = {}, headers = {}, parameters = {}, json = {}, timeouts = {} } = options;
  const allowed = new Set(options.dangerouslyAllow);
  const repeated = parameters.repeated ?? 'allow';
  return {
    methods: allowed.has('anyMethod') ? 'any' : (options.methods ?? DEFAULT_METHODS),
    allowed,
    maxTargetLength: target.maxLength ?? 8192,
    headers: {
      max: headers.max ?? 100,
      maxNameLength: headers.maxNameLength ?? 256,
      maxValueLength: headers.maxValueLength ?? 8192,
      accept: headers.accept,
    },
    parameters: {
      max: parameters.max ?? 200,
      maxNameLength: parameters.maxNameLength ?? 256,
      maxValueLength: parameters.maxValueLength ?? 8192,
      accept: parameters.accept,
      repeated: typeof repeated === 'string' ? repeated : new Set(repeated.allow),
    },
    contentTypes: allowed.has('anyContentType') ? 'any' : (options.contentTypes ?? DEFAULT_CONTENT_TYPES),
    // What is no size was refused by the check; were it not, no body would be taken (fails closed).
    bodyLimit: parseByteSize(options.bodyLimit ?? '100kb') ?? 0,
    json: { maxDepth: json.maxDepth ?? 32, maxKeys: json.maxKeys ?? 100_000 },
    timeouts: {
      headers: timeouts.headers ?? DEFAULT_TIMEOUTS.headers,
      request: timeouts.request ?? DEFAULT_TIMEOUTS.request,
      keepAlive: timeouts.keepAlive ?? DEFAULT_TIMEOUTS.keepAlive,
    },
    enforcement: options.enforcement,
  };
}

const DEFAULT_TIMEOUTS: ResolvedFirewallTimeouts = { headers: 15_000, request: 60_000, keepAlive: 5_000 };

class TargetRules {
  @OptionalRule(wholeNumber(1, 65_536), 'Leave it out for 8192')
  maxLength?: unknown;
}

class HeaderRules {
  // Node drops what is over 2000 lines without a word.
  @OptionalRule(wholeNumber(1, 1000), 'Leave it out for 100')
  max?: unknown;

  @OptionalRule(wholeNumber(1, 65_536), 'Leave it out for 256')
  maxNameLength?: unknown;

  @OptionalRule(wholeNumber(1, 65_536), 'Leave it out for 8192')
  maxValueLength?: unknown;

  @OptionalRule(functionProblem, 'Write (name, value) => boolean')
  accept?: unknown;
}

class ParameterRules {
  @OptionalRule(wholeNumber(1, 10_000), 'Leave it out for 200')
  max?: unknown;

  @OptionalRule(wholeNumber(1, 65_536), 'Leave it out for 256')
  maxNameLength?: unknown;

  @OptionalRule(wholeNumber(1, 65_536), 'Leave it out for 8192')
  maxValueLength?: unknown;

  @OptionalRule(repeatedProblem, "Use 'allow', 'refuse' or { allow: ['tag'] }")
  repeated?: unknown;

  @OptionalRule(functionProblem, 'Write (name, value) => boolean')
  accept?: unknown;
}

class JsonRules {
  @OptionalRule(wholeNumber(1, 256), 'Leave it out for 32')
  maxDepth?: unknown;

  @OptionalRule(wholeNumber(1, 10_000_000), 'Leave it out for 100000')
  maxKeys?: unknown;
}

const AN_HOUR = 3_600_000;

class TimeoutRules {
  @OptionalRule(headersTimeoutProblem, 'Give milliseconds, no more than `request`; left out, it is 15000')
  headers?: unknown;

  @OptionalRule(requestTimeoutProblem, 'Give milliseconds, no fewer than `headers`; left out, it is 60000')
  request?: unknown;

  // Node takes 0 for "for ever".
  @OptionalRule(wholeNumber(1, AN_HOUR), 'Give milliseconds, or leave it out for 5000')
  keepAlive?: unknown;
}

class FirewallRules {
  @OptionalRule(methodsProblem, "List methods as RFC 9110 writes them: ['GET', 'POST']")
  methods?: unknown;

  @OptionalRule(allowancesProblem, `List any of ${ALLOWANCES.join(', ')}`)
  dangerouslyAllow?: unknown;

  @Part(() => TargetRules) target?: unknown;
  @Part(() => HeaderRules) headers?: unknown;
  @Part(() => ParameterRules) parameters?: unknown;

  @OptionalRule(mediaRangesProblem, MEDIA_RANGES_FIX)
  contentTypes?: unknown;

  @OptionalRule(byteSizeProblem, BYTE_SIZE_FIX)
  bodyLimit?: unknown;

  @Part(() => JsonRules) json?: unknown;
  @Part(() => TimeoutRules) timeouts?: unknown;

  @OptionalRule(
    (value) => (value === 'enforce' || value === 'report' ? undefined : 'is neither of the two values it can have'),
    "Use 'enforce' or 'report'",
  )
  enforcement?: unknown;
}

/** Adds what is wrong with the options of the firewall to `problems`. */
export function checkFirewallOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(FirewallRules, options, path, problems);
  if (!isRecord(options)) return;
  for (const part of ['target', 'headers', 'parameters', 'json', 'timeouts']) {
    const value = options[part];
    // `false` would be taken for a part that is switched off, a list for several of it.
    if (value === false || Array.isArray(value)) {
      const problem = `must be an object, not ${describe(value)}`;
      problems.push({ where: `${path}.${part}`, problem, fix: 'Leave it out for the defaults' });
    }
  }
  const allowances: unknown = options['dangerouslyAllow'];
  if (!Array.isArray(allowances)) return;
  for (const [allowance, option] of [
    ['anyMethod', 'methods'],
    ['anyContentType', 'contentTypes'],
  ] as const) {
    if (allowances.includes(allowance) && options[option] !== undefined) {
      problems.push({
        where: `${path}.${option}`,
        problem: `says nothing beside dangerouslyAllow: ['${allowance}']`,
        fix: 'Leave out one of the two',
      });
    }
  }
}

function methodsProblem(methods: unknown): string | undefined {
  if (!Array.isArray(methods)) return `must be a list of methods, not ${describe(methods)}`;
  if (methods.length === 0) return 'names no method, so that no request would be accepted';
  for (const method of methods as readonly unknown[]) {
    if (typeof method !== 'string') return `must be a list of methods, one is ${describe(method)}`;
    const upper = method.toUpperCase();
    if (NEVER_ALLOWED_METHODS.has(upper)) return `names ${upper}, which is never accepted`;
    if (method !== upper) return `names ${upper} in lower case; methods are case-sensitive`;
    if (!/^[A-Z]+(?:-[A-Z]+)*$/.test(method)) return 'names something that is no method';
  }
  return undefined;
}

function allowancesProblem(allowances: unknown): string | undefined {
  if (!Array.isArray(allowances)) return `must be a list of names, not ${describe(allowances)}`;
  for (const allowance of allowances as readonly unknown[]) {
    if (typeof allowance !== 'string') return `must be a list of names, one is ${describe(allowance)}`;
    if ((ALLOWANCES as readonly string[]).includes(allowance)) continue;
    const nearest = nearestName(allowance, ALLOWANCES);
    return nearest === undefined ? 'names what is not known' : `names what is not known; did you mean '${nearest}'?`;
  }
  return undefined;
}

function repeatedProblem(repeated: unknown): string | undefined {
  if (repeated === 'allow' || repeated === 'refuse') return undefined;
  if (!isRecord(repeated)) return 'is none of the values it can have';
  if (Object.keys(repeated).some((key) => key !== 'allow'))
    return 'has an option that is not known; the one is `allow`';
  const names = repeated['allow'];
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string')) return 'must list names of parameters';
  return names.length === 0 ? "allows no name, which is what 'refuse' says" : undefined;
}

function headersTimeoutProblem(headers: unknown, timeouts: object): string | undefined {
  const problem = wholeNumber(1000, AN_HOUR)(headers);
  if (problem !== undefined) return problem;
  const { request } = timeouts as { request?: unknown };
  const isLonger = request === undefined && (headers as number) > DEFAULT_TIMEOUTS.request;
  return isLonger ? `is longer than \`request\`, which is ${DEFAULT_TIMEOUTS.request} unless you give it` : undefined;
}

function requestTimeoutProblem(request: unknown, timeouts: object): string | undefined {
  const problem = wholeNumber(1000, AN_HOUR)(request);
  if (problem !== undefined) return problem;
  const { headers = DEFAULT_TIMEOUTS.headers } = timeouts as { headers?: unknown };
  return (request as number) < Number(headers) ? 'is shorter than `headers`, which is part of it' : undefined;
}

function functionProblem(value: unknown): string | undefined {
  return typeof value === 'function' ? undefined : `must be a function, not ${describe(value)}`;
}
