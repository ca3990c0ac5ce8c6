import { kindOfMiddleware, withoutImplied, type Beside } from './beside-controllers.policy.js';
import type { UsedMiddleware } from './used-middleware.js';

type Handle = ((...parameters: never[]) => unknown) & { readonly stack?: readonly RouterLayer[] };

/** A layer of Express's router, as far as it says what it is asked for. */
export interface RouterLayer {
  readonly handle: Handle;
  /** As it was registered; older versions do not keep it. */
  readonly rawPath?: unknown;
  /** True if it is asked for every path. */
  readonly slash?: boolean;
  readonly route?: {
    readonly path: unknown;
    readonly stack: readonly { readonly handle: Handle; readonly method?: string }[];
    readonly methods: Readonly<Record<string, boolean | undefined>>;
  };
}

/** Layers that Nest, or the library, registered. */
export interface KnownLayers {
  /** True for a handler of a controller. */
  isHandler(handle: object): boolean;
  /** True for what is there to pass on, or to answer what nobody else does. */
  isOwn(layer: RouterLayer): boolean;
  /** True for middleware that a module binds to paths. */
  isBound(layer: RouterLayer): boolean;
  /** True for the last word: nothing behind it is asked for a path below the layer's own. */
  isEnd(layer: RouterLayer): boolean;
}

/** Everything in a stack of Express that may answer and is not a controller. */
export function* besideIn(stack: readonly RouterLayer[], known: KnownLayers, prefix = ''): Generator<Beside> {
  const ended: string[] = [];
  for (const layer of stack) {
    const path = joined(prefix, pathOf(layer));
    if (known.isEnd(layer)) {
      if (path === undefined) return;
      ended.push(path);
    }
    const { handle, route } = layer;
    // A function of four parameters is asked about errors alone.
    if (known.isOwn(layer) || handle.length === 4 || isBelow(path, ended)) continue;
    if (known.isBound(layer)) yield { path, kind: 'bound' };
    else if (route !== undefined) yield* routeOf(route, path, known);
    else if (handle.stack !== undefined && handle.stack.length > 0) yield* besideIn(handle.stack, known, path);
    else yield { path, below: true, name: nameOf(handle), kind: kindOfMiddleware(handle) };
  }
}

/** What `app.use` was given; middleware of routers below is theirs. */
export function usedIn(stack: readonly RouterLayer[]): readonly UsedMiddleware[] {
  return stack
    .filter(({ route }) => route === undefined)
    .map((layer) => ({ path: pathOf(layer), handle: layer.handle }));
}

function* routeOf(
  { stack, methods }: NonNullable<RouterLayer['route']>,
  path: string | undefined,
  known: KnownLayers,
): Generator<Beside> {
  if (stack.some(({ handle }) => known.isHandler(handle))) return;
  const names = methods['_all'] === true ? [undefined] : withoutImplied(Object.keys(methods).map(inUpperCase));
  for (const method of names) yield { method, path: path ?? '/', kind: 'answers' };
}

function inUpperCase(method: string): string {
  return method.toUpperCase();
}

/** `undefined` for every path. */
function pathOf({ rawPath, slash, route }: RouterLayer): string | undefined {
  const given = rawPath ?? route?.path;
  if (route === undefined && (slash === true || given === '/')) return undefined;
  if (given === undefined) return 'a path that Express does not keep';
  return [given].flat(3).map(String).join(' | ');
}

function joined(prefix: string | undefined, path: string | undefined): string | undefined {
  if (prefix === undefined || prefix === '') return path;
  if (path === undefined) return prefix;
  return `${prefix.replace(/\/$/, '')}/${path.replace(/^\//, '')}`;
}

function isBelow(path: string | undefined, ended: readonly string[]): boolean {
  return path !== undefined && ended.some((end) => path === end || path.startsWith(`${end}/`));
}

/** Express shows the name of a function that has none as its property. */
function nameOf({ name }: Handle): string | undefined {
  return name === '' ? undefined : name;
}
