export { SecurityModule } from './security.module.js';
export type { SecurityModuleAsyncOptions } from './security.async-options.js';
export { defineSecurity, type FeatureSecurityOptions, type SecurityOptions } from './security.options.js';
export { SecurityGuard } from './security.guard.js';

export { ANONYMOUS, type Principal, type PrincipalInit, type PrincipalKind } from './core/principal.js';
export type { Allowed, Decision, DenialReason, Denied } from './core/decision.js';
export { ALLOWED, denied } from './core/decision.js';
export {
  SecurityConfigurationError,
  SecurityException,
  type ConfigurationProblem,
  type SecurityErrorBody,
} from './core/errors.js';
export { Clock } from './core/clock.js';
export { Scheduler, type Cancel } from './core/scheduler.js';
export {
  SecurityEvents,
  type CspViolation,
  type BanEvent,
  type CspViolationEvent,
  type DecisionEvent,
  type KeysChangedEvent,
  type LockoutEvent,
  type LoadSheddingEvent,
  type SecurityEvent,
  type SecurityEventListener,
  type StoreEvent,
  type TrackedEvent,
} from './core/events.js';
export { RoutePolicyRegistry } from './core/route-policy.registry.js';
export type {
  Access,
  AccessAnswer,
  AccessContext,
  AccessPolicy,
  AccessPolicyFunction,
  DeclarationLevel,
  PolicyClass,
  PolicyReference,
  Requirement,
  RoutePolicy,
  RoutePriority,
} from './core/route-policy.js';
export type { RequirementOption } from './core/declarations.js';
export type { HttpRequest } from './core/request.js';
export type {
  Transport,
  TransportApplication,
  TransportCall,
  TransportHandler,
  TransportRefusal,
} from './core/transport.port.js';

export {
  Authenticated,
  ClientIp,
  CurrentUser,
  OptionalAuth,
  Public,
} from './authentication/authentication.decorators.js';
export { AuthenticationGuard } from './authentication/authentication.guard.js';
export type {
  AuthenticationOptions,
  PassportSchemeOptions,
  PrincipalFactory,
} from './authentication/authentication.options.js';
export {
  JwtKeySet,
  type JwtKeyChange,
  type JwtKeyChangeListener,
  type JwtKeySetEntry,
  type NamedJwtKey,
} from './authentication/jwt/jwt-key-set.js';
export type {
  JwtAlgorithm,
  JwtCacheOptions,
  JwtCommonOptions,
  JwtIssuerOptions,
  JwtKeyHint,
  JwtKeyLike,
  JwtKeyProvider,
  JwtOptions,
  JwtPublicKey,
  JwtTransport,
} from './authentication/jwt/jwt.options.js';

export { Permissions, Policy, Roles, Scopes } from './authorization/authorization.decorators.js';
export { Authorizer } from './authorization/authorizer.js';
export { AuthorizationGuard } from './authorization/authorization.guard.js';
export type { AuthorizationOptions } from './authorization/authorization.options.js';
export { MaskingError } from './authorization/masking/masking.policy.js';
export type { Concealment } from './authorization/masking/masking.rules.js';
export { Sensitive, VisibleTo, type VisibilityOptions } from './authorization/masking/masking.decorators.js';
export type { RoleHierarchyOptions } from './authorization/role-hierarchy.js';

