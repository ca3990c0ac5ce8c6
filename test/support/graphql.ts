import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import type { DynamicModule, Provider, Type } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { SecurityModule, type SecurityOptions } from '@palisade/nest';
import { graphql } from '@palisade/nest/graphql';
import { startApplication, type ApplicationSetup, type RunningApplication } from './application.js';
import type { HttpAnswer } from './http-client.js';

/** Behaviour is described once, and holds on each. */
export const GRAPHQL_SERVERS = ['Apollo on Express', 'Apollo on Fastify', 'mercurius'] as const;
export type GraphqlServer = (typeof GRAPHQL_SERVERS)[number];

export interface GraphqlError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** What came of one operation. */
export interface GraphqlResult {
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly GraphqlError[];
}

export interface GraphqlSetup extends ApplicationSetup {
  readonly providers?: readonly Provider[];
  readonly imports?: readonly (DynamicModule | Type)[];
  readonly controllers?: readonly Type[];
  readonly graph?: Partial<ApolloDriverConfig> & Partial<MercuriusDriverConfig>;
}

type Headers = Readonly<Record<string, string>>;

/** An application that serves resolvers, and a client that asks it. */
export class RunningGraphql {
  constructor(readonly running: RunningApplication) {}

  static async start(
    server: GraphqlServer,
    security: SecurityOptions,
    { providers = [], imports = [], controllers = [], graph = {}, ...setup }: GraphqlSetup,
  ): Promise<RunningGraphql> {
    const running = await startApplication(
      server === 'Apollo on Express' ? 'express' : 'fastify',
      {
        imports: [SecurityModule.forRoot({ transports: [graphql()], ...security }), graphOf(server, graph), ...imports],
        providers: [...providers],
        controllers: [...controllers],
      },
      setup,
    );
    return new RunningGraphql(running);
  }

  close(): Promise<void> {
    return this.running.close();
  }

  send(body: unknown, headers: Headers = {}): Promise<HttpAnswer> {
    return this.running.client.post('/graphql', body as object, headers);
  }

  async ask(query: string, headers: Headers = {}): Promise<GraphqlResult> {
    return (await this.send({ query }, headers)).body as GraphqlResult;
  }

  /** Several operations in one request. */
  async batch(queries: readonly string[], headers: Headers = {}): Promise<readonly GraphqlResult[]> {
    const answer = await this.send(
      queries.map((query) => ({ query })),
      headers,
    );
    return answer.body as unknown as readonly GraphqlResult[];
  }
}

export function codesIn({ errors = [] }: GraphqlResult): unknown[] {
  return errors.map(({ extensions }) => extensions?.['code']);
}

export function graphOf(server: GraphqlServer, graph: GraphqlSetup['graph'] = {}): DynamicModule {
  return server === 'mercurius'
    ? GraphQLModule.forRoot<MercuriusDriverConfig>({
        driver: MercuriusDriver,
        autoSchemaFile: true,
        allowBatchedQueries: true,
        ...graph,
      })
    : GraphQLModule.forRoot<ApolloDriverConfig>({
        driver: ApolloDriver,
        autoSchemaFile: true,
        allowBatchedHttpRequests: true,
        graphiql: false,
        ...graph,
      });
}
