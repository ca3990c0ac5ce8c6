import { findShapeProblem, type ShapeBounds, type ShapeProblem } from '../core/input-shape.js';

/** How much of a body or a query is looked at before it is refused. */
export type InputBounds = ShapeBounds;

/** Why input is refused as a whole. The codes are stable: they are the `code` of the error body. */
export type InputProblem = 'input_key_forbidden' | 'input_too_deep' | 'input_too_many_keys' | 'input_text_too_long';

/** Fixed texts: nothing of the input is ever copied into an answer. */
export const INPUT_PROBLEMS: Readonly<Record<InputProblem, string>> = {
  input_key_forbidden: 'The request has a key that is not allowed anywhere',
  input_too_deep: 'The request is nested too deeply',
  input_too_many_keys: 'The request has too many keys or items',
  input_text_too_long: 'The request has a text that is too long',
};

const CODES: Readonly<Record<ShapeProblem, InputProblem>> = {
  key_forbidden: 'input_key_forbidden',
  too_deep: 'input_too_deep',
  too_many_keys: 'input_too_many_keys',
  too_many_objects: 'input_too_many_keys',
  text_too_long: 'input_text_too_long',
};

/** What is wrong with a body or a query before any rule of a class is asked, or `undefined`. */
export function findInputProblem(input: unknown, bounds: InputBounds): InputProblem | undefined {
  const problem = findShapeProblem(input, bounds);
  return problem && CODES[problem];
}
