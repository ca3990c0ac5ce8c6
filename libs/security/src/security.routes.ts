import { Injectable, Logger } from '@nestjs/common';
import { Authenticator } from './authentication/authenticator.js';
import { whyMissing, type MissingStrategy } from './authentication/passport.strategies.js';
import { Authorizer } from './authorization/authorizer.js';
import { namesOf, requirementOf, type Declaration, type RequirementOption } from './core/declarations.js';
import { SecurityConfigurationError, type ConfigurationProblem } from './core/errors.js';
import { isRouted } from './core/message-handlers.js';
import { RouteExplorer, type ExploredHandler, type ExploredModule } from './core/route-explorer.js';
import { compileRoutePolicy, type DeclarationLayer, type KnownNames } from './core/route-policy.compiler.js';
import type { ServedPath } from './core/transport.port.js';
import { RoutePolicyRegistry } from './core/route-policy.registry.js';
import type {
  AccessPolicyFunction,
  AdmissionStep,
  GuardedRoute,
  HandlerFunction,
  ProtectionStep,
  RoutePolicy,
} from './core/route-policy.js';
import { Edge } from './edge/edge.js';
import { parseByteSize } from './edge/firewall/body-limit.js';
import { isBodyLimitDeclared } from './edge/firewall/firewall.decorators.js';
import type { RegisteredRoute } from './edge/registered-routes.js';
import { LoadShedding } from './load-shedding/load-shedding.js';
import { NO_STEPS, type LimitSteps } from './rate-limiting/limit-steps.js';
import { RateLimiting } from './rate-limiting/rate-limiting.js';
import { ThrottlingGuards } from './rate-limiting/throttling-guards.js';
import { MessageHandlers, refuseEdgeOfMessages, refuseThrottleOfMessages } from './security.messages.js';
import type { FeatureSecurityOptions, SecurityOptions } from './security.options.js';
import { GuardsOfHandlers, type RuledHandler } from './security.enforcement.js';
import type { GuardsInFront } from './security.guards-in-front.js';
import { PolicyInstances } from './security.policies.js';
import { elusive, lostExemption, Registrations, type Registration } from './security.registrations.js';
import { isGuarded, layersOfTransport } from './security.transports.js';
import { refuseUnenforced } from './security.unenforced.js';
import { uncheckedPropertyWarnings } from './validation/unchecked-classes.js';
import { parameterClasses, uncheckedWarnings } from './validation/unchecked-parameters.js';

/** Where `SecurityModule.forFeature` leaves its options; registered, for two copies of the package in one process. */
export const FEATURE_OPTIONS = Symbol.for('@palisade/nest:feature-options');

const NO_POLICIES: readonly AccessPolicyFunction[] = [];

/** Compiles the policy of every handler when the application starts; any problem stops the start. */
@Injectable()
export class SecuredRoutes {
  private readonly logger = new Logger('SecurityModule');

  constructor(
    private readonly explorer: RouteExplorer,
    private readonly registry: RoutePolicyRegistry,
    private readonly authenticator: Authenticator,
    private readonly authorizer: Authorizer,
    private readonly edge: Edge,
    private readonly rateLimiting: RateLimiting,
    private readonly loadShedding: LoadShedding,
    private readonly messages: MessageHandlers,
  ) {
    explorer.markHandlers();
  }

  /** Before Nest prepares handlers, and after every provider of the application is there. */
  onProviders(): void {
    this.explorer.markHandlersOfTransports();
  }

