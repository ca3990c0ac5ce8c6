import type { ConfigurationProblem } from '../core/errors.js';
import { checkOptions, describe, OptionalRule, wholeNumber } from '../core/options.rules.js';

/** How bodies, queries and parameters are checked before a handler sees them. */
export interface ValidationOptions {
  /**
   * What becomes of properties that the class of a parameter does not declare: the request is refused, or they are
   * dropped.
   * @default 'refuse'
   */
  unknownProperties?: 'refuse' | 'drop';
  /**
   * Levels of objects and lists within each other, in a body or a query; 1 to 256.
   * @default 16
   */
  maxDepth?: number;
  /**
   * Keys of objects and items of lists, in a whole body or query.
   * @default 10000
   */
  maxKeys?: number;
  /**
   * Objects and lists, in a whole body or query: each of them is as much work to its class as a hundred bytes of text.
   * @default 1000
   */
  maxObjects?: number;
  /**
   * Applications of rules to values, in a whole body or query: a list of 100 items whose class has five rules needs 500,
   * and one for each item. A hundred thousand would keep the process busy for half a second.
   * @default 10000
   */
  maxRules?: number;
  /**
   * Characters of one text or key. How large a whole body may be is the HTTP adapter's limit (100 kB on Express, 1 MiB
   * on Fastify).
   * @default 1000000
   */
  maxStringLength?: number;
  /**
   * Fields that one answer names at most; the rest is left out.
   * @default 50
   */
  maxFields?: number;
  /**
   * Name only the first rule that a field breaks.
   * @default false
   */
  stopAtFirstError?: boolean;
}

export const VALIDATION_DEFAULTS: Readonly<Required<ValidationOptions>> = Object.freeze({
  unknownProperties: 'refuse',
  maxDepth: 16,
  maxKeys: 10_000,
  maxObjects: 1000,
  maxRules: 10_000,
  maxStringLength: 1_000_000,
  maxFields: 50,
  stopAtFirstError: false,
});

// class-transformer and class-validator recurse: 256 levels are far from the end of the stack.
const DEEPEST = 256;

class ValidationRules {
  @OptionalRule(
    (value) =>
      value === 'refuse' || value === 'drop' ? undefined : `must be 'refuse' or 'drop', not ${describe(value)}`,
    "Leave it out to refuse them; 'drop' removes them from what the handler gets",
  )
  unknownProperties?: unknown;

  @OptionalRule(wholeNumber(1, DEEPEST), 'Leave it out for 16')
  maxDepth?: unknown;

  @OptionalRule(wholeNumber(1), 'Leave it out for 10000')
  maxKeys?: unknown;

  @OptionalRule(wholeNumber(1), 'Leave it out for 1000')
  maxObjects?: unknown;

  @OptionalRule(wholeNumber(1), 'Leave it out for 10000')
  maxRules?: unknown;

  @OptionalRule(wholeNumber(1), 'Leave it out for 1000000')
  maxStringLength?: unknown;

  @OptionalRule(wholeNumber(1, 1000), 'Leave it out for 50')
  maxFields?: unknown;

  @OptionalRule(
    (value) => (typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`),
    'Leave it out to name every rule that is broken',
  )
  stopAtFirstError?: unknown;
}

/** Adds what is wrong with the options to `problems`. */
export function checkValidationOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(ValidationRules, options, path, problems);
}
