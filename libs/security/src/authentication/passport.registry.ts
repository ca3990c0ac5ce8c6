import passport, { type Strategy } from 'passport';

/** What Passport's own types hide. */
interface Registry {
  _strategies: Readonly<Record<string, Strategy>>;
  use(name: unknown, strategy?: unknown): unknown;
  unuse(name: string): unknown;
}

/** The history of Passport's registry, which itself forgets a strategy when another one takes its name. */
interface History {
  registrations: number;
  /** The names of each strategy, with the number of the registration. */
  readonly names: WeakMap<object, Map<string, number>>;
  /** The applications that provide strategies, each known by an object of its own. */
  readonly owners: WeakMap<object, object>;
}

/** Registered, for two copies of the package that share one copy of Passport. */
const HISTORY = Symbol.for('@palisade/nest:passport-history');

const registry = passport as unknown as Registry & { [HISTORY]?: History };

// oxlint-disable-next-line no-underscore-dangle -- Passport's own name
const strategies = (): Readonly<Record<string, Strategy>> => registry._strategies;

const history: History = (registry[HISTORY] ??= observed());

/** Strategies register themselves when Nest makes them, long after this file is loaded. */
function observed(): History {
  const begun: History = { registrations: 0, names: new WeakMap(), owners: new WeakMap() };
  const record = (name: string): void => {
    const strategy = registered(name);
    if (strategy === undefined) return;
    const names = begun.names.get(strategy) ?? new Map<string, number>();
    begun.names.set(strategy, names.set(name, ++begun.registrations));
  };
  for (const name of Object.keys(strategies())) record(name);
  const { use, unuse } = registry;
  registry.use = function (this: Registry, name: unknown, strategy?: unknown) {
    const answer = use.call(this, name, strategy);
    const given = strategy ? name : (name as { name?: unknown } | undefined)?.name;
    if (typeof given === 'string' && this === registry) record(given);
    return answer;
  };
  registry.unuse = function (this: Registry, name: string) {
    const strategy = registered(name);
    if (strategy !== undefined && this === registry) begun.names.get(strategy)?.delete(name);
    return unuse.call(this, name);
  };
  return begun;
}

/** The strategy that Passport knows under a name; the last that took it, whoever that was. */
export function registered(name: string): Strategy | undefined {
  return Object.hasOwn(strategies(), name) ? strategies()[name] : undefined;
}

/** The names under which Passport knows strategies, but for its own. */
export function registeredNames(): readonly string[] {
  return Object.keys(strategies()).filter((name) => name !== 'session');
}

/** The names under which a strategy was registered, whoever took them since, with the number of the registration. */
export function namesGivenTo(strategy: object): ReadonlyMap<string, number> {
  return history.names.get(strategy) ?? new Map<string, number>();
}

/** Notes that an application provides a strategy; the first that says so owns it. */
export function claim(strategy: object, application: object): void {
  if (!history.owners.has(strategy)) history.owners.set(strategy, application);
}

/** The application that provides a strategy; `undefined` for those that were registered by hand. */
export function ownerOf(strategy: object): object | undefined {
  return history.owners.get(strategy);
}
