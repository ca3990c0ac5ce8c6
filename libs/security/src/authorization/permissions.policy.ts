import type { RoleHierarchy } from './role-hierarchy.js';

const PERMISSION = /^(\*|[^\s:*,]+)(:(\*|[^\s:*,]+))*$/;
const MAX_LENGTH = 256;

/** Words joined by colons; `*` stands for any one word, and at the end for all that follow. */
export function isPermission(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LENGTH && PERMISSION.test(value);
}

/**
 * True when holding `granted` is enough for `required`: `account:*` covers `account:read` and `account:read:own`,
 * `*:read` covers `account:read`, `*` covers everything. A `*` that is required is covered by a `*` only.
 */
export function covers(granted: string, required: string): boolean {
  if (granted === required) return true;
  if (!granted.includes('*')) return false;
  const held = granted.split(':');
  const asked = required.split(':');
  const last = held.length - 1;
  if (held.length > asked.length || (held.length < asked.length && held[last] !== '*')) return false;
  return held.every((word, index) => word === '*' || word === asked[index]);
}

/** The roles that carry a permission: by their own list, or by that of a role they include. */
export function rolesGranting(
  required: string,
  permissions: Readonly<Record<string, readonly string[]>>,
  hierarchy: RoleHierarchy,
): ReadonlySet<string> {
  const carrying = Object.entries(permissions)
    .filter(([, granted]) => granted.some((permission) => covers(permission, required)))
    .map(([role]) => role);
  return new Set(carrying.flatMap((role) => [...hierarchy.satisfying(role)]));
}
