import type { ConfigurationProblem } from '../../core/errors.js';
import { describe } from '../../core/options.rules.js';

const TYPES = ['cache', 'cookies', 'storage', 'executionContexts', '*'] as const;

/** What a browser is told to forget of the site (Clear Site Data, section 3.1); `'*'` is everything. */
export type ClearSiteDataType = (typeof TYPES)[number];

/** What is forgotten when a route names nothing: all that may tell of the user who leaves. */
export const CLEAR_SITE_DATA_DEFAULT: readonly ClearSiteDataType[] = Object.freeze(['cache', 'cookies', 'storage']);

/** Adds what is wrong with the value of `@ClearSiteData` to `problems`. */
export function checkClearSiteData(value: unknown, where: string, problems: ConfigurationProblem[]): void {
  const add = (problem: string, fix: string) => void problems.push({ where, problem, fix });
  if (!Array.isArray(value) || value.length === 0) {
    return add(`must list what to clear, not ${describe(value)}`, "Write 'cookies', or nothing for the default");
  }
  if (!value.every((type) => (TYPES as readonly unknown[]).includes(type))) {
    return add('lists something that cannot be cleared', `Known are ${TYPES.join(', ')}`);
  }
  if (new Set(value).size < value.length) add('lists something twice', 'List it once');
  if (value.includes('*') && value.length > 1) add("has '*' beside others", "Write '*' alone");
}

/** The value of Clear-Site-Data. Browsers heed it over HTTPS only. */
export function clearSiteDataValue(types: readonly ClearSiteDataType[]): string {
  return types.map((type) => `"${type}"`).join(', ');
}
