import { isRegExp } from 'node:util/types';
import type { ConfigurationProblem } from '../../core/errors.js';
import { isToken } from '../../core/http-grammar.js';
import { checkOptions, describe, isRecord, OptionalRule, Part, Rule } from '../../core/options.rules.js';
import type { Principal } from '../../core/principal.js';
import type { Enforcement } from '../../core/profile.js';
import type { HttpRequest } from '../../core/request.js';
import { exactOriginProblem, LIST_ORIGINS, spellingOf } from '../origin.rules.js';
import { secretProblem, type CsrfSecret } from './csrf.secret.js';

/**
 * Which unsafe requests are checked: those that an ambient credential authenticated, or every one that no header
 * credential did.
 */
export type CsrfApplication = 'cookies' | 'always';

/** What a token is bound to, such as the id of the session; `undefined` where there is nothing to bind to. */
export type CsrfBinding = (request: HttpRequest, principal: Principal) => string | undefined;

/**
 * How requests that another site makes a browser send are told from the application's own
 * (OWASP Cross-Site Request Forgery Prevention Cheat Sheet).
 */
export interface CsrfOptions {
  /**
   * Other origins whose pages may send unsafe requests with the user's cookies, each as a browser writes it:
   * `https://app.example.com` or `capacitor://localhost`, by the grammar of `cors.origins`, without a pattern. An origin
   * that CORS allows is not trusted by that. An `http:` origin trusts everybody on the way to it.
   * @default none: the application's own origin alone
   */
  trustedOrigins?: readonly string[] | undefined;
  /**
   * `'cookies'` checks unsafe requests that were authenticated by what a browser adds by itself: a cookie, a session, a
   * Passport strategy. `'always'` checks every unsafe request but those authenticated by a header, so also the public
   * ones: another site must not log the user in as somebody else (login CSRF).
   * @default 'cookies' for the profile `api`, 'always' for `web`
   */
  apply?: CsrfApplication | undefined;
  /**
   * Asks for a signed token as well, wherever an ambient credential authenticated an unsafe request.
   * @default none: `Sec-Fetch-Site` and `Origin` decide alone
   */
  token?: CsrfTokenOptions | undefined;
  /**
   * `'report'` only publishes what would have been denied.
   * @default 'enforce'
   */
  enforcement?: Enforcement | undefined;
}

/** Signed tokens, bound to who calls and masked anew for each answer (BREACH). */
export interface CsrfTokenOptions {
  /**
   * Secrets of at least 32 random bytes each. The first signs, all of them verify: put a new one in front, and take the
   * old one away a lifetime later. Eight at most.
   */
  secret: CsrfSecret | readonly CsrfSecret[];
  /**
   * The header that carries the token; where it is present, the field is not looked at.
   * @default 'x-csrf-token'
   */
  header?: string | undefined;
  /**
   * The field of a form or a JSON body that carries the token where the header is absent. A class that validates such
   * a body has to declare the field. Multipart forms are parsed after the guard: they need the header.
   * @default '_csrf'
   */
  field?: string | undefined;
  /**
   * For how long a token is valid, in seconds; a minute to 30 days.
   * @default 14400 (4 hours)
   */
  lifetime?: number | undefined;
  /**
   * What a token is bound to; it must not be asynchronous. By default a token outlives a log-out of the same user where
   * the principal has no `tokenId`: with sessions on the server, bind it to the session. Whatever it throws denies.
   * @default the scheme, issuer, id and tokenId of the principal
   */
  binding?: CsrfBinding | undefined;
}

/** What holds for options of tokens that are left out. */
export const CSRF_TOKEN_DEFAULTS = Object.freeze({ header: 'x-csrf-token', field: '_csrf', lifetime: 4 * 60 * 60 });

const SHORTEST_LIFETIME = 60;
const LONGEST_LIFETIME = 30 * 24 * 60 * 60;
// Each secret costs an HMAC for a wrong token; a rotation needs two.
const MOST_SECRETS = 8;

class CsrfTokenRules {
  @Rule(secretsProblem, 'Generate one with `openssl rand -base64 32` and read it from the environment')
  secret?: unknown;

  @OptionalRule(headerProblem, "Leave it out for 'x-csrf-token', or name a header that only a script can set")
  header?: unknown;

  @OptionalRule(
    (value) => (typeof value === 'string' && isField(value) ? undefined : 'is no name of a field'),
    "Leave it out for '_csrf', or use up to 64 letters, digits, - and _",
  )
  field?: unknown;

  @OptionalRule(
    (value) =>
      Number.isInteger(value) && (value as number) >= SHORTEST_LIFETIME && (value as number) <= LONGEST_LIFETIME
        ? undefined
        : `must be a whole number of seconds from ${SHORTEST_LIFETIME} to ${LONGEST_LIFETIME}`,
    'Leave it out for 14400, which is 4 hours',
  )
  lifetime?: unknown;

