import { pathToRegexp } from 'path-to-regexp';

type ByMethod<T> = Map<string, T>;

interface Pattern<T> {
  readonly regexp: RegExp;
  readonly byMethod: ByMethod<T>;
}

/** The patterns that have the same fixed segments before the first that varies. */
interface Segment<T> {
  readonly next: Map<string, Segment<T>>;
  readonly patterns: Pattern<T>[];
}

/** The method under which a route for all methods is kept. */
const ALL = 'ALL';
const VARIES = /[:*{(\\]/;

/**
 * Finds the route that a request will most likely reach, before it is routed. It is a guess, for what cannot wait (a
 * preflight, a body that is too large, a plain connection): the guard, which knows the route for sure, checks what was
 * made of it.
 */
export class EarlyRoutes<T extends object> {
  private readonly fixed = new Map<string, ByMethod<T>>();
  private readonly root: Segment<T> = { next: new Map(), patterns: [] };

  /** @param combine what holds where several routes, such as versions of one, share method and path */
  constructor(private readonly combine: (one: T, other: T) => T) {}

  /**
   * @param path a pattern as Nest registers it with Express or Fastify
   * @returns `false` where the pattern cannot be read, and the route is known at the guard alone
   */
  add(method: string, path: string, route: T): boolean {
    const pattern = asPathToRegexp(path);
    if (!VARIES.test(pattern)) {
      const key = normalized(pattern);
      const byMethod = this.fixed.get(key) ?? new Map<string, T>();
      this.fixed.set(key, byMethod);
      this.put(byMethod, method, route);
      return true;
    }
    const regexp = regexpOf(pattern);
    if (regexp === undefined) return false;
    const { patterns } = this.segmentOf(pattern);
    let known = patterns.find((other) => other.regexp.source === regexp.source);
    if (known === undefined) {
      known = { regexp, byMethod: new Map() };
      patterns.push(known);
    }
    this.put(known.byMethod, method, route);
    return true;
  }

  /** @param path without query, as it came */
  find(method: string, path: string): T | undefined {
    const found = this.findExactly(method, path);
    // Fastify decodes a path before it looks for its route, Express does not.
    return found === undefined && path.includes('%') ? this.findExactly(method, decoded(path)) : found;
  }

  private findExactly(method: string, path: string): T | undefined {
    const fixed = this.fixed.get(normalized(path));
    return (fixed && routeFor(method, fixed)) ?? this.findPattern(method, path);
  }

  /** The pattern with the longest fixed beginning, and of those the one that was registered first. */
  private findPattern(method: string, path: string): T | undefined {
    let found: T | undefined;
    let segment: Segment<T> | undefined = this.root;
    let from = 1;
    while (segment !== undefined) {
      found = match(segment.patterns, method, path) ?? found;
      if (from > path.length || segment.next.size === 0) break;
      const slash = path.indexOf('/', from);
      const to = slash === -1 ? path.length : slash;
      segment = segment.next.get(path.slice(from, to).toLowerCase());
      from = to + 1;
    }
    return found;
  }

  private put(byMethod: ByMethod<T>, method: string, route: T): void {
    const other = byMethod.get(method);
    byMethod.set(method, other === undefined ? route : this.combine(other, route));
  }

  private segmentOf(pattern: string): Segment<T> {
    let segment = this.root;
    for (const part of pattern.slice(1).toLowerCase().split('/')) {
      if (VARIES.test(part)) break;
      const next = segment.next.get(part) ?? { next: new Map<string, Segment<T>>(), patterns: [] };
      segment.next.set(part, next);
      segment = next;
    }
    return segment;
  }
}

function match<T>(patterns: readonly Pattern<T>[], method: string, path: string): T | undefined {
  for (const { regexp, byMethod } of patterns) {
    const candidate = routeFor(method, byMethod);
    if (candidate !== undefined && regexp.test(path)) return candidate;
  }
  return undefined;
}

function routeFor<T>(method: string, byMethod: ByMethod<T>): T | undefined {
  return byMethod.get(method) ?? (method === 'HEAD' ? byMethod.get('GET') : undefined) ?? byMethod.get(ALL);
}

/** As Express routes: case and a slash at the end make no difference. Where they do, the guard sees to it. */
function normalized(path: string): string {
  const lower = path.toLowerCase();
  return lower.length > 1 && lower.endsWith('/') ? lower.slice(0, -1) : lower;
}

/** Fastify's patterns in the words of path-to-regexp; expressions of parameters are left out, for the guard to check. */
function asPathToRegexp(path: string): string {
  let unnamed = 0;
  return path
    .replace(/\((?:[^()\\]|\\.)*\)/g, '')
    .replace(/::/g, '\\:')
    .replace(/\*(?![A-Za-z0-9_$"])/g, () => `*rest${unnamed++}`);
}

function regexpOf(pattern: string): RegExp | undefined {
  try {
    return pathToRegexp(pattern, { sensitive: false, trailing: true }).regexp;
  } catch {
    return undefined;
  }
}

function decoded(path: string): string {
  try {
    return decodeURI(path);
  } catch {
    return path;
  }
}
