/** How much of a parsed input is looked at before it is refused. */
export interface ShapeBounds {
  /** Levels of objects and lists within each other. */
  readonly maxDepth: number;
  /** Keys of objects and items of lists, in all. */
  readonly maxKeys: number;
  /** Objects and lists, in all; any number where it is left out. */
  readonly maxObjects?: number | undefined;
  /** Characters of one text or key. */
  readonly maxStringLength: number;
}

/** What a parsed input is refused for, whatever it means. */
export type ShapeProblem = 'key_forbidden' | 'too_deep' | 'too_many_keys' | 'too_many_objects' | 'text_too_long';

/**
 * What is wrong with the shape of an input that a parser of JSON, forms or queries has made, or `undefined`. Looks at
 * objects and lists; instances of classes (uploaded files, buffers) count as one value. Needs no stack however deep the
 * input is, and stops at the first bound that is passed.
 */
export function findShapeProblem(input: unknown, bounds: ShapeBounds): ShapeProblem | undefined {
  if (typeof input === 'string') return input.length > bounds.maxStringLength ? 'text_too_long' : undefined;
  if (!isContainer(input)) return undefined;
  return new ShapeWalk(bounds).problemOf(input);
}

class ShapeWalk {
  private readonly pending: object[] = [];
  private readonly depths: number[] = [];
  /** Parsers of forms may hand over objects that lead back to themselves. */
  private readonly seen = new Set<object>();
  private keys = 0;

  constructor(private readonly bounds: ShapeBounds) {}

  problemOf(input: object): ShapeProblem | undefined {
    let problem = this.enter(input, 1);
    for (let next = this.pending.pop(); next !== undefined && problem === undefined; next = this.pending.pop()) {
      const depth = this.depths.pop() as number;
      problem = Array.isArray(next) ? this.ofItems(next, depth) : this.ofKeys(next as Record<string, unknown>, depth);
    }
    return problem;
  }

  private ofItems(items: readonly unknown[], depth: number): ShapeProblem | undefined {
    this.keys += items.length;
    if (this.keys > this.bounds.maxKeys) return 'too_many_keys';
    for (const item of items) {
      const problem = this.ofValue(item, depth);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  private ofKeys(object: Readonly<Record<string, unknown>>, depth: number): ShapeProblem | undefined {
    const keys = Object.keys(object);
    this.keys += keys.length;
    if (this.keys > this.bounds.maxKeys) return 'too_many_keys';
    for (const key of keys) {
      if (isForbidden(key)) return 'key_forbidden';
      if (key.length > this.bounds.maxStringLength) return 'text_too_long';
      const problem = this.ofValue(object[key], depth);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  private ofValue(value: unknown, depth: number): ShapeProblem | undefined {
    if (typeof value === 'string') return value.length > this.bounds.maxStringLength ? 'text_too_long' : undefined;
    return isContainer(value) ? this.enter(value, depth + 1) : undefined;
  }

  private enter(value: object, depth: number): ShapeProblem | undefined {
    if (this.seen.has(value)) return undefined;
    if (depth > this.bounds.maxDepth) return 'too_deep';
    this.seen.add(value);
    if (this.seen.size > (this.bounds.maxObjects ?? Infinity)) return 'too_many_objects';
    this.pending.push(value);
    this.depths.push(depth);
    return undefined;
  }
}

/** Keys that reach a prototype when code copies them carelessly (CWE-1321). */
function isForbidden(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}

function isContainer(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
