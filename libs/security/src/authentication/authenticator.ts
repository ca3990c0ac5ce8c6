import type { Strategy } from 'passport';
import type { ApplicationFunctions, Patience } from '../core/application-functions.js';
import { denied, type Denied } from '../core/decision.js';
import type { AuthenticationResult, AuthenticationStep, RecognitionStep, RoutePolicy } from '../core/route-policy.js';
import { statusOf } from '../core/errors.js';
import { ANONYMOUS, type Principal } from '../core/principal.js';
import { principalOf, type HttpRequest } from '../core/request.js';
import type { AuthenticationOptions, PassportSchemeOptions } from './authentication.options.js';
import type { ApplicationStrategies } from './application-strategies.js';
import { BearerChallenges } from './bearer.challenges.js';
import { JwtScheme } from './jwt.scheme.js';
import type { JwtVerifier } from './jwt/jwt-verifier.js';
import { PassportScheme } from './passport.scheme.js';
import { isSuccess, UNRECOGNIZED, type Scheme, type SchemeFailure, type SchemeResult } from './scheme.js';

const MISSING = denied('credentials_missing');
const INVALID = denied('credentials_invalid');
const ANONYMOUS_RESULT = Object.freeze({ principal: ANONYMOUS });
const NO_CHALLENGES: readonly string[] = Object.freeze([]);
const NOBODY = Object.freeze({ principal: undefined });

/**
 * What is made of a request without credentials. Where they are optional nobody is sent away to fetch some, and an
 * `Authorization` header that no scheme claims is an invalid credential (fails closed).
 */
type WithoutCredentials = (request: HttpRequest, redirect?: Failed) => AuthenticationResult;

type ChallengesOfDenial = (denial: Denied, principal?: Principal) => readonly string[];

interface Failed {
  readonly scheme: Scheme;
  readonly failure: SchemeFailure;
}

/** Knows the schemes of the application and compiles, for a route, the step that tries them in order. */
export class Authenticator {
  private readonly schemes = new Map<string, Scheme>();
  private readonly steps = new Map<string, AuthenticationStep>();
  /** What a route without named schemes accepts. */
  readonly defaultSchemes: readonly string[];
  private readonly passportOptions: ReadonlyMap<string, PassportSchemeOptions>;
  private readonly bearer: BearerChallenges;
  private readonly patience: Patience;
  // By the list of schemes itself: routes that name none have the same one, and share what is made of it.
  private readonly challenges = new Map<readonly string[], ChallengesOfDenial>();

  constructor(
    private readonly options: AuthenticationOptions,
    jwt: JwtVerifier | undefined,
    functions: ApplicationFunctions,
    /** Those of the application, whatever others in the process have registered. */
    readonly strategies: ApplicationStrategies,
  ) {
    this.patience = functions.patience(options.timeout);
    if (options.jwt !== undefined && jwt !== undefined) {
      this.schemes.set('jwt', new JwtScheme(options.jwt, jwt, options.principal, this.patience));
    }
    const named = (options.passport ?? []).map((scheme) => (typeof scheme === 'string' ? { name: scheme } : scheme));
    this.passportOptions = new Map(named.map((scheme) => [scheme.name, scheme]));
    this.defaultSchemes = [...this.schemes.keys(), ...this.passportOptions.keys()];
    this.bearer = new BearerChallenges(options.jwt?.realm);
  }

  /** True for the schemes that are configured and for the Passport strategies that the application can ask by now. */
  knows(name: string): boolean {
    return this.schemes.has(name) || this.strategies.named(name) !== undefined;
  }

  /** True when a request's credentials for the scheme can be told from none, as `@OptionalAuth` has to. */
  tellsMissingFromWrong(name: string): boolean {
    return name === 'jwt' || this.passportOptions.get(name)?.credentials !== undefined;
  }

  /**
   * `undefined` for public routes: no credentials are looked at. Routes that accept the same credentials share their
   * step, by which the calls that one request carries are told to need no second check.
   */
  compile(policy: RoutePolicy): AuthenticationStep | undefined {
    const { access, schemes } = policy;
    if (access === 'public') return undefined;
    const isOptional = access === 'optional';
    const key = JSON.stringify([isOptional, ...schemes]);
    const step = this.steps.get(key) ?? this.stepFor(schemes, isOptional);
    this.steps.set(key, step);
    return step;
  }

  /** The step that recognizes whoever the first scheme of the route does; `undefined` where it never does. */
  compileRecognition({ access, schemes: [first, ...others] }: RoutePolicy): RecognitionStep | undefined {
    // Whoever another route let in before it handed the request on is nobody here, which only authentication says.
    if (access === 'public') return (request) => (principalOf(request) === undefined ? NOBODY : undefined);
    const scheme = first === undefined ? undefined : this.schemeNamed(first);
    if (scheme?.recognize === undefined) return undefined;
    const isAlone = others.length === 0;
    return (request) => {
      const result = recognized(scheme, request);
      if (result === UNRECOGNIZED) return undefined;
      if (isSuccess(result)) return result.ambient === true ? undefined : result;
      // Another scheme may find credentials, and an `Authorization` header that none claims is denied.
      const isAnonymous = result === undefined && isAlone && access === 'optional';
      return isAnonymous && request.headers.authorization === undefined ? ANONYMOUS_RESULT : undefined;
    };
  }

