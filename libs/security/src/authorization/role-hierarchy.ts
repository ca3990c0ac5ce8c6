import type { ConfigurationProblem } from '../core/errors.js';

/** `'admin > teller > customer'`, several such lines, or the roles that each role includes. */
export type RoleHierarchyOptions = string | readonly string[] | Readonly<Record<string, readonly string[]>>;

/** The declared roles and what each includes, directly or through others. */
export class RoleHierarchy {
  private readonly satisfyingByRole = new Map<string, ReadonlySet<string>>();

  constructor(
    /** Every declared role. */
    readonly names: ReadonlySet<string>,
    private readonly included: ReadonlyMap<string, ReadonlySet<string>>,
  ) {}

  /** The roles of which each is as good as `role`: itself, and those that include it. Empty for an unknown role. */
  satisfying(role: string): ReadonlySet<string> {
    let satisfying = this.satisfyingByRole.get(role);
    if (satisfying === undefined) {
      if (!this.names.has(role)) return NOBODY;
      satisfying = new Set([role, ...[...this.names].filter((other) => this.included.get(other)?.has(role))]);
      this.satisfyingByRole.set(role, satisfying);
    }
    return satisfying;
  }
}

const NOBODY: ReadonlySet<string> = new Set();

const ROLE = /^[^\s>,*]+$/;

/** Reads the option; what is wrong with it goes to `problems`, cycles included. */
export function parseRoleHierarchy(options: unknown, where: string, problems: ConfigurationProblem[]): RoleHierarchy {
  const direct = directlyIncluded(options, where, problems);
  const included = new Map<string, Set<string>>();
  for (const role of direct.keys()) {
    const cycle = cycleFrom(role, direct);
    if (cycle !== undefined) {
      problems.push({
        where,
        problem: `is a cycle: ${cycle.join(' > ')}`,
        fix: 'Let a role include only roles that are below it',
      });
      return new RoleHierarchy(new Set(direct.keys()), new Map());
    }
  }
  for (const role of direct.keys()) included.set(role, reachableFrom(role, direct));
  return new RoleHierarchy(new Set(direct.keys()), included);
}

type Included = Map<string, Set<string>>;

function directlyIncluded(options: unknown, where: string, problems: ConfigurationProblem[]): Included {
  const direct: Included = new Map();
  const declare = (role: unknown): role is string => {
    if (typeof role !== 'string' || !ROLE.test(role)) {
      problems.push({
        where,
        problem:
          typeof role === 'string'
            ? `"${role}" is not the name of a role`
            : 'names a role by something that is no text',
        fix: "Write names without spaces, commas, asterisks and '>': 'admin > teller > customer'",
      });
      return false;
    }
    if (!direct.has(role)) direct.set(role, new Set());
    return true;
  };
  const include = (senior: string, junior: string) => direct.get(senior)?.add(junior);

  if (options === undefined) return direct;
  if (typeof options === 'string' || Array.isArray(options)) {
    for (const line of [options].flat() as unknown[]) {
      const roles = typeof line === 'string' ? line.split('>').map((role) => role.trim()) : [line];
      roles.filter(declare).forEach((role, index, all) => {
        const junior = all[index + 1];
        if (junior !== undefined) include(role, junior);
      });
    }
    return direct;
  }
  if (typeof options === 'object' && options !== null) {
    for (const [senior, juniors] of Object.entries(options)) {
      if (!declare(senior)) continue;
      for (const junior of [juniors].flat() as unknown[]) {
        if (declare(junior)) include(senior, junior);
      }
    }
    return direct;
  }
  problems.push({
    where,
    problem: 'is neither a line, a list of lines, nor an object',
    fix: "Write 'admin > teller > customer', or { admin: ['teller'] }",
  });
  return direct;
}

function reachableFrom(role: string, direct: Included): Set<string> {
  const reached = new Set<string>();
  const waiting = [role];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const junior of direct.get(next) ?? []) {
      if (reached.has(junior)) continue;
      reached.add(junior);
      waiting.push(junior);
    }
  }
  return reached;
}

/** The shortest way from a role back to itself. */
function cycleFrom(role: string, direct: Included): string[] | undefined {
  const waiting: string[][] = [[role]];
  const seen = new Set<string>();
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    for (const junior of direct.get(path.at(-1) as string) ?? []) {
      if (junior === role) return [...path, junior];
      if (seen.has(junior)) continue;
      seen.add(junior);
      waiting.push([...path, junior]);
    }
  }
  return undefined;
}
