import { Logger } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressGate } from '../core/address-gate.js';
import type { Clock } from '../core/clock.js';
import { ApplicationFunctions, failureOf } from '../core/application-functions.js';
import { denied, type Denied } from '../core/decision.js';
import type { SecurityEvents } from '../core/events.js';
import { beginPassage, passageThrough } from '../core/passage.js';
import { pathOf } from '../core/request-target.js';
import { Scheduler } from '../core/scheduler.js';
import type { RoutePolicy } from '../core/route-policy.js';
import type { ClientOrigin } from './client-address/client-address.policy.js';
import { preflightOf, type CorsPolicy, type CorsPreflight } from './cors/cors.policy.js';
import { isSafeMethod } from './csrf/cross-origin.policy.js';
import { EarlyRoutes } from './early-routes.js';
import { EdgeAdmission } from './edge.admission.js';
import { EdgeAnswers, isConnectionEnded, redirect } from './edge.answers.js';
import { completeHeaders, headerList, NO_FIELDS, type HeaderList } from './edge.headers.js';
import type { EdgeOptions } from './edge.options.js';
import { isOwn, EdgeParts } from './edge.parts.js';
import { isSentTo, sentTarget, wasReadBefore } from './edge.target.js';
import { EdgePassage, type PassageRules } from './edge.passage.js';
import { EdgeRoutes, type EdgeRoute } from './edge.route.js';
import { meterBody } from './firewall/body-meter.js';
import { refusedLength } from './firewall/body-limit.js';
import { carriesBody } from './firewall/content-type.policy.js';
import { CspReportEndpoint } from './headers/csp-report.endpoint.js';
import { NoncePool } from './headers/nonce.js';
import { readHost } from './hosts/hosts.policy.js';
import { parseHost, type ParsedHost } from './hosts/parsed-host.js';
import { reachedBy, type RegisteredRoute } from './registered-routes.js';

type Request = IncomingMessage;
type Response = ServerResponse;

const FAILED = denied('edge_failed');
const BODY_TOO_LARGE = denied('body_too_large');
const ORIGIN_REFUSED = denied('cors_origin_refused');

/**
 * What a request meets before it is routed: client address, bans, host, HTTPS, firewall, CORS; the headers of its answer,
 * whoever gives it. The guard asks again, once the route is known for sure.
 */
export class Edge {
  readonly parts: EdgeParts;
  readonly admission: EdgeAdmission;

  private readonly logger = new Logger('SecurityModule');
  private readonly answers: EdgeAnswers;
  private readonly rules: PassageRules;
  private readonly reports: CspReportEndpoint | undefined;
  private readonly reportPath: string | undefined;
  private early: EarlyRoutes<EdgeRoute> | undefined;
  private late: readonly RoutePolicy[] = [];
  private hsts: HeaderList = NO_FIELDS;
  private hasWarnedOfCors = false;

  constructor(
    options: EdgeOptions,
    events: SecurityEvents,
    clock: Clock,
    private readonly gate?: AddressGate | undefined,
    private readonly functions = new ApplicationFunctions(clock, new Scheduler()),
    tellsProblems = false,
  ) {
    this.answers = new EdgeAnswers(tellsProblems);
    this.parts = new EdgeParts(options, events, clock, functions);
    this.admission = new EdgeAdmission(this.parts);
    const { headers } = this.parts.routes;
    this.rules = {
      storesNothingPersonal: headers?.cacheControl === 'authenticated',
      withheld: headers === undefined ? [] : ['server', 'x-powered-by'],
      nonces: new NoncePool(),
      edge: this.parts,
      root: this.parts.routes.root,
      onForeignCors: (key, route) => this.warnOfForeignCors(key, route),
    };
    if (headers?.reporting !== undefined) {
      this.reportPath = headers.reporting.path;
      this.reports = new CspReportEndpoint(
        headers.reporting,
        () => clock.now(),
        (violation, address) => this.parts.publishViolation(violation, address),
      );
    }
  }

  /** The routes whose words are not known before the guard. */
  get unforeseen(): readonly RoutePolicy[] {
    return this.late;
  }

  /** Has routes that say something for themselves looked for before routing. */
  expect(policies: readonly RoutePolicy[], registered: readonly RegisteredRoute[]): void {
    if (!policies.some(({ edge }) => EdgeRoutes.isEarly(edge))) return;
    const early = new EarlyRoutes(this.parts.routes.combine);
    const unseen = new Set(policies.filter(({ edge }) => EdgeRoutes.isEarly(edge)));
    for (const { method, path, policy } of reachedBy(registered, policies)) {
      if (early.add(method, path, this.parts.routes.compile(policy.edge))) unseen.delete(policy);
    }
    this.late = [...unseen];
    this.early = early;
  }

  /** Every limit there is, for the parsers of bodies. */
  get bodyLimits(): readonly number[] {
    return this.parts.routes.bodyLimits;
  }

  /** Whether a request has been here, and not only at the edge of another application. */
  hasPassed(request: object): boolean {
    return passageThrough(request, this.parts) !== undefined;
  }

