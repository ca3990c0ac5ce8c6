import { Inject, Injectable, Scope, type Type } from '@nestjs/common';
import { isPolicyFunction } from './core/declarations.js';
import type { ConfigurationProblem } from './core/errors.js';
import type { ExploredModule } from './core/route-explorer.js';
import type { AccessPolicy, AccessPolicyFunction, PolicyClass, RoutePolicy } from './core/route-policy.js';

/**
 * Finds the instances of policy classes as Nest would inject them into a controller of the module: two modules may
 * provide different ones under one class.
 */
export class PolicyInstances {
  private readonly made = new Map<ExploredModule, Map<PolicyClass, AccessPolicyFunction>>();

  async resolve(
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
      const instance = await instanceOf(policy, module);
      if (typeof instance.decide !== 'function') throw new TypeError('it has no method "decide"');
      decide = (principal, context) => instance.decide(principal, context);
      known.set(policy, decide);
    }
    return decide;
  }
}

async function instanceOf(policy: PolicyClass, { moduleRef }: ExploredModule): Promise<AccessPolicy> {
  if (isPerRequest(policy, moduleRef)) throw new TypeError('it is request-scoped or transient; policies are made once');
  try {
    return (await moduleRef.create(carrierOf(policy))).policy;
  } catch {
    // Nobody provides it here. What is then wrong with the class itself is the error that helps.
    return moduleRef.create(policy as Type<AccessPolicy>);
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

function isPerRequest(policy: PolicyClass, moduleRef: ExploredModule['moduleRef']): boolean {
  try {
    return moduleRef.introspect(policy as Type<AccessPolicy>).scope !== Scope.DEFAULT;
  } catch {
    return false;
  }
}
