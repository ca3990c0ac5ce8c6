import { types } from 'node:util';
import { SecurityConfigurationError } from '../../core/errors.js';
import { isRecord, nearestName } from '../../core/options.rules.js';
import { declareRule, type Concealment, type FieldRule } from './masking.rules.js';
import { sealPrototype, sealTransformation } from './masking.serialization.js';

/** Who sees a field, and what the others get. Holding any of the roles or any of the permissions suffices. */
export interface VisibilityOptions {
  /** Through the role hierarchy. */
  roles?: readonly string[];
  permissions?: readonly string[];
  /**
   * What everybody else gets: nothing, `***`, or what a function makes of the value. A function that throws, or answers
   * `undefined` or a promise, shows nothing.
   * @default 'drop'
   */
  otherwise?: Concealment;
}

const OPTIONS = ['roles', 'permissions', 'otherwise'];

/**
 * A field that never leaves: neither in answers, whoever asks, nor in logs.
 *
 * It holds for instances of the class, in the answers of handlers and through `JSON.stringify`, `util.inspect` and
 * class-transformer. For storage as well: a cache that is given `JSON.stringify(account)` does not keep the field. It
 * cannot hold for what reads the fields itself: `{ ...account }`, `Object.assign`, `structuredClone`, templates,
 * `console.dir`, `console.table`, and pino where it is given the instance alone instead of `{ account }`.
 *
 * @throws SecurityConfigurationError when it stands on a method or a static member
 */
export function Sensitive(): PropertyDecorator {
  return declaring('Sensitive', () => 'sensitive');
}

/**
 * A field shown in answers only to those who hold one of the roles or permissions; everybody else gets the answer
 * without it, or with a mask. Where no caller is known (logs, `JSON.stringify`) it is left out. Several of them on one
 * field, or in a base class and a subclass, must all be satisfied.
 *
 * The limits are those of {@link Sensitive}. Put it below class-transformer's `@Transform` of the same field, which
 * would otherwise run after it. A `toJSON` of the class runs on an instance without the hidden fields.
 *
 * ```ts
 * @VisibleTo('auditor', 'teller')
 * balance: number;
 *
 * @VisibleTo({ roles: ['teller'], otherwise: (iban) => `…${String(iban).slice(-4)}` })
 * iban: string;
 * ```
 *
 * @throws SecurityConfigurationError when it names nobody, or stands on a method or a static member
 */
export function VisibleTo(...roles: readonly [string, ...string[]]): PropertyDecorator;
export function VisibleTo(options: VisibilityOptions): PropertyDecorator;
export function VisibleTo(...names: readonly (string | VisibilityOptions)[]): PropertyDecorator {
  return declaring('VisibleTo', (where) => {
    const [first] = names;
    return visibility(where, isRecord(first) ? first : { roles: names as readonly string[] });
  });
}

function declaring(decorator: string, ruleFor: (where: string) => FieldRule): PropertyDecorator {
  return (target: object, field: string | symbol, descriptor?: PropertyDescriptor) => {
    const isStatic = typeof target === 'function';
    const where = `@${decorator} on ${(isStatic ? target : target.constructor).name}.${String(field)}`;
    if (isStatic || typeof descriptor?.value === 'function') {
      refuse(where, 'stands on what is no field of an instance', 'Put it on a property or a getter');
    }
    const rule = ruleFor(where);
    declareRule(target, field, rule);
    if (!sealPrototype(target)) refuse(where, 'stands in a class whose prototype is frozen', 'Freeze it afterwards');
    if (typeof field === 'string') sealTransformation(target, field, rule);
  };
}

function visibility(where: string, options: Readonly<Record<string, unknown>>): FieldRule {
  for (const key of Object.keys(options)) {
    if (OPTIONS.includes(key)) continue;
    const nearest = nearestName(key, OPTIONS);
    const fix = nearest === undefined ? `Known here: ${OPTIONS.join(', ')}` : `Did you mean "${nearest}"?`;
    refuse(where, `has the option "${key}", which is not known`, fix);
  }
  const { roles = [], permissions = [], otherwise = 'drop' } = options;
  if (!isNames(roles) || !isNames(permissions) || roles.length + permissions.length === 0) {
    refuse(where, 'does not say who sees the field', "Name roles or permissions, as in @VisibleTo('auditor')");
  }
  if (otherwise !== 'drop' && otherwise !== 'mask' && typeof otherwise !== 'function') {
    refuse(where, 'has an "otherwise" that is not known', "Use 'drop', 'mask' or a function");
  }
  if (types.isAsyncFunction(otherwise)) {
    refuse(where, 'has an "otherwise" that is asynchronous', 'Write a function that answers at once');
  }
  return Object.freeze({ roles: [...roles], permissions: [...permissions], otherwise: otherwise as Concealment });
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '');
}

function refuse(where: string, problem: string, fix: string): never {
  throw new SecurityConfigurationError([{ where, problem, fix }]);
}
