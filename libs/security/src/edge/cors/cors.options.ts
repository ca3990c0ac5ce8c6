import { isRegExp } from 'node:util/types';
import type { ConfigurationProblem } from '../../core/errors.js';
import { isToken } from '../../core/http-grammar.js';
import { checkOptions, describe, isRecord, OptionalRule, Part, Rule, wholeNumber } from '../../core/options.rules.js';
import type { Enforcement } from '../../core/profile.js';
import { exactOriginProblem, isWrittenByBrowsers, LIST_ORIGINS as LIST, type OriginProblem } from '../origin.rules.js';
import { expressionProblem } from './origin-expression.js';
import type { OriginResolver } from './origin-resolver.js';

/**
 * An origin that may call: as browsers write it (`https://app.example.com`, `http://localhost:3000`), as a pattern for
 * all names below one (`https://*.example.com`, not `https://example.com` itself), or as a regular expression that
 * matches whole origins. Whoever can get a page under the name is let in: no pattern belongs on the domain of a host
 * of other people's pages.
 */
export type AllowedOrigin = string | RegExp;

/** A function that decides on origins, and how it is asked. */
export interface OriginLookupOptions {
  /**
   * Answers whether an origin may call; gets well-formed origins only. A promise is waited for and its answer kept; an
   * answer given at once is used and not kept. Anything but `true` refuses, an error as well.
   */
  resolve: OriginResolver;
  /** Origins that are allowed without asking, so that they do not depend on a database. */
  always?: readonly AllowedOrigin[] | undefined;
  /**
   * Promised answers that are kept.
   * @default { max: 1000, ttl: 60 }
   */
  cache?: OriginCacheOptions | undefined;
  /**
   * How long an answer is waited for, in seconds, at most 30; the origin is refused then.
   * @default 2
   */
  timeout?: number | undefined;
}

/** How many answers of a resolver are kept, and for how long. */
export interface OriginCacheOptions {
  /**
   * Origins that are kept: as many allowed ones and as many refused ones; 1 to 100000.
   * @default 1000
   */
  max?: number | undefined;
  /**
   * For how long, in seconds, at most a day: an origin that was withdrawn is allowed for as long.
   * @default 60
   */
  ttl?: number | undefined;
}

/** Which pages of other origins may call, and what they may send and see (Fetch Standard, "CORS protocol"). */
export interface CorsOptions {
  /**
   * The origins that may call: a list, a function that decides, or `'*'` for every page there is, without credentials.
   * `null`, the origin of sandboxed frames and files, cannot be allowed.
   */
  origins: '*' | readonly AllowedOrigin[] | OriginResolver | OriginLookupOptions;
  /**
   * The methods that they may use, in upper case; `'*'` for all that HTTP defines for applications.
   * @default ['GET', 'HEAD', 'POST'], which a form or an image may use without being asked
   */
  methods?: '*' | readonly string[] | undefined;
  /**
   * The header fields that they may send, besides `Accept`, `Accept-Language`, `Content-Language` and `Content-Type`:
   * a token needs `Authorization`. `'*'`, for whatever is asked for, needs `credentials` off.
   * @default none
   */
  headers?: '*' | readonly string[] | undefined;
  /**
   * The header fields of answers that they may read, besides those that browsers always show.
   * @default none
   */
  exposed?: readonly string[] | undefined;
  /**
   * Whether browsers send cookies and client certificates along; a token in a header field needs it not.
   * @default false
   */
  credentials?: boolean | undefined;
  /**
   * For how long browsers may keep the answer to a preflight, in whole seconds, at most 86400; `0`: not at all.
   * @default 600
   */
  maxAge?: number | undefined;
  /**
   * Whether pages of a public network may call this application in a private one (Private Network Access).
   * @default false
   */
  privateNetwork?: boolean | undefined;
  /**
   * `'report'` lets every well-formed origin in, without credentials, and publishes what would have been refused: any
   * page then reads what needs no credentials.
   * @default 'enforce'
   */
  enforcement?: Enforcement | undefined;
}

/** The header fields that browsers let pages send without leave (Fetch Standard, section 2.2.2), by their names alone. */
export const SAFELISTED_HEADERS = ['Accept', 'Accept-Language', 'Content-Language', 'Content-Type'] as const;

/** What `methods: '*'` stands for; `CONNECT` and `TRACE` no page may use. */
export const ALL_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'] as const;

