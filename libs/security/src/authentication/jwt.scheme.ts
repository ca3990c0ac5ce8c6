import type { Patience } from '../core/application-functions.js';
import { denied, type Denied } from '../core/decision.js';
import type { Principal } from '../core/principal.js';
import type { HttpRequest } from '../core/request.js';
import type { PrincipalFactory } from './authentication.options.js';
import { BearerChallenges } from './bearer.challenges.js';
import { ambientSource, tokenSource, type TokenSource } from './bearer.policy.js';
import { principalOfClaims } from './jwt/jwt.claims.js';
import type { JwtOptions } from './jwt/jwt.options.js';
import type { JwtOutcome, JwtVerifier } from './jwt/jwt-verifier.js';
import { Principals } from './principal.factory.js';
import { isSuccess, UNRECOGNIZED, type Scheme, type SchemeResult } from './scheme.js';

type Claims = Readonly<Record<string, unknown>>;

const NAME = 'jwt';
const REFUSED: SchemeResult = { denial: denied('principal_refused'), final: true };

/** JSON Web Tokens as bearer tokens. */
export class JwtScheme implements Scheme {
  readonly name = NAME;
  private readonly challenges: BearerChallenges;
  private readonly tokenOf: TokenSource;
  private readonly cameAmbient: ((request: HttpRequest) => boolean) | undefined;
  private readonly principals: Principals;
  /** The default mapping is a pure function of the claims, so its result lives as long as they do. */
  private readonly results = new WeakMap<Claims, SchemeResult>();

  constructor(
    options: JwtOptions,
    private readonly verifier: JwtVerifier,
    principalFactory: PrincipalFactory | undefined,
    patience: Patience,
  ) {
    this.challenges = new BearerChallenges(options.realm);
    const transports = options.from ?? ['header'];
    this.tokenOf = tokenSource(transports);
    this.cameAmbient = ambientSource(transports);
    this.principals = new Principals(NAME, principalFactory, principalOfClaims, patience);
  }

  challenge(denial: Denied): string {
    return this.challenges.for(denial);
  }

  authenticate(request: HttpRequest): SchemeResult | Promise<SchemeResult> {
    const token = this.tokenOf(request);
    if (token === undefined) return undefined;
    if (typeof token !== 'string') return { denial: token, final: true };
    const outcome = this.verifier.verify(token);
    const result =
      outcome instanceof Promise
        ? outcome.then((settled) => this.resultOf(settled, token))
        : this.resultOf(outcome, token);
    if (this.cameAmbient?.(request) !== true) return result;
    return result instanceof Promise ? result.then(asAmbient) : asAmbient(result);
  }

  /** Whoever brings a token that was verified before, by the mapping that follows from its claims alone. */
  recognize(request: HttpRequest): SchemeResult | typeof UNRECOGNIZED {
    const token = this.tokenOf(request);
    if (token === undefined) return undefined;
    const verified = typeof token === 'string' ? this.verifier.recall(token) : undefined;
    const result = verified && this.results.get(verified.claims);
    if (result === undefined) return UNRECOGNIZED;
    return this.cameAmbient?.(request) === true ? asAmbient(result) : result;
  }

  private resultOf(outcome: JwtOutcome, token: string): SchemeResult | Promise<SchemeResult> {
    if (!outcome.allowed) {
      this.verifier.explain(outcome.reason, token);
      return { denial: outcome, final: isThreeParts(token) };
    }
    const { claims } = outcome;
    const known = this.results.get(claims);
    if (known !== undefined) return known;
    const principal = this.principals.from(claims);
    if (principal instanceof Promise) return principal.then(resultFor);
    const result = resultFor(principal);
    if (principal === undefined && this.principals.pure) this.verifier.explain('principal_refused', token);
    if (this.principals.pure) this.results.set(claims, result);
    return result;
  }
}

function asAmbient(result: SchemeResult): SchemeResult {
  return isSuccess(result) ? { principal: result.principal, ambient: true } : result;
}

/** What is no JSON Web Token at all may be another scheme's token; one that fails its checks is wrong for good. */
function isThreeParts(token: string): boolean {
  return token.split('.', 4).length === 3;
}

function resultFor(principal: Principal | undefined): SchemeResult {
  return principal === undefined ? REFUSED : { principal };
}
