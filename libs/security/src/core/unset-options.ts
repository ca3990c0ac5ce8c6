import type { ConfigurationProblem } from './errors.js';

const OF_ENVIRONMENT = 'If it is read from the environment, the environment variable is not set';

/**
 * Names options that were given as `undefined` or as empty text: to whoever wrote them they are there, and what they are
 * read from is not set. No value is repeated.
 */
export function namingUnset(problems: readonly ConfigurationProblem[], options: unknown): ConfigurationProblem[] {
  return problems.map((problem) => {
    const value = valueAt(options, problem.where);
    if (value === 'absent' || (value.found !== undefined && value.found !== '')) return problem;
    return {
      where: problem.where,
      problem: value.found === undefined ? 'is undefined' : `is empty: it ${problem.problem}`,
      fix: `${problem.fix}. ${OF_ENVIRONMENT}`,
    };
  });
}

/** The value at a path such as `authentication.jwt.issuers[0].secret`. */
function valueAt(options: unknown, path: string): 'absent' | { readonly found: unknown } {
  let found = options;
  for (const key of path.match(/[^.[\]]+/g) ?? []) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return 'absent';
    found = (found as Record<string, unknown>)[key];
  }
  return { found };
}
