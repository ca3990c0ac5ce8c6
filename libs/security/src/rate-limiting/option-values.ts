import type { ConfigurationProblem } from '../core/errors.js';
import { describe, isRecord } from '../core/options.rules.js';

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

export const NORMALIZATION_FIX = 'Leave it out, give (key) => text, or false to compare keys exactly';

export function normalizationProblem(value: unknown): string | undefined {
  if (value === false) return undefined;
  return typeof value === 'function' ? atOnce(value) : `must be a function or false, not ${describe(value)}`;
}

/** Adds a problem where the keys are normalized of a limit that has none: they are those of principals and addresses. */
export function checkNormalization(settings: unknown, where: string, problems: ConfigurationProblem[]): void {
  if (!isRecord(settings) || settings['normalize'] === undefined || typeof settings['by'] === 'function') return;
  problems.push({
    where: `${where}.normalize`,
    problem: 'is for the keys of a function, and "by" is not a function',
    fix: 'Leave it out, or give a function in "by"',
  });
}
