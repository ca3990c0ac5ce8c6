import { HttpException, type ExecutionContext } from '@nestjs/common';
import {
  ApplicationFunctionError,
  failureOf,
  isThenable,
  type ApplicationFunctions,
  type Patience,
} from '../core/application-functions.js';
import { ALLOWED, denied, type Decision } from '../core/decision.js';
import { isDenialReason } from '../core/errors.js';
import { describe, isRecord } from '../core/options.rules.js';
import type { Principal } from '../core/principal.js';
import { Call } from '../core/call.js';
import { httpRequestOf } from '../core/request.js';
import type {
  AccessAnswer,
  AccessContext,
  AccessPolicyFunction,
  AuthorizationStep,
  RoutePolicy,
} from '../core/route-policy.js';
import type { AuthorizationOptions } from './authorization.options.js';
import { holdsPermission, principalChecks, roleCheck, type PrincipalCheck } from './authorization.policy.js';
import type { MaskingViewer } from './masking/masking.policy.js';
import { rolesGranting } from './permissions.policy.js';
import { parseRoleHierarchy, type RoleHierarchy } from './role-hierarchy.js';

const POLICY_DENIED = denied('policy_denied');
const POLICY_FAILED = denied('policy_failed');

/** Compiles, for a route, the step that decides whether a principal may call it. */
export class Authorizer {
  readonly hierarchy: RoleHierarchy;
  private readonly permissions: Readonly<Record<string, readonly string[]>>;
  private readonly patience: Patience;
  private readonly roleChecks = new Map<string, PrincipalCheck>();
  private readonly permissionChecks = new Map<string, (principal: Principal) => boolean>();

  /** Takes options that were checked: what is wrong with them was reported then. */
  constructor(
    options: AuthorizationOptions,
    private readonly functions: ApplicationFunctions,
  ) {
    this.patience = functions.patience(options.timeout);
    this.hierarchy = parseRoleHierarchy(options.roles, 'authorization.roles', []);
    this.permissions = options.permissions ?? {};
  }

  /** `undefined` where being admitted by authentication is all that is asked. */
  compile(policy: RoutePolicy, policies: readonly AccessPolicyFunction[]): AuthorizationStep | undefined {
    if (policy.access === 'public') return undefined;
    const checks = this.checksOf(policy);
    if (policies.length > 0) return this.withPolicies(policy, checks, policies);
    const [only, ...others] = checks;
    if (only === undefined) return undefined;
    return others.length === 0 ? only : (principal) => firstDenial(checks, principal);
  }

  /** Most routes ask for roles alone, and for the same ones: they share one check. */
  private checksOf(policy: RoutePolicy): readonly PrincipalCheck[] {
    const { access, roles, scopes, permissions } = policy;
    const isOfRoles = access !== 'denied' && roles !== undefined && scopes === undefined && permissions === undefined;
    if (!isOfRoles) return principalChecks(policy, this.hierarchy, this.permissions);
    const key = JSON.stringify(roles);
    const check = this.roleChecks.get(key) ?? roleCheck(roles, this.hierarchy);
    this.roleChecks.set(key, check);
    return [check];
  }

  /** True when some role carries the permission. */
  isGranted(permission: string): boolean {
    return rolesGranting(permission, this.permissions, this.hierarchy).size > 0;
  }

  /** True when the principal has the role, itself or through the hierarchy. */
  hasRole(principal: Principal, role: string): boolean {
    const satisfying = this.hierarchy.satisfying(role);
    return principal.roles.some((held) => satisfying.has(held));
  }

  /** True when the principal has the permission, through a role or its token. */
  hasPermission(principal: Principal, permission: string): boolean {
    return this.holderOf(permission)(principal);
  }

  /** What output masking asks about a principal. */
  viewerOf(principal: Principal): MaskingViewer {
    return {
      hasRole: (role) => this.hasRole(principal, role),
      hasPermission: (permission) => this.hasPermission(principal, permission),
    };
  }

  private holderOf(permission: string): (principal: Principal) => boolean {
    let holds = this.permissionChecks.get(permission);
    if (holds === undefined) {
      holds = holdsPermission(permission, this.hierarchy, this.permissions);
      this.permissionChecks.set(permission, holds);
    }
    return holds;
  }

  private withPolicies(
    route: RoutePolicy,
    checks: readonly PrincipalCheck[],
    policies: readonly AccessPolicyFunction[],
  ): AuthorizationStep {
    return (principal, execution) => {
      const decision = firstDenial(checks, principal);
      return decision.allowed ? this.decide(route, policies, principal, execution) : decision;
    };
  }

  /** A mistake in the policy, which denies (fails closed): `return` was forgotten, or something truthy is answered. */
  private notADecision(answer: unknown, where: string): Decision {
    const problem = `answered with ${describe(answer)}, which is not a decision and denies: answer true, false or { allowed, reason }`;
    this.functions.report(new ApplicationFunctionError(where, problem));
    return POLICY_DENIED;
  }

  private async decide(
    route: RoutePolicy,
    policies: readonly AccessPolicyFunction[],
    principal: Principal,
    execution: ExecutionContext,
  ): Promise<Decision> {
    const request = httpRequestOf(execution);
    const context: AccessContext =
      execution instanceof Call
        ? { request, params: paramsIn(execution.args), args: execution.args, route, execution }
        : { request, params: (request.params ?? {}) as AccessContext['params'], route, execution };
    const where = `A policy of ${route.id}`;
    for (const policy of policies) {
      try {
        const answer = policy(principal, context);
        const settled = isThenable<AccessAnswer>(answer) ? await this.patience.await(answer, where) : answer;
        const decision = decisionOf(settled) ?? this.notADecision(settled, where);
        if (!decision.allowed) return decision;
      } catch (error) {
        // A policy may choose the answer of its denial, such as 404 for what the caller must not know of.
        if (error instanceof HttpException) throw error;
        this.functions.report(failureOf(error, where, [principal, principal.claims, context.params]));
        return POLICY_FAILED;
      }
    }
    return ALLOWED;
  }
}

/** What a path could say as well: a policy that compares an owner need not know where the name of it stands. */
function paramsIn(args: AccessContext['args'] = {}): AccessContext['params'] {
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(args)) {
    if (typeof value === 'string') params[name] = value;
    else if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') {
      params[name] = String(value);
    }
  }
  return params;
}

function firstDenial(checks: readonly PrincipalCheck[], principal: Principal): Decision {
  for (const check of checks) {
    const decision = check(principal);
    if (!decision.allowed) return decision;
  }
  return ALLOWED;
}

/** Only `true` and an allowing decision allow; nothing where a policy answers with something else than a decision. */
function decisionOf(answer: unknown): Decision | undefined {
  if (answer === true) return ALLOWED;
  if (answer === false) return POLICY_DENIED;
  if (isRecord(answer)) {
    if (answer['allowed'] === true) return ALLOWED;
    if (answer['allowed'] === false) return isDenialReason(answer['reason']) ? denied(answer['reason']) : POLICY_DENIED;
  }
  return undefined;
}