  /** `true` to let the request go on; `false` where it was answered. Never throws. */
  readonly enter = (request: Request, response: Response): boolean | Promise<boolean> => {
    try {
      const passed = this.pass(request, response);
      return typeof passed === 'boolean'
        ? passed
        : passed.catch((error: unknown) => this.failed(error, request, response));
    } catch (error) {
      return this.failed(error, request, response);
    }
  };

  private pass(request: Request, response: Response): boolean | Promise<boolean> {
    if (isConnectionEnded(request)) return false;
    const client = this.parts.clientOf(request);
    const route = this.early === undefined ? this.parts.routes.root : this.likelyRouteOf(request, this.early);
    const passage = new EdgePassage(client.address, client.secure, route, this.rules);
    passage.response = response;
    beginPassage(request, passage);
    completeHeaders(response, passage);
    if (this.gate === undefined) return this.passHost(request, response, passage, client);
    const denial = this.gate.admit(request, client.address);
    return denial instanceof Promise
      ? denial.then((settled) => this.passGate(request, response, passage, client, settled))
      : this.passGate(request, response, passage, client, denial);
  }

  private passGate(
    request: Request,
    response: Response,
    passage: EdgePassage,
    client: ClientOrigin,
    denial: Denied | undefined,
  ): boolean | Promise<boolean> {
    if (denial !== undefined) {
      const recorded = this.gate?.records === true;
      this.parts.publish(denial, request, passage, recorded);
      if (!recorded) {
        this.addKnownCors(request, passage);
        return this.answers.refuse(request, response, denial);
      }
    }
    return this.passHost(request, response, passage, client);
  }

  private passHost(
    request: Request,
    response: Response,
    passage: EdgePassage,
    client: ClientOrigin,
  ): boolean | Promise<boolean> {
    const { route } = passage;
    const decided = this.parts.hosts.decideRequest(request, client.forwardedHost);
    if (!decided.allowed && this.parts.stops('hosts', decided, request, passage)) {
      this.addCors(request, passage);
      return this.answers.refuse(request, response, decided);
    }
    const served = decided.allowed ? decided.host : undefined;
    passage.host = served ?? this.unlistedHostOf(request, client.forwardedHost);

    passage.hsts = this.hstsOf(client.secure, served);
    if (!route.allowHttp) {
      const https = this.parts.https.decide(client.secure, served, sentTarget(request));
      if (!https.allowed && this.parts.stops('https', https, request, passage)) {
        this.addCors(request, passage);
        if (https.redirect !== undefined) return redirect(request, response, https.redirect);
        return this.answers.refuse(request, response, https);
      }
    }

    if (this.parts.firewall !== undefined) {
      const decision = this.parts.firewall.decide(request);
      if (!decision.allowed && this.parts.stops('firewall', decision, request, passage)) {
        this.addCors(request, passage);
        return this.answers.refuse(request, response, decision);
      }
    }

    if (this.reports !== undefined && isSentTo(request, this.reportPath)) {
      this.reports.handle(request, response, client.address);
      return false;
    }
    if (carriesBody(request)) this.meterBody(request, response, passage);
    const { cors } = route;
    const { origin } = request.headers;
    if (cors === undefined || origin === undefined) {
      if (cors !== undefined) passage.cors = headerList(cors.always);
      if (this.isPreflightOfAnother(request, passage)) return this.answers.refuse(request, response, ORIGIN_REFUSED);
      return this.limitBody(request, response, passage);
    }
    const allowed = cors.allows(origin);
    return typeof allowed === 'boolean'
      ? this.passOrigin(request, response, passage, cors, origin, allowed)
      : allowed.then((settled) => this.passOrigin(request, response, passage, cors, origin, settled));
  }

  private passOrigin(
    request: Request,
    response: Response,
    passage: EdgePassage,
    cors: CorsPolicy,
    origin: string,
    allowed: boolean,
  ): boolean {
    // While a resolver was asked, the meter may have answered, or the client have gone.
    if (response.writableEnded || response.destroyed) return false;
    const preflight = preflightOf(request);
    if (preflight !== undefined) return this.answerPreflight(request, response, passage, cors, preflight, allowed);
    this.parts.applyCors(request, passage, cors, origin, allowed);
    if (!allowed && this.isPreflightOfAnother(request, passage))
      return this.answers.refuse(request, response, ORIGIN_REFUSED);
    return this.limitBody(request, response, passage);
  }

  private answerPreflight(
    request: Request,
    response: Response,
    passage: EdgePassage,
    cors: CorsPolicy,
    preflight: CorsPreflight,
    allowed: boolean,
  ): boolean {
    const { decision, status, fields } = cors.preflight(preflight, allowed);
    if (!decision.allowed) this.parts.publish(decision, request, passage, cors.enforcement === 'report');
    passage.cors = headerList(fields.filter(([name]) => name !== 'Vary'));
    passage.isAnswering = true;
    const given: Record<string, string> = {};
    for (const [name, value] of fields) if (name === 'Vary') given['vary'] = value;
    if (!decision.allowed && status === 403) return this.answers.refuse(request, response, decision, given);
    // Without a length: a 204 has no content (RFC 9110, section 8.6).
    response.writeHead(status, given);
    response.end();
    return false;
  }

