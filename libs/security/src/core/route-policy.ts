import type { Abstract, ExecutionContext, HttpException, Type } from '@nestjs/common';
import type { EdgePart } from './declarations.js';
import type { Decision, Denied } from './decision.js';
import type { AnswerField } from './passage.js';
import type { Principal } from './principal.js';
import type { HttpRequest } from './request.js';

/** Who may call at all; `denied` where nothing is declared and `authorization.fallback` is `deny`. */
export type Access = 'public' | 'optional' | 'authenticated' | 'denied';

/** How much a route matters while there is more to do than can be done; `critical` is always served. */
export type RoutePriority = 'critical' | 'high' | 'normal' | 'low';

/** Names of which one suffices, or all are needed. */
export type Requirement = { readonly any: readonly string[] } | { readonly all: readonly string[] };

/** Where a rule was declared, nearest first. */
export type DeclarationLevel = 'handler' | 'class' | 'feature' | 'root';

/** An {@link AccessPolicy} as named in `@Policy`: its class, which a provider may stand for, or the function itself. */
export type PolicyReference = PolicyClass | AccessPolicyFunction;

/** A policy that is constructed, or an abstract class that a provider stands for. */
export type PolicyClass = Type<AccessPolicy> | Abstract<AccessPolicy>;

/** The compiled, frozen requirements of one handler. Everything that enforces, prints or tests access reads it. */
export interface RoutePolicy {
  /** `Controller.handler`, for people; the identity is (`controller`, `handler`). */
  readonly id: string;
  readonly controller: Type;
  readonly handler: HandlerFunction;
  readonly access: Access;
  /** The schemes whose credentials are accepted, in the order they are tried. Empty for `public`. */
  readonly schemes: readonly string[];
  readonly roles?: Requirement | undefined;
  readonly permissions?: Requirement | undefined;
  /** All of them are needed. */
  readonly scopes?: readonly string[] | undefined;
  /** All of them must allow. */
  readonly policies: readonly PolicyReference[];
  /** What the route says for itself to the edge: by part, the value of the nearest decorator. */
  readonly edge: Readonly<Partial<Record<EdgePart, unknown>>>;
  /** What the route says of rate limits, beside those that hold for every route. */
  readonly rateLimits: DeclaredRateLimits;
  /** How many requests may be under way at once: numbers, names and definitions; absent where nothing limits them. */
  readonly concurrencyLimits?: readonly unknown[] | undefined;
  /** How much it matters under too much load; absent where nothing was declared. */
  readonly priority?: RoutePriority | undefined;
  /** The level each rule comes from; a rule that was not declared is absent. */
  readonly declaredAt: Readonly<
    Partial<
      Record<
        'access' | 'roles' | 'permissions' | 'scopes' | 'policies' | 'rateLimits' | 'concurrencyLimits' | 'priority',
        DeclarationLevel
      >
    >
  >;
}

/** What decorators say of the rate limits of a route. */
export interface DeclaredRateLimits {
  /** Names and definitions, in place of the default limits; absent where nothing was declared. */
  readonly limits?: readonly unknown[] | undefined;
  /** The limits that do not hold for the route, by name; `true` for all of them. */
  readonly skipped: true | readonly string[];
}

// eslint-disable-next-line typescript/no-unsafe-function-type
export type HandlerFunction = Function;

/** What an {@link AccessPolicy} is told of the request besides who calls. */
export interface AccessContext {
  /** The framework's request (Express or Fastify). */
  readonly request: HttpRequest;
  /** The parameters of the path; over a transport, the arguments that are text, numbers or booleans, as text. */
  readonly params: Readonly<Record<string, string>>;
  /** The arguments as the client gave them by name, over a transport that has some; absent over HTTP. */
  readonly args?: Readonly<Record<string, unknown>> | undefined;
  readonly route: RoutePolicy;
  readonly execution: ExecutionContext;
}

/** What a policy answers: only `true` and a decision that allows do. */
export type AccessAnswer = boolean | Decision;

