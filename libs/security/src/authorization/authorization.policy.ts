import { namesOf } from '../core/declarations.js';
import { ALLOWED, denied, type Decision, type Denied } from '../core/decision.js';
import type { Principal } from '../core/principal.js';
import type { Requirement, RoutePolicy } from '../core/route-policy.js';
import { covers, rolesGranting } from './permissions.policy.js';
import type { RoleHierarchy } from './role-hierarchy.js';

/** Decides on a principal alone; compiled once a route, so that a request costs set look-ups. */
export type PrincipalCheck = (principal: Principal) => Decision;

const ROLE_MISSING = denied('role_missing');
const PERMISSION_MISSING = denied('permission_missing');
const DENIED_BY_DEFAULT = denied('denied_by_default');

/** The checks of a route that need nothing but the principal, in order: default denial, scopes, roles, permissions. */
export function principalChecks(
  policy: RoutePolicy,
  hierarchy: RoleHierarchy,
  permissions: Readonly<Record<string, readonly string[]>>,
): readonly PrincipalCheck[] {
  if (policy.access === 'denied') return [() => DENIED_BY_DEFAULT];
  return [
    ...(policy.scopes === undefined ? [] : [scopeCheck(policy.scopes)]),
    ...(policy.roles === undefined ? [] : [roleCheck(policy.roles, hierarchy)]),
    ...(policy.permissions === undefined ? [] : [permissionCheck(policy.permissions, hierarchy, permissions)]),
  ];
}

function scopeCheck(scopes: readonly string[]): PrincipalCheck {
  const missing: Denied = Object.freeze({ allowed: false, reason: 'scope_missing', scopes });
  return (principal) => (scopes.every((scope) => principal.scopes.includes(scope)) ? ALLOWED : missing);
}

export function roleCheck(requirement: Requirement, hierarchy: RoleHierarchy): PrincipalCheck {
  const satisfies = namesOf(requirement).map((role) => {
    const satisfying = hierarchy.satisfying(role);
    return (principal: Principal) => principal.roles.some((held) => satisfying.has(held));
  });
  const holds = combined(requirement, satisfies);
  return (principal) => (holds(principal) ? ALLOWED : ROLE_MISSING);
}

function permissionCheck(
  requirement: Requirement,
  hierarchy: RoleHierarchy,
  permissions: Readonly<Record<string, readonly string[]>>,
): PrincipalCheck {
  const holds = combined(
    requirement,
    namesOf(requirement).map((permission) => holdsPermission(permission, hierarchy, permissions)),
  );
  return (principal) => (holds(principal) ? ALLOWED : PERMISSION_MISSING);
}

export function holdsPermission(
  required: string,
  hierarchy: RoleHierarchy,
  permissions: Readonly<Record<string, readonly string[]>>,
): (principal: Principal) => boolean {
  const granting = rolesGranting(required, permissions, hierarchy);
  return (principal) =>
    principal.roles.some((role) => granting.has(role)) ||
    principal.permissions.some((permission) => covers(permission, required));
}

type Predicate = (principal: Principal) => boolean;

function combined(requirement: Requirement, predicates: readonly Predicate[]): Predicate {
  const [only, ...others] = predicates;
  if (only !== undefined && others.length === 0) return only;
  return 'any' in requirement
    ? (principal) => predicates.some((holds) => holds(principal))
    : (principal) => predicates.every((holds) => holds(principal));
}
