import type { ServedPath } from '../core/transport.port.js';

/** Something that may answer requests and is not the handler of a controller. */
export interface Beside {
  /** In upper case; `undefined` where it is asked for every method. */
  readonly method?: string | undefined;
  /** The pattern in the framework's own words; `undefined` where it is asked for every path. */
  readonly path?: string | undefined;
  /** True if it is asked for everything below the path as well. */
  readonly below?: boolean | undefined;
  /** The name of the function, if it has one. */
  readonly name?: string | undefined;
  /**
   * `answers` for a route, a mount or a function that cannot pass a request on; `may` for middleware; `bound` for
   * middleware that a module binds to paths with `forRoutes`.
   */
  readonly kind: 'answers' | 'may' | 'bound';
}

/** The line for the log, and whether something surely answers there. */
export interface BesideReport {
  readonly level: 'warn' | 'log';
  readonly text: string;
}

/** Middleware of well-known packages that passes on what it is given, by the names of its functions. */
const PASSES_ON: ReadonlySet<string> = new Set([
  'authenticate',
  'compression',
  'cookieParser',
  'corsMiddleware',
  'helmetMiddleware',
  'initialize',
  'jsonParser',
  'logger',
  'loggingMiddleware',
  'methodOverride',
  'pinoHttp',
  'rawParser',
  'responseTime',
  'session',
  'textParser',
  'urlencodedParser',
]);

/** Middleware of well-known packages that answers wherever it finds something. */
const ANSWERS: ReadonlySet<string> = new Set(['serveStatic', 'mounted_app', 'router']);

/** The kind of a middleware, by its function: one that takes no `next` cannot pass anything on. */
export function kindOfMiddleware({ name, length }: { readonly name: string; readonly length: number }): Beside['kind'] {
  return length < 3 || ANSWERS.has(name) ? 'answers' : 'may';
}

/**
 * One line that names everything that is reachable beside controllers; `undefined` where there is nothing.
 *
 * @param served the paths that transports serve, each call for itself
 */
export function describeBeside(found: readonly Beside[], served: readonly ServedPath[]): BesideReport | undefined {
  const shown = found.filter(({ name }) => name === undefined || !PASSES_ON.has(name));
  const others = shown.filter(({ path }) => servedAt(path, served) === undefined);
  const guarded = shown.filter(({ path }) => servedAt(path, served) !== undefined);
  const pages = guarded.flatMap(({ path }) => {
    const page = servedAt(path, served)?.page;
    return page === undefined ? [] : [`GET ${path} (${page})`];
  });
  const answering = others.filter(isReachable);
  const reachable = distinct([...answering.filter((each) => !isCovered(each, answering)).map(textOf), ...pages]);
  const parts: string[] = [];
  const add = (words: string, names: readonly string[]): void => {
    if (names.length > 0) parts.push(`${words} ${names.join(', ')}.`);
  };
  add(REACHABLE, reachable);
  add(GUARDED, distinct(guarded.map(({ path }) => String(path))));
  add(MIDDLEWARE, namesOf(others.filter((each) => !isReachable(each) && each.kind === 'may')));
  add(BOUND, distinct(others.filter(({ kind }) => kind === 'bound').map(({ path }) => path ?? '/*')));
  return parts.length === 0 ? undefined : { level: reachable.length > 0 ? 'warn' : 'log', text: parts.join(' ') };
}

const REACHABLE = 'Reachable beside controllers, where Palisade asks for no credential and applies no rule of a route:';
const GUARDED = 'Served beside controllers, and guarded call by call:';
const MIDDLEWARE = 'Middleware on every path, which may answer before any guard:';
const BOUND = 'Middleware of modules, which may answer before any guard: on';

function servedAt(path: string | undefined, served: readonly ServedPath[]): ServedPath | undefined {
  if (path === undefined) return undefined;
  const whole = `/${path.replace(/^\/+|\/+$/g, '')}`;
  return served.find((each) => whole === each.path);
}

/** True if another entry names everything below a path that this one is below of. */
function isCovered({ path, method }: Beside, others: readonly Beside[]): boolean {
  if (path === undefined) return false;
  return others.some((other) => {
    const base = baseOf(other);
    if (base === undefined || (other.method !== undefined && other.method !== method)) return false;
    return path !== other.path && path.startsWith(base);
  });
}

function baseOf({ path, below }: Beside): string | undefined {
  if (path?.endsWith('/*') === true) return path.slice(0, -1);
  return below === true && path !== undefined ? `${path}/` : undefined;
}

/** A middleware with a path of its own is there to answer it. */
function isReachable({ kind, path }: Beside): boolean {
  return kind === 'answers' || (kind === 'may' && path !== undefined);
}

function textOf({ method, path, name }: Beside): string {
  const where = path ?? 'every path';
  const words = method === undefined ? where : `${method} ${where}`;
  return name === undefined || method !== undefined ? words : `${words} (${name})`;
}

function namesOf(middleware: readonly Beside[]): readonly string[] {
  const named = distinct(middleware.flatMap(({ name }) => name ?? []));
  const unnamed = middleware.filter(({ name }) => name === undefined).length;
  if (unnamed === 0) return named;
  return [...named, unnamed === 1 ? 'a function without a name' : `${unnamed} functions without names`];
}

function distinct(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/**
 * The routes of Fastify's `printRoutes()`, which is the one place that knows those registered before anybody listened:
 * each line is a piece of the path, indented below the pieces in front of it, with its methods in parentheses.
 */
export function routesInTree(tree: string): readonly Beside[] {
  const routes: Beside[] = [];
  const pieces: string[] = [];
  for (const line of tree.split('\n')) {
    const [, indent = '', piece, methods] = /^([│ ]*)[├└]── (.*?)(?: \(([A-Z, -]+)\))?(?: \{.*\})?$/.exec(line) ?? [];
    if (piece === undefined) continue;
    pieces.length = indent.length / 4;
    pieces.push(piece);
    for (const method of withoutImplied(methods?.split(', ') ?? [])) {
      routes.push({ method, path: pieces.join(''), kind: 'answers' });
    }
  }
  return routes;
}

/** The methods of one route in few words: HEAD goes with GET, and so many of them are all. */
export function withoutImplied(methods: readonly string[]): readonly (string | undefined)[] {
  if (methods.length >= 8) return [undefined];
  return methods.includes('GET') ? methods.filter((method) => method !== 'HEAD') : methods;
}
