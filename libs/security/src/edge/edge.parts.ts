import { ApplicationFunctionError, type ApplicationFunctions } from '../core/application-functions.js';
import type { Clock } from '../core/clock.js';
import { denied, type Denied } from '../core/decision.js';
import type { CspViolation, SecurityEvents } from '../core/events.js';
import type { Enforcement } from '../core/profile.js';
import type { HttpRequest } from '../core/request.js';
import { compileClientOrigin } from './client-address/client-address.policy.js';
import { isOwnOrigin } from './cors/cors.origins.js';
import type { CorsPolicy } from './cors/cors.policy.js';
import { CorsAnswers } from './cors-answers.js';
import { CsrfProtection } from './csrf/csrf-protection.js';
import { headerList } from './edge.headers.js';
import type { EdgeOptions } from './edge.options.js';
import type { EdgePassage } from './edge.passage.js';
import { EdgeRoutes } from './edge.route.js';
import { resolveFirewall, type ResolvedFirewall } from './firewall/firewall.options.js';
import { Firewall } from './firewall/firewall.policy.js';
import { compileHosts } from './hosts/hosts.policy.js';
import { compileHttps } from './https/https.policy.js';

const ORIGIN_REFUSED = denied('cors_origin_refused');

// No method that HTTP knows is longer; over HTTP/2 a client may write any text for one.
const LONGEST_METHOD = 32;

/** The parts that can be told to record only. */
export type EnforcedPart = 'hosts' | 'https' | 'firewall' | 'cors' | 'csrf';

/** Every part of the edge, compiled, with what they share; asked at the entrance and again at the guard. */
export class EdgeParts {
  readonly clientOf: ReturnType<typeof compileClientOrigin>;
  readonly hosts: ReturnType<typeof compileHosts>;
  readonly https: ReturnType<typeof compileHttps>;
  readonly settings: ResolvedFirewall | undefined;
  readonly firewall: Firewall | undefined;
  readonly csrf: CsrfProtection;
  readonly routes: EdgeRoutes;
  /** The limit of bodies for all routes, where the application gave one. */
  readonly declaredBodyLimit: number | undefined;
  /** True where the framework has parsers of bodies in front of routes; Fastify asks its own. */
  parsesBodies = false;
  readonly corsAnswers = new CorsAnswers();
  /** The parts whose header fields the options say, so that nothing else may. */
  readonly declares: { readonly cors: boolean; readonly headers: boolean };
  readonly records: Readonly<Record<EnforcedPart, boolean>>;

  constructor(
    options: EdgeOptions,
    private readonly events: SecurityEvents,
    readonly clock: Clock,
    functions: ApplicationFunctions,
  ) {
    const { proxy, hosts, https, firewall, headers, cors, csrf, profile = 'api' } = options;
    this.records = {
      hosts: recordsOnly(hosts),
      https: recordsOnly(https),
      firewall: recordsOnly(firewall),
      cors: recordsOnly(cors),
      csrf: recordsOnly(csrf),
    };
    this.declares = { cors: cors !== undefined, headers: headers !== false };
    this.clientOf = compileClientOrigin(proxy);
    this.hosts = compileHosts(hosts);
    this.https = compileHttps(https, profile);
    this.settings = firewall === false ? undefined : resolveFirewall(firewall);
    this.declaredBodyLimit = firewall && firewall.bodyLimit !== undefined ? this.settings?.bodyLimit : undefined;
    const report = (failure: ApplicationFunctionError) => functions.report(failure);
    this.firewall = this.settings && new Firewall(this.settings, report);
    this.csrf = new CsrfProtection(csrf, profile, clock, report);
    this.routes = new EdgeRoutes(options, this.firewall, {
      now: () => clock.now(),
      enforcement: this.records.cors ? 'report' : 'enforce',
      resolverFailed: (failure) =>
        functions.report(
          new ApplicationFunctionError('A resolver of cors.origins', `gave no answer that counts: ${failure}`),
        ),
    });
  }

  /** An origin that is refused still gets its answer: it is the browser that keeps it from the page. */
  applyCors(request: HttpRequest, passage: EdgePassage, cors: CorsPolicy, origin: string, allowed: boolean): void {
    passage.cors = allowed ? this.corsAnswers.to(cors, origin) : headerList(cors.answer(origin, false));
    if (allowed || !cors.enabled || !this.events.observed || isOwn(origin, passage)) return;
    this.publish(ORIGIN_REFUSED, request, passage, true);
  }

  /** Publishes a denial; `true` where the part enforces it. */
  stops(part: EnforcedPart, denial: Denied, request: HttpRequest, passage: EdgePassage): boolean {
    const recorded = this.records[part];
    this.publish(denial, request, passage, recorded);
    return !recorded;
  }

  publish({ reason }: Denied, request: HttpRequest, { address }: EdgePassage, recorded: boolean, route?: string): void {
    if (!recorded) this.events.onDenial(reason, request);
    if (!this.events.observed) return;
    this.events.emit({
      type: 'decision',
      time: this.clock.now(),
      allowed: false,
      reason,
      enforced: recorded ? false : undefined,
      route,
      transport: 'http',
      method: methodOf(request),
      address,
    });
  }

  publishViolation(violation: CspViolation, address: string | undefined): void {
    if (!this.events.observed) return;
    this.events.emit({ type: 'csp_violation', time: this.clock.now(), address, violation });
  }
}

function methodOf({ method }: HttpRequest): string | undefined {
  return method !== undefined && method.length > LONGEST_METHOD ? undefined : method;
}

function recordsOnly(part: object | false | undefined): boolean {
  return typeof part === 'object' && (part as { enforcement?: Enforcement }).enforcement === 'report';
}

/** Whether a request was sent by a page of the application itself. */
export function isOwn(origin: string, { hostOfOrigin, secure }: EdgePassage): boolean {
  return hostOfOrigin !== undefined && isOwnOrigin(origin, secure ? 'https' : 'http', hostOfOrigin);
}
