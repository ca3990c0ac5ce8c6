import { getMetadataStorage, registerDecorator, validateSync } from 'class-validator';
import leven from 'leven';
import type { ConfigurationProblem } from './errors.js';

/** A class whose decorated properties are the options that are known; checked by class-validator. */
export type OptionsShape = new () => object;

const parts = new WeakMap<object, Map<string, () => OptionsShape>>();

/** Marks an option that is an object (or a list of objects) with options of its own. */
export function Part(shape: () => OptionsShape): PropertyDecorator {
  return (target, property) => {
    const own = parts.get(target.constructor) ?? new Map<string, () => OptionsShape>();
    parts.set(target.constructor, own.set(String(property), shape));
    Known()(target, property);
  };
}

/** Marks an option that is known and may hold anything; its feature checks it where it is used. */
export function Known(): PropertyDecorator {
  return Rule(() => undefined, '', 'known');
}

/**
 * A rule on one option: answers what is wrong with the value, or `undefined`. The answer must not repeat a value that
 * may be secret. An absent option is not checked, unless the rule is `required`.
 */
export function Rule(
  check: (value: unknown, options: object) => string | undefined,
  fix: string,
  name = 'rule',
): PropertyDecorator {
  return (target, property) => {
    registerDecorator({
      name,
      target: target.constructor,
      propertyName: String(property),
      options: {
        context: { fix },
        message: (args) => check(args.value, args.object) ?? '',
      },
      validator: {
        validate: (value, args) => check(value, args?.object ?? {}) === undefined,
      },
    });
  };
}

/** As {@link Rule}, for an option that may be left out. */
export function OptionalRule(
  check: (value: unknown, options: object) => string | undefined,
  fix: string,
  name = 'rule',
): PropertyDecorator {
  return Rule((value, options) => (value === undefined ? undefined : check(value, options)), fix, name);
}

/** Checks options against their shape and adds what is wrong to `problems`. */
export function checkOptions(
  shape: OptionsShape,
  options: unknown,
  path: string,
  problems: ConfigurationProblem[],
): void {
  if (!isRecord(options)) {
    problems.push({
      where: path === '' ? 'The options' : path,
      problem: `must be an object, not ${describe(options)}`,
      fix: `Write an object with any of ${[...knownOptions(shape)].join(', ')}`,
    });
    return;
  }
  const known = knownOptions(shape);
  const checked = new shape() as Record<string, unknown>;
  for (const key of Object.keys(options)) {
    if (known.has(key)) checked[key] = options[key];
    else problems.push(unknownOption(join(path, key), key, known));
  }
  for (const { property, constraints = {}, contexts = {} } of validateSync(checked)) {
    for (const [name, problem] of Object.entries(constraints)) {
      problems.push({ where: join(path, property), problem, fix: String(contexts[name]?.fix ?? '') });
    }
  }
  for (const [key, part] of parts.get(shape) ?? []) {
    const value = options[key];
    if (value === undefined || value === false) continue;
    if (Array.isArray(value)) {
      value.forEach((item, index) => checkOptions(part(), item, `${join(path, key)}[${index}]`, problems));
    } else {
      checkOptions(part(), value, join(path, key), problems);
    }
  }
}

function knownOptions(shape: OptionsShape): ReadonlySet<string> {
  return new Set(
    getMetadataStorage()
      .getTargetValidationMetadatas(shape, '', false, false)
      .map(({ propertyName }) => propertyName),
  );
}

function unknownOption(where: string, key: string, known: ReadonlySet<string>): ConfigurationProblem {
  const nearest = nearestName(key, known);
  return {
    where,
    problem: 'is not an option',
    fix: nearest === undefined ? `Known here: ${[...known].join(', ')}` : `Did you mean "${nearest}"?`,
  };
}

/** The candidate that a misspelt name most likely stands for, if any is near. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const given = [...candidates];
  // To suggest what was written would explain nothing.
  if (given.includes(name)) return undefined;
  let nearest: string | undefined;
  let smallest = Math.max(2, Math.ceil(name.length / 3)) + 1;
  for (const candidate of given) {
    const distance = leven(name.toLowerCase(), candidate.toLowerCase());
    if (distance < smallest) [nearest, smallest] = [candidate, distance];
  }
  return nearest;
}

/** A rule for numbers such as sizes, counts and milliseconds, which hold no secret. */
export function wholeNumber(from: number, to = Number.MAX_SAFE_INTEGER): (value: unknown) => string | undefined {
  const range = to === Number.MAX_SAFE_INTEGER ? `of at least ${from}` : `from ${from} to ${to}`;
  return (value) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= from && value <= to) return undefined;
    return `must be a whole number ${range}, not ${typeof value === 'number' ? value : describe(value)}`;
  };
}

/** A rule for the seconds that a function of the application may take. */
export function secondsToWait(value: unknown): string | undefined {
  return typeof value === 'number' && value > 0 && value <= 300
    ? undefined
    : 'must be seconds, more than 0, at most 300';
}

/** Names the type of a value, never the value: it may be a secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