  /**
   * @param registered the routes as Nest registered them
   * @param globalGuards of the application
   * @param guardsInFront of each handler
   * @throws SecurityConfigurationError when rules contradict each other or name what does not exist
   */
  async compile(
    options: SecurityOptions,
    registered: readonly RegisteredRoute[],
    globalGuards: readonly unknown[],
    guardsInFront: GuardsInFront,
  ): Promise<void> {
    const problems: ConfigurationProblem[] = [];
    this.authenticator.strategies.claim();
    const known = this.knownNames(options);
    const features = new Features(this.explorer.modules, problems);
    const compiled: CompiledHandler[] = [];
    const denied: ExploredHandler[] = [];
    const registrations = new Registrations();
    const explored = this.explorer.explore();
    refuseUnenforced(explored, problems);
    for (const handler of explored) {
      refuseEdgeOfMessages(handler, problems);
      const registration = registrations.add(handler, features.optionsOf(handler.module), problems);
      if (registration === undefined) continue;
      const ofFeatures = layersOfFeature(features, handler);
      if (!isGuarded(handler, ofFeatures, problems)) {
        if (handler.transport?.kind === 'denied') denied.push(handler);
        continue;
      }
      const route = ofFeatures.length === 0 ? handler : { ...handler, layers: [...handler.layers, ...ofFeatures] };
      const { layers } = route;
      compiled.push({
        policy: compileRoutePolicy(route, known, problems),
        handler,
        registration,
        layers,
        limits: NO_STEPS,
      });
    }
    const names = new RouteNames();
    const throttling = new ThrottlingGuards(globalGuards);
    for (const each of compiled) {
      const { policy, handler } = each;
      problems.push(...elusive(handler));
      this.checkSchemes(policy, problems);
      this.edge.parts.routes.check(policy.edge, policy.id, problems);
      if (throttling.guard(policy.controller, handler.replacement ?? handler.handler)) {
        this.rateLimiting.leaveThrottlersToGuard(policy);
      } else if (policy.access === 'public') {
        refuseThrottleOfMessages(handler, problems);
      }
      each.limits = this.rateLimiting.compile(policy, names.nameOf(policy, handler.module), problems);
    }
    const guards =
      options.dangerouslyWithoutGlobalGuard === true
        ? new GuardsOfHandlers(compiled, guardsInFront, options, problems)
        : undefined;
    if (problems.length === 0) {
      const instances = new PolicyInstances();
      for (const { policy, registration, limits } of compiled) {
        // Only policy classes take their time; a promise for every route would slow the start.
        const policies =
          policy.policies.length === 0 ? NO_POLICIES : await instances.resolve(policy, registration, problems);
        this.add(policy, policies, registration, limits, guards);
      }
    }
    if (problems.length > 0) throw new SecurityConfigurationError(distinct(problems));
    this.edge.expect(
      compiled.map(({ policy }) => policy),
      registered,
    );
    this.warn(compiled, guards);
    this.warnOfTransports(denied, guards);
    if (options.validation !== false) this.warnOfUnchecked(compiled);
  }

  /** @throws SecurityConfigurationError when a transport finds something wrong with the whole application */
  checkTransports(): void {
    const problems = this.explorer.problemsOfTransports;
    if (problems.length > 0) throw new SecurityConfigurationError(problems);
  }

  /** The paths that transports serve, each call for itself. */
  get pathsOfTransports(): readonly ServedPath[] {
    return this.explorer.pathsOfTransports;
  }

  /** How much each handler says that it takes, in bytes, for frameworks that ask when a route is registered. */
  declaredBodies(): ReadonlyMap<HandlerFunction, number> {
    const sizes = new Map<HandlerFunction, number>();
    if (!isBodyLimitDeclared()) return sizes;
    const features = new Features(this.explorer.modules, []);
    for (const { handler, layers, module } of this.explorer.explore()) {
      const size = [...layers, ...features.layersOf(module)]
        .flatMap(({ declarations }) => declarations)
        .find((rule) => rule.kind === 'edge' && rule.part === 'bodyLimit');
      const bytes = size?.kind === 'edge' ? parseByteSize(size.value) : undefined;
      // Controllers may share a handler; which of them is asked is for the edge to say.
      if (bytes !== undefined) sizes.set(handler, Math.max(bytes, sizes.get(handler) ?? 0));
    }
    return sizes;
  }

