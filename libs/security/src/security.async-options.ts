import { Inject, type FactoryProvider, type ModuleMetadata, type Type } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { SecurityConfigurationError, type ConfigurationProblem } from './core/errors.js';
import { describe, isRecord, nearestName } from './core/options.rules.js';
import { checkSecurityOptions, isOptionName, type SecurityOptions } from './security.options.js';

/** Options that a factory makes, from `ConfigService` or anything else that can be injected. */
export interface SecurityModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  inject?: FactoryProvider['inject'];
  useFactory: (...dependencies: never[]) => SecurityOptions | Promise<SecurityOptions>;
}

type Dependency = NonNullable<FactoryProvider['inject']>[number];

const WHERE = 'SecurityModule.forRootAsync';
const EXAMPLE =
  'Write SecurityModule.forRootAsync({ inject: [ConfigService], useFactory: (config: ConfigService) => ({ … }) })';
const KNOWN: ReadonlySet<string> = new Set(['imports', 'inject', 'useFactory']);

/** What other modules of Nest take and this one does not, with what to write instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  useClass:
    'Write inject: [SecuritySettings] and useFactory: (settings: SecuritySettings) => …, with the module of SecuritySettings in imports',
  useExisting:
    'Write inject: [SecuritySettings] and useFactory: (settings: SecuritySettings) => …, with the module of SecuritySettings in imports',
  useValue: 'Write SecurityModule.forRoot({ … })',
  global: 'Leave it out: the module is global',
  isGlobal: 'Leave it out: the module is global',
};

/** @throws SecurityConfigurationError for what cannot make options, naming what to write instead */
export function checkAsyncOptions(given: unknown): asserts given is SecurityModuleAsyncOptions {
  const problems: ConfigurationProblem[] = [];
  const report = (problem: string, fix: string, where = WHERE) => problems.push({ where, problem, fix });
  if (isRecord(given)) {
    const { inject = [], imports = [], useFactory } = given;
    const replaced = Object.keys(given).filter((name) => !KNOWN.has(name) && given[name] !== undefined);
    for (const name of replaced) {
      report('is not an option of forRootAsync', INSTEAD[name] ?? insteadOf(name), `${WHERE}: ${name}`);
    }
    if (!Array.isArray(imports)) report(`must be a list, not ${describe(imports)}`, EXAMPLE, `${WHERE}: imports`);
    if (Array.isArray(inject)) checkInject(inject, report);
    else report(`must be a list, not ${describe(inject)}`, EXAMPLE, `${WHERE}: inject`);
    // What was written in its place is named already.
    if (useFactory !== undefined || replaced.length === 0) checkFactory(useFactory, inject, report);
  } else {
    report(`must be given an object with useFactory, not ${describe(given)}`, EXAMPLE);
  }
  if (problems.length > 0) throw new SecurityConfigurationError(problems);
}

function insteadOf(name: string): string {
  if (isOptionName(name)) return 'Return it from useFactory, or write SecurityModule.forRoot({ … })';
  const nearest = nearestName(name, KNOWN);
  return nearest === undefined ? EXAMPLE : `Did you mean "${nearest}"?`;
}

type Report = (problem: string, fix: string, where?: string) => void;

function checkInject(inject: readonly unknown[], report: Report): void {
  inject.forEach((dependency, index) => {
    if (dependency !== undefined && dependency !== null) return;
    report(
      `is ${String(dependency)}`,
      'Name a class or a token; a circular import leaves a class undefined: move it into a file of its own',
      `${WHERE}: inject[${index}]`,
    );
  });
}

function checkFactory(useFactory: unknown, inject: unknown, report: Report): void {
  const where = `${WHERE}: useFactory`;
  if (useFactory === undefined) report('is missing', EXAMPLE, where);
  else if (typeof useFactory !== 'function') report(`must be a function, not ${describe(useFactory)}`, EXAMPLE, where);
  else if (/^class\b/.test(Function.prototype.toString.call(useFactory))) {
    report('is a class', 'Write a function that returns the options', where);
  } else if (Array.isArray(inject) && useFactory.length > inject.length) {
    report(
      `has ${useFactory.length} parameters, and inject names ${inject.length}: the others would be undefined`,
      'Name in inject what useFactory takes, in the same order',
      where,
    );
  }
}

