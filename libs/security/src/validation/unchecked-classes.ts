import type { Type } from '@nestjs/common';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { getMetadataStorage } from 'class-validator';
import { NESTED } from './nested-shape.js';
import { hasRules } from './rule-messages.js';

/** A property whose class has rules that nothing applies, for want of `@ValidateNested()`. */
export interface UncheckedProperty {
  /** `Order.address`. */
  readonly property: string;
  /** The class that it holds. */
  readonly holds: string;
}

/**
 * Finds the properties of a class, and of those nested in it, that hold another class with rules and do not say
 * `@ValidateNested()`: class-validator passes their content on as it comes, unknown properties included.
 */
export function uncheckedProperties(root: Type, seen = new Set<unknown>()): readonly UncheckedProperty[] {
  if (seen.has(root)) return [];
  seen.add(root);
  const rules = getMetadataStorage().getTargetValidationMetadatas(root, '', false, false);
  const nested = new Set(rules.filter(({ type }) => type === NESTED).map(({ propertyName }) => propertyName));
  return [...new Set(rules.map(({ propertyName }) => propertyName))].flatMap((name) => {
    const held = classOf(root, name);
    if (held === undefined || !hasRules(held)) return [];
    if (nested.has(name)) return uncheckedProperties(held, seen);
    return [{ property: `${root.name}.${name}`, holds: held.name }];
  });
}

/** The class of a property, or of the items of a list, as far as anything tells. */
function classOf(target: Type, property: string): Type | undefined {
  const said = typeOf(target, property);
  const held = said ?? (Reflect.getMetadata('design:type', target.prototype as object, property) as unknown);
  return typeof held === 'function' ? (held as Type) : undefined;
}

/** What `@Type(() => Item)` says; a function that needs an instance tells nothing before there is one. */
function typeOf(target: Type, property: string): unknown {
  try {
    return defaultMetadataStorage.findTypeMetadata?.(target, property)?.typeFunction?.();
  } catch {
    return undefined;
  }
}

/** Says which properties nobody checks, and what to write instead; one text for all of an application. */
export function uncheckedPropertyWarnings(classes: Iterable<Type>): readonly string[] {
  const seen = new Set<unknown>();
  const found = [...classes].flatMap((root) => uncheckedProperties(root, seen));
  if (found.length === 0) return [];
  const places = found.map(({ property, holds }) => `${property} (the rules of ${holds})`);
  return [
    `Nothing applies the rules of what these properties hold: ${places.join(', ')}. ` +
      'Add @ValidateNested() and @Type(), for a list @ValidateNested({ each: true })',
  ];
}
