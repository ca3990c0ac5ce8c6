import { recognizeAcrossCopies } from '../core/copies.js';
import { BadRequestException } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { errorBody, type SecurityErrorBody } from '../core/errors.js';
import { isQuotable } from './rule-messages.js';
import { INPUT_PROBLEMS, type InputProblem } from './validation.policy.js';

/** A field that breaks rules: its path (`items[2].amount`), the names of the rules, and a text for each. */
export interface FieldProblem {
  readonly field: string;
  readonly rules: readonly string[];
  readonly messages: readonly string[];
}

/** The body of the answer to input that is refused. */
export interface InvalidRequestBody extends SecurityErrorBody {
  readonly fields?: readonly FieldProblem[];
}

/** Thrown for input that is refused. It names fields and rules and holds no value of the request. */
export class InvalidRequestException extends BadRequestException {
  constructor(
    readonly code: InputProblem | 'validation_failed',
    readonly fields?: readonly FieldProblem[],
  ) {
    const message = code === 'validation_failed' ? 'The request is not valid' : INPUT_PROBLEMS[code];
    const body: InvalidRequestBody = { ...errorBody(400, message, code), ...(fields && { fields }) };
    super(body);
  }
}

/** Names of unknown properties come from the client. */
const LONGEST_PATH = 200;

/** Texts that stand in for those of class-validator. */
const UNKNOWN_PROPERTY = 'whitelistValidation';
const TEXTS: Readonly<Record<string, string>> = {
  [UNKNOWN_PROPERTY]: 'is not a known property',
  isObject: 'must be an object',
  nestedValidation: 'must be an object or a list of objects',
};
const WITHHELD = 'is not valid';

export function refusedField(field: string, rule: string, text = TEXTS[rule] ?? WITHHELD): InvalidRequestException {
  return new InvalidRequestException('validation_failed', [{ field, rules: [rule], messages: [text] }]);
}

/** Refuses properties that no class declares, by their paths. */
export function unknownFields(paths: readonly string[]): InvalidRequestException {
  const messages = [TEXTS[UNKNOWN_PROPERTY] as string];
  return new InvalidRequestException(
    'validation_failed',
    paths.map((path) => ({ field: bounded(path), rules: [UNKNOWN_PROPERTY], messages })),
  );
}

/** Where an error stands: its path, and the class and property whose rules the items of a list are checked by. */
interface Place {
  readonly path: string;
  readonly target: object | undefined;
  readonly property: string;
}

/** What Nest and class-validator report of one field; Nest's own reports have no target. */
export type ReportedError = Pick<ValidationError, 'property' | 'constraints'> & {
  readonly target?: object | undefined;
  readonly children?: readonly ReportedError[] | undefined;
};

/** The fields that broke rules, at most `limit` of them, in the order they were reported. */
export function fieldProblems(errors: readonly ReportedError[], limit: number): readonly FieldProblem[] {
  const problems: FieldProblem[] = [];
  collect(errors, undefined, problems, limit);
  return problems;
}

function collect(
  errors: readonly ReportedError[],
  parent: Place | undefined,
  problems: FieldProblem[],
  limit: number,
): void {
  for (const error of errors) {
    if (problems.length >= limit) return;
    const place = placeOf(error, parent);
    const rules = Object.keys(error.constraints ?? {});
    if (rules.length > 0) {
      problems.push({ field: place.path, rules, messages: rules.map((rule) => textOf(error, rule, place)) });
    }
    if (error.children !== undefined && error.children.length > 0) collect(error.children, place, problems, limit);
  }
}

function placeOf({ property, target }: ReportedError, parent: Place | undefined): Place {
  const name = String(property);
  if (parent === undefined) return { path: bounded(name), target, property: name };
  if (isItem(target, name))
    return { path: bounded(`${parent.path}[${name}]`), target: parent.target, property: parent.property };
  return { path: bounded(`${parent.path}.${name}`), target, property: name };
}

function isItem(target: object | undefined, name: string): boolean {
  if (target === undefined) return /^\d+$/u.test(name);
  return Array.isArray(target) || target instanceof Set || target instanceof Map;
}

function bounded(path: string): string {
  return path.length > LONGEST_PATH ? `${path.slice(0, LONGEST_PATH)}…` : path;
}

function textOf(error: ReportedError, rule: string, { target, property }: Place): string {
  const text = error.constraints?.[rule];
  const isKnown = rule !== UNKNOWN_PROPERTY && target !== undefined;
  if (isKnown && text !== undefined && text !== '' && isQuotable(target, property, rule)) return text;
  return TEXTS[rule] ?? WITHHELD;
}

recognizeAcrossCopies(InvalidRequestException, 'invalid-request');
