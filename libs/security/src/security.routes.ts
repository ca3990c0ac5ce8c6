import { Injectable, Logger, Scope, type Type } from '@nestjs/common';
import { Authenticator } from './authentication/authenticator.js';
import { Authorizer } from './authorization/authorizer.js';
import { isPolicyFunction, namesOf, requirementOf, type Declaration } from './core/declarations.js';
import { SecurityConfigurationError, type ConfigurationProblem } from './core/errors.js';
import { RouteExplorer, type ExploredHandler, type ExploredModule } from './core/route-explorer.js';
import { compileRoutePolicy, type DeclarationLayer, type KnownNames } from './core/route-policy.compiler.js';
import { RoutePolicyRegistry } from './core/route-policy.registry.js';
import type { AccessPolicy, AccessPolicyFunction, PolicyReference, RoutePolicy } from './core/route-policy.js';
import type { FeatureSecurityOptions, RequirementOption, SecurityOptions } from './security.options.js';

/** Where `SecurityModule.forFeature` leaves its options. */
export const FEATURE_OPTIONS = Symbol('palisade.featureOptions');

/** Compiles the policy of every handler when the application starts; any problem stops the start. */
@Injectable()
export class SecuredRoutes {
  private readonly logger = new Logger('SecurityModule');
  private readonly policies = new Map<Type<AccessPolicy>, AccessPolicyFunction>();

  constructor(
    private readonly explorer: RouteExplorer,
    private readonly registry: RoutePolicyRegistry,
    private readonly authenticator: Authenticator,
    private readonly authorizer: Authorizer,
  ) {}

  /** @throws SecurityConfigurationError when rules contradict each other or name what does not exist */
  async compile(options: SecurityOptions): Promise<void> {
    const problems: ConfigurationProblem[] = [];
    const known = this.knownNames(options);
    const compiled = new Map<RoutePolicy, ExploredModule>();
    const features = new FeaturesByHandler();
    const defaultsOf = new Map<ExploredModule, FeatureDefaults>();
    for (const handler of this.explorer.explore()) {
      const { module } = handler;
      const defaults = defaultsOf.get(module) ?? featureDefaults(module);
      defaultsOf.set(module, defaults);
      if (features.isKnown(handler, defaults.signature, problems)) continue;
      const layers = [...handler.layers, ...defaults.layers];
      compiled.set(compileRoutePolicy({ ...handler, layers }, known, problems), handler.module);
    }
    if (problems.length === 0) {
      for (const [policy, module] of compiled) await this.add(policy, module, problems);
    }
    if (problems.length > 0) throw new SecurityConfigurationError(distinct(problems));
    this.warn();
  }

  private knownNames(options: SecurityOptions): KnownNames {
    const { authenticator, authorizer } = this;
    return {
      roles: authorizer.hierarchy.names,
      schemes: { names: authenticator.defaultSchemes, has: (name) => authenticator.knows(name) },
      defaultSchemes: authenticator.defaultSchemes,
      fallback: options.authorization?.fallback ?? 'authenticated',
    };
  }

  private async add(policy: RoutePolicy, module: ExploredModule, problems: ConfigurationProblem[]): Promise<void> {
    const missing = policy.schemes.find((scheme) => !this.authenticator.knows(scheme));
    if (missing !== undefined) {
      problems.push({
        where: 'authentication.passport',
        problem: `no Passport strategy is registered under the name "${missing}"`,
        fix: 'Add the strategy to the providers of a module, or take its name off the list',
      });
      return;
    }
    const policies: AccessPolicyFunction[] = [];
    for (const reference of policy.policies) {
      const resolved = await this.resolvePolicy(reference, policy, module, problems);
      if (resolved !== undefined) policies.push(resolved);
    }
    this.registry.add({
      policy,
      authenticate: this.authenticator.compile(policy),
      authorize: this.authorizer.compile(policy, policies),
      challengesOf: this.authenticator.challengesOfDenial(policy),
    });
  }