/** The provider of the options under a token; they are checked when the application starts. */
export function asyncOptions(
  token: symbol,
  { inject = [], useFactory }: SecurityModuleAsyncOptions,
): FactoryProvider<SecurityOptions> {
  return {
    provide: token,
    // Nest would name the token of the options in its error, which nobody knows: what is missing is looked at here.
    inject: [ModuleRef, ModulesContainer, ...inject.map(asOptional)],
    useFactory: async (moduleRef: ModuleRef, modules: ModulesContainer, ...found: unknown[]) => {
      const dependencies: unknown[] = [];
      for (const [index, dependency] of inject.entries()) {
        const value = found[index];
        const isThere = value !== undefined || isOptional(dependency);
        dependencies.push(isThere ? value : await injected(tokenOf(dependency), moduleRef, modules));
      }
      const options = await made(useFactory, dependencies);
      checkSecurityOptions(options, `${WHERE}: what useFactory returned`);
      return options;
    },
  };
}

async function made(useFactory: SecurityModuleAsyncOptions['useFactory'], dependencies: unknown[]): Promise<unknown> {
  let options: unknown;
  try {
    options = await useFactory(...(dependencies as never[]));
  } catch (error) {
    if (error instanceof SecurityConfigurationError) throw error;
    const problem = {
      where: `${WHERE}: useFactory`,
      problem: `threw ${error instanceof Error ? `${error.name}: ${error.message}` : describe(error)}`,
      fix: 'Mend what it reads, or what it asks',
    };
    throw new SecurityConfigurationError([problem], { cause: error });
  }
  if (isRecord(options)) return options;
  const problem = `returned ${describe(options)} in place of the options`;
  const fix = 'Return them: useFactory: () => ({ … }), with parentheses around the braces';
  throw new SecurityConfigurationError([{ where: `${WHERE}: useFactory`, problem, fix }]);
}

function isOptional(dependency: Dependency): boolean {
  return isRecord(dependency) && dependency['optional'] === true;
}

function tokenOf(dependency: Dependency): unknown {
  if (!isRecord(dependency)) return dependency;
  const { token, forwardRef } = dependency as Record<string, unknown>;
  return typeof forwardRef === 'function' ? (forwardRef as () => unknown)() : token;
}

function asOptional(dependency: Dependency): Dependency {
  return { token: tokenOf(dependency) as Type, optional: true };
}

/** Asks Nest once more, for its own error where a provider is there and breaks. */
async function injected(token: unknown, moduleRef: ModuleRef, modules: ModulesContainer): Promise<unknown> {
  try {
    return (await moduleRef.create(carrierOf(token))).value;
  } catch (error) {
    if (!isUnresolved(error)) throw error;
    const owners = [...modules.values()].filter(({ providers }) => providers.has(token as Type));
    const names = owners.map(({ metatype }) => metatype?.name ?? 'its module').join(', ');
    throw new SecurityConfigurationError([
      {
        where: `${WHERE}: inject`,
        problem:
          owners.length === 0
            ? `names ${nameOf(token)}, which no module of the application provides`
            : `names ${nameOf(token)}, which it cannot reach`,
        fix:
          owners.length === 0
            ? `Add the module that provides it to imports of forRootAsync`
            : `Add ${names} to imports of forRootAsync, and ${nameOf(token)} to its exports`,
      },
    ]);
  }
}

/** A class that asks for a token, so that Nest looks it up by the rules of the module. */
function carrierOf(token: unknown): Type<{ readonly value: unknown }> {
  class Carrier {
    constructor(readonly value: unknown) {}
  }
  Inject(token as Type)(Carrier, undefined, 0);
  return Carrier;
}

/** An error of Nest that a dependency is not there; it exports no class of it. */
function isUnresolved(error: unknown): boolean {
  return error instanceof Error && 'context' in error && 'moduleRef' in error;
}

function nameOf(token: unknown): string {
  return typeof token === 'function' ? token.name : String(token);
}