export const CORS_DEFAULTS = Object.freeze({
  methods: Object.freeze(['GET', 'HEAD', 'POST']),
  headers: Object.freeze([] as readonly string[]),
  exposed: Object.freeze([] as readonly string[]),
  credentials: false,
  maxAge: 600,
  privateNetwork: false,
  enforcement: 'enforce' as Enforcement,
  cache: Object.freeze({ max: 1000, ttl: 60 }),
  timeout: 2,
});

const A_DAY = 86_400;
const MOST_EXPRESSIONS = 100;
/** Problems named of one list; the rest is counted. */
const MOST_NAMED = 10;
/** Fetch Standard, sections 2.2.1 and 2.2.2: forbidden methods, forbidden response-header names. */
const FORBIDDEN_METHODS = ['CONNECT', 'TRACE', 'TRACK'];
const FORBIDDEN_EXPOSED = ['set-cookie', 'set-cookie2'];
/** Names of one label under which nobody can register a domain (RFC 6761, RFC 6762, ICANN's "internal"). */
const PRIVATE_SUFFIXES = ['localhost', 'test', 'local', 'internal'];

class CacheRules {
  @OptionalRule(wholeNumber(1, 100_000), 'Leave it out for 1000')
  max?: unknown;

  @OptionalRule(wholeNumber(1, A_DAY), 'Leave it out for 60')
  ttl?: unknown;
}

class LookupRules {
  @Rule(
    (value) => (typeof value === 'function' ? undefined : `must be a function, not ${describe(value)}`),
    'Write resolve: (origin) => … that answers true or false, or a promise of one',
  )
  resolve?: unknown;

  @OptionalRule((value) => (Array.isArray(value) ? undefined : `must be a list, not ${describe(value)}`), LIST)
  always?: unknown;

  @Part(() => CacheRules)
  @OptionalRule(
    (value) => (value === false || Array.isArray(value) ? `must be an object, not ${describe(value)}` : undefined),
    'Write { ttl: 1 } to keep answers for a second, or answer without a promise: those are not kept',
  )
  cache?: unknown;

  @OptionalRule(
    (value) => (typeof value === 'number' && value > 0 && value <= 30 ? undefined : 'must be seconds, at most 30'),
    'Leave it out for 2',
  )
  timeout?: unknown;
}

class CorsRules {
  @Rule((value) => (value === undefined ? 'is missing: nothing tells who may call' : undefined), LIST)
  origins?: unknown;

  @OptionalRule(
    (value) => (value === '*' ? undefined : (emptyProblem(value) ?? listProblem(value, methodProblem))),
    "Write ['GET', 'PUT'], in upper case, or methods: '*'",
  )
  methods?: unknown;

  @OptionalRule(
    (value) => (value === '*' ? undefined : listProblem(value, headerProblem)),
    "Write ['Authorization'], or headers: '*' for whatever is asked for",
  )
  headers?: unknown;

  @OptionalRule((value) => listProblem(value, exposedProblem), "Write the names, such as ['RateLimit']")
  exposed?: unknown;

  @OptionalRule(yesOrNo, 'Leave it out for no credentials')
  credentials?: unknown;

  @OptionalRule(wholeNumber(0, A_DAY), 'Leave it out for 600')
  maxAge?: unknown;

  @OptionalRule(yesOrNo, 'Leave it out to keep pages of public networks away')
  privateNetwork?: unknown;

  @OptionalRule(
    (value) =>
      value === 'enforce' || value === 'report' ? undefined : `must be 'enforce' or 'report', not ${describe(value)}`,
    "Leave it out to enforce; 'report' only publishes what would have been refused",
  )
  enforcement?: unknown;
}

/** Adds what is wrong with the options to `problems`. */
export function checkCorsOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(CorsRules, options, path, problems);
  if (!isRecord(options)) return;
  if (options['origins'] !== undefined) checkOrigins(options['origins'], `${path}.origins`, problems);
  if (options['credentials'] !== true) return;
  if (options['origins'] === '*') {
    problems.push({
      where: `${path}.origins`,
      problem: "is '*' while credentials are on: every page could act for whoever visits it, and read the answers",
      fix: 'List the origins that may act for users, or leave `credentials` out',
    });
  }
  if (options['headers'] === '*') {
    problems.push({
      where: `${path}.headers`,
      problem: "is '*' while credentials are on, where a browser takes it for a name",
      fix: "List the header fields, such as ['Authorization', 'X-CSRF-Token']",
    });
  }
}