  private knownNames(options: SecurityOptions): KnownNames {
    const { authenticator, authorizer } = this;
    return {
      roles: authorizer.hierarchy.names,
      schemes: {
        names: authenticator.defaultSchemes,
        has: (name) => authenticator.knows(name),
        whyMissing: (name) => this.whyMissing(name),
      },
      defaultSchemes: authenticator.defaultSchemes,
      fallback: options.authorization?.fallback ?? 'authenticated',
    };
  }

  private whyMissing(scheme: string): MissingStrategy {
    return whyMissing(scheme, this.explorer.provided, this.authenticator.strategies);
  }

  private checkSchemes({ id, access, schemes }: RoutePolicy, problems: ConfigurationProblem[]): void {
    for (const scheme of schemes) {
      if (!this.authenticator.knows(scheme)) {
        problems.push({ where: 'authentication.passport', ...this.whyMissing(scheme) });
      } else if (access === 'optional' && !this.authenticator.tellsMissingFromWrong(scheme)) {
        problems.push({
          where: id,
          problem: `@OptionalAuth() cannot tell missing credentials of "${scheme}" from wrong ones: Passport does not say`,
          fix: `Give { name: '${scheme}', credentials: (request) => … } in authentication.passport, or name other schemes`,
        });
      }
    }
  }

  private add(
    policy: RoutePolicy,
    policies: readonly AccessPolicyFunction[],
    { first, others }: Registration,
    { limitAddress, limitPrincipal, limitBoth }: LimitSteps,
    guards: GuardsOfHandlers | undefined,
  ): void {
    const admit = this.edge.admission.admissionOf(policy);
    const protect = this.edge.admission.protectionOf(policy);
    const route: GuardedRoute = {
      policy,
      isOverloaded: this.loadShedding.compile(policy),
      // A handler that no guard authenticates anybody for is as a public one.
      admit: guards === undefined || guards.authenticate(policy) ? admit : protectingNobody(admit, protect),
      protect,
      limitAddress,
      limitPrincipal,
      limitBoth,
      isLimitedTwice: guards?.limitTwice(policy),
      recognize: limitBoth && this.authenticator.compileRecognition(policy),
      authenticate: this.authenticator.compile(policy),
      authorize: this.authorizer.compile(policy, policies),
      challengesOf: this.authenticator.challengesOfDenial(policy),
    };
    this.registry.add(route);
    for (const { classes, handler, replacement } of [first, ...others]) {
      for (const type of classes) {
        this.registry.addName(route, type, handler);
        if (replacement !== undefined) this.registry.addName(route, type, replacement);
      }
    }
  }

  private warnOfTransports(denied: readonly ExploredHandler[], guards: GuardsOfHandlers | undefined): void {
    for (const { id, transport } of denied) {
      if (transport?.kind === 'denied') this.logger.warn(`${id} is denied to everybody: ${transport.because}`);
    }
    const which =
      guards === undefined
        ? 'denied, but for those with @Public()'
        : 'denied where a guard of the package is in front of them, and open where none is';
    for (const { name } of this.explorer.unserved) {
      this.logger.warn(
        `${name} is called over a transport that is not in SecurityModule.forRoot({ transports }): its handlers are ${which}`,
      );
    }
  }

  private warnOfUnchecked(compiled: readonly CompiledHandler[]): void {
    const handlers = compiled.map(({ handler }) => handler);
    const classes = new Set(handlers.flatMap(({ controller, method }) => parameterClasses(controller, method)));
    for (const warning of [...uncheckedWarnings(handlers), ...uncheckedPropertyWarnings(classes)]) {
      this.logger.warn(warning);
    }
  }

