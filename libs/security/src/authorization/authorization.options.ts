import type { ConfigurationProblem } from '../core/errors.js';
import { checkOptions, describe, isRecord, nearestName, OptionalRule, secondsToWait } from '../core/options.rules.js';
import { parseRoleHierarchy, type RoleHierarchyOptions } from './role-hierarchy.js';
import { isPermission } from './permissions.policy.js';

/** The roles and permissions there are, and what holds without a rule. */
export interface AuthorizationOptions {
  /**
   * Every role there is, with what it includes: `'admin > teller > customer'`, a list of such lines, or
   * `{ admin: ['teller'], teller: ['customer'], customer: [] }`.
   */
  roles?: RoleHierarchyOptions | undefined;
  /** The permissions that a role carries; a role has those of the roles it includes as well. `account:*` covers `account:read`. */
  permissions?: Readonly<Record<string, readonly string[]>> | undefined;
  /**
   * What holds for a handler without any rule: being authenticated suffices, or nobody may call it.
   * @default 'authenticated'
   */
  fallback?: 'authenticated' | 'deny' | undefined;
  /**
   * Seconds for a policy that answers later. One that is not done by then, or a little later, denies with `policy_failed`.
   * @default 10
   */
  timeout?: number | undefined;
}

class AuthorizationRules {
  @OptionalRule(() => undefined, '')
  roles?: unknown;

  @OptionalRule(
    (value) => (isRecord(value) ? undefined : `must be an object from roles to permissions, not ${describe(value)}`),
    "Write { teller: ['account:read'] }",
  )
  permissions?: unknown;

  @OptionalRule(
    (value) => (value === 'authenticated' || value === 'deny' ? undefined : 'is neither of the two values it can have'),
    "Use 'authenticated' or 'deny'",
  )
  fallback?: unknown;

  @OptionalRule(secondsToWait, 'Leave it out for 10')
  timeout?: unknown;
}

export function checkAuthorizationOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(AuthorizationRules, options, path, problems);
  if (!isRecord(options)) return;
  const { names } = parseRoleHierarchy(options['roles'], `${path}.roles`, problems);
  if (!isRecord(options['permissions'])) return;
  for (const [role, permissions] of Object.entries(options['permissions'])) {
    const where = `${path}.permissions.${role}`;
    if (!names.has(role)) {
      const nearest = nearestName(role, names);
      problems.push({
        where,
        problem: 'names a role that is not declared',
        fix: nearest === undefined ? `Declare it in ${path}.roles` : `Did you mean "${nearest}"?`,
      });
    }
    if (!Array.isArray(permissions) || !permissions.every(isPermission)) {
      problems.push({
        where,
        problem: 'must be a list of permissions',
        fix: 'Write words joined by colons, where * stands for any: account:read, account:*, *',
      });
    }
  }
}
