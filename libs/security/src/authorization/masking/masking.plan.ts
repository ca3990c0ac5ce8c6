import { Logger, StreamableFile } from '@nestjs/common';
import { Stream } from 'node:stream';
import { types } from 'node:util';
import { dropPromise } from '../../core/application-functions.js';
import { MASK, ruleCount, rulesOf, type Concealment, type FieldRule, type FieldRules } from './masking.rules.js';

/** Who looks at an answer; without one, nothing restricted is shown (fails closed). */
export interface MaskingViewer {
  /** Through the role hierarchy. */
  hasRole(role: string): boolean;
  hasPermission?(permission: string): boolean;
}

export type Fields = Record<PropertyKey, unknown>;

/** What a viewer gets of the fields it may not see; a field that is not here is shown. */
export type View = ReadonlyMap<PropertyKey, Concealed>;
export type Concealed = 'drop' | ((value: unknown) => unknown);

/** What masking knows of a class, compiled when its first instance is seen. */
export interface ClassPlan {
  readonly prototype: object;
  /** Absent where neither the class nor one it extends has a rule. */
  readonly rules?: FieldRules | undefined;
  /** What is left where nobody is known to look: no field with a rule. */
  readonly closed: View;
  /** Dates, bytes, streams, errors: passed on as they are. */
  readonly leaf: boolean;
  /** Getters of the class that have a rule; others are no part of what JSON shows either. */
  readonly accessors: readonly string[];
  /** Makes what takes the place of an instance. */
  readonly Copy: new () => Fields;
  /** The number of rules when it was compiled. */
  readonly ruleCount: number;
}

/**
 * Marks what masking made: it holds no more than its viewer may see. Not enumerable, so that no spread or
 * `Object.assign` carries it to an object that masking has not seen.
 */
export const CLEARED = Symbol.for('@palisade/nest:cleared');

/** Plain objects, however many there are, need no plan of their own. */
export const PLAIN: ClassPlan = {
  prototype: Object.prototype,
  closed: new Map(),
  leaf: false,
  accessors: [],
  Copy: Object as unknown as ClassPlan['Copy'],
  ruleCount: 0,
};

const plans = new WeakMap<object, ClassPlan>();

/** The plan of an object's class; one look-up once the class was seen. */
export function planOf(value: object): ClassPlan {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype === null || prototype === Object.prototype) return PLAIN;
  const plan = plans.get(prototype);
  return plan !== undefined && plan.ruleCount === ruleCount() ? plan : compile(prototype, value);
}

function compile(prototype: object, sample: object): ClassPlan {
  const rules = rulesOf(prototype);
  const plan: ClassPlan = {
    prototype,
    rules,
    closed: new Map([...(rules?.keys() ?? [])].map((field) => [field, 'drop'])),
    leaf: rules === undefined && isLeaf(sample),
    accessors: rules === undefined ? [] : accessorsWithRules(prototype, rules),
    Copy: copyClass(prototype),
    ruleCount: ruleCount(),
  };
  plans.set(prototype, plan);
  return plan;
}

function isLeaf(sample: object): boolean {
  return (
    types.isDate(sample) ||
    types.isRegExp(sample) ||
    types.isNativeError(sample) ||
    types.isAnyArrayBuffer(sample) ||
    ArrayBuffer.isView(sample) ||
    types.isPromise(sample) ||
    types.isBoxedPrimitive(sample) ||
    types.isWeakMap(sample) ||
    types.isWeakSet(sample) ||
    sample instanceof Stream ||
    sample instanceof StreamableFile
  );
}

function accessorsWithRules(prototype: object, rules: FieldRules): readonly string[] {
  return [...rules.keys()].filter((field): field is string => typeof field === 'string' && hasGetter(prototype, field));
}

function hasGetter(prototype: object, field: string): boolean {
  for (let level: object | null = prototype; level !== null; level = Object.getPrototypeOf(level) as object | null) {
    const descriptor = Object.getOwnPropertyDescriptor(level, field);
    if (descriptor !== undefined) return descriptor.get !== undefined;
  }
  return false;
}

/**
 * Copies are plain but for their `constructor`: class-transformer finds its decorators through it, so that a
 * ClassSerializerInterceptor that runs afterwards still applies `@Exclude` and `@Expose`. They inherit no `toJSON`.
 */
