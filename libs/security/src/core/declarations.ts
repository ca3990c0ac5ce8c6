import 'reflect-metadata';
import { needRoot } from './rules-need-root.js';
import type { AccessPolicyFunction, PolicyReference, Requirement, RoutePriority } from './route-policy.js';

/** What a decorator records of a handler or a class: one rule of one kind. */
export type Declaration =
  | { readonly kind: 'access'; readonly access: 'public'; readonly decorator: string }
  | {
      readonly kind: 'access';
      readonly access: 'optional' | 'authenticated';
      readonly schemes: readonly string[];
      readonly decorator: string;
    }
  | { readonly kind: 'roles'; readonly requirement: Requirement; readonly decorator: string }
  | { readonly kind: 'permissions'; readonly requirement: Requirement; readonly decorator: string }
  | { readonly kind: 'scopes'; readonly scopes: readonly string[]; readonly decorator: string }
  | { readonly kind: 'policies'; readonly policies: readonly PolicyReference[]; readonly decorator: string }
  | {
      readonly kind: 'edge';
      readonly part: EdgePart;
      /** The options of the part, checked and compiled by the edge. */
      readonly value: unknown;
      readonly decorator: string;
    }
  | {
      readonly kind: 'rateLimit';
      /** Names and definitions, checked and compiled by rate limiting. */
      readonly limits: readonly unknown[];
      readonly decorator: string;
    }
  | {
      readonly kind: 'skipRateLimit';
      /** The limits that do not hold here; empty for all of them. */
      readonly names: readonly string[];
      readonly decorator: string;
    }
  | {
      readonly kind: 'concurrencyLimit';
      /** Numbers, names and definitions, checked and compiled by rate limiting; `false` for none. */
      readonly limits: readonly unknown[] | false;
      readonly decorator: string;
    }
  | { readonly kind: 'priority'; readonly priority: RoutePriority; readonly decorator: string };

/** What the edge lets a route say for itself. */
export type EdgePart = 'cors' | 'csp' | 'bodyLimit' | 'contentTypes' | 'clearSiteData' | 'allowHttp' | 'csrfExempt';

// Registered, so that two copies of the package in one process read each other's rules instead of losing them.
const DECLARATIONS = Symbol.for('@palisade/nest:declarations');

/**
 * The rules of a class under `undefined`, on its constructor and on its prototype; those of its methods under their names,
 * on the prototype.
 */
export type OwnDeclarations = ReadonlyMap<string | symbol | undefined, readonly Declaration[]>;

const NONE: OwnDeclarations = new Map();

const HOME = Symbol.for('@palisade/nest:home');

/**
 * A decorator that records a rule for a class or a method. Rules of methods are kept under the method's name: another
 * decorator may replace the function, and must not thereby remove the rule. They are kept on the function as well, as
 * a method may be copied to another class.
 */
export function declaration(value: Declaration): ClassDecorator & MethodDecorator {
  return (target: object, property?: string | symbol, descriptor?: PropertyDescriptor) => {
    record(target, property, value);
    if (asksForSomething(value)) {
      needRoot(typeof target === 'function' ? target : target.constructor, property, value.decorator);
    }
    // Another decorator may put a function in the place of the class, and rarely puts it in that of the prototype.
    const prototype: unknown = property === undefined ? (target as { prototype?: unknown }).prototype : undefined;
    if (typeof prototype === 'object' && prototype !== null) {
      record(prototype, undefined, value);
      for (const own of methodsOf(prototype)) markHome(own, prototype);
    }
    const method: unknown = descriptor?.value;
    if (typeof method !== 'function') return;
    record(method, undefined, value);
    markHome(method as object, target);
  };
}

/**
 * Leaves on the function of a method for which prototypes rules were declared: what wraps it, and has its metadata, stands
 * for it.
 */
function markHome(method: object, prototype: object): void {
  const homes = (Reflect.getOwnMetadata(HOME, method) as Set<object> | undefined) ?? new Set();
  Reflect.defineMetadata(HOME, homes.add(prototype), method);
}

/** Returns the prototypes whose method a function is, or wraps, as far as rules were declared there. */
export function homesOf(method: object): ReadonlySet<object> | undefined {
  return Reflect.getOwnMetadata(HOME, method) as ReadonlySet<object> | undefined;
}

function* methodsOf(prototype: object): Generator<object> {
  for (
    let level: object | null = prototype;
    level !== null && level !== Object.prototype;
    level = Object.getPrototypeOf(level) as object | null
  ) {
    for (const [name, { value }] of Object.entries<{ value?: unknown }>(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value === 'function' && name !== 'constructor') yield value;
    }
  }
}

// Nothing is open through them that would not be open without the library.
const EXEMPTIONS: ReadonlySet<EdgePart> = new Set<EdgePart>(['allowHttp', 'csrfExempt', 'cors']);

/** False for exemptions, and for what matters under load alone. */
function asksForSomething(rule: Declaration): boolean {
  switch (rule.kind) {
    case 'access':
      return rule.access !== 'public';
    case 'concurrencyLimit':
      return rule.limits !== false;
    case 'edge':
      return !EXEMPTIONS.has(rule.part);
    case 'skipRateLimit':
    case 'priority':
      return false;
    default:
      return true;
  }
}

function record(target: object, property: string | symbol | undefined, value: Declaration): void {
  const own = new Map(ownDeclarations(target));
  own.set(property, [...(own.get(property) ?? []), value]);
  Reflect.defineMetadata(DECLARATIONS, own, target);
}

/** What was declared on exactly this class, or on the methods of exactly this prototype. */
export function ownDeclarations(target: object): OwnDeclarations {
  return (Reflect.getOwnMetadata(DECLARATIONS, target) as OwnDeclarations | undefined) ?? NONE;
}

/** Names given to a decorator: a list of which one suffices or all are needed, by the decorator's own rule. */
export type Names = readonly string[] | readonly [RequirementOption];

/** Exactly one of the two. */
export type RequirementOption =
  { readonly any: readonly string[]; readonly all?: never } | { readonly all: readonly string[]; readonly any?: never };

export function requirementOf(names: Names, meaning: 'any' | 'all'): Requirement {
  const first = names[0];
  // Checked when the application starts, where the message can name the handler.
  if (typeof first === 'object' && first !== null) return first;
  const list = names as readonly string[];
  return meaning === 'any' ? { any: list } : { all: list };
}

/** What keeps a requirement from being one, or `undefined`. */
export function requirementProblem(requirement: unknown): string | undefined {
  if (Array.isArray(requirement)) return 'is given a list: leave out the brackets';
  const entries = Object.entries(requirement as object);
  const [[meaning, names] = []] = entries;
  if (entries.length !== 1 || (meaning !== 'any' && meaning !== 'all')) return 'must say either `any` or `all`';
  if (!Array.isArray(names) || names.length === 0) return 'names nothing';
  return names.every((name) => typeof name === 'string' && name !== '') ? undefined : 'names something that is no name';
}

export function namesOf(requirement: Requirement): readonly string[] {
  return 'any' in requirement ? requirement.any : requirement.all;
}

/** Tells a policy class from a policy function; a class must be constructed, a function called. */
export function isPolicyFunction(reference: PolicyReference): reference is AccessPolicyFunction {
  const { prototype } = reference as { prototype?: { decide?: unknown } };
  return typeof prototype?.decide !== 'function' && !/^class\b/.test(Function.prototype.toString.call(reference));
}
