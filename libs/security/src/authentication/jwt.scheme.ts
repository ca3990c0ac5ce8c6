import { denied, type Denied } from '../core/decision.js';
import { createPrincipal, type Principal, type PrincipalInit } from '../core/principal.js';
import type { HttpRequest } from '../core/request.js';
import type { PrincipalFactory } from './authentication.options.js';
import { BearerChallenges } from './bearer.challenges.js';
import { tokenSource, type TokenSource } from './bearer.policy.js';
import { principalOfClaims } from './jwt/jwt.claims.js';
import type { JwtOptions } from './jwt/jwt.options.js';
import type { JwtOutcome, JwtVerifier } from './jwt/jwt-verifier.js';
import type { Scheme, SchemeResult } from './scheme.js';

type Claims = Readonly<Record<string, unknown>>;

const NAME = 'jwt';
const REFUSED: SchemeResult = { denial: denied('principal_refused'), final: true };

/** JSON Web Tokens as bearer tokens. */
export class JwtScheme implements Scheme {
  readonly name = NAME;
  private readonly challenges: BearerChallenges;
  private readonly tokenOf: TokenSource;
  /** The default mapping is a pure function of the claims, so its result lives as long as they do. */
  private readonly results = new WeakMap<Claims, SchemeResult>();

  constructor(
    options: JwtOptions,
    private readonly verifier: JwtVerifier,
    private readonly principalFactory: PrincipalFactory | undefined,
  ) {
    this.challenges = new BearerChallenges(options.realm);
    this.tokenOf = tokenSource(options.from ?? ['header']);
  }

  challenge(denial: Denied): string {
    return this.challenges.for(denial);
  }

  authenticate(request: HttpRequest): SchemeResult | Promise<SchemeResult> {
    const token = this.tokenOf(request);
    if (token === undefined) return undefined;
    if (typeof token !== 'string') return { denial: token, final: true };
    const outcome = this.verifier.verify(token);
    return outcome instanceof Promise
      ? outcome.then((settled) => this.resultOf(settled, token))
      : this.resultOf(outcome, token);
  }

  private resultOf(outcome: JwtOutcome, token: string): SchemeResult | Promise<SchemeResult> {
    if (!outcome.allowed) return { denial: outcome, final: isThreeParts(token) };
    const { claims } = outcome;
    if (this.principalFactory !== undefined) return made(this.principalFactory(claims, NAME), claims);
    let result = this.results.get(claims);
    if (result === undefined) {
      result = resultOf(principalOfClaims(claims), claims);
      this.results.set(claims, result);
    }
    return result;
  }
}

/** What is no JSON Web Token at all may be another scheme's token; one that fails its checks is wrong for good. */
function isThreeParts(token: string): boolean {
  return token.split('.', 4).length === 3;
}

function made(
  init: PrincipalInit | undefined | Promise<PrincipalInit | undefined>,
  claims: Claims,
): SchemeResult | Promise<SchemeResult> {
  return init instanceof Promise ? init.then((settled) => resultOf(settled, claims)) : resultOf(init, claims);
}

function resultOf(init: PrincipalInit | undefined, claims: Claims): SchemeResult {
  const principal = principalFrom(init, claims);
  return principal === undefined ? REFUSED : { principal };
}

/** A principal without an identifier is nobody (fails closed). */
function principalFrom(init: PrincipalInit | undefined, claims: Claims): Principal | undefined {
  if (init === undefined || init === null || typeof init.id !== 'string' || init.id === '') return undefined;
  return createPrincipal(init.claims === undefined ? { ...init, claims } : init, NAME);
}
