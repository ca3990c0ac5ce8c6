import { ApplicationFunctionError, dropPromise, failureOf } from '../../core/application-functions.js';
import type { Clock } from '../../core/clock.js';
import { ALLOWED, denied, type Decision } from '../../core/decision.js';
import { describe } from '../../core/options.rules.js';
import type { Principal } from '../../core/principal.js';
import type { HttpRequest } from '../../core/request.js';
import { CSRF_TOKEN_DEFAULTS, type CsrfBinding, type CsrfTokenOptions } from './csrf.options.js';
import type { CsrfSecret } from './csrf.secret.js';
import { CsrfTokenSigner } from './csrf.token.js';

const MISSING = denied('csrf_token_missing');
const INVALID = denied('csrf_token_invalid');
const BINDING = 'csrf.token.binding';

/** Issues tokens to who calls, and decides on requests by the tokens they carry. */
export class CsrfTokenPolicy {
  private readonly signer: CsrfTokenSigner;
  private readonly header: string;
  private readonly field: string;
  private readonly lifetime: number;
  private readonly bindingFor: CsrfBinding;

  /** The options have been checked. */
  constructor(
    { secret, header, field, lifetime, binding }: CsrfTokenOptions,
    private readonly clock: Clock,
    private readonly report: (failure: ApplicationFunctionError) => void,
  ) {
    this.signer = new CsrfTokenSigner(Array.isArray(secret) ? (secret as [CsrfSecret]) : [secret as CsrfSecret]);
    this.header = (header ?? CSRF_TOKEN_DEFAULTS.header).toLowerCase();
    this.field = field ?? CSRF_TOKEN_DEFAULTS.field;
    this.lifetime = lifetime ?? CSRF_TOKEN_DEFAULTS.lifetime;
    this.bindingFor = binding ?? bindingOfPrincipal;
  }

  /**
   * @throws Error where there is nobody, or nothing, to bind the token to
   * @throws ApplicationFunctionError where the binding fails
   */
  issue(request: HttpRequest, principal: Principal | undefined): string {
    if (principal === undefined || principal.kind === 'anonymous') {
      throw new Error(
        'A CSRF token is bound to who calls, and nobody is authenticated: issue it on a route that is not public',
      );
    }
    const binding = this.answerOf(request, principal);
    if (binding === undefined)
      throw new Error(`A CSRF token needs something to be bound to: ${BINDING} answered with nothing`);
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
    try {
      return this.answerOf(request, principal);
    } catch (error) {
      this.report(failureOf(error, BINDING));
      return undefined;
    }
  }

  /** @throws ApplicationFunctionError where the binding throws, or answers with what is neither text nor nothing */
  private answerOf(request: HttpRequest, principal: Principal): string | undefined {
    let answer: unknown;
    try {
      answer = this.bindingFor(request, principal);
    } catch (error) {
      throw failureOf(error, BINDING, [request.url, request.headers, request.body, principal.id, principal.claims]);
    }
    if (typeof answer === 'string' || answer === undefined) return answer || undefined;
    const given = dropPromise(answer) ? 'a promise: answer at once' : `${describe(answer)}, not with text`;
    throw new ApplicationFunctionError(BINDING, `answered with ${given}`);
  }

  private seconds(): number {
    return Math.floor(this.clock.now() / 1000);
  }
}

/** Each part with its length: an issuer that ends where another's id begins binds to nobody else. */
function bindingOfPrincipal(_request: HttpRequest, { scheme, issuer, id, tokenId }: Principal): string {
  return part(scheme) + part(issuer) + part(id) + part(tokenId);
}

function part(value: string | undefined): string {
  return value === undefined ? '-' : `${value.length}:${value}`;
}
