import { describe } from '../core/options.rules.js';

export function oneOf(values: readonly string[]): (value: unknown) => string | undefined {
  return (value) => (values.includes(value as string) ? undefined : `must be one of ${values.join(', ')}`);
}

export function flag(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`;
}

export function functionOr(check: (value: unknown) => string | undefined): (value: unknown) => string | undefined {
  return (value) => (typeof value === 'function' ? undefined : check(value));
}

export const onlyFunction = functionOr((value) => `must be a function, not ${describe(value)}`);

/** A function that is not asynchronous: a promise would be taken for an answer, whatever it becomes. */
export function atOnce(value: unknown): string | undefined {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]'
    ? 'must answer at once'
    : onlyFunction(value);
}

export function atOnceOr(check: (value: unknown) => string | undefined): (value: unknown) => string | undefined {
  return (value) => (typeof value === 'function' ? atOnce(value) : check(value));
}
