import { shared } from '../../core/copies.js';
import { tracedRules } from './masking.mapped-types.js';

/** What takes the place of a field that is masked, whatever the length of the value. */
export const MASK = '***';

/** What those who may not see a field get: nothing, a fixed mask, or what a function makes of the value. */
export type Concealment = 'drop' | 'mask' | ((value: unknown) => unknown);

/** Who sees a field: whoever holds any of the roles or any of the permissions. */
export interface VisibilityRule {
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly otherwise: Concealment;
}

export type FieldRule = 'sensitive' | VisibilityRule;

/** The rules of a class by field; a field with several rules is seen by those who satisfy all of them. */
export type FieldRules = ReadonlyMap<PropertyKey, readonly FieldRule[]>;

const rules = shared('masking-rules', () => ({
  declared: new WeakMap<object, Map<PropertyKey, readonly FieldRule[]>>(),
  roleNames: new Set<string>(),
  count: 0,
}));

/** Adds a rule to a field of the class that has this prototype. */
export function declareRule(prototype: object, field: PropertyKey, rule: FieldRule): void {
  const own = rules.declared.get(prototype) ?? new Map<PropertyKey, readonly FieldRule[]>();
  rules.declared.set(prototype, own.set(field, [...(own.get(field) ?? []), rule]));
  if (rule !== 'sensitive') for (const role of rule.roles) rules.roleNames.add(role);
  rules.count += 1;
}

/**
 * The rules of a class, of those it extends and of those it is mapped from, or `undefined` where there are none. Rules add up, so that a subclass
 * can only tighten what its base class declares.
 */
export function rulesOf(prototype: object): FieldRules | undefined {
  const found = new Map<PropertyKey, readonly FieldRule[]>();
  for (let level: object | null = prototype; level !== null; level = Object.getPrototypeOf(level) as object | null) {
    const own = rules.declared.get(level);
    for (const [field, ofField] of own ?? []) found.set(field, [...ofField, ...(found.get(field) ?? [])]);
    if (own !== undefined || !Object.hasOwn(level, 'constructor')) continue;
    for (const [field, rule] of tracedRules(level.constructor)) found.set(field, [rule, ...(found.get(field) ?? [])]);
  }
  return found.size === 0 ? undefined : found;
}

/** True once any class of the process has a field with a rule. */
export function hasMaskedClasses(): boolean {
  return rules.count > 0;
}

/** How many rules there are; what was compiled when there were fewer is out of date. */
export function ruleCount(): number {
  return rules.count;
}

/** The roles that `@VisibleTo` names anywhere, so that unknown ones can be told at the start. */
export function maskedRoleNames(): ReadonlySet<string> {
  return rules.roleNames;
}
