import {
  Inject,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
  type PipeTransform,
  type Provider,
} from '@nestjs/common';
import { DiscoveryModule, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import type { Server } from 'node:http';
import { AuthenticationGuard } from './authentication/authentication.guard.js';
import { ApplicationStrategies } from './authentication/application-strategies.js';
import { Authenticator } from './authentication/authenticator.js';
import { JwtVerifier } from './authentication/jwt/jwt-verifier.js';
import { jwtAdvice } from './authentication/jwt/jwt.rules.js';
import { AuthorizationGuard } from './authorization/authorization.guard.js';
import { Authorizer } from './authorization/authorizer.js';
import {
  MASKING_VIEWER,
  maskedRoleNames,
  maskingInterceptorProvider,
} from './authorization/masking/masking.interceptor.js';
import { ApplicationFunctions } from './core/application-functions.js';
import { Clock } from './core/clock.js';
import { declareTokens, namesOfCopies, ONE_COPY } from './core/copies.js';
import { Enforcer } from './core/enforcer.js';
import { PROBLEM_DOCUMENTS, SecurityConfigurationError, type ConfigurationProblem } from './core/errors.js';
import { SecurityEvents } from './core/events.js';
import { ROOT, rootMissing, rootsOf } from './core/root.js';
import { checkPeerVersions } from './core/peer-versions.js';
import { Scheduler } from './core/scheduler.js';
import { callerOf } from './core/request.js';
import { receivedCall, Transports } from './core/transports.js';
import { CsrfTokens } from './edge/csrf/csrf-tokens.js';
import { CsrfProtection } from './edge/csrf/csrf-protection.js';
import { Edge } from './edge/edge.js';
import { EdgeInstallation } from './edge/edge.installation.js';
import { declareBody } from './edge/firewall/firewall.decorators.js';
import { applyTimeouts } from './edge/firewall/server-timeouts.js';
import { RegisteredRoutes } from './edge/registered-routes.js';
import { Bans } from './rate-limiting/bans/bans.js';
import { checkHoneypotRoutes } from './rate-limiting/bans/bans.options.js';
import { Lockout } from './rate-limiting/lockout/lockout.js';
import { LoadShedding } from './load-shedding/load-shedding.js';
import { RateLimitGuard } from './rate-limiting/rate-limit.guard.js';
import { RateLimiter } from './rate-limiting/rate-limiter.js';
import { RateLimiting } from './rate-limiting/rate-limiting.js';
import { rateLimitingOptionsOf } from './rate-limiting/rate-limiting.options.js';
import { RouteExplorer } from './core/route-explorer.js';
import { RoutePolicyRegistry } from './core/route-policy.registry.js';
import { asyncOptions, checkAsyncOptions, type SecurityModuleAsyncOptions } from './security.async-options.js';
import {
  applicationConfigOf,
  GLOBAL_GUARD,
  GLOBAL_INTERCEPTOR,
  GLOBAL_PIPE,
  GlobalEnhancers,
} from './security.enhancers.js';
import { AdmissionGuard, SecurityGuard } from './security.guard.js';
import { GUARD_PARTS, GuardsInFront } from './security.guards-in-front.js';
import { MessageAdmission, MessageHandlers } from './security.messages.js';
import {
  checkFeatureOptions,
  checkSecurityOptions,
  type FeatureSecurityOptions,
  type SecurityOptions,
} from './security.options.js';
import { FEATURE_OPTIONS, SecuredRoutes } from './security.routes.js';
import { optionWarnings } from './security.warnings.js';
import { UnreadableBodyFilter } from './validation/unreadable-body.filter.js';
import { refusalsOfOtherCopies, tokensOfOtherCopies, warningOfCopies } from './security.copies.js';
import { assertConstructed, StaticRoot } from './security.root.js';
import { SecurityValidationPipe } from './validation/validation.pipe.js';

const OPTIONS = Symbol('palisade.options');
const FEATURE_NUMBER = Symbol('palisade.feature-number');

let featureModules = 0;

const PROVIDERS: readonly Provider[] = [
  Clock,
  Scheduler,
  ApplicationFunctions,
  SecurityEvents,
  RoutePolicyRegistry,
  {
    provide: Transports,
    inject: [OPTIONS],
    useFactory: ({ transports }: SecurityOptions) => new Transports(transports),
  },
  {
    provide: PROBLEM_DOCUMENTS,
    inject: [OPTIONS],
    useFactory: ({ rateLimit }: SecurityOptions) =>
      rateLimit !== undefined && rateLimitingOptionsOf(rateLimit).problemDetails === true,
  },
  RouteExplorer,
  Enforcer,
  RegisteredRoutes,
  SecuredRoutes,
  CsrfTokens,
  AuthenticationGuard,
  AuthorizationGuard,
  RateLimitGuard,
  RateLimiter,
  SecurityGuard,
  {
    provide: MessageAdmission,
    inject: [OPTIONS, SecurityGuard, Enforcer],
    useFactory: ({ dangerouslyWithoutGlobalGuard }: SecurityOptions, guard: SecurityGuard, enforcer: Enforcer) =>
      new MessageAdmission(guard, enforcer, dangerouslyWithoutGlobalGuard === true),
  },
  {
    provide: MessageHandlers,
    inject: [RouteExplorer, MessageAdmission],
    useFactory: (explorer: RouteExplorer, admission: MessageAdmission) => MessageHandlers.prepare(explorer, admission),
  },
  {
    provide: RateLimiting,
    inject: [OPTIONS, Clock, SecurityEvents, Scheduler, ApplicationFunctions],
    useFactory: (
      { rateLimit }: SecurityOptions,
      clock: Clock,
      events: SecurityEvents,
      scheduler: Scheduler,
      functions: ApplicationFunctions,
    ) => new RateLimiting(rateLimit, clock, events, scheduler, functions),
  },
  {
    provide: Lockout,
    inject: [OPTIONS, RateLimiting, Clock, SecurityEvents],
    useFactory: ({ lockout }: SecurityOptions, limiting: RateLimiting, clock: Clock, events: SecurityEvents) =>
      new Lockout(lockout, limiting, clock, events),
  },
  {
    provide: Bans,
    inject: [OPTIONS, RateLimiting, Clock, SecurityEvents],
    useFactory: ({ bans }: SecurityOptions, limiting: RateLimiting, clock: Clock, events: SecurityEvents) =>
      new Bans(bans, limiting, clock, events),
  },
  {
    provide: LoadShedding,
    inject: [OPTIONS, Enforcer, SecurityEvents, Clock, Scheduler],
    useFactory: (
      { loadShedding }: SecurityOptions,
      enforcer: Enforcer,
      events: SecurityEvents,
      clock: Clock,
      scheduler: Scheduler,
    ) => new LoadShedding(loadShedding, enforcer, events, clock, scheduler),
  },
  {
    provide: Edge,
    inject: [OPTIONS, SecurityEvents, Clock, Bans, ApplicationFunctions, PROBLEM_DOCUMENTS],
    useFactory: (
      options: SecurityOptions,
      events: SecurityEvents,
      clock: Clock,
      { gate }: Bans,
      functions: ApplicationFunctions,
      tellsProblems: boolean,
    ) => new Edge(options, events, clock, gate, functions, tellsProblems),
  },
  {
    provide: EdgeInstallation,
    inject: [Edge, RegisteredRoutes],
    useFactory: (edge: Edge, registered: RegisteredRoutes) => new EdgeInstallation(edge, registered),
  },
  { provide: CsrfProtection, inject: [Edge], useFactory: ({ parts }: Edge) => parts.csrf },
  {
    provide: JwtVerifier,
    inject: [OPTIONS, Clock, ApplicationFunctions],
    useFactory: ({ authentication }: SecurityOptions, clock: Clock, functions: ApplicationFunctions) =>
      authentication?.jwt === undefined
        ? undefined
        : new JwtVerifier(authentication.jwt, clock, {
            mapped: authentication.principal === undefined,
            functions,
            timeout: authentication.timeout,
          }),
  },
  {
    provide: Authenticator,
    inject: [OPTIONS, JwtVerifier, ApplicationFunctions, RouteExplorer],
    useFactory: (
      { authentication = {} }: SecurityOptions,
      jwt: JwtVerifier | undefined,
      functions: ApplicationFunctions,
      explorer: RouteExplorer,
    ) => new Authenticator(authentication, jwt, functions, new ApplicationStrategies(() => explorer.instances)),
  },
  {
    provide: Authorizer,
    inject: [OPTIONS, ApplicationFunctions],
    useFactory: ({ authorization = {} }: SecurityOptions, functions: ApplicationFunctions) =>
      new Authorizer(authorization, functions),
  },
  {
    provide: MASKING_VIEWER,
    inject: [Authorizer],
    useFactory: (authorizer: Authorizer) => (execution: ExecutionContext) => {
      const received = execution.getType() === 'http' ? execution : receivedCall(execution);
      const principal = received && callerOf(received);
      return principal && authorizer.viewerOf(principal);
    },
  },
  { ...maskingInterceptorProvider, provide: GLOBAL_INTERCEPTOR },
  {
    provide: GLOBAL_GUARD,
    inject: [OPTIONS, SecurityGuard],
    useFactory: ({ dangerouslyWithoutGlobalGuard }: SecurityOptions, guard: SecurityGuard): CanActivate =>
      // A test may have put something else in the place of the guard.
      dangerouslyWithoutGlobalGuard === true && guard instanceof SecurityGuard ? new AdmissionGuard(guard) : guard,
  },
  {
    provide: GLOBAL_PIPE,
    inject: [OPTIONS],
    useFactory: ({ validation }: SecurityOptions): PipeTransform | null =>
      validation === false ? null : new SecurityValidationPipe(validation),
  },
  UnreadableBodyFilter,
  GlobalEnhancers,
  StaticRoot,
];

const EXPORTS = [
  Clock,
  Scheduler,
  ApplicationFunctions,
  SecurityEvents,
  RoutePolicyRegistry,
  Enforcer,
  Authorizer,
  CsrfTokens,
  AuthenticationGuard,
  AuthorizationGuard,
  LoadShedding,
  RateLimiting,
  RateLimitGuard,
  RateLimiter,
  Lockout,
  Bans,
  SecurityGuard,
  MessageAdmission,
];

declareTokens(EXPORTS);

/** The options where nobody gave any: `imports: [SecurityModule]`. */
const WITHOUT_OPTIONS: Provider = {
  provide: OPTIONS,
  useFactory: () => {
    throw new SecurityConfigurationError([
      {
        where: 'imports: [SecurityModule]',
        problem: 'imports SecurityModule without options',
        fix:
          'Write SecurityModule.forRoot({ … }) in the root module. It is global: other modules need not import it, and write ' +
          'SecurityModule.forFeature({ … }) for defaults of their own',
      },
    ]);
  },
};

/**
 * Security in one import: everything is denied until a decorator allows it, and contradictions stop the start.
 *
 * ```ts
 * SecurityModule.forRoot({
 *   authentication: { jwt: { issuer: 'https://id.example', audience: 'ledger', algorithms: ['ES256'], key: pem } },
 *   authorization: { roles: 'admin > teller > customer' },
 * })
 * ```
 */
@Module({ imports: [DiscoveryModule], providers: [WITHOUT_OPTIONS, ...PROVIDERS], exports: [...EXPORTS] })
export class SecurityModule
  implements NestModule, OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown
{
  private readonly logger = new Logger(SecurityModule.name);

  constructor(
    @Inject(OPTIONS) private readonly options: SecurityOptions,
    @Inject(JwtVerifier) private readonly jwt: JwtVerifier | undefined,
    private readonly routes: SecuredRoutes,
    private readonly authorizer: Authorizer,
    private readonly events: SecurityEvents,
    private readonly clock: Clock,
    private readonly modules: ModulesContainer,
    private readonly moduleRef: ModuleRef,
    private readonly edge: Edge,
    private readonly installation: EdgeInstallation,
    private readonly registered: RegisteredRoutes,
    private readonly adapterHost: HttpAdapterHost,
    private readonly limiting: RateLimiting,
    private readonly loadShedding: LoadShedding,
    private readonly enhancers: GlobalEnhancers,
  ) {
    enhancers.install();
    // Before anything that the application installs; in tests of Nest the adapter comes later.
    adapterHost.init$.subscribe(() => installation.onAdapter(adapterHost.httpAdapter));
  }

  /** @throws SecurityConfigurationError when an option is unknown or wrong */
  static forRoot(options: SecurityOptions): DynamicModule {
    checkPeerVersions();
    checkSecurityOptions(options);
    return rootModule({ provide: OPTIONS, useValue: options });
  }

  /** As `forRoot`, with options that are there only when the application starts; that is also when they are checked. */
  static forRootAsync(options: SecurityModuleAsyncOptions): DynamicModule {
    checkPeerVersions();
    checkAsyncOptions(options);
    return rootModule(asyncOptions(OPTIONS, options), options.imports);
  }

  /**
   * Defaults for the controllers of the module that imports it; their own decorators replace them, kind by kind.
   *
   * @throws SecurityConfigurationError when an option is unknown or wrong
   */
  static forFeature(options: FeatureSecurityOptions): DynamicModule {
    checkFeatureOptions(options);
    declareBody(options.bodyLimit);
    featureModules += 1;
    return {
      module: SecurityFeatureModule,
      providers: [
        { provide: FEATURE_OPTIONS, useValue: options },
        // Nest may tell modules apart by their metadata as text, where functions are the same if they are written alike.
        { provide: FEATURE_NUMBER, useValue: featureModules },
      ],
    };
  }

  /** Runs before routes are registered, and after every provider of the application is there. */
  configure(): void {
    assertConstructed(this.enhancers);
    this.enhancers.settle();
    this.routes.onProviders();
    const adapter = this.adapterHost.httpAdapter;
    this.installation.onAdapter(adapter);
    const server = adapter?.getHttpServer?.() as Server | undefined;
    const isServerOurs = this.installation.onServer(server);
    const { settings } = this.edge.parts;
    if (settings !== undefined && server !== undefined && isServerOurs) applyTimeouts(server, settings.timeouts);
    if (adapter?.getType?.() === 'fastify') this.installation.expectBodies(adapter, this.routes.declaredBodies());
    this.registered.listenTo(adapter);
  }

  async onModuleInit(): Promise<void> {
    this.refuseSecondRoot();
    this.refuseWeakness();
    const copies = warningOfCopies();
    if (copies !== undefined) this.logger.warn(copies);
    this.jwt?.onKeysChanged((issuer) => this.events.emit({ type: 'keys_changed', time: this.clock.now(), issuer }));
    this.registered.stopListening();
    this.refuseHoneypotsThatAreRoutes();
    await this.routes.compile(this.options, this.registered.all, this.globalGuards, this.guardsInFront);
    this.installation.onBodyLimits();
    this.warnOfUnknownRoles();
    this.loadShedding.start();
  }

  /** Other modules have made what they make in `onModuleInit`. */
  onApplicationBootstrap(): void {
    this.routes.checkTransports();
    this.installation.onStarted(this.routes.pathsOfTransports, applicationConfigOf(this.moduleRef).getGlobalPrefix());
  }

  /** The server is about to stop, for which it waits for whoever waits. */
  beforeApplicationShutdown(): void {
    this.limiting.endWaiting();
  }

  /** The server has stopped: requests that were under way are judged as those before them. */
  onApplicationShutdown(): void {
    this.jwt?.close();
    this.limiting.close();
    this.loadShedding.close();
  }

  /** Those that are made for each request are there as their classes only. */
  private get globalGuards(): readonly unknown[] {
    const config = applicationConfigOf(this.moduleRef);
    return [...config.getGlobalGuards(), ...config.getGlobalRequestGuards().map(({ metatype }) => metatype)];
  }

  private get guardsInFront(): GuardsInFront {
    const standIns = GUARD_PARTS.map(([part, guard]) => [this.moduleRef.get<unknown>(guard), part] as const);
    return new GuardsInFront(this.globalGuards, new Map(standIns));
  }

  private refuseSecondRoot(): void {
    const roots = [...this.modules.values()].filter(({ providers }) => providers.has(ROOT));
    if (roots.some(({ metatype }) => metatype !== SecurityModule)) {
      throw new SecurityConfigurationError([
        {
          where: 'SecurityModule',
          problem: `is imported with forRoot from two copies of @palisade/nest: there are ${namesOfCopies()}`,
          fix: ONE_COPY,
        },
      ]);
    }
    if (roots.length > 1) {
      throw new SecurityConfigurationError([
        {
          where: 'SecurityModule',
          problem: 'is imported with forRoot more than once',
          fix: 'Import forRoot in the root module alone, and forFeature elsewhere',
        },
      ]);
    }
  }

  private refuseHoneypotsThatAreRoutes(): void {
    const problems: ConfigurationProblem[] = [];
    if (this.options.bans !== undefined) checkHoneypotRoutes(this.options.bans, this.registered.all, problems);
    if (problems.length > 0) throw new SecurityConfigurationError(problems);
  }

  /** What is warned of in development stops the start in production. */
  private refuseWeakness(): void {
    const problems = this.jwt?.warnings ?? [];
    const isProduction = process.env['NODE_ENV'] === 'production';
    if (problems.length > 0 && isProduction) throw new SecurityConfigurationError(problems);
    for (const { where, problem, fix } of problems) this.logger.warn(`${where}: ${problem}. ${fix}`);
    const jwt = this.options.authentication?.jwt;
    for (const { where, problem, fix } of jwt === undefined ? [] : jwtAdvice(jwt)) {
      this.logger.warn(`${where}: ${problem}. ${fix}`);
    }
    for (const warning of optionWarnings(this.options, isProduction)) this.logger.warn(warning);
  }

  private warnOfUnknownRoles(): void {
    for (const role of maskedRoleNames()) {
      if (!this.authorizer.hierarchy.names.has(role)) {
        this.logger.warn(
          `@VisibleTo names the role "${role}", which authorization.roles does not declare: nobody sees a field by it`,
        );
      }
    }
  }
}

/** Holds the defaults of one feature module, which the route compiler finds among that module's imports. */
@Module({})
export class SecurityFeatureModule implements OnModuleInit {
  constructor(private readonly modules: ModulesContainer) {}

  /** Without `forRoot` nobody compiles routes, and the defaults would hold for none. */
  onModuleInit(): void {
    if (rootsOf(this.modules) > 0) return;
    const importing = [...this.modules.values()].filter(({ imports }) =>
      [...imports].some(({ providers }) => providers.has(FEATURE_OPTIONS)),
    );
    const names = importing.map(({ metatype }) => metatype?.name ?? 'a module');
    throw rootMissing(names.map((name) => ({ where: name, use: 'imports SecurityModule.forFeature' })));
  }
}

function rootModule(options: Provider, imports: ModuleMetadata['imports'] = []): DynamicModule {
  return {
    module: SecurityModule,
    global: true,
    imports,
    // Read when Nest scans the module: another copy of the package may have been loaded by then.
    get providers() {
      return [options, { provide: ROOT, useValue: true }, ...refusalsOfOtherCopies()];
    },
    get exports() {
      return [...tokensOfOtherCopies()];
    },
  };
}
