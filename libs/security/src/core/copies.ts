import type { Type } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One copy of the package in this process. */
export interface PackageCopy {
  /** The file that this is in, as the stack names it; absent where stacks are switched off. */
  readonly location: string | undefined;
  /** The classes that it gives to dependency injection. */
  tokens: readonly Type[];
}

interface Registry {
  readonly copies: PackageCopy[];
  readonly state: Map<string, unknown>;
}

/**
 * The state that all copies of the package in a process share. Two of them are no mistake that anybody sees: a second
 * version in `node_modules`, a module registry that was reset. Rules declared with one have to hold in the other.
 */
const REGISTRY = Symbol.for('@palisade/nest');

const processWide = globalThis as { [REGISTRY]?: Registry };
const registry: Registry = (processWide[REGISTRY] ??= { copies: [], state: new Map<string, unknown>() });

const OWN: PackageCopy = { location: locationOfCaller(), tokens: [] };
registry.copies.push(OWN);

/** Returns what the first copy to ask has made under a name; the name changes with the form of it. */
export function shared<T>(name: string, make: () => T): T {
  if (!registry.state.has(name)) registry.state.set(name, make());
  return registry.state.get(name) as T;
}

/** Tells other copies which classes this one gives to dependency injection. */
export function declareTokens(tokens: readonly Type[]): void {
  OWN.tokens = tokens;
}

export function otherCopies(): readonly PackageCopy[] {
  return registry.copies.filter((copy) => copy !== OWN);
}

/** The copies by version and folder, for messages. */
export function namesOfCopies(): string {
  return registry.copies.map(({ location }) => nameOf(location)).join(' and ');
}

/** The fix of whatever two copies break. */
export const ONE_COPY =
  'Have one copy of @palisade/nest in the process: run `npm dedupe`, and ask for one version in all packages';

/** The folder of this copy of the package; `undefined` in a bundle. */
export function ownFolder(): string | undefined {
  return folderOf(OWN.location);
}

function folderOf(location: string | undefined): string | undefined {
  return location?.replace(/[\\/](?:dist|src)[\\/]core[\\/][^\\/]+$/, '');
}

function nameOf(location: string | undefined): string {
  const folder = folderOf(location);
  return folder === undefined ? 'one in an unknown folder' : `${versionIn(folder)} in ${folder}`;
}

function versionIn(folder: string): string {
  try {
    return String((JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as { version?: unknown }).version);
  } catch {
    return 'an unknown version';
  }
}

/** `import.meta` would keep the package from being transformed to CommonJS, as test runners do. */
function locationOfCaller(): string | undefined {
  const line = new Error('location').stack?.split('\n').find((text) => /copies\.[cm]?[jt]s/.test(text));
  const place = /((?:file:\/\/|\/|[A-Za-z]:[\\/])[^()]*?)(?::\d+){2}\)?$/.exec(line ?? '')?.[1];
  return place?.startsWith('file:') === true ? fileURLToPath(place) : place;
}

/** Lets `instanceof` know the instances of a class's namesake in another copy; subclasses are told apart as ever. */
export function recognizeAcrossCopies(
  type: Type | (abstract new (...parameters: never[]) => object),
  name: string,
): void {
  const brand = Symbol.for(`@palisade/nest:${name}`);
  Object.defineProperty(type.prototype, brand, { value: true });
  Object.defineProperty(type, Symbol.hasInstance, {
    value(this: unknown, value: unknown) {
      if (this !== type) return Function.prototype[Symbol.hasInstance].call(this as never, value);
      return typeof value === 'object' && value !== null && brand in value;
    },
  });
}
