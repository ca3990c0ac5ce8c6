import { ALLOWED, denied, type Decision, type DenialReason } from '../../core/decision.js';
import { findShapeProblem, type ShapeProblem } from '../../core/input-shape.js';

/** How much of a parsed body is looked at before it is refused. */
export interface BodyBounds {
  readonly maxDepth: number;
  readonly maxKeys: number;
}

const REASONS: Readonly<Record<ShapeProblem, DenialReason>> = {
  key_forbidden: 'input_key_forbidden',
  too_deep: 'input_too_deep',
  too_many_keys: 'input_too_many_keys',
  too_many_objects: 'input_too_many_keys',
  text_too_long: 'input_text_too_long',
};

/**
 * Decides on a body that was parsed, of JSON or of a form: refuses keys that reach a prototype (`__proto__`,
 * `constructor`, `prototype`; CWE-1321), and more levels or keys than allowed. Texts are bounded by the body's limit.
 */
export function refusedBody(body: unknown, { maxDepth, maxKeys }: BodyBounds): Decision {
  // Nothing to walk, nothing to allocate.
  if (typeof body !== 'object' || body === null) return ALLOWED;
  const problem = findShapeProblem(body, { maxDepth, maxKeys, maxStringLength: Infinity });
  return problem === undefined ? ALLOWED : denied(REASONS[problem]);
}
