import { Logger } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { ALLOWED, denied, type Decision, type Denied } from '../core/decision.js';
import { mediaTypeOf } from '../core/http-grammar.js';
import { takeCharge } from '../core/passage.js';
import type { Principal } from '../core/principal.js';
import { rawRequestOf } from '../core/request.js';
import type { AdmissionStep, ProtectionStep, RoutePolicy } from '../core/route-policy.js';
import type { CorsPolicy } from './cors/cors.policy.js';
import { isSafeMethod } from './csrf/cross-origin.policy.js';
import type { CsrfFacts } from './csrf/csrf-protection.js';
import { headerList, NO_FIELDS } from './edge.headers.js';
import { isOwn, type EdgeParts } from './edge.parts.js';
import { EdgePassage } from './edge.passage.js';
import type { EdgeRoute } from './edge.route.js';
import { refusedLength } from './firewall/body-limit.js';
import { carriesBody } from './firewall/content-type.policy.js';
import { bodyUseOf, decideUnread, isUnread, type BodyUse } from './firewall/unread-body.policy.js';

type Request = IncomingMessage;

const BYPASSED = denied('edge_bypassed');
const HTTPS_REQUIRED = denied('https_required');
const ORIGIN_REFUSED = denied('cors_origin_refused');
const BODY_TOO_LARGE = denied('body_too_large');

/** What changes nothing, whoever has it sent. */
const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The edge's part of the guard, where the route is known for sure. */
export class EdgeAdmission {
  private readonly logger = new Logger('SecurityModule');
  private readonly unread = new Set<string>();

  constructor(private readonly parts: EdgeParts) {}

  /** What was taken for granted before routing is checked against the route itself. */
  admissionOf(policy: RoutePolicy): AdmissionStep {
    const route = this.parts.routes.compile(policy.edge);
    // Most routes are never sent a body of a type that nobody reads.
    let use: BodyUse | undefined;
    const useOf = (): BodyUse | undefined => (use ??= this.bodyUseOf(policy));
    return (request) => {
      const raw = rawRequestOf(request) as Request;
      const passage = takeCharge(raw, this.parts);
      // A request that came another way, or through the edge of another application alone, has been through none of the
      // checks (fails closed).
      if (!(passage instanceof EdgePassage)) return BYPASSED;
      passage.confirmedAs = policy.id;
      if (passage.route !== route) {
        const denial = this.correct(raw, passage, route, policy.id);
        if (denial !== undefined) return denial;
      }
      if (!carriesBody(raw)) return ALLOWED;
      const decision = this.decideBody(raw, request.body, route, useOf, policy.id);
      return decision.allowed || this.stops('firewall', decision, raw, passage, policy.id) ? decision : ALLOWED;
    };
  }

  protectionOf(policy: RoutePolicy): ProtectionStep {
    const exempt = policy.edge.csrfExempt === true;
    const publicRoute = policy.access === 'public';
    return (request, principal, ambient) => {
      const passage = takeCharge(rawRequestOf(request), this.parts);
      if (!(passage instanceof EdgePassage)) return BYPASSED;
      // Before anything is found out: most requests change nothing.
      if (isSafeMethod(request.method)) return ALLOWED;
      const decision = this.parts.csrf.check(request, factsOf(passage, principal, ambient, exempt, publicRoute));
      if (decision.allowed) return decision;
      if (this.parts.csrf.enforcement !== 'report') return decision;
      this.parts.publish(decision, request, passage, true, policy.id);
      return ALLOWED;
    };
  }

  private decideBody(
    request: Request,
    body: unknown,
    route: EdgeRoute,
    useOf: () => BodyUse | undefined,
    id: string,
  ): Decision {
    const contentType = request.headers['content-type'];
    const type = route.body.contentType(contentType, true);
    if (!type.allowed) return type;
    const use = isUnread(request, body) ? useOf() : undefined;
    if (use !== undefined) {
      const unread = decideUnread(use, isMultipart(contentType), this.parts.parsesBodies);
      if (!unread.allowed) {
        this.warnOfUnread(id);
        return unread;
      }
    }
    return this.parts.firewall === undefined ? type : this.parts.firewall.decideParsedBody(body);
  }

