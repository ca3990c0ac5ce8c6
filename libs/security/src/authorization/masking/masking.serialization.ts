import { Exclude, instanceToPlain, Transform } from 'class-transformer';
import { inspect, type InspectOptions } from 'node:util';
import { shared } from '../../core/copies.js';
import { isCleared, planOf, put, standIn, type ClassPlan, type Fields } from './masking.plan.js';
import { leaveTrace } from './masking.mapped-types.js';
import type { FieldRule, FieldRules } from './masking.rules.js';

/**
 * The ways out of the process that know no viewer: `JSON.stringify`, `util.inspect` (console, Nest's logger) and
 * class-transformer. Each shows nothing that has a rule (fails closed).
 */

type TransformFunction = Parameters<typeof Transform>[0];
export type ToJson = (this: object, key: string) => unknown;
type Inspection = (this: object, depth: number, options: InspectOptions, inspector: typeof inspect) => unknown;

const PLACEHOLDER = '[sensitive]';
const hidden = { [inspect.custom]: () => PLACEHOLDER };

/** The method of the class that stood where a guard now stands, if there was one. */
const guardedToJson = shared('masking-to-json', () => new WeakMap<object, ToJson | undefined>());
const guardedInspection = shared('masking-inspection', () => new WeakMap<object, Inspection | undefined>());

/**
 * Closes `JSON.stringify` and `util.inspect` for the instances of a class and of those that extend it. Answers false
 * where the prototype is frozen.
 */
export function sealPrototype(prototype: object): boolean {
  const json = sealMethod(prototype, 'toJSON', guardedToJson, guardToJson);
  return sealMethod(prototype, inspect.custom, guardedInspection, guardInspection) && json;
}

function sealMethod<M>(
  prototype: object,
  name: PropertyKey,
  guarded: WeakMap<object, M | undefined>,
  guard: (original: M | undefined) => M & object,
): boolean {
  const current = (prototype as Fields)[name];
  if (typeof current === 'function' && guarded.has(current)) return true;
  const original = typeof current === 'function' ? (current as M) : undefined;
  const value = guard(original);
  guarded.set(value, original);
  return Reflect.defineProperty(prototype, name, { value, enumerable: false, writable: true, configurable: true });
}

/** The `toJSON` that a class has of its own, behind the guard or not. */
export function ownToJson(instance: object): ToJson | undefined {
  const { toJSON } = instance as { toJSON?: unknown };
  if (typeof toJSON !== 'function') return undefined;
  return guardedToJson.has(toJSON) ? guardedToJson.get(toJSON) : (toJSON as ToJson);
}

function guardToJson(original: ToJson | undefined): ToJson {
  return function toJSON(key) {
    const shown = isCleared(this) ? this : closed(this);
    if (original === undefined) return shownFields(shown);
    if (shown === this) return original.call(shown, key);
    let json: unknown;
    try {
      json = original.call(shown, key);
    } catch {
      // It needed what is hidden. A logger that serializes must not fail for it.
      return PLACEHOLDER;
    }
    // JSON.stringify calls no second toJSON on what the first one answers with.
    return isExposed(json) ? shownFields(closed(json)) : json;
  };
}

function closed(instance: object): object {
  const plan = planOf(instance);
  return plan.rules === undefined ? instance : standIn(instance, plan, plan.closed);
}

function isExposed(json: unknown): json is object {
  return typeof json === 'object' && json !== null && !isCleared(json) && planOf(json).rules !== undefined;
}

function shownFields(shown: object): Fields {
  const copy = new (planOf(shown).Copy)();
  for (const field of Object.keys(shown)) put(copy, field, (shown as Fields)[field]);
  return copy;
}

function guardInspection(original: Inspection | undefined): Inspection {
  return function inspection(depth, options, inspector) {
    const plan = planOf(this);
    if (plan.rules === undefined) return original === undefined ? this : original.call(this, depth, options, inspector);
    if (original === undefined) return inspected(this, plan, plan.rules);
    const view = new Map([...plan.rules.keys()].map((field) => [field, () => PLACEHOLDER] as const));
    try {
      return original.call(standIn(this, plan, view), depth, options, inspector);
    } catch {
      return `[${String(this.constructor.name)}]`;
    }
  };
}

/** One object for an instance, so that `util.inspect` recognises a cycle. */
const inspections = new WeakMap<object, Fields>();

function inspected(instance: object, plan: ClassPlan, rules: FieldRules): Fields {
  const shown = inspections.get(instance) ?? inspectable(plan.prototype);
  inspections.set(instance, shown);
  for (const field of Reflect.ownKeys(shown)) if (field !== inspect.custom) delete shown[field];
  for (const field of Reflect.ownKeys(instance)) {
    const descriptor = Object.getOwnPropertyDescriptor(instance, field) as PropertyDescriptor;
    const shownAs = rules.has(field) ? { value: hidden, enumerable: descriptor.enumerable === true } : descriptor;
    Object.defineProperty(shown, field, { ...shownAs, configurable: true });
  }
  return shown;
}

function inspectable(prototype: object): Fields {
  return Object.create(prototype, { [inspect.custom]: { value: undefined } }) as Fields;
}

export interface SealedField {
  readonly rules: readonly FieldRule[];
  readonly value: unknown;
}

/**
 * Fields that class-transformer took out of an instance before masking saw it. They travel as functions, which JSON
 * leaves out, until masking asks for the value.
 */
const sealedFields = shared('masking-sealed-fields', () => new WeakMap<object, SealedField>());

export function sealedField(carrier: object): SealedField | undefined {
  return sealedFields.get(carrier);
}

/**
 * Keeps `instanceToPlain`, and with it Nest's ClassSerializerInterceptor, from turning an instance into a plain object
 * whose fields nobody can tell from others.
 */
export function sealTransformation(prototype: object, field: string, rule: FieldRule): void {
  if (rule === 'sensitive') {
    const nothing = () => undefined;
    leaveTrace(nothing, rule);
    Exclude({ toPlainOnly: true })(prototype, field);
    Transform(nothing, { toPlainOnly: true })(prototype, field);
    return;
  }
  const conceals: TransformFunction = ({ obj, value, options }) => {
    const source = obj as object;
    if (isCleared(source) || (typeof value === 'function' && sealedFields.has(value as object)))
      return value as unknown;
    const rules = planOf(source).rules?.get(field) ?? [rule];
    const carrier = () => `${field}: ${PLACEHOLDER}`;
    sealedFields.set(carrier, { rules, value: instanceToPlain(value, options) });
    return carrier;
  };
  leaveTrace(conceals, rule);
  Transform(conceals, { toPlainOnly: true })(prototype, field);
}
