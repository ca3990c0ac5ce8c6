import 'reflect-metadata';
import type { AccessPolicyFunction, PolicyReference, Requirement } from './route-policy.js';

/** What a decorator records of a handler or a class: one rule of one kind. */
export type Declaration =
  | { readonly kind: 'access'; readonly access: 'public' | 'optional'; readonly decorator: string }
  | {
      readonly kind: 'access';
      readonly access: 'authenticated';
      readonly schemes: readonly string[];
      readonly decorator: string;
    }
  | { readonly kind: 'roles'; readonly requirement: Requirement; readonly decorator: string }
  | { readonly kind: 'permissions'; readonly requirement: Requirement; readonly decorator: string }
  | { readonly kind: 'scopes'; readonly scopes: readonly string[]; readonly decorator: string }
  | { readonly kind: 'policies'; readonly policies: readonly PolicyReference[]; readonly decorator: string };

// Registered, so that two copies of the package in one process read each other's rules instead of losing them.
const DECLARATIONS = Symbol.for('@palisade/nest:declarations');

/** The rules of a class under `undefined`, those of its methods under their names. */
export type OwnDeclarations = ReadonlyMap<string | symbol | undefined, readonly Declaration[]>;

const NONE: OwnDeclarations = new Map();

/**
 * A decorator that records a rule for a class or a method. Rules of methods are kept under the method's name, not on
 * the function: another decorator may replace the function, and must not thereby remove the rule.
 */
export function declaration(value: Declaration): ClassDecorator & MethodDecorator {
  return (target: object, property?: string | symbol) => {
    const own = new Map(ownDeclarations(target));
    own.set(property, [...(own.get(property) ?? []), value]);
    Reflect.defineMetadata(DECLARATIONS, own, target);
  };
}

/** What was declared on exactly this class, or on the methods of exactly this prototype. */
export function ownDeclarations(target: object): OwnDeclarations {
  return (Reflect.getOwnMetadata(DECLARATIONS, target) as OwnDeclarations | undefined) ?? NONE;
}

/** Names given to a decorator: a list of which one suffices or all are needed, by the decorator's own rule. */
export type Names =
  readonly string[] | readonly [{ readonly any: readonly string[] } | { readonly all: readonly string[] }];

export function requirementOf(names: Names, meaning: 'any' | 'all'): Requirement {
  const first = names[0];
  if (typeof first === 'object') return first;
  const list = names as readonly string[];
  return meaning === 'any' ? { any: list } : { all: list };
}

export function namesOf(requirement: Requirement): readonly string[] {
  return 'any' in requirement ? requirement.any : requirement.all;
}

/** Tells a policy class from a policy function; a class must be constructed, a function called. */
export function isPolicyFunction(reference: PolicyReference): reference is AccessPolicyFunction {
  const { prototype } = reference as { prototype?: { decide?: unknown } };
  return typeof prototype?.decide !== 'function' && !/^class\b/.test(Function.prototype.toString.call(reference));
}
