import { HttpException } from '@nestjs/common';
import type { Strategy } from 'passport';
import { ApplicationFunctionError, dropPromise, failureOf, type Patience } from '../core/application-functions.js';
import { describe } from '../core/options.rules.js';
import { denied, type Denied } from '../core/decision.js';
import { isToken } from '../core/http-grammar.js';
import type { PrincipalInit } from '../core/principal.js';
import type { HttpRequest } from '../core/request.js';
import type { PassportSchemeOptions, PrincipalFactory } from './authentication.options.js';
import { Principals } from './principal.factory.js';
import type { Scheme, SchemeFailure, SchemeResult } from './scheme.js';

const PASSED = denied('principal_missing');
const INVALID = denied('credentials_invalid');
const MALFORMED = denied('credentials_malformed');
const REFUSED: SchemeResult = { denial: denied('principal_refused'), final: true };

/** What Passport puts on a strategy for the time of one request. */
interface Actions {
  success(user: unknown): void;
  fail(challenge?: unknown, status?: number): void;
  redirect(url: string, status?: number): void;
  pass(): void;
  error(error: unknown): void;
}

/** Asynchronous strategies exist, though Passport's types know none. */
type RunningStrategy = Actions & { authenticate(request: HttpRequest, options: { session: boolean }): unknown };

/**
 * A Passport strategy, run with actions of our own. `passport.authenticate` would write redirects to Express's response
 * alone, and would let a request through without a user when the strategy calls `pass()`.
 */
export class PassportScheme implements Scheme {
  readonly name: string;
  private readonly defaultChallenge: string;
  private readonly bringsCredentials: (request: HttpRequest) => boolean;
  private readonly principals: Principals;
  private readonly where: string;

  constructor(
    options: PassportSchemeOptions,
    private readonly strategy: Strategy,
    principalFactory: PrincipalFactory | undefined,
    private readonly patience: Patience,
  ) {
    this.name = options.name;
    this.defaultChallenge = options.challenge ?? challengeNamed(options.name);
    this.where = `The Passport strategy "${options.name}"`;
    this.bringsCredentials =
      options.credentials === undefined ? mayBringCredentials : answeringAtOnce(options.credentials, options.name);
    this.principals = new Principals(options.name, principalFactory, principalOfUser, patience);
  }

  challenge(): string {
    return this.defaultChallenge;
  }

  async authenticate(request: HttpRequest): Promise<SchemeResult> {
    const outcome = await this.outcomeOf(request);
    if ('user' in outcome) return this.succeeded(outcome.user, request);
    return outcome.denial === PASSED || this.bringsCredentials(request) ? outcome : undefined;
  }

  /** A strategy that breaks, or calls none of its actions in time, is an error of the server. */
  private async outcomeOf(request: HttpRequest): Promise<Outcome> {
    try {
      return await this.patience.await(this.run(request), this.where);
    } catch (error) {
      if (error instanceof HttpException) throw error;
      throw failureOf(error, this.where, [request.headers, request.query, request.body]);
    }
  }

  private run(request: HttpRequest): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const error = (thrown: unknown) => {
        // How Nest's strategies say no: `throw new UnauthorizedException()` in `validate`.
        if (thrown instanceof HttpException && thrown.getStatus() === 401) {
          resolve({ denial: INVALID, final: false, exception: thrown });
        } else {
          reject(thrown);
        }
      };
      const actions: Actions = {
        success: (user) => resolve({ user }),
        fail: (challenge, status) => {
          const outcome = failure(challenge, status);
          if (outcome === undefined)
            error(new ApplicationFunctionError(this.where, 'failed with a status of the server'));
          else resolve(outcome);
        },
        redirect: (url, status = 302) => resolve({ denial: PASSED, final: false, redirect: { url, status } }),
        // The strategy leaves the request to others. Nobody was identified (fails closed).
        pass: () => resolve({ denial: PASSED, final: false }),
        error,
      };
      const running = Object.assign(Object.create(this.strategy) as RunningStrategy, actions);
      // What an asynchronous strategy throws must not be lost: nobody else would answer the request.
      Promise.resolve(running.authenticate(request, { session: false })).catch(error);
    });
  }

  private async succeeded(user: unknown, request: HttpRequest): Promise<SchemeResult> {
    // Some strategies say so of a caller whom they do not know.
    if (user === undefined || user === null || user === false) return { denial: PASSED, final: true };
    if (typeof user !== 'object') {
      throw new ApplicationFunctionError(
        this.where,
        `answered with ${describe(user)}, not with a user: have validate() return an object with an id`,
      );
    }
    const principal = await this.principals.from(user as Record<string, unknown>);
    return principal === undefined ? REFUSED : { principal, ambient: mayBeAmbient(request) };
  }
}

