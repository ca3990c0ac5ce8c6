import 'reflect-metadata';
import { Inject, Injectable, Scope, type Type } from '@nestjs/common';
import { isPolicyFunction } from './core/declarations.js';
import type { ConfigurationProblem } from './core/errors.js';
import type { ExploredHandler, ExploredModule } from './core/route-explorer.js';
import type { AccessPolicy, AccessPolicyFunction, PolicyClass, RoutePolicy } from './core/route-policy.js';
import { modulesOf, type Registration } from './security.registrations.js';

/** An instance that nobody provides, with what it was given. */
interface Unprovided {
  readonly dependencies: Readonly<Record<string, unknown>>;
  readonly decide: AccessPolicyFunction;
}

/**
 * Finds the instances of policy classes as Nest would inject them into a controller of the module: two modules may
 * provide different ones under one class.
 */
export class PolicyInstances {
  private readonly made = new Map<ExploredModule, Map<PolicyClass, AccessPolicyFunction>>();
  private readonly provided = new Map<AccessPolicy, AccessPolicyFunction>();
  private readonly unprovided = new Map<PolicyClass, Unprovided[]>();

  /**
   * Returns the functions of a route's policies. A controller that stands in several modules has one route, as its
   * handlers are called by class: its policies must then be the same in all of them.
   */
  async resolve(
    policy: RoutePolicy,
    { first, others }: Registration,
    problems: ConfigurationProblem[],
  ): Promise<AccessPolicyFunction[]> {
    const functions = await this.resolveIn(policy, first.module, problems);
    for (const other of others) {
      const theirs = await this.resolveIn(policy, other.module, problems);
      const index = theirs.findIndex((decide, position) => decide !== functions[position]);
      const differing = policy.policies[index];
      if (differing !== undefined && theirs.length === functions.length) {
        problems.push(ambiguity(policy.id, differing.name, first, other));
      }
    }
    return functions;
  }

  private async resolveIn(
    policy: RoutePolicy,
    module: ExploredModule,
    problems: ConfigurationProblem[],
  ): Promise<AccessPolicyFunction[]> {
    const functions: AccessPolicyFunction[] = [];
    for (const reference of policy.policies) {
      if (isPolicyFunction(reference)) {
        functions.push(reference);
        continue;
      }
      try {
        functions.push(await this.functionOf(reference, module));
      } catch (error) {
        const cause = error instanceof Error ? error.message : 'unknown error';
        problems.push({
          where: policy.id,
          problem: `the policy ${reference.name} cannot be made: ${cause}`,
          fix: `Implement AccessPolicy, and add ${reference.name} to the providers of ${module.name}`,
        });
      }
    }
    return functions;
  }

  private async functionOf(policy: PolicyClass, module: ExploredModule): Promise<AccessPolicyFunction> {
    const known = this.made.get(module) ?? new Map<PolicyClass, AccessPolicyFunction>();
    this.made.set(module, known);
    let decide = known.get(policy);
    if (decide === undefined) {
      decide = await this.make(policy, module);
      known.set(policy, decide);
    }
    return decide;
  }

  /** The same function for the same instance. */
  private async make(policy: PolicyClass, module: ExploredModule): Promise<AccessPolicyFunction> {
    const { moduleRef } = module;
    if (isPerRequest(policy, moduleRef)) {
      throw new TypeError('it is request-scoped or transient; policies are made once');
    }
    const instance = await providedInstance(policy, module);
    if (instance === undefined) return this.makeUnprovided(policy, module);
    const decide = this.provided.get(instance) ?? deciding(instance);
    this.provided.set(instance, decide);
    return decide;
  }

  /** Nobody provides it here: one instance will do for all modules that would give it the same. */
  private async makeUnprovided(policy: PolicyClass, { moduleRef }: ExploredModule): Promise<AccessPolicyFunction> {
    // What is wrong with the class itself is the error that helps.
    const instance = await moduleRef.create(policy as Type<AccessPolicy>);
    const dependencies = { ...(await moduleRef.create(dependenciesOf(policy))) };
    const known = this.unprovided.get(policy) ?? [];
    const same = known.find((other) => isSame(other.dependencies, dependencies));
    if (same !== undefined) return same.decide;
    const decide = deciding(instance);
    this.unprovided.set(policy, [...known, { dependencies, decide }]);
    return decide;
  }
}

function deciding(instance: AccessPolicy): AccessPolicyFunction {
  if (typeof instance.decide !== 'function') throw new TypeError('it has no method "decide"');
  return (principal, context) => instance.decide(principal, context);
}

function ambiguity(
  where: string,
  policy: string,
  first: ExploredHandler,
  other: ExploredHandler,
): ConfigurationProblem {
  return {
    where,
    problem:
      `asks ${policy}, of which ${modulesOf(first, other)} have an instance each: ` +
      'a request does not tell through which of them its controller was registered',
    fix: `Provide ${policy} in one module that both import, or give each module a controller of its own`,
  };
}

async function providedInstance(policy: PolicyClass, { moduleRef }: ExploredModule): Promise<AccessPolicy | undefined> {
  try {
    return (await moduleRef.create(carrierOf(policy))).policy;
  } catch {
    return undefined;
  }
}

/** A class that asks for the policy, so that Nest looks it up by the rules of the module. */
function carrierOf(token: PolicyClass): Type<{ readonly policy: AccessPolicy }> {
  @Injectable()
  class Carrier {
    constructor(@Inject(token) readonly policy: AccessPolicy) {}
  }
  return Carrier;
}

/** A class that asks for what the policy asks for, and keeps it by position and by property. */
function dependenciesOf(policy: PolicyClass): Type<Readonly<Record<string, unknown>>> {
  class Dependencies {
    constructor(...dependencies: unknown[]) {
      Object.assign(this, dependencies);
    }
  }
  for (const key of Reflect.getMetadataKeys(policy)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, policy), Dependencies);
  }
  return Dependencies as unknown as Type<Readonly<Record<string, unknown>>>;
}

function isSame(one: Readonly<Record<string, unknown>>, other: Readonly<Record<string, unknown>>): boolean {
  const names = Object.keys({ ...one, ...other });
  return names.every((name) => one[name] === other[name]);
}

function isPerRequest(policy: PolicyClass, moduleRef: ExploredModule['moduleRef']): boolean {
  try {
    return moduleRef.introspect(policy as Type<AccessPolicy>).scope !== Scope.DEFAULT;
  } catch {
    return false;
  }
}
