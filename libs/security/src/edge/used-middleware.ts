type Middleware = (...parameters: never[]) => unknown;

/** What `use` of Nest's adapter for Fastify, which keeps no list of it, was given. */
export interface UsedMiddleware {
  /** `undefined` for every path. */
  readonly path: string | undefined;
  readonly handle: Middleware;
}

/** Reads the parameters of `use`: perhaps a path or several, then functions or lists of them. */
export function usedMiddleware([first, ...rest]: readonly unknown[]): readonly UsedMiddleware[] {
  const isPath = [first].flat(3).every((each) => typeof each !== 'function');
  const path = isPath && first !== '/' ? [first].flat(3).map(String).join(' | ') : undefined;
  return (isPath ? rest : [first, ...rest])
    .flat(3)
    .filter((each): each is Middleware => typeof each === 'function')
    .map((handle) => ({ path, handle }));
}