  /** Where `@OptionalAuth()` stands, the anonymous get in; a scheme that is named is there, or the start has stopped. */
  private warnOfNoSchemes(policies: readonly RoutePolicy[], guards: GuardsOfHandlers | undefined): void {
    const isShut = (policy: RoutePolicy) =>
      policy.schemes.length === 0 &&
      (policy.access === 'authenticated' || policy.access === 'denied') &&
      (guards === undefined || guards.authenticate(policy));
    if (this.authenticator.defaultSchemes.length > 0 || !policies.some(isShut)) return;
    const which =
      guards === undefined
        ? 'every handler that asks for a caller and names no scheme'
        : 'every handler that is behind AuthenticationGuard or SecurityGuard, asks for a caller and names no scheme';
    this.logger.warn(`No authentication scheme is configured: ${which} answers 401`);
  }

  private warn(compiled: readonly CompiledHandler[], guards: GuardsOfHandlers | undefined): void {
    const policies = compiled.map(({ policy }) => policy);
    for (const warning of guards?.warnings ?? []) this.logger.warn(warning);
    this.warnOfNoSchemes(policies, guards);
    for (const warning of this.authenticator.strategies.warnings) this.logger.warn(warning);
    const permissions = new Set(policies.flatMap((policy) => (policy.permissions ? namesOf(policy.permissions) : [])));
    for (const permission of permissions) {
      if (!this.authorizer.isGranted(permission)) {
        this.logger.warn(
          `No role carries the permission "${permission}": only callers who are given it themselves have it`,
        );
      }
    }
    for (const { id } of this.edge.unforeseen) {
      this.logger.warn(
        `${id}: its path cannot be told before routing, so what it says of CORS, HTTP or bodies comes late`,
      );
    }
    for (const { policy, handler } of compiled) {
      const lost = lostExemption(policy, handler);
      if (lost !== undefined) this.logger.warn(lost);
    }
    const guarded = guards === undefined ? compiled : compiled.filter(({ policy }) => guards.askWhoCalls(policy));
    for (const warning of this.messages.warnings(guarded)) this.logger.warn(warning);
  }
}

/** Asks what is asked of public routes: nobody is known, and no credential was sent ambiently. */
function protectingNobody(admit: AdmissionStep, protect: ProtectionStep): AdmissionStep {
  return (request) => {
    const admission = admit(request);
    return admission.allowed ? protect(request, undefined, false) : admission;
  };
}

function layersOfFeature(
  features: Features,
  { module, handler, transport, messages }: ExploredHandler,
): readonly DeclarationLayer[] {
  const layers = features.layersOf(module);
  return isRouted(handler) || (transport === undefined && messages.length === 0) ? layers : layersOfTransport(layers);
}

interface CompiledHandler extends RuledHandler {
  readonly registration: Registration;
  limits: LimitSteps;
}

/** Names that tell routes apart, and are the same in every process that runs the application. */
class RouteNames {
  private readonly given = new Map<string, number>();

  nameOf({ id }: RoutePolicy, { name }: ExploredModule): string {
    const plain = `${name}.${id}`;
    const count = (this.given.get(plain) ?? 0) + 1;
    this.given.set(plain, count);
    return count === 1 ? plain : `${plain}#${count}`;
  }
}

const NO_LAYERS: readonly DeclarationLayer[] = [];

interface FeatureDefaults {
  readonly layers: readonly DeclarationLayer[];
  readonly options: readonly FeatureSecurityOptions[];
}

/** The defaults of feature modules. */
class Features {
  private readonly defaults = new Map<ExploredModule, FeatureDefaults>();

  constructor(modules: readonly ExploredModule[], problems: ConfigurationProblem[]) {
    for (const module of modules) {
      const options = module.importedValues(FEATURE_OPTIONS) as readonly FeatureSecurityOptions[];
      this.defaults.set(module, { layers: layersOfFeatures(options, module), options });
      if (options.length > 0 && !module.hasHandlers) {
        problems.push({
          where: `${module.name} imports SecurityModule.forFeature`,
          problem: 'has no controllers that its defaults could hold for',
          fix: 'Import it in the module that declares the controllers',
        });
      } else if (!module.hasControllers) {
        refuseEdgeOf(options, module, problems);
      }
    }
  }

