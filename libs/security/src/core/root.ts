import type { ModulesContainer } from '@nestjs/core';
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
  if (injected === undefined) throw rootMissing([{ where: `@UseGuards(${guard})`, use: 'is used' }]);
  return injected;
}
