import { getMetadataStorage, type ValidationError } from 'class-validator';

/** The metadata type of `@ValidateNested()`. */
export const NESTED = 'nestedValidation';

type Misshapen = Pick<ValidationError, 'property' | 'constraints' | 'children'>;

/**
 * Returns the nested fields that hold a list where their class has an object, or the other way round. class-validator
 * looks at the items of a list whichever was declared: an empty list would do for an object with required fields. Where
 * the compiler left no class (of a union, an interface), `@ValidateNested({ each: true })` stands for a list.
 */
export function misshapenFields(instance: object): Misshapen[] {
  const errors: Misshapen[] = [];
  for (const { property, shape } of nestedProperties(instance)) {
    const value: unknown = (instance as Record<string, unknown>)[property];
    if (value === undefined || value === null) continue;
    const error = Array.isArray(value)
      ? listError(property, value, shape)
      : shape === 'list'
        ? wrongShape(property, 'must be a list')
        : objectError(property, value);
    if (error !== undefined) errors.push(error);
  }
  return errors;
}

function listError(property: string, list: readonly unknown[], shape: Shape): Misshapen | undefined {
  if (shape === 'object') return wrongShape(property, 'must be an object');
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

/** `collection`: a set or a map, which class-transformer makes of either. */
type Shape = 'object' | 'list' | 'collection';

interface NestedProperty {
  readonly property: string;
  readonly shape: Shape;
}

const known = new WeakMap<object, readonly NestedProperty[]>();

function nestedProperties(instance: object): readonly NestedProperty[] {
  const { constructor } = instance;
  let properties = known.get(constructor);
  if (properties === undefined) {
    const nested = getMetadataStorage()
      .getTargetValidationMetadatas(constructor, '', false, false)
      .filter(({ type }) => type === NESTED);
    const names = new Set(nested.map(({ propertyName }) => propertyName));
    properties = [...names].map((property) => {
      const each = nested.some((rule) => rule.propertyName === property && rule.each);
      return { property, shape: shapeOf(Reflect.getMetadata('design:type', instance, property), each) };
    });
    known.set(constructor, properties);
  }
  return properties;
}

/** `Object`, or nothing, is what the compiler leaves of unions and interfaces. */
function shapeOf(declared: unknown, each: boolean): Shape {
  if (declared === Set || declared === Map) return 'collection';
  if (declared === Array) return 'list';
  if (typeof declared === 'function' && declared !== Object) return 'object';
  return each ? 'list' : 'object';
}
