import type { ModulesContainer } from '@nestjs/core';
import { namesOfCopies, ONE_COPY, otherCopies } from './copies.js';
import { SecurityConfigurationError } from './errors.js';

/** What `SecurityModule.forRoot` provides; registered, for two copies of the package in one process. */
export const ROOT = Symbol.for('@palisade/nest:root');

const IMPORT_ROOT = 'Import SecurityModule.forRoot({ … }) in the root module of the application';

/** Counts the modules of an application that `SecurityModule.forRoot` made. */
export function rootsOf(modules: ModulesContainer): number {
  return [...modules.values()].filter(({ providers }) => providers.has(ROOT)).length;
}

/** The error of something that is used in an application which does not import `SecurityModule.forRoot`. */
export function rootMissing(uses: readonly { readonly where: string; readonly use: string }[]) {
  return new SecurityConfigurationError(
    uses.map(({ where, use }) => ({
      where,
      problem: `${use}, and no module of the application imports SecurityModule.forRoot: nothing would be enforced`,
      fix: IMPORT_ROOT,
    })),
  );
}

/**
 * Returns what was injected, or stops the start of an application that uses a guard without `forRoot`: Nest would name what
 * the guard is made of.
 */
export function required<T>(injected: T | undefined, guard: string): T {
  if (injected !== undefined) return injected;
  const where = `@UseGuards(${guard})`;
  throw otherCopies().length === 0 ? rootMissing([{ where, use: 'is used' }]) : copyMissing(where);
}

/** The error of a guard that finds nothing of its own copy of the package in the application. */
function copyMissing(where: string): SecurityConfigurationError {
  return new SecurityConfigurationError([
    {
      where,
      problem:
        'is used, and no module of the application imports SecurityModule.forRoot of the same copy: there is another copy of ' +
        `@palisade/nest, ${namesOfCopies()}`,
      fix: ONE_COPY,
    },
  ]);
}
