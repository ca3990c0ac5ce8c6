import { declaration, requirementOf, type RequirementOption } from '../core/declarations.js';
import type { PolicyReference } from '../core/route-policy.js';

/** The caller has any of the roles, itself or through the hierarchy. `@Roles({ all: [...] })`: every one. */
export function Roles(...roles: string[]): ClassDecorator & MethodDecorator;
export function Roles(roles: RequirementOption): ClassDecorator & MethodDecorator;
export function Roles(...roles: string[] | [RequirementOption]) {
  return declaration({
    kind: 'roles',
    requirement: requirementOf(roles, 'any'),
    decorator: `@Roles(${printed(roles)})`,
  });
}

/** The caller has every one of the permissions, through a role or its token. `@Permissions({ any: [...] })`: one of them. */
export function Permissions(...permissions: string[]): ClassDecorator & MethodDecorator;
export function Permissions(permissions: RequirementOption): ClassDecorator & MethodDecorator;
export function Permissions(...permissions: string[] | [RequirementOption]) {
  return declaration({
    kind: 'permissions',
    requirement: requirementOf(permissions, 'all'),
    decorator: `@Permissions(${printed(permissions)})`,
  });
}

/** The token carries every one of the scopes; otherwise 403 `insufficient_scope` (RFC 6750, section 3.1). */
export const Scopes = (...scopes: string[]): ClassDecorator & MethodDecorator =>
  declaration({ kind: 'scopes', scopes, decorator: `@Scopes(${printed(scopes)})` });

/**
 * Every one of the policies allows: classes with dependencies, or functions. Several on one level add up.
 *
 * A class is taken from the providers of the application, or constructed in the module of the controller.
 */
export const Policy = (...policies: PolicyReference[]): ClassDecorator & MethodDecorator =>
  declaration({ kind: 'policies', policies, decorator: '@Policy()' });

function printed(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}
