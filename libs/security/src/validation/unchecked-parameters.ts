import type { ArgumentMetadata, Type } from '@nestjs/common';
import { hasRules } from './rule-messages.js';

/** A parameter that reaches its handler without a class or type to be checked by. */
export interface UncheckedParameter {
  /** As it stands in the code: `@Body()`, or `@Query('from')`. */
  readonly decorator: string;
  /** What the compiler left of its type; `undefined` where it left no types at all. */
  readonly erased: 'object' | 'list' | 'date' | 'bytes' | 'unasked' | undefined;
}

// Metadata keys of Nest (`METHOD_METADATA`, `ROUTE_ARGS_METADATA`, `PIPES_METADATA`) and of TypeScript.
const REQUEST_METHOD = 'method';
const ROUTE_ARGUMENTS = '__routeArguments__';
const PIPES = '__pipes__';
const PARAMETER_TYPES = 'design:paramtypes';

/** Nest's `RouteParamtypes`; texts of a path are checked by nobody's class and cannot be anything else than texts. */
const DECORATORS: ReadonlyMap<string, 'Body' | 'Query'> = new Map([
  ['3', 'Body'],
  ['4', 'Query'],
]);

const ERASED: ReadonlyMap<unknown, UncheckedParameter['erased']> = new Map<unknown, UncheckedParameter['erased']>([
  [undefined, undefined],
  [Object, 'object'],
  [Array, 'list'],
  [Date, 'date'],
  [Buffer, 'bytes'],
]);

/** Of these Nest has no validation pipe look at a class. */
const UNASKED: ReadonlyMap<string, 'Headers' | 'HostParam' | 'Cookies' | 'SignedCookies'> = new Map([
  ['6', 'Headers'],
  ['10', 'HostParam'],
  ['14', 'Cookies'],
  ['15', 'SignedCookies'],
]);

interface RouteArgument {
  readonly index: number;
  readonly data?: unknown;
  readonly pipes?: readonly unknown[];
}

/**
 * Finds the parameters of a handler whose type does not outlive compilation: of an interface, a union, a generic or
 * `Partial<…>` TypeScript leaves `Object`, of a list `Array`, and without `emitDecoratorMetadata` nothing. A parameter,
 * handler or controller with a pipe of its own is left to that pipe.
 */
export function uncheckedParameters(controller: Type, method: string): readonly UncheckedParameter[] {
  const declared = Reflect.getMetadata(ROUTE_ARGUMENTS, controller, method) as
    Readonly<Record<string, RouteArgument>> | undefined;
  if (declared === undefined) return [];
  const prototype = controller.prototype as Record<string, object | undefined>;
  const handler = prototype[method];
  // What GraphQL or a gateway calls has parameters of its own under the same key.
  if (handler === undefined || !Reflect.hasMetadata(REQUEST_METHOD, handler)) return [];
  if (hasPipes(controller) || hasPipes(handler)) return [];
  const types = Reflect.getMetadata(PARAMETER_TYPES, prototype, method) as readonly unknown[] | undefined;
  return Object.entries(declared)
    .toSorted(([, one], [, other]) => one.index - other.index)
    .flatMap(([key, { index, data, pipes = [] }]) => {
      if (pipes.length > 0) return [];
      const kind = key.split(':')[0] as string;
      const type = types?.[index];
      const name = DECORATORS.get(kind) ?? UNASKED.get(kind);
      const decorator = `@${name}(${typeof data === 'string' ? `'${data}'` : ''})`;
      if (DECORATORS.has(kind)) return ERASED.has(type) ? [{ decorator, erased: ERASED.get(type) }] : [];
      const isAsked = name === undefined || typeof type !== 'function' || ERASED.has(type) || !hasRules(type);
      return isAsked ? [] : [{ decorator, erased: 'unasked' as const }];
    });
}

function hasPipes(target: object | undefined): boolean {
  const pipes = target && (Reflect.getMetadata(PIPES, target) as readonly unknown[] | undefined);
  return pipes !== undefined && pipes.length > 0;
}

/** The classes that handlers' parameters are declared as, other than those that TypeScript leaves of no class. */
export function parameterClasses(controller: Type, method: string): readonly Type[] {
  const types = Reflect.getMetadata(PARAMETER_TYPES, controller.prototype as object, method) as
    readonly unknown[] | undefined;
  return (types ?? []).filter((type): type is Type => typeof type === 'function' && !ERASED.has(type));
}

/** Says which parameters nobody checks, and what to write instead; one text for all of an application. */
export function uncheckedWarnings(
  handlers: readonly { readonly id: string; readonly controller: Type; readonly method: string }[],
): readonly string[] {
  const untyped: string[] = [];
  const erased: string[] = [];
  for (const { id, controller, method } of handlers) {
    for (const parameter of uncheckedParameters(controller, method)) {
      if (parameter.erased === undefined) untyped.push(`${parameter.decorator} of ${id}`);
      else erased.push(`${parameter.decorator} of ${id} (${LEFT_AS[parameter.erased]})`);
    }
  }
  const warnings: string[] = [];
  if (untyped.length > 0) {
    warnings.push(
      `No rule of a class checks ${untyped.join(', ')}: the compiler left no types of parameters. ` +
        'Compile with emitDecoratorMetadata (in SWC: transform.decoratorMetadata), or give these parameters a pipe',
    );
  }
  if (erased.length > 0) {
    warnings.push(
      `No rule of a class checks ${erased.join(', ')}: only the size and depth of the input are bounded. ` +
        'Declare the parameter as a class with rules, or give it a pipe: ' +
        '@Body(new ParseArrayPipe({ items: Item, whitelist: true, forbidNonWhitelisted: true })) for a list',
    );
  }
  return warnings;
}

const LEFT_AS: Readonly<Record<NonNullable<UncheckedParameter['erased']>, string>> = {
  object: 'an interface, a union, a generic or unknown',
  list: 'a list',
  date: 'a Date, which arrives as text',
  bytes: 'bytes',
  unasked: 'Nest validates bodies, queries and paths only',
};

const SHAPES: ReadonlyMap<unknown, { readonly rule: string; readonly text: string; fits(value: unknown): boolean }> =
  new Map<unknown, { readonly rule: string; readonly text: string; fits(value: unknown): boolean }>([
    [Array, { rule: 'isArray', text: 'must be a list', fits: Array.isArray }],
    [String, { rule: 'isString', text: 'must be text', fits: (value) => typeof value === 'string' }],
    [Number, { rule: 'isNumber', text: 'must be a number', fits: Number.isFinite }],
    [Boolean, { rule: 'isBoolean', text: 'must be true or false', fits: (value) => typeof value === 'boolean' }],
  ]);

/** Returns what is wrong with a body that is no more than its plain type: a list or text where that is declared. */
export function bodyOfOtherShape(
  value: unknown,
  { metatype, data }: ArgumentMetadata,
): { readonly rule: string; readonly text: string } | undefined {
  if (value === undefined) return undefined;
  // Single fields of other types than lists are converted, and judged there; a field may be null as it may be absent.
  if (data !== undefined && (metatype !== Array || value === null)) return undefined;
  const shape = SHAPES.get(metatype);
  return shape === undefined || shape.fits(value) ? undefined : shape;
}