  /** Nobody answers for content types where neither the firewall nor the route does. */
  private bodyUseOf(policy: RoutePolicy): BodyUse | undefined {
    const isDeclared = policy.edge.contentTypes !== undefined;
    return this.parts.firewall === undefined && !isDeclared ? undefined : bodyUseOf(policy, isDeclared);
  }

  /** Says once for each route what its clients are told with every request. */
  private warnOfUnread(id: string): void {
    if (this.unread.has(id)) return;
    this.unread.add(id);
    this.logger.warn(
      `${id} was sent a body of a type that firewall.contentTypes or @ContentTypes admits and no parser reads: it is ` +
        'answered with 415. Register a parser for the type (app.useBodyParser), or leave the type out',
    );
  }

  /** The guess was another route's: whatever that was granted and this one is not, is taken back. */
  private correct(request: Request, passage: EdgePassage, route: EdgeRoute, id: string): Denied | undefined {
    const guessed = passage.route;
    passage.route = route;
    if (guessed.allowHttp && !route.allowHttp) {
      const https = this.parts.https.decide(passage.secure, passage.host, request.url ?? '/');
      if (!https.allowed && this.stops('https', HTTPS_REQUIRED, request, passage, id)) return HTTPS_REQUIRED;
    }
    const { limit } = route.body;
    if (guessed.body.limit > limit && carriesBody(request) && isPerhapsOver(request, limit)) {
      if (this.stops('firewall', BODY_TOO_LARGE, request, passage, id)) return BODY_TOO_LARGE;
    }
    return guessed.cors === route.cors ? undefined : this.correctCors(request, passage, guessed.cors, route.cors);
  }

  /** `true` where the guard is to deny, and publish that; what is only recorded is published here. */
  private stops(
    part: 'https' | 'firewall',
    denial: Denied,
    request: Request,
    passage: EdgePassage,
    id: string,
  ): boolean {
    const recorded = this.parts.records[part];
    if (recorded) this.parts.publish(denial, request, passage, true, id);
    return !recorded;
  }

  private correctCors(
    request: Request,
    passage: EdgePassage,
    guessed: CorsPolicy | undefined,
    cors: CorsPolicy | undefined,
  ): Denied | undefined {
    const { origin } = request.headers;
    passage.cors = cors === undefined ? NO_FIELDS : headerList(cors.always);
    if (origin === undefined) return undefined;
    // There is no time to ask a resolver; what it said before may be known (fails closed).
    const allowed = cors?.allows(origin) === true;
    if (cors !== undefined) this.parts.applyCors(request, passage, cors, origin, allowed);
    if (allowed || SAFE_METHODS.has(request.method) || isOwn(origin, passage)) return undefined;
    // By the rules of another route a preflight may have let the browser send this one.
    return guessed === undefined || cors?.enforcement === 'report' ? undefined : ORIGIN_REFUSED;
  }
}

function isMultipart(contentType: string | undefined): boolean {
  return contentType !== undefined && mediaTypeOf(contentType)?.startsWith('multipart/') === true;
}

/** Nobody counted against this route's limit what declared no length, or was inflated (fails closed). */
function isPerhapsOver({ headers }: Request, limit: number): boolean {
  const { 'content-length': length, 'content-encoding': encoding } = headers;
  return (
    length === undefined ||
    (encoding !== undefined && encoding !== 'identity') ||
    !refusedLength(headers, limit).allowed
  );
}

function factsOf(
  { hostOfOrigin: host, secure }: EdgePassage,
  principal: Principal | undefined,
  ambient: boolean,
  exempt: boolean,
  publicRoute: boolean,
): CsrfFacts {
  return { host, secure, ambient, principal, exempt, publicRoute };
}
