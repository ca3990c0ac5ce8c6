import type { ServedPath, TransportApplication } from '../../core/transport.port.js';

// The provider of @nestjs/graphql that has the options of one graph.
const MODULE_OPTIONS = 'GqlModuleOptions';

/** What is read of them. */
interface GraphOptions {
  readonly path?: unknown;
  readonly driver?: { readonly name?: unknown };
  readonly graphiql?: unknown;
  readonly playground?: unknown;
}

/** The paths of the graphs, whose fields are guarded one by one. */
export function graphPaths(application: TransportApplication): readonly ServedPath[] {
  return application.valuesOf(MODULE_OPTIONS).flatMap((value) => {
    if (typeof value !== 'object' || value === null) return [];
    const options: GraphOptions = value;
    const path = typeof options.path === 'string' ? options.path : 'graphql';
    return [{ path: `/${path.replace(/^\/+|\/+$/g, '')}`, page: pageOf(options) }];
  });
}

/** Apollo answers with its page on the path of the graph itself; that of mercurius has a route of its own. */
function pageOf({ driver, graphiql, playground }: GraphOptions): string | undefined {
  if (!String(driver?.name).startsWith('Apollo')) return undefined;
  const isShown = graphiql ?? playground ?? process.env['NODE_ENV'] !== 'production';
  return isShown === false ? undefined : 'GraphiQL';
}
