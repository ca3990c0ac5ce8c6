import type { ApplicationFunctionError } from '../../core/application-functions.js';
import type { Clock } from '../../core/clock.js';
import { ALLOWED, type Decision } from '../../core/decision.js';
import type { Principal } from '../../core/principal.js';
import type { Enforcement, Profile } from '../../core/profile.js';
import type { HttpRequest } from '../../core/request.js';
import { decideCrossOrigin, isSafeMethod } from './cross-origin.policy.js';
import { CsrfTokenPolicy } from './csrf-token.policy.js';
import type { CsrfApplication, CsrfOptions } from './csrf.options.js';

/** What is known of a request once authentication is over. */
export interface CsrfFacts {
  /** The effective host: lower-case `name[:port]`, without a default port. */
  readonly host: string | undefined;
  /** True when the request surely came over TLS. */
  readonly secure: boolean;
  /** True when what authenticated the request is something that a browser adds by itself. */
  readonly ambient: boolean;
  readonly principal: Principal | undefined;
  /** True for routes with `@CsrfExempt()`. */
  readonly exempt: boolean;
  /** True for routes that look at no credentials. */
  readonly publicRoute: boolean;
}

/** Decides, after authentication, whether an unsafe request was meant by the user. */
export class CsrfProtection {
  /** Absent where no token is configured. */
  readonly tokens: CsrfTokenPolicy | undefined;
  /** Whether the guard denies, or only publishes, what {@link check} refuses. */
  readonly enforcement: Enforcement;
  private readonly applies: CsrfApplication | 'never';
  private readonly trustedOrigins: ReadonlySet<string>;

  /** The options have been checked; `false` switches the protection off. */
  constructor(
    options: CsrfOptions | false | undefined,
    profile: Profile,
    clock: Clock,
    report: (failure: ApplicationFunctionError) => void,
  ) {
    const { apply, token, trustedOrigins, enforcement }: CsrfOptions = options || {};
    this.applies = options === false ? 'never' : (apply ?? (profile === 'web' ? 'always' : 'cookies'));
    this.trustedOrigins = new Set(trustedOrigins);
    this.tokens = token === undefined ? undefined : new CsrfTokenPolicy(token, clock, report);
    this.enforcement = enforcement ?? 'enforce';
  }

  /** Whatever the token, the request has to come from an origin that may send it. */
  check(request: HttpRequest, facts: CsrfFacts): Decision {
    if (isSafeMethod(request.method) || !this.concerns(facts)) return ALLOWED;
    const { headers } = request;
    const decision = decideCrossOrigin(
      {
        method: request.method,
        secFetchSite: single(headers['sec-fetch-site']),
        origin: single(headers.origin),
        host: facts.host,
        secure: facts.secure,
      },
      this.trustedOrigins,
    );
    if (!decision.allowed || this.tokens === undefined || !facts.ambient) return decision;
    return this.tokens.decide(request, facts.principal);
  }

  private concerns({ ambient, exempt, publicRoute, principal }: CsrfFacts): boolean {
    if (exempt || this.applies === 'never') return false;
    if (ambient) return true;
    // A page cannot make a browser send a header credential: whoever sent one meant to.
    const byHeader = !publicRoute && principal !== undefined && principal.kind !== 'anonymous';
    return this.applies === 'always' && !byHeader;
  }
}

/** Node joins the lines of both headers; what would hand them over as a list makes them refused (fails closed). */
function single(header: string | readonly string[] | undefined): string | undefined {
  return header === undefined || typeof header === 'string' ? header : '';
}
