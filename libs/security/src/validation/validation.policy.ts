/** How much of a body or a query is looked at before it is refused. */
export interface InputBounds {
  readonly maxDepth: number;
  readonly maxKeys: number;
  readonly maxStringLength: number;
}

/** Why input is refused as a whole. The codes are stable: they are the `code` of the error body. */
export type InputProblem = 'input_key_forbidden' | 'input_too_deep' | 'input_too_many_keys' | 'input_text_too_long';

/** Fixed texts: nothing of the input is ever copied into an answer. */
export const INPUT_PROBLEMS: Readonly<Record<InputProblem, string>> = {
  input_key_forbidden: 'The request has a key that is not allowed anywhere',
  input_too_deep: 'The request is nested too deeply',
  input_too_many_keys: 'The request has too many keys or items',
  input_text_too_long: 'The request has a text that is too long',
};

/**
 * What is wrong with a body or a query before any rule of a class is asked, or `undefined`. Looks at objects and
 * lists as parsers make them; instances of classes (uploaded files, buffers) count as one value. Needs no stack
 * however deep the input is, and stops at the first bound that is passed.
 */
export function findInputProblem(input: unknown, bounds: InputBounds): InputProblem | undefined {
  if (typeof input === 'string') return input.length > bounds.maxStringLength ? 'input_text_too_long' : undefined;
  if (!isContainer(input)) return undefined;
  return new InputWalk(bounds).problemOf(input);
}

class InputWalk {
  private readonly pending: object[] = [];
  private readonly depths: number[] = [];
  /** Parsers of forms may hand over objects that lead back to themselves. */
  private readonly seen = new Set<object>();
  private keys = 0;

  constructor(private readonly bounds: InputBounds) {}

  problemOf(input: object): InputProblem | undefined {
    let problem = this.enter(input, 1);
    for (let next = this.pending.pop(); next !== undefined && problem === undefined; next = this.pending.pop()) {
      const depth = this.depths.pop() as number;
      problem = Array.isArray(next) ? this.ofItems(next, depth) : this.ofKeys(next as Record<string, unknown>, depth);
    }
    return problem;
  }

  private ofItems(items: readonly unknown[], depth: number): InputProblem | undefined {
    this.keys += items.length;
    if (this.keys > this.bounds.maxKeys) return 'input_too_many_keys';
    for (const item of items) {
      const problem = this.ofValue(item, depth);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  private ofKeys(object: Readonly<Record<string, unknown>>, depth: number): InputProblem | undefined {
    const keys = Object.keys(object);
    this.keys += keys.length;
    if (this.keys > this.bounds.maxKeys) return 'input_too_many_keys';
    for (const key of keys) {
      if (isForbidden(key)) return 'input_key_forbidden';
      if (key.length > this.bounds.maxStringLength) return 'input_text_too_long';
      const problem = this.ofValue(object[key], depth);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  private ofValue(value: unknown, depth: number): InputProblem | undefined {
    if (typeof value === 'string') {
      return value.length > this.bounds.maxStringLength ? 'input_text_too_long' : undefined;
    }
    return isContainer(value) ? this.enter(value, depth + 1) : undefined;
  }

  private enter(value: object, depth: number): InputProblem | undefined {
    if (this.seen.has(value)) return undefined;
    if (depth > this.bounds.maxDepth) return 'input_too_deep';
    this.seen.add(value);
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