function checkOrigins(origins: unknown, path: string, problems: ConfigurationProblem[]): void {
  if (origins === '*' || typeof origins === 'function') return;
  if (Array.isArray(origins)) {
    checkOriginList(origins, path, problems);
  } else if (isRecord(origins) && !isRegExp(origins)) {
    checkOptions(LookupRules, origins, path, problems);
    if (Array.isArray(origins['always'])) checkOriginList(origins['always'], `${path}.always`, problems);
  } else {
    problems.push({
      where: path,
      problem: `must be a list, a function or '*', not ${isRegExp(origins) ? 'a regular expression' : describe(origins)}`,
      fix: LIST,
    });
  }
}

function checkOriginList(origins: readonly unknown[], path: string, problems: ConfigurationProblem[]): void {
  if (origins.length === 0) {
    problems.push({ where: path, problem: 'is empty', fix: 'Name an origin, or write `cors: false` for no CORS' });
  }
  if (origins.filter(isRegExp).length > MOST_EXPRESSIONS) {
    problems.push({
      where: path,
      problem: `holds more than ${MOST_EXPRESSIONS} regular expressions, each of which would be tried`,
      fix: "Use patterns such as 'https://*.example.com', of which any number costs the same, or a function",
    });
  }
  const found = [...origins.entries()].flatMap(([index, origin]) => {
    const problem = originProblem(origin);
    return problem === undefined ? [] : [{ where: `${path}[${index}]`, ...problem }];
  });
  problems.push(...found.slice(0, MOST_NAMED));
  if (found.length > MOST_NAMED) {
    problems.push({
      where: path,
      problem: `holds ${found.length - MOST_NAMED} more that are no origins`,
      fix: 'Mend them in the same way',
    });
  }
}

type Problem = OriginProblem;

function originProblem(origin: unknown): Problem | undefined {
  if (isRegExp(origin)) return expressionProblem(origin);
  if (origin === '*') {
    return { problem: "is '*' in a list", fix: "Write origins: '*' for every page there is, or leave it out" };
  }
  return typeof origin === 'string' && origin.includes('*') ? patternProblem(origin) : exactOriginProblem(origin);
}

/** The star is the first label, and whole; what stands behind is the name of an origin. */
function patternProblem(pattern: string): Problem | undefined {
  const [, scheme, name] = /^(https?:\/\/)\*\.([^*/]+)$/.exec(pattern) ?? [];
  if (scheme === undefined || name === undefined || !isWrittenByBrowsers(scheme + name)) {
    return {
      problem: 'has a star that is not the first label of a name, or is not written as browsers write origins',
      fix: "Write 'https://*.example.com': http or https, lower case, the star and a dot first, no default port, no path",
    };
  }
  const labels = name.replace(/:\d+$/, '').split('.');
  const last = labels.at(-1) ?? '';
  if (name.startsWith('[') || /^\d+$/.test(last)) {
    return { problem: 'has a star before an address', fix: 'Write the addresses one by one' };
  }
  if (labels.length === 1 && !PRIVATE_SUFFIXES.includes(last)) {
    return {
      problem: 'covers a whole top-level domain, in which anybody can have a name',
      fix: "Name a domain of your own: 'https://*.example.com'",
    };
  }
  return undefined;
}

function listProblem(value: unknown, check: (item: string) => string | undefined): string | undefined {
  if (!Array.isArray(value)) return `must be a list, not ${describe(value)}`;
  for (const item of value as readonly unknown[]) {
    if (typeof item !== 'string' || !isToken(item)) return 'holds something that is no name';
    const problem = check(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function emptyProblem(value: unknown): string | undefined {
  return Array.isArray(value) && value.length === 0 ? 'is empty: no method could be used' : undefined;
}

function methodProblem(method: string): string | undefined {
  const upper = method.toUpperCase();
  if (method === '*') return "holds '*', which stands alone";
  if (FORBIDDEN_METHODS.includes(upper)) return `holds ${upper}, which no page may use`;
  if (method !== upper && (ALL_METHODS as readonly string[]).includes(upper)) {
    return `holds ${upper} in other letters: names of methods are compared exactly`;
  }
  return undefined;
}

function headerProblem(header: string): string | undefined {
  return header === '*' ? "holds '*', which stands alone" : undefined;
}

function exposedProblem(header: string): string | undefined {
  if (header === '*') return "holds '*', which would show fields that nobody has thought of";
  return FORBIDDEN_EXPOSED.includes(header.toLowerCase()) ? 'holds Set-Cookie, which no page may read' : undefined;
}

function yesOrNo(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`;
}