  @OptionalRule(bindingProblem, 'Write (request) => request.session?.id, or leave it out to bind to the principal')
  binding?: unknown;
}

class CsrfRules {
  @OptionalRule(originsProblem, "Write ['https://app.example.com'], as a browser does")
  trustedOrigins?: unknown;

  @OptionalRule(oneOf('cookies', 'always'), "Leave it out for the profile's default")
  apply?: unknown;

  @OptionalRule(
    (value) => (value === false || Array.isArray(value) ? `must be an object, not ${describe(value)}` : undefined),
    'Leave it out where no token is needed',
  )
  @Part(() => CsrfTokenRules)
  token?: unknown;

  @OptionalRule(oneOf('enforce', 'report'), "Leave it out to deny; 'report' only publishes")
  enforcement?: unknown;
}

/** Adds what is wrong with the options to `problems`. */
export function checkCsrfOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(CsrfRules, options, path, problems);
  if (!isRecord(options) || !Array.isArray(options['trustedOrigins'])) return;
  checkTrustedOrigins(options['trustedOrigins'], `${path}.trustedOrigins`, problems);
}

function oneOf(...values: readonly string[]): (value: unknown) => string | undefined {
  return (value) => (values.includes(value as string) ? undefined : `must be '${values.join("' or '")}'`);
}

function originsProblem(value: unknown): string | undefined {
  return Array.isArray(value) ? undefined : `must be a list of origins, not ${describe(value)}`;
}

/** Origins are compared as text (RFC 6454, section 6.2): what a pattern trusts, nobody can list. */
function checkTrustedOrigins(origins: readonly unknown[], where: string, problems: ConfigurationProblem[]): void {
  for (const [index, origin] of origins.entries()) {
    const place = `(number ${index + 1} of the list)`;
    if (isRegExp(origin) || (typeof origin === 'string' && origin.includes('*'))) {
      problems.push({
        where,
        problem: `is a pattern ${place}: who may act with the cookies of a user is listed one by one`,
        fix: LIST_ORIGINS,
      });
      continue;
    }
    const found = exactOriginProblem(origin);
    if (found === undefined) continue;
    const spelt = typeof origin === 'string' ? spellingOf(origin) : undefined;
    const written = spelt === undefined ? '' : `: a browser writes "${spelt}"`;
    problems.push({ where, problem: `${found.problem} ${place}${written}`, fix: found.fix });
  }
}

function secretsProblem(value: unknown): string | undefined {
  if (value === undefined) return 'is missing';
  if (!Array.isArray(value)) return secretProblem(value);
  if (value.length === 0) return 'is an empty list';
  if (value.length > MOST_SECRETS) return `lists more than ${MOST_SECRETS} secrets`;
  const seen = new Set<string>();
  for (const [index, secret] of value.entries()) {
    const problem = secretProblem(secret);
    if (problem !== undefined) return `${problem} (number ${index + 1} of the list)`;
    const written = Buffer.from(secret as CsrfSecret).toString('base64');
    if (seen.has(written)) return `is listed twice (number ${index + 1} of the list)`;
    seen.add(written);
  }
  return undefined;
}

const LONGEST_HEADER_NAME = 64;

/**
 * Headers that pages of other sites can have sent without a preflight, that browsers write themselves, or that have a
 * meaning already.
 */
const OTHER_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-charset',
  'accept-encoding',
  'accept-language',
  'authorization',
  'connection',
  'content-encoding',
  'content-language',
  'content-length',
  'content-type',
  'cookie',
  'date',
  'dnt',
  'expect',
  'forwarded',
  'host',
  'keep-alive',
  'origin',
  'range',
  'referer',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'via',
  'x-requested-with',
]);

function headerProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `must be the name of a header, not ${describe(value)}`;
  const name = value.toLowerCase();
  // Node's headers are an ordinary object: a name of its prototype would be present in every request.
  if (!isToken(value) || value.length > LONGEST_HEADER_NAME || name in {}) return 'is no name of a header';
  if (OTHER_HEADERS.has(name) || /^(?:sec|proxy|access-control|x-forwarded)-/.test(name)) {
    return 'is a header that means something else, or that no script may set';
  }
  return undefined;
}

function isField(value: string): boolean {
  return /^[\w-]{1,64}$/.test(value) && !(value in {}) && value !== 'prototype';
}

function bindingProblem(value: unknown): string | undefined {
  if (typeof value !== 'function') return `must be a function, not ${describe(value)}`;
  // What it would answer with is always a promise, which binds to nothing.
  return Object.prototype.toString.call(value) === '[object AsyncFunction]' ? 'must not be asynchronous' : undefined;
}
