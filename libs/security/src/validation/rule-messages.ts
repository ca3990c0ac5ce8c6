import * as classValidator from 'class-validator';
import { getMetadataStorage } from 'class-validator';

type RuleMetadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** The names of the rules that class-validator brings: their texts tell of the rule, never of the value. */
const BUILT_IN: ReadonlySet<unknown> = new Set(
  Object.values(classValidator).filter((name) => typeof name === 'string'),
);

const VALUE = '$value';

const quotable = new WeakMap<object, ReadonlyMap<string, boolean>>();

const ruled = new WeakMap<object, boolean>();

/** True for a class with rules, of its own or inherited. */
export function hasRules(target: NewableFunction): boolean {
  let answer = ruled.get(target);
  if (answer === undefined) {
    answer = getMetadataStorage().getTargetValidationMetadatas(target, '', true, false).length > 0;
    ruled.set(target, answer);
  }
  return answer;
}

/**
 * True where the text of a broken rule cannot hold the value: a fixed text that does not ask for it, or the text of a
 * rule of class-validator's own. A function, or a rule of the application that makes its texts itself, may say
 * anything (fails closed).
 */
export function isQuotable(target: object, property: string, rule: string): boolean {
  const { constructor } = target;
  if (typeof constructor !== 'function') return false;
  let ofClass = quotable.get(constructor);
  if (ofClass === undefined) {
    ofClass = quotableRules(constructor);
    quotable.set(constructor, ofClass);
  }
  return ofClass.get(keyOf(property, rule)) === true;
}

// eslint-disable-next-line typescript/no-unsafe-function-type
function quotableRules(target: Function): ReadonlyMap<string, boolean> {
  const storage = getMetadataStorage();
  const rules = new Map<string, boolean>();
  for (const metadata of storage.getTargetValidationMetadatas(target, '', true, false)) {
    const [constraint] = storage.getTargetValidatorConstraints(metadata.constraintCls);
    const rule = constraint?.name ?? metadata.type;
    const key = keyOf(metadata.propertyName, rule);
    // Of two rules of one name nobody can tell which one was broken.
    rules.set(key, rules.get(key) !== false && isFixed(metadata, rule));
  }
  return rules;
}

function isFixed({ message, constraints }: RuleMetadata, rule: string): boolean {
  if (typeof message === 'function') return false;
  const hasText = typeof message === 'string' && message !== '';
  if (!hasText && !BUILT_IN.has(rule)) return false;
  // class-validator puts constraints into the text before the value: `@Contains('$value')` would ask for it.
  const texts: unknown[] = [message, ...((constraints ?? []) as unknown[])].flat(2);
  return texts.every((text) => typeof text === 'object' || !String(text).includes(VALUE));
}

function keyOf(property: string, rule: string): string {
  return `${property}\n${rule}`;
}