  layersOf(module: ExploredModule): readonly DeclarationLayer[] {
    return this.defaults.get(module)?.layers ?? NO_LAYERS;
  }

  /** To be compared: a controller may stand in several modules, whose defaults must then agree. */
  optionsOf(module: ExploredModule): readonly FeatureSecurityOptions[] {
    return this.defaults.get(module)?.options ?? [];
  }
}

/** One layer for all of a module, so that two that contradict each other are refused whatever their order. */
function layersOfFeatures(options: readonly FeatureSecurityOptions[], module: ExploredModule): DeclarationLayer[] {
  if (options.length === 0) return [];
  const where = `SecurityModule.forFeature of ${module.name}`;
  return [{ level: 'feature', where, declarations: options.flatMap(declarationsOfFeature) }];
}

/** What stands for which part of the edge. */
const EDGE_PARTS = [
  ['cors', 'cors'],
  ['contentSecurityPolicy', 'csp'],
  ['bodyLimit', 'bodyLimit'],
  ['contentTypes', 'contentTypes'],
] as const;

/** Handlers of transports share one path: to the edge they are one. */
function refuseEdgeOf(
  options: readonly FeatureSecurityOptions[],
  { name }: ExploredModule,
  problems: ConfigurationProblem[],
): void {
  for (const [option] of EDGE_PARTS) {
    if (options.every((one) => one[option] === undefined)) continue;
    problems.push({
      where: `SecurityModule.forFeature of ${name}`,
      problem: `${option} holds for controllers, of which the module has none`,
      fix: 'Say it in SecurityModule.forRoot, for every request',
    });
  }
}

function declarationsOfFeature(options: FeatureSecurityOptions): Declaration[] {
  const { access, roles, permissions, scopes, rateLimit, concurrency, priority } = options;
  const decorator = (option: string) => `forFeature({ ${option} })`;
  const atTheEdge = EDGE_PARTS.flatMap(([option, part]): Declaration[] => {
    const value = options[option];
    return value === undefined ? [] : [{ kind: 'edge', part, value, decorator: decorator(option) }];
  });
  return [
    ...atTheEdge,
    ...(access === undefined ? [] : [accessOfFeature(access, decorator('access'))]),
    ...(roles === undefined
      ? []
      : [{ kind: 'roles', requirement: required(roles, 'any'), decorator: decorator('roles') } as const]),
    ...(permissions === undefined
      ? []
      : [
          {
            kind: 'permissions',
            requirement: required(permissions, 'all'),
            decorator: decorator('permissions'),
          } as const,
        ]),
    ...(scopes === undefined ? [] : [{ kind: 'scopes', scopes, decorator: decorator('scopes') } as const]),
    ...(rateLimit === undefined
      ? []
      : [{ kind: 'rateLimit', limits: rateLimit, decorator: decorator('rateLimit') } as const]),
    ...(concurrency === undefined
      ? []
      : [{ kind: 'concurrencyLimit', limits: concurrency, decorator: decorator('concurrency') } as const]),
    ...(priority === undefined ? [] : [{ kind: 'priority', priority, decorator: decorator('priority') } as const]),
  ];
}

function accessOfFeature(access: NonNullable<FeatureSecurityOptions['access']>, decorator: string): Declaration {
  if (access === 'public') return { kind: 'access', access, decorator };
  if (access === 'optional') return { kind: 'access', access, schemes: [], decorator };
  return { kind: 'access', access: 'authenticated', schemes: access, decorator };
}

function required(option: readonly string[] | RequirementOption, meaning: 'any' | 'all') {
  return requirementOf('length' in option ? option : [option], meaning);
}

function distinct(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
