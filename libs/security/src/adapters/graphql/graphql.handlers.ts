import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import type { HandlerFunction } from '../../core/route-policy.js';
import type { TransportApplication, TransportHandler } from '../../core/transport.port.js';

// The metadata keys of @nestjs/graphql, and the token of its options: it exports neither.
const TYPE = 'graphql:resolver_type';
const PROPERTY = 'graphql:resolve_property';
const REFERENCE = 'graphql:resolve_reference';
const NAME = 'graphql:resolver_name';
const OPTIONS = 'GqlModuleOptions';

const SUBSCRIPTION: TransportHandler = {
  kind: 'denied',
  because: 'subscriptions come over a WebSocket, whose handshake nobody authenticates yet',
};

const REFERENCES: TransportHandler = {
  kind: 'exposed',
  because: 'is reached through _entities of a federated graph, before which no guard is run',
  fix: 'Guard the router of the graph, and serve the subgraph in an application that only the router reaches',
};

const HANDLER: TransportHandler = { kind: 'handler' };
const GUARDED_PART: TransportHandler = { kind: 'part' };
const UNGUARDED_PART: TransportHandler = {
  kind: 'part',
  unguarded: "Set fieldResolverEnhancers: ['guards'] in GraphQLModule.forRoot",
};

/** What a method of a provider is, by the rules that @nestjs/graphql itself finds resolvers by. */
export function resolverKind(
  method: HandlerFunction,
  provider: Type,
  application: TransportApplication,
): TransportHandler | undefined {
  const type: unknown = Reflect.getMetadata(TYPE, method) ?? Reflect.getMetadata(TYPE, provider);
  if (type === 'Query' || type === 'Mutation') return HANDLER;
  if (type === 'Subscription') return SUBSCRIPTION;
  if (Reflect.getMetadata(REFERENCE, method) === true) return type === undefined ? undefined : REFERENCES;
  if (type === undefined || Reflect.getMetadata(PROPERTY, method) !== true) return undefined;
  if (fieldOf(method) === '__resolveReference') return REFERENCES;
  return guardsFields(application) ? GUARDED_PART : UNGUARDED_PART;
}

/** A federated graph knows a reference by its name, whichever decorator gave it. */
function fieldOf(method: HandlerFunction): unknown {
  return Reflect.getMetadata(NAME, method) ?? method.name;
}

/** Whether Nest runs guards for fields, in every graph of the application: in which of them a field is cannot be told. */
function guardsFields(application: TransportApplication): boolean {
  const graphs = application.valuesOf(OPTIONS) as readonly { readonly fieldResolverEnhancers?: unknown }[];
  return (
    graphs.length > 0 &&
    graphs.every((graph) => {
      const enhancers = graph?.fieldResolverEnhancers;
      return Array.isArray(enhancers) && enhancers.includes('guards');
    })
  );
}
