import type { ConfigurationProblem } from '../core/errors.js';
import { checkOptions, describe, isRecord, Known, OptionalRule, secondsToWait } from '../core/options.rules.js';
import type { PrincipalInit } from '../core/principal.js';
import { checkJwtOptions } from './jwt/jwt.rules.js';
import type { JwtOptions } from './jwt/jwt.options.js';

/** The ways to authenticate, and who the caller then is. */
export interface AuthenticationOptions {
  /** Bearer tokens that are JSON Web Tokens (RFC 6750, RFC 7519, RFC 9068). Its scheme is called `jwt`. */
  jwt?: JwtOptions | undefined;
  /** Passport strategies that `@Authenticated()` without arguments accepts as well, in this order. */
  passport?: readonly (string | PassportSchemeOptions)[] | undefined;
  /**
   * Makes the principal from what was verified: the claims of a token, or the user that a Passport strategy answered
   * with. It runs on every request, so that a role taken away counts at once; `undefined` denies with 401.
   * @default OAuth 2.0 and OpenID Connect claims: `sub`, `roles`, `permissions`, `scope` or `scp`, `acr`, `amr`, …
   */
  principal?: PrincipalFactory | undefined;
  /**
   * Seconds for whatever answers later: a key provider, a Passport strategy, `principal`. One that is not done by then, or
   * a little later, is an error of the server: 500 `authentication_failed`.
   * @default 10
   */
  timeout?: number | undefined;
}

/** What is known of a Passport strategy beside its name. */
export interface PassportSchemeOptions {
  /** The name that the strategy is registered under. */
  name: string;
  /**
   * Tells whether a request brings credentials for this strategy, which decides between anonymous and 401 on
   * `@OptionalAuth()` routes: Passport itself does not tell missing from wrong.
   * @default an `Authorization` or `Cookie` header, a query or a body
   */
  credentials?: (request: object) => boolean;
  /** The challenge sent when the strategy gives none (RFC 9110, section 11.6.1). @default the scheme's name */
  challenge?: string;
}

/** Makes the principal of what a scheme verified; `undefined` admits nobody. */
export type PrincipalFactory = (
  verified: Readonly<Record<string, unknown>>,
  scheme: string,
) => PrincipalInit | undefined | Promise<PrincipalInit | undefined>;

class AuthenticationRules {
  @Known() jwt?: unknown;

  @OptionalRule(
    (value) => (Array.isArray(value) ? undefined : `must be a list, not ${describe(value)}`),
    'List the names of Passport strategies',
  )
  passport?: unknown;

  @OptionalRule(
    (value) => (typeof value === 'function' ? undefined : `must be a function, not ${describe(value)}`),
    'Give a function from the verified claims to a principal',
  )
  principal?: unknown;

  @OptionalRule(secondsToWait, 'Leave it out for 10')
  timeout?: unknown;
}

class PassportSchemeRules {
  @OptionalRule(() => undefined, '')
  name?: unknown;

  @OptionalRule(
    (value) => (typeof value === 'function' ? undefined : `must be a function, not ${describe(value)}`),
    'Give a function from the request to a boolean',
  )
  credentials?: unknown;

  @OptionalRule(
    (value) => (typeof value === 'string' && CHALLENGE.test(value) ? undefined : 'is not a challenge'),
    'Give a scheme and its parameters, such as Basic realm="ledger"',
  )
  challenge?: unknown;
}

const CHALLENGE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+( [\x20-\x7E]+)?$/;

export function checkAuthenticationOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(AuthenticationRules, options, path, problems);
  if (!isRecord(options)) return;
  if (options['jwt'] !== undefined) checkJwtOptions(options['jwt'], `${path}.jwt`, problems);
  if (!Array.isArray(options['passport'])) return;
  const names = new Set<unknown>();
  options['passport'].forEach((scheme: unknown, index) => {
    const where = `${path}.passport[${index}]`;
    if (isRecord(scheme)) checkOptions(PassportSchemeRules, scheme, where, problems);
    const name = isRecord(scheme) ? scheme['name'] : scheme;
    if (typeof name !== 'string' || name === '') {
      problems.push({
        where,
        problem: 'names no strategy',
        fix: 'Give the name that the strategy is registered under',
      });
    } else if (names.has(name) || (name === 'jwt' && options['jwt'] !== undefined)) {
      problems.push({ where, problem: `"${name}" is configured twice`, fix: 'Give each scheme a name of its own' });
    }
    names.add(name);
  });
}
