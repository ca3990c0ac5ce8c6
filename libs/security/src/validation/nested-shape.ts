import { getMetadataStorage, type ValidationError } from 'class-validator';

/** The metadata type of `@ValidateNested()`. */
const NESTED = 'nestedValidation';

type Misshapen = Pick<ValidationError, 'property' | 'constraints' | 'children'>;

/**
 * The nested fields that hold a list where their class has an object, or the other way round. class-validator looks at
 * the items of a list whichever was declared: an empty list would do for an object with required fields. Fields of no
 * declared type (unions) are left to the rules.
 */
export function misshapenFields(instance: object): Misshapen[] {
  const errors: Misshapen[] = [];
  for (const property of nestedProperties(instance)) {
    const value: unknown = (instance as Record<string, unknown>)[property];
    if (value === undefined || value === null) continue;
    const declared: unknown = Reflect.getMetadata('design:type', instance, property);
    const error = Array.isArray(value)
      ? listError(property, value, declared)
      : declared === Array
        ? wrongShape(property, 'must be a list')
        : objectError(property, value);
    if (error !== undefined) errors.push(error);
  }
  return errors;
}

function listError(property: string, list: readonly unknown[], declared: unknown): Misshapen | undefined {
  if (isClass(declared)) return wrongShape(property, 'must be an object');
  const children = list.flatMap((item, index) => {
    const error = Array.isArray(item)
      ? wrongShape(String(index), 'must be an object')
      : objectError(String(index), item);
    return error === undefined ? [] : [error];
  });
  return children.length === 0 ? undefined : { property, children };
}

function objectError(property: string, value: unknown): Misshapen | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const children = misshapenFields(value);
  return children.length === 0 ? undefined : { property, children };
}

function wrongShape(property: string, text: string): Misshapen {
  return { property, constraints: { nestedValidation: text } };
}

/** A class of the application; `Object` is what unions and interfaces leave behind. */
function isClass(declared: unknown): boolean {
  return typeof declared === 'function' && ![Object, Array, Set, Map].includes(declared as never);
}

const known = new WeakMap<object, readonly string[]>();

function nestedProperties({ constructor }: object): readonly string[] {
  let properties = known.get(constructor);
  if (properties === undefined) {
    const all = getMetadataStorage().getTargetValidationMetadatas(constructor, '', false, false);
    properties = [...new Set(all.filter(({ type }) => type === NESTED).map(({ propertyName }) => propertyName))];
    known.set(constructor, properties);
  }
  return properties;
}