  private stepFor(names: readonly string[], optional: boolean): AuthenticationStep {
    const schemes = names.map((name) => this.schemeNamed(name));
    const missing: AuthenticationResult = { denial: MISSING, challenges: this.challengesOf(schemes, MISSING) };
    const unclaimed: AuthenticationResult = { denial: INVALID, challenges: missing.challenges };
    const withoutCredentials: WithoutCredentials = optional
      ? (request) => (request.headers.authorization === undefined ? ANONYMOUS_RESULT : unclaimed)
      : (_request, redirect) => (redirect === undefined ? missing : failed(schemes, redirect));
    const [only, ...others] = schemes;
    if (only === undefined || others.length > 0) return (request) => this.tryAll(schemes, request, withoutCredentials);

    const settle = (result: SchemeResult, request: HttpRequest): AuthenticationResult => {
      if (result === undefined) return withoutCredentials(request);
      if (isSuccess(result)) return result;
      const failure: Failed = { scheme: only, failure: result };
      return result.redirect === undefined ? failed(schemes, failure) : withoutCredentials(request, failure);
    };
    return (request) => {
      const result = only.authenticate(request);
      return result instanceof Promise ? result.then((settled) => settle(settled, request)) : settle(result, request);
    };
  }

  /**
   * The challenges of a denial by authorization. A 401 names the route's schemes; a 403 has a challenge only for those
   * who came with a bearer token (RFC 6750, section 3.1).
   */
  challengesOfDenial({ schemes }: RoutePolicy): ChallengesOfDenial {
    const challenges = this.challenges.get(schemes) ?? this.challengesFor(schemes);
    this.challenges.set(schemes, challenges);
    return challenges;
  }

  private challengesFor(names: readonly string[]): ChallengesOfDenial {
    const schemes = names.map((name) => this.schemeNamed(name));
    return (denial, principal) => {
      if (statusOf(denial.reason) === 401) return this.challengesOf(schemes, denial);
      // No scope would help where a policy broke.
      if (denial.reason === 'policy_failed') return NO_CHALLENGES;
      return principal?.scheme === 'jwt' ? [this.bearer.for(denial)] : [];
    };
  }

  /**
   * In sequence, so that two schemes never write one request; the first principal is the one. Credentials that are
   * surely a scheme's own and wrong end it. Sending the user away is the last resort.
   */
  private async tryAll(
    schemes: readonly Scheme[],
    request: HttpRequest,
    withoutCredentials: WithoutCredentials,
  ): Promise<AuthenticationResult> {
    let first: Failed | undefined;
    let redirect: Failed | undefined;
    for (const scheme of schemes) {
      const result = await scheme.authenticate(request);
      if (result === undefined) continue;
      if (isSuccess(result)) return result;
      const failure: Failed = { scheme, failure: result };
      if (result.final) return failed([scheme], failure);
      if (result.redirect === undefined) first ??= failure;
      else redirect ??= failure;
    }
    return first === undefined ? withoutCredentials(request, redirect) : failed(schemes, first);
  }

  private challengesOf(schemes: readonly Scheme[], denial: Denied): readonly string[] {
    return schemes.length === 0 ? [this.bearer.for(denial)] : schemes.map((scheme) => scheme.challenge(denial));
  }

  private schemeNamed(name: string): Scheme {
    const existing = this.schemes.get(name);
    if (existing !== undefined) return existing;
    const strategy = this.strategies.named(name);
    if (strategy === undefined) throw new Error(`No Passport strategy is registered under the name "${name}"`);
    const options = this.passportOptions.get(name) ?? { name };
    const scheme = new PassportScheme(options, strategy as Strategy, this.options.principal, this.patience);
    this.schemes.set(name, scheme);
    return scheme;
  }
}

/** What breaks here breaks again when it authenticates, which says so: the address is charged before. */
function recognized(scheme: Scheme, request: HttpRequest): SchemeResult | typeof UNRECOGNIZED {
  try {
    return scheme.recognize?.(request);
  } catch {
    return UNRECOGNIZED;
  }
}

/** The scheme whose credentials failed says so; the others only ask for theirs (RFC 6750, section 3.1). */
function failed(schemes: readonly Scheme[], { scheme, failure }: Failed): AuthenticationResult {
  const { denial, redirect, exception } = failure;
  // An error of the server says nothing of the credentials: whoever fetched others would be sent away with them again.
  if (statusOf(denial.reason) >= 500) return { denial, challenges: NO_CHALLENGES };
  const challenges = schemes.flatMap((other) => {
    if (other !== scheme) return [other.challenge(MISSING)];
    return failure.challenges ?? [scheme.challenge(denial)];
  });
  return { denial, challenges, redirect, exception };
}
