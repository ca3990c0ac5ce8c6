import type { ThrottlerOptions } from '@nestjs/throttler';
import { SecurityConfigurationError, type ConfigurationProblem } from './core/errors.js';
import { requirementProblem, type RequirementOption } from './core/declarations.js';
import { checkOptions, describe, isRecord, Known, OptionalRule } from './core/options.rules.js';
import type { RoutePriority } from './core/route-policy.js';
import { checkTransports } from './core/transport.options.js';
import type { Transport } from './core/transport.port.js';
import { namingUnset } from './core/unset-options.js';
import { checkAuthenticationOptions, type AuthenticationOptions } from './authentication/authentication.options.js';
import { checkAuthorizationOptions, type AuthorizationOptions } from './authorization/authorization.options.js';
import type { CorsOptions } from './edge/cors/cors.options.js';
import { checkEdgeOptions, type EdgeOptions } from './edge/edge.options.js';
import type { ContentSecurityPolicyOptions } from './edge/headers/content-security-policy.js';
import { checkBansOptions, type BansOptions } from './rate-limiting/bans/bans.options.js';
import { checkLockoutOptions, type LockoutOptions } from './rate-limiting/lockout/lockout.options.js';
import { checkLoadSheddingOptions, type LoadSheddingOptions } from './load-shedding/load-shedding.options.js';
import type { ConcurrencySettings } from './rate-limiting/concurrency/concurrency.options.js';
import type { RateLimitingOptions, RateLimitSettings } from './rate-limiting/rate-limiting.options.js';
import { checkOutageOptions, checkRateLimitingOptions, onlyCounts } from './rate-limiting/rate-limiting.rules.js';
import { checkValidationOptions, type ValidationOptions } from './validation/validation.options.js';

/** Everything that `SecurityModule.forRoot` takes. */
export interface SecurityOptions extends EdgeOptions {
  /** How often who may call; a list is what `ThrottlerModule.forRoot` of @nestjs/throttler takes. */
  rateLimit?: RateLimitingOptions | ThrottlerOptions[] | undefined;
  /**
   * When failed attempts to sign in lock somebody out; `Lockout` is injected where users sign in.
   * @default see {@link LockoutOptions}
   */
  lockout?: LockoutOptions | undefined;
  /**
   * Which addresses are kept out, and what bans one.
   * @default none; `{}` for those that the application bans with `Bans`
   */
  bans?: BansOptions | undefined;
  /**
   * What is not served while the process has too much to do; `{}` for the defaults.
   * @default everything is served, late
   */
  loadShedding?: LoadSheddingOptions | undefined;
  authentication?: AuthenticationOptions | undefined;
  authorization?: AuthorizationOptions | undefined;
  /**
   * How request bodies, queries and parameters are checked. `false` installs no pipe; class-validator's rules then
   * hold only where the application installs one itself.
   * @default unknown properties refused, size and depth bounded
   */
  validation?: ValidationOptions | false | undefined;
  /**
   * How handlers are called beside HTTP: `graphql()` of `@palisade/nest/graphql`.
   * @default HTTP alone; what comes another way is denied
   */
  transports?: readonly Transport[] | undefined;
  /**
   * Leaves the global guard out, for an application that moves to the module controller by controller with
   * `@UseGuards(SecurityGuard)`. Handlers without rules and guards are open to anybody; a rule that no guard enforces stops
   * the start.
   * @default false
   */
  dangerouslyWithoutGlobalGuard?: boolean | undefined;
}

/** Defaults for the controllers of the module that imports `SecurityModule.forFeature`. */
export interface FeatureSecurityOptions {
  /** As `@Public()`, `@OptionalAuth()` or `@Authenticated(...)`: `'public'`, `'optional'`, or the schemes. */
  access?: 'public' | 'optional' | readonly string[] | undefined;
  /** As `@Roles`: any of them, or `{ all: [...] }`. */
  roles?: readonly string[] | RequirementOption | undefined;
  /** As `@Permissions`: all of them, or `{ any: [...] }`. */
  permissions?: readonly string[] | RequirementOption | undefined;
  /** As `@Scopes`: all of them. */
  scopes?: readonly string[] | undefined;
  /** As `@Cors`. */
  cors?: CorsOptions | false | undefined;
  /** As `@ContentSecurityPolicy`. */
  contentSecurityPolicy?: ContentSecurityPolicyOptions | false | undefined;
  /** As `@RateLimit`: names of limits, `'10/minute'`, or settings. */
  rateLimit?: readonly (string | RateLimitSettings)[] | undefined;
  /** As `@ConcurrencyLimit`: numbers, names of limits, or settings. */
  concurrency?: readonly (number | string | ConcurrencySettings)[] | undefined;
  /** As `@Priority`. */
  priority?: RoutePriority | undefined;
  /** As `@BodyLimit`: bytes, or a size such as `'1mb'`. */
  bodyLimit?: number | string | undefined;
  /** As `@ContentTypes`. */
  contentTypes?: readonly string[] | undefined;
}

class SecurityRules {
  @Known() profile?: unknown;
  @Known() proxy?: unknown;
  @Known() hosts?: unknown;
  @Known() https?: unknown;
  @Known() firewall?: unknown;
  @Known() headers?: unknown;
  @Known() cors?: unknown;
  @Known() csrf?: unknown;
  @Known() authentication?: unknown;
  @Known() authorization?: unknown;
  @Known() validation?: unknown;
  @Known() rateLimit?: unknown;
  @Known() lockout?: unknown;
  @Known() bans?: unknown;
  @Known() loadShedding?: unknown;
  @Known() transports?: unknown;

