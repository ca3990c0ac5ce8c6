import type { KeyObject } from 'node:crypto';
import { PassportStrategy } from '@nestjs/passport';
import passport from 'passport';
import passportJwt from 'passport-jwt';
import { denied, type Denied } from '../../core/decision.js';
import type { JwtAlgorithm } from './jwt.options.js';

const SIGNATURE_INVALID = denied('token_signature_invalid');
const CLAIMS_INVALID = denied('token_claims_invalid');

/** What came of verifying a signature: a denial, or the payload as parsed. */
export interface SignatureCheck {
  readonly denial: Denied | undefined;
  readonly payload: unknown;
}

/** One token on its way through the strategy; it stands where Passport has the request. */
class Attempt implements SignatureCheck {
  /** Until the strategy hands over a payload, and again whenever it says anything else (fails closed). */
  denial: Denied | undefined = SIGNATURE_INVALID;
  payload: unknown;

  constructor(
    readonly token: string,
    readonly key: KeyObject,
  ) {}

  accept(payload: unknown): void {
    this.payload = payload;
    this.denial = undefined;
  }

  deny(denial: Denied): void {
    this.payload = undefined;
    this.denial = denial;
  }
}

type Done = (error: unknown, key?: KeyObject) => void;

/** A strategy of Passport, with the actions that whoever runs it gives. */
interface RunnableStrategy {
  authenticate(request: object): void;
  success(): void;
  fail(): void;
  error(): void;
  pass(): void;
  redirect(): void;
}

// The published types know keys as text and buffers alone, and requests as Express's.
const Strategy = passportJwt.Strategy as unknown as new (options: object) => RunnableStrategy;

/**
 * Verifies signatures by passport-jwt: keys are given per token, algorithms once. It decides on nothing else: the
 * header is checked before, and time and claims after, by the clock and the policy of this library.
 */
export class JwtStrategy extends PassportStrategy(Strategy) {
  constructor(algorithms: Iterable<JwtAlgorithm>) {
    super({
      jwtFromRequest: (attempt: Attempt) => attempt.token,
      secretOrKeyProvider: (attempt: Attempt, _token: string, done: Done) => done(null, attempt.key),
      passReqToCallback: true,
      algorithms: [...algorithms],
      ignoreExpiration: true,
      jsonWebTokenOptions: { ignoreNotBefore: true },
    });
  }

  /**
   * Runs the strategy on one token, with Passport's actions on an object of its own. passport-jwt is done when
   * `authenticate` returns; what happens later is only the mixin reporting a success that is already known.
   */
  check(token: string, key: KeyObject): SignatureCheck {
    const attempt = new Attempt(token, key);
    const running = Object.create(this) as JwtStrategy;
    const deny = () => attempt.deny(SIGNATURE_INVALID);
    running.success = () => undefined;
    running.fail = deny;
    running.error = deny;
    running.pass = deny;
    running.redirect = deny;
    try {
      running.authenticate(attempt);
    } catch {
      // jsonwebtoken throws on payloads such as `null`.
      attempt.deny(CLAIMS_INVALID);
    }
    return attempt;
  }

  /** Called by the mixin for a token whose signature is valid. */
  validate(attempt: Attempt, payload: unknown): boolean {
    attempt.accept(payload);
    return true;
  }

  /**
   * The mixin registers every strategy with Passport. One instance for all would let a second application in the
   * process, or the user's own strategy of this name, take the place of the first.
   */
  getPassportInstance(): passport.Authenticator {
    return new passport.Passport();
  }
}