/** What browsers repeat by themselves once it was entered (RFC 9110, section 11; RFC 4559). */
const AMBIENT_AUTHORIZATION = /^(?:basic|digest|negotiate|ntlm)\b/i;

/**
 * Passport does not tell what a strategy went by. Only a request that has no cookie, and an `Authorization` that no
 * browser sends by itself, surely was not made with ambient credentials (fails closed).
 */
function mayBeAmbient({ headers: { cookie, authorization } }: HttpRequest): boolean {
  return cookie !== undefined || authorization === undefined || AMBIENT_AUTHORIZATION.test(authorization);
}

type Outcome = { readonly user: unknown } | SchemeFailure;

/**
 * `fail(challenge, status)`: a challenge that is text is meant for `WWW-Authenticate`, anything else for nobody. Nothing
 * where the status tells of an error of the server.
 */
function failure(challenge: unknown, status: number | undefined): Outcome | undefined {
  const [text, code] = typeof challenge === 'number' ? [undefined, challenge] : [challenge, status];
  if (typeof code === 'number' && code >= 500) return undefined;
  const denial: Denied = code === 400 ? MALFORMED : INVALID;
  const challenges = typeof text === 'string' && PRINTABLE.test(text) ? [text] : undefined;
  return { denial, final: false, challenges };
}

const PRINTABLE = /^[\x21-\x7E][\x20-\x7E]*$/;

/** RFC 9110, section 15.5.2: a 401 names a scheme. The strategy's name serves, where it is a token. */
function challengeNamed(name: string): string {
  return isToken(name) ? name : 'Credentials';
}

/** The application's function; an error or a promise is no answer (fails closed). */
function answeringAtOnce(credentials: (request: object) => boolean, name: string): (request: HttpRequest) => boolean {
  const where = `authentication.passport: credentials of "${name}"`;
  return (request) => {
    let answer: unknown;
    try {
      answer = credentials(request);
    } catch (error) {
      throw failureOf(error, where, [request.headers, request.query, request.body]);
    }
    if (dropPromise(answer)) {
      throw new ApplicationFunctionError(where, 'answered with a promise: answer with true or false at once');
    }
    return Boolean(answer);
  };
}

function mayBringCredentials(request: HttpRequest): boolean {
  const { authorization, cookie } = request.headers;
  return authorization !== undefined || cookie !== undefined || isFilled(request.query) || isFilled(request.body);
}

function isFilled(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

/** The usual names of a user's fields; what has another type is left out. */
function principalOfUser(user: Readonly<Record<string, unknown>>): PrincipalInit {
  const id = user['id'] ?? user['sub'] ?? user['userId'];
  return {
    // What is no identifier is refused with a warning, like any other principal without one.
    id: typeof id === 'number' || typeof id === 'bigint' ? String(id) : (id as string),
    roles: stringsIn(user['roles']),
    permissions: stringsIn(user['permissions']),
    scopes: stringsIn(user['scopes']),
    ...(typeof user['tenant'] === 'string' && { tenant: user['tenant'] }),
  };
}

function stringsIn(value: unknown): readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : [];
}