  @OptionalRule(
    (value) => (typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`),
    'Leave it out to keep the global guard',
  )
  dangerouslyWithoutGlobalGuard?: unknown;
}

const OPTION_NAMES: ReadonlySet<string> = new Set(Object.keys(new SecurityRules()));

const PARTS = [
  ['authentication', checkAuthenticationOptions],
  ['authorization', checkAuthorizationOptions],
  ['validation', checkValidationOptions],
  ['rateLimit', checkRateLimitingOptions],
  ['lockout', checkLockoutOptions],
  ['bans', checkBansOptions],
  ['loadShedding', checkLoadSheddingOptions],
  ['transports', checkTransports],
] as const;

/** True for the name of an option of `SecurityModule.forRoot`. */
export function isOptionName(name: string): boolean {
  return OPTION_NAMES.has(name);
}

const OF_FOR_ROOT_ASYNC = ['useFactory', 'useClass', 'useExisting', 'inject', 'imports'];

/** What is not an object of options, although Nest's other modules or a function that answers later may give it. */
function refuseOtherThanOptions(options: unknown, where: string, example: string): void {
  const refuse = (problem: string, fix: string) => {
    throw new SecurityConfigurationError([{ where, problem, fix }]);
  };
  const later = 'Write SecurityModule.forRootAsync({ inject: […], useFactory: … })';
  if (isRecord(options) && typeof options['then'] === 'function') refuse('must be an object, not a promise', later);
  if (typeof options === 'function') refuse('must be an object, not a function', later);
  if (!isRecord(options)) return refuse(`must be an object, not ${describe(options)}`, example);
  const tag = Object.prototype.toString.call(options).slice(8, -1);
  // The options of a Map, a Set or a Date would all be missing.
  if (tag !== 'Object' && tag !== 'Module') refuse(`must be an object of options, not a ${tag}`, example);
  const ofAsync = OF_FOR_ROOT_ASYNC.filter((name) => options[name] !== undefined);
  if (ofAsync.length > 0) refuse(`cannot have ${ofAsync.join(' and ')}`, later);
}

/**
 * Checks the options; throws a {@link SecurityConfigurationError} that names everything that is wrong.
 *
 * @param where names them if they are no options at all
 */
export function checkSecurityOptions(options: unknown, where = 'The options'): asserts options is SecurityOptions {
  refuseOtherThanOptions(options, where, 'Write SecurityModule.forRoot({ authentication: { jwt: { … } } })');
  const problems: ConfigurationProblem[] = [];
  checkOptions(SecurityRules, options, '', problems);
  if (isRecord(options)) {
    for (const [name, check] of PARTS) {
      const part = options[name];
      if (part === undefined || (name === 'validation' && part === false)) continue;
      check(part, name, problems);
    }
    for (const name of ['lockout', 'bans'] as const) {
      if (options[name] === undefined || !onlyCounts(options['rateLimit'])) continue;
      problems.push({
        where: name,
        problem:
          'needs a store that can be asked and made to forget; rateLimit has a ThrottlerStorage, which only counts',
        fix: 'Give rateLimit.store a MemoryRateLimitStore or a RedisRateLimitStore',
      });
    }
    checkOutageOptions(options, problems);
    checkEdgeOptions(options, problems);
  }
  if (problems.length > 0) throw new SecurityConfigurationError(namingUnset(problems, options));
}

/**
 * A typed base of options, checked at once, that the applications of a monorepo share:
 * `SecurityModule.forRoot({ ...base, validation: false })`.
 *
 * @throws SecurityConfigurationError when an option is unknown or wrong
 */
export function defineSecurity<const O extends SecurityOptions>(options: O): O {
  checkSecurityOptions(options);
  return Object.freeze(options);
}

class FeatureRules {
  @OptionalRule(
    (value) => (value === 'public' || value === 'optional' || isNames(value) ? undefined : 'is not a way in'),
    "Use 'public', 'optional', or a list of schemes",
  )
  access?: unknown;

  @OptionalRule(
    (value) => (isRequirement(value) ? undefined : 'must be a list of roles'),
    "Write ['teller'], or { all: [...] }",
  )
  roles?: unknown;

  @OptionalRule(
    (value) => (isRequirement(value) ? undefined : 'must be a list of permissions'),
    "Write ['account:read'], or { any: [...] }",
  )
  permissions?: unknown;

  @OptionalRule((value) => (isNames(value) ? undefined : 'must be a list of scopes'), "Write ['transfers:write']")
  scopes?: unknown;

  @OptionalRule(
    (value) =>
      Array.isArray(value) && value.length > 0 ? undefined : `must be a list of limits, not ${describe(value)}`,
    "Write ['10/minute']",
  )
  rateLimit?: unknown;

  @OptionalRule(
    (value) =>
      Array.isArray(value) && value.length > 0 ? undefined : `must be a list of limits, not ${describe(value)}`,
    'Write [5]',
  )
  concurrency?: unknown;

  // Checked with the decorators of the same kind, where the options that they stand on are known.
  @Known() priority?: unknown;
  @Known() cors?: unknown;
  @Known() contentSecurityPolicy?: unknown;
  @Known() bodyLimit?: unknown;
  @Known() contentTypes?: unknown;
}

/** Checks the options of `forFeature`, as {@link checkSecurityOptions} does those of `forRoot`. */
export function checkFeatureOptions(options: unknown): void {
  refuseOtherThanOptions(options, 'SecurityModule.forFeature', "Write SecurityModule.forFeature({ roles: ['admin'] })");
  const problems: ConfigurationProblem[] = [];
  checkOptions(FeatureRules, options, 'SecurityModule.forFeature', problems);
  if (problems.length > 0) throw new SecurityConfigurationError(problems);
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '');
}

function isRequirement(value: unknown): boolean {
  return isNames(value) || (isRecord(value) && requirementProblem(value) === undefined);
}