export type { EdgeOptions } from './edge/edge.options.js';
export type { Enforcement, Profile } from './core/profile.js';
export { CspNonce } from './edge/edge.decorators.js';
export type { ProxyOptions } from './edge/client-address/proxy.options.js';
export { Cors } from './edge/cors/cors.decorators.js';
export type { AllowedOrigin, CorsOptions, OriginCacheOptions, OriginLookupOptions } from './edge/cors/cors.options.js';
export type { OriginResolver } from './edge/cors/origin-resolver.js';
export { CsrfExempt } from './edge/csrf/csrf.decorators.js';
export type { CsrfApplication, CsrfBinding, CsrfOptions, CsrfTokenOptions } from './edge/csrf/csrf.options.js';
export type { CsrfSecret } from './edge/csrf/csrf.secret.js';
export { CsrfTokens } from './edge/csrf/csrf-tokens.js';
export { BodyLimit, ContentTypes } from './edge/firewall/firewall.decorators.js';
export type {
  FirewallAllowance,
  FirewallHeaderOptions,
  FirewallJsonOptions,
  FirewallOptions,
  FirewallParameterOptions,
  FirewallTargetOptions,
  FirewallTimeoutOptions,
} from './edge/firewall/firewall.options.js';
export { ClearSiteData, ContentSecurityPolicy } from './edge/headers/headers.decorators.js';
export type { ClearSiteDataType } from './edge/headers/clear-site-data.js';
export type {
  ContentSecurityPolicyOptions,
  CspDirective,
  CspDirectives,
  DangerousScriptSource,
  ReportOnlyPolicyOptions,
} from './edge/headers/content-security-policy.js';
export type { CspReportingOptions, CspReportLimits } from './edge/headers/csp-reporting.options.js';
export type { HeadersOptions, ReferrerPolicy } from './edge/headers/headers.options.js';
export type { PermissionsPolicyFeature, PermissionsPolicyOptions } from './edge/headers/permissions-policy.js';
export type { HostsOptions, HostsSettings } from './edge/hosts/hosts.options.js';
export { AllowHttp } from './edge/https/https.decorators.js';
export type { HstsOptions, HttpsOptions } from './edge/https/https.options.js';

export type { LoadProbe } from './load-shedding/event-loop.probe.js';
export { Priority } from './load-shedding/load-shedding.decorators.js';
export type { LoadSheddingOptions } from './load-shedding/load-shedding.options.js';

export { ConcurrencyLimit } from './rate-limiting/concurrency/concurrency.decorators.js';
export type { ConcurrencyOptions, ConcurrencySettings } from './rate-limiting/concurrency/concurrency.options.js';
export type { Lease, LeaseClaim, LeasedLimit, LeaseStore } from './rate-limiting/concurrency/lease.store.port.js';
export { MemoryLeaseStore } from './rate-limiting/concurrency/memory-lease.store.js';
export { MemoryRateLimitStore, type MemoryRateLimitStoreOptions } from './rate-limiting/memory.store.js';
export { ResilientRateLimitStore } from './rate-limiting/resilient.store.js';
export type { ResilienceOptions } from './rate-limiting/resilience.options.js';
export { StoreUnavailableError } from './rate-limiting/store-unavailable.error.js';
export type {
  Charge,
  CountedPartition,
  RateLimitAlgorithm,
  RateLimitStore,
  Standing,
  StoredLimit,
  TakenCharge,
} from './rate-limiting/rate-limit.store.port.js';
export { RateLimit, SkipRateLimit } from './rate-limiting/rate-limiting.decorators.js';
export { RateLimitException, type QuotaExceededProblem } from './rate-limiting/rate-limit.exception.js';
export { RateLimitGuard } from './rate-limiting/rate-limit.guard.js';
export { RateLimiter, type RateLimitReceipt, type RateLimitStatus } from './rate-limiting/rate-limiter.js';
export type {
  RateLimitContext,
  RateLimitHeaders,
  RateLimitingOptions,
  RateLimitKey,
  RateLimitSettings,
} from './rate-limiting/rate-limiting.options.js';
export type { SlowDownSettings } from './rate-limiting/slow-down.options.js';

export { Bans } from './rate-limiting/bans/bans.js';
export type {
  BanCondition,
  BanContext,
  BanDenials,
  BanRule,
  BansOptions,
  BanThreshold,
  TrackRule,
} from './rate-limiting/bans/bans.options.js';
export { Lockout } from './rate-limiting/lockout/lockout.js';
export { LockoutException } from './rate-limiting/lockout/lockout.exception.js';
export type { LockoutDelay, LockoutOptions, LockoutSettings } from './rate-limiting/lockout/lockout.options.js';
export type { LoginAttempt } from './rate-limiting/lockout/login-attempt.js';

export type { ValidationOptions } from './validation/validation.options.js';
export {
  InvalidRequestException,
  type FieldProblem,
  type InvalidRequestBody,
} from './validation/validation.exception.js';
