import { getMetadataStorage } from 'class-validator';
import { NESTED } from './nested-shape.js';

/** How much there is to check in an instance, before any rule is asked. */
export interface RuleCount {
  /** Applications of a rule to a value: one more than the bound where there are more. */
  readonly rules: number;
  /** Paths of unknown properties: one more than the bound where there are more. */
  readonly unknown: readonly string[];
}

export interface RuleCountBounds {
  readonly maxRules: number;
  readonly maxUnknown: number;
}

/**
 * Counts the work that an instance is to class-validator, which asks every rule of every object before it reports: a
 * list of `{}`, three bytes each, is refused by all rules of its class, nine thousand times. Stops at the first bound.
 */
export function countRules(instance: object, bounds: RuleCountBounds): RuleCount {
  const count = new Counting(bounds);
  count.ofInstance(instance, '');
  return count;
}

class Counting implements RuleCount {
  rules = 0;
  readonly unknown: string[] = [];

  constructor(private readonly bounds: RuleCountBounds) {}

  ofInstance(instance: object, path: string): void {
    const properties = propertiesOf(instance);
    for (const name of Object.keys(instance)) {
      // A class without rules is refused as a whole.
      if (properties.size === 0 || properties.has(name)) continue;
      if (this.isDone) return;
      this.unknown.push(path === '' ? name : `${path}.${name}`);
    }
    // One more than its rules: to find them costs something as well.
    this.rules++;
    for (const [name, { rules, ofItems, isNested }] of properties) {
      if (this.isDone) return;
      const value: unknown = (instance as Record<string, unknown>)[name];
      this.rules += rules + (ofItems === 0 ? 0 : ofItems * sizeOf(value));
      if (isNested) this.ofNested(value, path === '' ? name : `${path}.${name}`);
    }
  }

  /** As class-validator goes: into the items of lists, sets and maps, and of lists in them. */
  private ofNested(value: unknown, path: string): void {
    if (typeof value !== 'object' || value === null) return;
    if (!isCollection(value)) return this.ofInstance(value, path);
    let index = 0;
    for (const item of value instanceof Map ? value.values() : value) {
      if (this.isDone) return;
      // An item that is no object is an error of its own, which costs as much as two rules.
      this.rules += typeof item === 'object' && item !== null ? 1 : 2;
      this.ofNested(item, `${path}[${index++}]`);
    }
  }

  private get isDone(): boolean {
    return this.rules > this.bounds.maxRules || this.unknown.length > this.bounds.maxUnknown;
  }
}

type Collection = readonly unknown[] | ReadonlySet<unknown> | ReadonlyMap<unknown, unknown>;

function isCollection(value: object): value is Collection {
  return Array.isArray(value) || value instanceof Set || value instanceof Map;
}

function sizeOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || !isCollection(value)) return 1;
  return 'length' in value ? value.length : value.size;
}

interface RuledProperty {
  readonly rules: number;
  readonly ofItems: number;
  readonly isNested: boolean;
}

const known = new WeakMap<object, ReadonlyMap<string, RuledProperty>>();

function propertiesOf({ constructor }: object): ReadonlyMap<string, RuledProperty> {
  // An object without a prototype has no class, and what a client calls `constructor` is none.
  if (typeof constructor !== 'function') return NONE;
  const found = known.get(constructor);
  if (found !== undefined) return found;
  const properties = new Map<string, RuledProperty>();
  for (const { propertyName, type, each } of getMetadataStorage().getTargetValidationMetadatas(
    constructor,
    '',
    false,
    false,
  )) {
    const { rules, ofItems, isNested } = properties.get(propertyName) ?? { rules: 0, ofItems: 0, isNested: false };
    const ofEach = each && type !== NESTED;
    properties.set(propertyName, {
      rules: rules + (ofEach ? 0 : 1),
      ofItems: ofItems + (ofEach ? 1 : 0),
      isNested: isNested || type === NESTED,
    });
  }
  known.set(constructor, properties);
  return properties;
}

const NONE: ReadonlyMap<string, RuledProperty> = new Map();