/** Decides on a request; a provider, so that it can use others. Whatever it throws denies. */
export interface AccessPolicy {
  decide(principal: Principal, context: AccessContext): AccessAnswer | Promise<AccessAnswer>;
}

/** An {@link AccessPolicy} without dependencies. */
export type AccessPolicyFunction = (
  principal: Principal,
  context: AccessContext,
) => AccessAnswer | Promise<AccessAnswer>;

/** What came of reading a request's credentials. */
export type AuthenticationResult =
  | {
      readonly principal: Principal;
      /** True where a browser sends the credential by itself, to whoever made it send the request: a cookie, a session. */
      readonly ambient?: boolean | undefined;
    }
  | {
      readonly denial: Denied;
      /** Values of `WWW-Authenticate`, one a scheme. */
      readonly challenges: readonly string[];
      /** Where a strategy sends the user instead (OAuth 2.0, OpenID Connect, SAML). */
      readonly redirect?: { readonly url: string; readonly status: number } | undefined;
      /** The answer in place of the library's own, as an application's strategy chose it. */
      readonly exception?: HttpException | undefined;
    };

export type AuthenticationStep = (request: HttpRequest) => AuthenticationResult | Promise<AuthenticationResult>;

export type AuthorizationStep = (principal: Principal, execution: ExecutionContext) => Decision | Promise<Decision>;

/**
 * Who calls, where that is known without any work and no browser has sent the credentials by itself; `undefined` where it
 * takes more to find out. On routes that look at no credentials nobody is anybody.
 */
export type RecognitionStep = (request: HttpRequest) => { readonly principal: Principal | undefined } | undefined;

/** The edge's part at the guard, where the route is known for sure. */
export type AdmissionStep = (request: HttpRequest) => Decision;

/** Asked once it is known who calls: whether the caller wanted the request to be made. */
export type ProtectionStep = (request: HttpRequest, principal: Principal | undefined, ambient: boolean) => Decision;

/** How a denial by a rate limit is answered. */
export interface LimitDenial {
  readonly denial: Denied;
  readonly exception: HttpException;
  /** The name of the limit, where it is known. */
  readonly limit: string | undefined;
  /** Header fields that go with the answer, beside those that every answer of the route carries. */
  readonly fields: readonly AnswerField[];
  /** That of the body, where it is not JSON as everything else. */
}

/**
 * Takes what a request costs of the limits of one stage: `undefined` where all of them allow it. Before anybody is
 * known, `principal` is `undefined`.
 */
export type LimitStep = (
  execution: ExecutionContext,
  principal: Principal | undefined,
) => LimitDenial | undefined | Promise<LimitDenial | undefined>;

/** Whether there is too much load for requests of a route. */
export type LoadStep = () => boolean;

/** A policy with the checks compiled from it. */
export interface GuardedRoute {
  readonly policy: RoutePolicy;
  /** Asked before anything else. Absent where load is not looked at, and on routes that are always served. */
  readonly isOverloaded?: LoadStep | undefined;
  readonly admit: AdmissionStep;
  readonly protect: ProtectionStep;
  /** Asked before anybody is authenticated: limits by address. Absent where there are none. */
  readonly limitAddress?: LimitStep | undefined;
  /** Asked once it is known who calls. Absent where there are no such limits. */
  readonly limitPrincipal?: LimitStep | undefined;
  /** Both at once, for whoever is recognized. Absent where it saves nothing. */
  readonly limitBoth?: LimitStep | undefined;
  /** True where one guard asks for limits before anybody is authenticated, and another asks again afterwards. */
  readonly isLimitedTwice?: boolean | undefined;
  /** Absent where nobody can be recognized. */
  readonly recognize?: RecognitionStep | undefined;
  /** Absent on public routes. */
  readonly authenticate?: AuthenticationStep | undefined;
  /** Absent where being authenticated is all that is asked. */
  readonly authorize?: AuthorizationStep | undefined;
  /** The values of `WWW-Authenticate` that go with a denial by authorization. */
  readonly challengesOf: (denial: Denied, principal?: Principal) => readonly string[];
}