function copyClass(prototype: object): ClassPlan['Copy'] {
  const Copy = class {};
  Object.defineProperties(Copy.prototype, {
    constructor: { value: (prototype as Partial<Fields>)['constructor'] },
    [CLEARED]: { value: true },
  });
  return Copy as ClassPlan['Copy'];
}

/** What the viewer gets of each field of a class with rules. */
export function viewOf(rules: FieldRules, viewer: MaskingViewer | undefined): View {
  const view = new Map<PropertyKey, Concealed>();
  for (const [field, ofField] of rules) {
    const concealed = concealedFrom(ofField, viewer);
    if (concealed !== undefined) view.set(field, concealed);
  }
  return view;
}

/** How a field is kept from the viewer, or `undefined` when the viewer satisfies all of its rules. */
export function concealedFrom(rules: readonly FieldRule[], viewer: MaskingViewer | undefined): Concealed | undefined {
  const concealments: Concealment[] = [];
  for (const rule of rules) {
    if (rule === 'sensitive') return 'drop';
    if (!admits(rule, viewer)) concealments.push(rule.otherwise);
  }
  const [first, ...others] = concealments;
  if (first === undefined) return undefined;
  if (concealments.includes('drop')) return 'drop';
  // Of two masks nobody can tell which shows less: the fixed one shows nothing (fails closed).
  return typeof first === 'function' && others.length === 0 ? first : fixedMask;
}

function admits(rule: Exclude<FieldRule, 'sensitive'>, viewer: MaskingViewer | undefined): boolean {
  if (viewer === undefined) return false;
  return (
    rule.roles.some((role) => viewer.hasRole(role) === true) ||
    rule.permissions.some((permission) => viewer.hasPermission?.(permission) === true)
  );
}

function fixedMask(): string {
  return MASK;
}

/** Stands for the field of which nothing is shown. */
export const DROPPED = Symbol('palisade.dropped');

const logger = new Logger('SecurityModule');
const reported = new WeakSet<object>();

/** What is left of a value that is not shown; a mask that fails shows nothing (fails closed). */
export function conceal(concealed: Concealed, source: object, field: PropertyKey): unknown {
  if (concealed === 'drop') return DROPPED;
  try {
    const masked = concealed((source as Fields)[field]);
    if (dropPromise(masked)) return failed(concealed, 'answered with a promise', source, field);
    return masked === undefined ? DROPPED : masked;
  } catch {
    return failed(concealed, 'threw', source, field);
  }
}

/** Logs each function once: whoever asks for the field may do so as often as they like. The error may quote the value. */
function failed(mask: object, problem: string, { constructor: { name } }: object, field: PropertyKey): typeof DROPPED {
  if (!reported.has(mask)) {
    reported.add(mask);
    logger.error(
      `"otherwise" of @VisibleTo at ${name}.${String(field)} ${problem}: the field is left out. Answer at once, for any value`,
    );
  }
  return DROPPED;
}

/**
 * An instance of the same class without the values that the view hides, for methods of the class to run on: whatever
 * a `toJSON` derives or renames, it cannot show what is not there.
 */
export function standIn(instance: object, plan: ClassPlan, view: View): object {
  const stand = Object.create(plan.prototype) as object;
  for (const field of Reflect.ownKeys(instance)) {
    const concealed = view.get(field);
    const descriptor = Object.getOwnPropertyDescriptor(instance, field) as PropertyDescriptor;
    if (concealed === undefined) {
      Object.defineProperty(stand, field, { ...descriptor, configurable: true });
      continue;
    }
    const value = conceal(concealed, instance, field);
    if (value !== DROPPED) define(stand, field, value, descriptor.enumerable);
  }
  for (const field of plan.accessors) {
    const concealed = view.get(field);
    if (concealed === undefined || Object.hasOwn(instance, field)) continue;
    const value = conceal(concealed, instance, field);
    define(stand, field, value === DROPPED ? undefined : value, false);
  }
  define(stand, CLEARED, true, false);
  return stand;
}

function define(target: object, field: PropertyKey, value: unknown, enumerable: boolean | undefined): void {
  Object.defineProperty(target, field, { value, enumerable: enumerable === true, writable: true, configurable: true });
}

/** Sets a field of a copy; `__proto__` becomes a field like any other instead of replacing the prototype. */
export function put(copy: Fields, field: string, value: unknown): void {
  if (field === '__proto__') define(copy, field, value, true);
  else copy[field] = value;
}

export function isCleared(value: object): boolean {
  return (value as Fields)[CLEARED] === true;
}
