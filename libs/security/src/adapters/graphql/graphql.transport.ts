import type { Transport } from '../../core/transport.port.js';
import { resolverCall } from './graphql.call.js';
import { resolverKind } from './graphql.handlers.js';
import { graphPaths } from './graphql.paths.js';
import { schemaProblems } from './graphql.schema.js';
import { graphqlRefusal } from './graphql.refusal.js';

/**
 * Guards resolvers of @nestjs/graphql as handlers of HTTP are guarded: queries and mutations, over Apollo on Express and on
 * Fastify, and over mercurius. Every call is charged, whether fields stand side by side, under aliases, or in a batch.
 *
 * ```ts
 * SecurityModule.forRoot({ ...options, transports: [graphql()] })
 * ```
 */
export function graphql(): Transport {
  return {
    type: 'graphql',
    handlerOf: resolverKind,
    callOf: resolverCall,
    problemsOf: schemaProblems,
    pathsOf: graphPaths,
    refusalOf: graphqlRefusal,
  };
}
