import { Strategy } from 'passport';
import type { ApplicationStrategies } from './application-strategies.js';

/** A provider of the application, as far as it may be a strategy. */
export interface ProvidedClass {
  readonly type: new (...dependencies: never[]) => unknown;
  readonly module: string;
  /** Absent where it is made for each request only. */
  readonly instance: unknown;
  /** Why it is not made when the application starts; `undefined` where it is. */
  readonly perRequest: string | undefined;
}

/** The reason for which there is no strategy of a name, and what mends it. */
export interface MissingStrategy {
  readonly problem: string;
  readonly fix: string;
}

const FIX_SCOPE =
  'Give the strategy and whatever it injects the default scope; what belongs to a request is in the request: passReqToCallback: true, or ModuleRef.resolve() in validate()';

/** Explains why no strategy is registered under a name that the application uses. */
export function whyMissing(
  name: string,
  provided: readonly ProvidedClass[],
  known: ApplicationStrategies,
): MissingStrategy {
  const problem = `no Passport strategy is registered under the name "${name}"`;
  const strategies = provided.filter(isStrategy);
  // Their names are known when they are made, so all that are made later may be the one.
  const later = strategies.filter(({ perRequest }) => perRequest !== undefined);
  if (later.length > 0) {
    const reasons = later.map(({ type, module, perRequest }) => `${type.name} of ${module} ${perRequest}`).join('; ');
    return {
      problem: `${problem}, and not every strategy is made when the application starts: ${reasons}`,
      fix: FIX_SCOPE,
    };
  }
  const foreign = strategies.filter(({ instance }) => isForeign(instance));
  if (foreign.length > 0) {
    return {
      problem: `${problem}: ${namesOf(foreign)} belongs to another copy of passport`,
      fix: 'Install one version of passport: `npm ls passport` shows who brings another',
    };
  }
  if (known.isForeign(name)) {
    return {
      problem: `${problem} by this application: the one that Passport knows is a provider of another application in this process`,
      fix: 'Add a strategy of that name to the providers of a module of this application',
    };
  }
  const { names } = known;
  return {
    problem,
    fix:
      names.length === 0
        ? 'Add the strategy to the providers of a module, or take its name off the list'
        : `Registered are ${names.map((other) => `"${other}"`).join(', ')}: use such a name, give PassportStrategy(Strategy, "${name}") this one, or add the strategy to the providers of a module`,
  };
}

/** By what it has, as well as by its class: another copy of Passport has another class. */
function isStrategy({ type }: ProvidedClass): boolean {
  const prototype = type.prototype as { authenticate?: unknown; getPassportInstance?: unknown } | undefined;
  return (
    prototype instanceof Strategy ||
    (typeof prototype?.authenticate === 'function' && typeof prototype.getPassportInstance === 'function')
  );
}

function isForeign(instance: unknown): boolean {
  return typeof instance === 'object' && instance !== null && !(instance instanceof Strategy);
}

function namesOf(strategies: readonly ProvidedClass[]): string {
  return strategies.map(({ type }) => type.name).join(', ');
}
