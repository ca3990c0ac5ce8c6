import { Logger } from '@nestjs/common';
import type { Strategy } from 'passport';
import { denied, type Denied } from '../core/decision.js';
import { createPrincipal, type PrincipalInit } from '../core/principal.js';
import type { HttpRequest } from '../core/request.js';
import type { PassportSchemeOptions, PrincipalFactory } from './authentication.options.js';
import type { Scheme, SchemeResult } from './scheme.js';

const PASSED = denied('principal_missing');
const INVALID = denied('credentials_invalid');
const MALFORMED = denied('credentials_malformed');
const REFUSED = denied('principal_refused');

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
  private readonly logger = new Logger(PassportScheme.name);
  private readonly defaultChallenge: string;
  private readonly bringsCredentials: (request: HttpRequest) => boolean;

  constructor(
    options: PassportSchemeOptions,
    private readonly strategy: Strategy,
    private readonly principalFactory: PrincipalFactory | undefined,
  ) {
    this.name = options.name;
    this.defaultChallenge = options.challenge ?? challengeNamed(options.name);
    this.bringsCredentials = options.credentials ?? mayBringCredentials;
  }

  challenge(): string {
    return this.defaultChallenge;
  }

  async authenticate(request: HttpRequest): Promise<SchemeResult> {
    const outcome = await this.run(request);
    if ('user' in outcome) return this.succeeded(outcome.user);
    if ('redirect' in outcome) return { denial: PASSED, final: true, redirect: outcome.redirect };
    if (outcome.denial !== PASSED && !this.bringsCredentials(request)) return undefined;
    return { final: false, ...outcome };
  }

  private run(request: HttpRequest): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const actions: Actions = {
        success: (user: unknown) => resolve({ user }),
        fail: (challenge?: unknown, status?: number) => resolve(failure(challenge, status)),
        redirect: (url: string, status = 302) => resolve({ redirect: { url, status } }),
        // The strategy leaves the request to others. Nobody was identified (fails closed).
        pass: () => resolve({ denial: PASSED }),
        error: reject,
      };
      const running = Object.assign(Object.create(this.strategy) as RunningStrategy, actions);
      const pending = running.authenticate(request, { session: false });
      if (pending instanceof Promise) pending.catch(reject);
    });
  }

  private async succeeded(user: unknown): Promise<SchemeResult> {
    if (typeof user !== 'object' || user === null) return { denial: PASSED, final: true };
    const verified = user as Record<string, unknown>;
    const init =
      this.principalFactory === undefined
        ? principalOfUser(verified)
        : await this.principalFactory(verified, this.name);
    if (init === undefined || init === null || typeof init.id !== 'string' || init.id === '') {
      if (this.principalFactory === undefined) {
        this.logger.warn(
          `The user of strategy "${this.name}" has no id: give authentication.principal to make the principal`,
        );
      }
      return { denial: REFUSED, final: true };
    }
    return { principal: createPrincipal(init.claims === undefined ? { ...init, claims: verified } : init, this.name) };
  }
}

type Outcome =
  | { readonly user: unknown }
  | { readonly denial: Denied; readonly challenges?: readonly string[] }
  | { readonly redirect: { readonly url: string; readonly status: number } };

/** `fail(challenge, status)`: a challenge that is text is meant for `WWW-Authenticate`, anything else for nobody. */
function failure(challenge: unknown, status: number | undefined): Outcome {
  const [text, code] = typeof challenge === 'number' ? [undefined, challenge] : [challenge, status];
  const denial = code === 400 ? MALFORMED : INVALID;
  return typeof text === 'string' && PRINTABLE.test(text) ? { denial, challenges: [text] } : { denial };
}

const PRINTABLE = /^[\x21-\x7E][\x20-\x7E]*$/;

/** RFC 9110, section 15.5.2: a 401 names a scheme. The strategy's name serves, where it is a token. */
function challengeNamed(name: string): string {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) ? name : 'Credentials';
}

function mayBringCredentials(request: HttpRequest): boolean {
  const { authorization, cookie } = request.headers;
  return authorization !== undefined || cookie !== undefined || isFilled(request.query) || isFilled(request.body);
}

function isFilled(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

/** The usual names of a user's fields; what has another type is left out. */
function principalOfUser(user: Readonly<Record<string, unknown>>): PrincipalInit | undefined {
  const id = user['id'] ?? user['sub'] ?? user['userId'];
  if (typeof id !== 'string' && typeof id !== 'number' && typeof id !== 'bigint') return undefined;
  return {
    id: String(id),
    roles: stringsIn(user['roles']),
    permissions: stringsIn(user['permissions']),
    scopes: stringsIn(user['scopes']),
    ...(typeof user['tenant'] === 'string' && { tenant: user['tenant'] }),
  };
}

function stringsIn(value: unknown): readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : [];
}
