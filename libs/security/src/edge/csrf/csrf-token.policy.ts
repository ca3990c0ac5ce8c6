import { Logger } from '@nestjs/common';
import type { Clock } from '../../core/clock.js';
import { ALLOWED, denied, type Decision } from '../../core/decision.js';
import type { Principal } from '../../core/principal.js';
import type { Enforcement } from '../../core/profile.js';
import type { HttpRequest } from '../../core/request.js';
import { CSRF_TOKEN_DEFAULTS, type CsrfBinding, type CsrfTokenOptions } from './csrf.options.js';
import type { CsrfSecret } from './csrf.secret.js';
import { CsrfTokenSigner } from './csrf.token.js';

const MISSING = denied('csrf_token_missing');
const INVALID = denied('csrf_token_invalid');

/** Issues tokens to who calls, and decides on requests by the tokens they carry. */
export class CsrfTokenPolicy {
  private readonly logger = new Logger('SecurityModule');
  private readonly signer: CsrfTokenSigner;
  private readonly header: string;
  private readonly field: string;
  private readonly lifetime: number;
  private readonly bindingFor: CsrfBinding;
  private told = false;

  /** The options have been checked. */
  constructor(
    { secret, header, field, lifetime, binding }: CsrfTokenOptions,
    private readonly clock: Clock,
    private readonly enforcement: Enforcement = 'enforce',
  ) {
    this.signer = new CsrfTokenSigner(Array.isArray(secret) ? (secret as [CsrfSecret]) : [secret as CsrfSecret]);
    this.header = (header ?? CSRF_TOKEN_DEFAULTS.header).toLowerCase();
    this.field = field ?? CSRF_TOKEN_DEFAULTS.field;
    this.lifetime = lifetime ?? CSRF_TOKEN_DEFAULTS.lifetime;
    this.bindingFor = binding ?? bindingOfPrincipal;
  }

  /** @throws Error where there is nobody, or nothing, to bind the token to */
  issue(request: HttpRequest, principal: Principal | undefined): string {
    if (principal === undefined || principal.kind === 'anonymous') {
      throw new Error(
        'A CSRF token is bound to who calls, and nobody is authenticated: issue it on a route that is not public',
      );
    }
    const binding = this.answerOf(request, principal);
    if (!isBinding(binding)) {
      throw new Error('A CSRF token needs something to be bound to, and csrf.token.binding answered with no text');
    }
    return this.signer.sign(binding, this.seconds() + this.lifetime);
  }

  /** Whether the request carries a token that was issued to this principal and has not expired. */
  decide(request: HttpRequest, principal: Principal | undefined): Decision {
    const token = this.tokenIn(request);
    if (token === undefined) return MISSING;
    const binding = this.bindingOf(request, principal);
    // A repeated header is longer than a token; a field that is no text is none (fails closed).
    if (typeof token !== 'string' || binding === undefined) return INVALID;
    const expiry = this.signer.verify(token, binding);
    return expiry !== undefined && this.seconds() < expiry ? ALLOWED : INVALID;
  }

  /** A header that is present is the token, whatever it holds: a form's field cannot make up for a wrong one. */
  private tokenIn({ headers, body }: HttpRequest): unknown {
    const fromHeader = headers[this.header];
    if (fromHeader !== undefined) return fromHeader;
    return typeof body === 'object' && body !== null && Object.hasOwn(body, this.field)
      ? (body as Readonly<Record<string, unknown>>)[this.field]
      : undefined;
  }

  private bindingOf(request: HttpRequest, principal: Principal | undefined): string | undefined {
    // Tokens of nobody would fit everybody (fails closed).
    if (principal === undefined || principal.kind === 'anonymous') return undefined;
    let binding: unknown;
    try {
      binding = this.answerOf(request, principal);
    } catch {
      return this.withoutBinding('throws');
    }
    if (isBinding(binding)) return binding;
    return binding === undefined || binding === '' ? undefined : this.withoutBinding('answers with no text');
  }

  private answerOf(request: HttpRequest, principal: Principal): unknown {
    const answer: unknown = this.bindingFor(request, principal);
    // A promise that nobody waits for would end the process when it is rejected.
    if (answer instanceof Promise) answer.catch(() => undefined);
    return answer;
  }

  /** Told once: an attacker may be able to bring it about as often as they like. */
  private withoutBinding(problem: string): undefined {
    if (this.told) return;
    this.told = true;
    this.logger.warn(
      `csrf.token.binding ${problem}: the request ${this.enforcement === 'report' ? 'would be' : 'is'} denied`,
    );
  }

  private seconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }
}

function isBinding(binding: unknown): binding is string {
  return typeof binding === 'string' && binding !== '';
}

/** Each part with its length: an issuer that ends where another's id begins binds to nobody else. */
function bindingOfPrincipal(_request: HttpRequest, { scheme, issuer, id, tokenId }: Principal): string {
  return part(scheme) + part(issuer) + part(id) + part(tokenId);
}

function part(value: string | undefined): string {
  return value === undefined ? '-' : `${value.length}:${value}`;
}