  private async resolvePolicy(
    reference: PolicyReference,
    policy: RoutePolicy,
    module: ExploredModule,
    problems: ConfigurationProblem[],
  ): Promise<AccessPolicyFunction | undefined> {
    if (isPolicyFunction(reference)) return reference;
    const known = this.policies.get(reference);
    if (known !== undefined) return known;
    try {
      const instance = await instanceOf(reference, module);
      if (typeof instance.decide !== 'function') throw new TypeError('it has no method "decide"');
      const decide: AccessPolicyFunction = (principal, context) => instance.decide(principal, context);
      this.policies.set(reference, decide);
      return decide;
    } catch (error) {
      problems.push({
        where: policy.id,
        problem: `the policy ${reference.name} cannot be made: ${error instanceof Error ? error.message : 'unknown error'}`,
        fix: `Implement AccessPolicy, and add ${reference.name} to the providers of ${module.name}`,
      });
      return undefined;
    }
  }

  private warn(): void {
    const { policies } = this.registry;
    if (this.authenticator.defaultSchemes.length === 0 && policies.some(({ access }) => access !== 'public')) {
      this.logger.warn('No authentication scheme is configured: every handler that is not @Public() answers 401');
    }
    const permissions = new Set(policies.flatMap((policy) => (policy.permissions ? namesOf(policy.permissions) : [])));
    for (const permission of permissions) {
      if (!this.authorizer.isGranted(permission)) {
        this.logger.warn(`No role carries the permission "${permission}": only a token that names it gets through`);
      }
    }
  }
}

interface FeatureDefaults {
  readonly layers: readonly DeclarationLayer[];
  /** Equal where the options are. */
  readonly signature: string;
}

function featureDefaults(module: ExploredModule): FeatureDefaults {
  const options = module.importedValues(FEATURE_OPTIONS) as readonly FeatureSecurityOptions[];
  return { layers: options.map(layerOfFeature), signature: JSON.stringify(options) };
}

/** A controller may stand in several modules; their defaults must then agree, as it has one policy. */
class FeaturesByHandler {
  private readonly seen = new Map<ExploredHandler['handler'], Map<unknown, string>>();

  isKnown(
    { handler, controller, id, method }: ExploredHandler,
    defaults: string,
    problems: ConfigurationProblem[],
  ): boolean {
    const byController = this.seen.get(handler) ?? new Map<unknown, string>();
    this.seen.set(handler, byController);
    const signature = `${method} ${defaults}`;
    const earlier = byController.get(controller);
    byController.set(controller, signature);
    if (earlier !== undefined && earlier !== signature) {
      problems.push({
        where: id,
        problem: 'is registered twice, under different rules',
        fix: 'Give both modules the same SecurityModule.forFeature, or each its own controller and method',
      });
    }
    return earlier !== undefined;
  }
}

function layerOfFeature(options: FeatureSecurityOptions): DeclarationLayer {
  const declarations: Declaration[] = [];
  const { access, roles, permissions, scopes } = options;
  const decorator = 'forFeature';
  if (access === 'public' || access === 'optional') {
    declarations.push({ kind: 'access', access, decorator: `${decorator}({ access: '${access}' })` });
  } else if (access !== undefined) {
    declarations.push({
      kind: 'access',
      access: 'authenticated',
      schemes: access,
      decorator: `${decorator}({ access })`,
    });
  }
  if (roles !== undefined) {
    declarations.push({ kind: 'roles', requirement: required(roles, 'any'), decorator: `${decorator}({ roles })` });
  }
  if (permissions !== undefined) {
    declarations.push({
      kind: 'permissions',
      requirement: required(permissions, 'all'),
      decorator: `${decorator}({ permissions })`,
    });
  }
  if (scopes !== undefined) declarations.push({ kind: 'scopes', scopes, decorator: `${decorator}({ scopes })` });
  return { level: 'feature', where: 'SecurityModule.forFeature', declarations };
}

function required(option: RequirementOption, meaning: 'any' | 'all') {
  return requirementOf(Array.isArray(option) ? (option as string[]) : [option as { any: string[] }], meaning);
}

/** The application's own instance, or one made in the controller's module where it is nobody's provider. */
async function instanceOf(policy: Type<AccessPolicy>, { moduleRef }: ExploredModule): Promise<AccessPolicy> {
  let scope: Scope;
  try {
    scope = moduleRef.introspect(policy).scope;
  } catch {
    return moduleRef.create(policy);
  }
  if (scope !== Scope.DEFAULT) throw new TypeError('it is request-scoped or transient; policies are made once');
  return moduleRef.get(policy, { strict: false });
}

function distinct(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