  /** For an answer of the edge itself: a page that may read it sees why it was refused. */
  private addCors(request: Request, passage: EdgePassage): void {
    const { cors } = passage.route;
    if (cors === undefined) return;
    passage.isAnswering = true;
    const { origin } = request.headers;
    if (origin === undefined) passage.cors = headerList(cors.always);
    // Nobody waits for a resolver to be told of a refusal.
    else if (cors.allows(origin) === true) passage.cors = this.parts.corsAnswers.to(cors, origin);
  }

  /** As `addCors`; for a client that is kept out, no function of the application is asked. */
  private addKnownCors(request: Request, passage: EdgePassage): void {
    const { cors } = passage.route;
    if (cors === undefined) return;
    passage.isAnswering = true;
    const { origin } = request.headers;
    if (origin === undefined) passage.cors = headerList(cors.always);
    else if (cors.isKnown(origin)) passage.cors = this.parts.corsAnswers.to(cors, origin);
  }

  /** Counts a body whose length was not declared, from the moment it arrives. */
  private meterBody(request: Request, response: Response, passage: EdgePassage): void {
    const { limit } = passage.route.body;
    if (request.headers['content-length'] !== undefined || limit === Number.POSITIVE_INFINITY) return;
    meterBody(request, limit, () => {
      if (!this.parts.stops('firewall', BODY_TOO_LARGE, request, passage)) return true;
      if (!response.headersSent) {
        // The answer of a resolver may still be on its way.
        if (passage.cors.length === 0) this.addKnownCors(request, passage);
        this.answers.refuse(request, response, BODY_TOO_LARGE);
      } else if (!response.writableEnded) {
        // Whoever is answering already would wait for an end that never comes.
        response.destroy();
      }
      return false;
    });
  }

  /**
   * Whether the edge of an application in front may have answered the preflight of a request by rules of its own, which
   * the rules of this one would have refused.
   */
  private isPreflightOfAnother(request: Request, passage: EdgePassage): boolean {
    const { origin } = request.headers;
    if (passage.outer === undefined || origin === undefined || isSafeMethod(request.method)) return false;
    if (passage.outer instanceof EdgePassage && passage.outer.route.cors === undefined) return false;
    return !isOwn(origin, passage) && this.parts.stops('cors', ORIGIN_REFUSED, request, passage);
  }

  /** Before a byte of it is read. */
  private limitBody(request: Request, response: Response, passage: EdgePassage): boolean {
    if (!carriesBody(request)) return true;
    const decision = wasReadBefore(request, passage) ?? refusedLength(request.headers, passage.route.body.limit);
    if (decision.allowed || !this.parts.stops('firewall', decision, request, passage)) return true;
    return this.answers.refuse(request, response, decision);
  }

  /** How much a request may bring, as far as it is known. */
  readonly bodyLimitOf = (request: object): number => {
    const passage = passageThrough(request, this.parts);
    return passage instanceof EdgePassage ? passage.route.body.limit : this.parts.routes.root.body.limit;
  };

  private likelyRouteOf({ method, url, headers }: Request, early: EarlyRoutes<EdgeRoute>): EdgeRoute {
    const requested = method === 'OPTIONS' ? headers['access-control-request-method'] : undefined;
    const likely = typeof requested === 'string' && headers.origin !== undefined ? requested : method;
    return early.find(likely ?? '', pathOf(url)) ?? this.parts.routes.root;
  }

  /** Where hosts are only recorded: what CSRF and CORS compare an origin with. Nothing is ever sent there. */
  private unlistedHostOf(request: Request, forwardedHost: string | undefined): ParsedHost | undefined {
    const named = readHost(request);
    return typeof named === 'string' ? parseHost(forwardedHost ?? named) : undefined;
  }

  private hstsOf(secure: boolean, host: ParsedHost | undefined): HeaderList {
    const value = this.parts.https.hstsFor(secure, host);
    if (value === undefined) return NO_FIELDS;
    if (this.hsts[0]?.value !== value) this.hsts = headerList([['Strict-Transport-Security', value]]);
    return this.hsts;
  }

  /** A function of the application, or the library itself, broke: the request ends here (fails closed). */
  private failed(error: unknown, request: Request, response: Response): false {
    this.functions.report(failureOf(error, 'The edge', [request.url, request.rawHeaders]));
    const passage = passageThrough(request, this.parts);
    if (passage instanceof EdgePassage) {
      this.parts.publish(FAILED, request, passage, false);
      if (passage.cors.length === 0) this.addKnownCors(request, passage);
    }
    this.answers.fail(response);
    return false;
  }

  /** Once: each further answer would only repeat it. */
  private warnOfForeignCors(key: string, route: string | undefined): void {
    if (this.hasWarnedOfCors) return;
    this.hasWarnedOfCors = true;
    const name = key.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    this.logger.warn(
      `${name}, which ${route === undefined ? 'a middleware, a plugin or a raw route' : route} set, is replaced by what cors and @Cors say. ` +
        'Say it in @Cors({ … }) of the handler or in cors of SecurityModule.forRoot, and take it out there',
    );
  }
}
