import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type DynamicModule,
  type Provider,
  type Type,
} from '@nestjs/common';
import {
  Field,
  ID,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  ResolveReference,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import { ExternalContextCreator } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AllowHttp,
  AuthenticationGuard,
  AuthorizationGuard,
  BodyLimit,
  Cors,
  CsrfExempt,
  CurrentUser,
  Public,
  RateLimit,
  RateLimitGuard,
  Roles,
  SecurityConfigurationError,
  SecurityModule,
  type SecurityOptions,
} from '@palisade/nest';
import { graphql } from '@palisade/nest/graphql';
import { startApplication } from '../../support/application.js';
import { codesIn, GRAPHQL_SERVERS, graphOf, RunningGraphql, type GraphqlSetup } from '../../support/graphql.js';
import { securityWith } from '../../support/security.js';
import { signingKey, TokenIssuer } from '../../support/tokens.js';

const key = signingKey('ES256');

@Resolver()
class Plain {
  @Query(() => String, { nullable: true })
  plain() {
    return 'plain';
  }

  @Query(() => String, { nullable: true })
  @Public()
  open() {
    return 'open';
  }

  @Mutation(() => String, { nullable: true })
  change() {
    return 'changed';
  }
}

@Resolver()
class Ticker {
  @Subscription(() => String)
  @Public()
  ticks() {
    return [];
  }
}

function problemsOf(error: unknown): readonly string[] {
  expect(error).toBeInstanceOf(SecurityConfigurationError);
  return (error as SecurityConfigurationError).problems.map(({ where, problem }) => `${where}: ${problem}`);
}

describe.each(GRAPHQL_SERVERS)('The transport of GraphQL (%s)', (server) => {
  let app: RunningGraphql | undefined;
  const warnings: string[] = [];

  afterEach(async () => {
    await app?.close();
    app = undefined;
    warnings.length = 0;
  });

  const logger = {
    log: () => undefined,
    error: () => undefined,
    warn: (message: string) => void warnings.push(message),
  };

  async function start(security: SecurityOptions, setup: GraphqlSetup): Promise<RunningGraphql> {
    app = await RunningGraphql.start(server, securityWith(key, security), { logger, ...setup });
    return app;
  }

  async function failure(providers: readonly Provider[], imports: readonly (DynamicModule | Type)[] = []) {
    return start({}, { providers, imports }).catch((error: unknown) => error);
  }

  const token = (running: RunningGraphql) => ({
    authorization: `Bearer ${new TokenIssuer(key, running.running.clock).issue({ roles: ['teller'] })}`,
  });

  it('serves nothing where it is left out, and the start says so', async () => {
    const running = await start({ transports: undefined }, { providers: [Plain] });
    expect(await running.ask('{ plain }', token(running))).toMatchObject({
      data: { plain: null },
      errors: [{ message: 'No policy is known for the handler' }],
    });
    expect(warnings).toContainEqual(
      expect.stringMatching(/^Plain is called over a transport that is not in .*transports/),
    );
  });

  it('serves resolvers, of whatever scope, without a warning', async () => {
    @Resolver()
    @Injectable({ scope: Scope.REQUEST })
    class Scoped {
      @Query(() => String, { nullable: true })
      @RateLimit({ limit: '1/minute', countOn: 'failure', by: 'user' })
      scoped(@CurrentUser('id') id: string) {
        return id;
      }
    }
    const running = await start({}, { providers: [Plain, Scoped] });
    for (let i = 0; i < 2; i++) {
      expect(await running.ask('{ plain open scoped }', token(running))).toEqual({
        data: { plain: 'plain', open: 'open', scoped: 'alice' },
      });
    }
    expect(codesIn(await running.ask('{ scoped }'))).toEqual(['credentials_missing']);
    expect(warnings).toEqual([]);
  });

  it('names the page of the graph, which is shown to anybody', async () => {
    await start({}, { providers: [Plain], graph: { graphiql: true } });
    const page = server === 'mercurius' ? 'GET /graphiql' : 'GET /graphql (GraphiQL)';
    const line = warnings.find((warning) => warning.startsWith('Reachable beside controllers'));
    expect(line).toContain(page);
    expect(line).toContain('guarded call by call: /graphql.');
  });

  it('may come from options that are made when the application starts', async () => {
    const running = await startApplication(server === 'Apollo on Express' ? 'express' : 'fastify', {
      imports: [
        SecurityModule.forRootAsync({ useFactory: () => securityWith(key, { transports: [graphql()] }) }),
        graphOf(server),
      ],
      providers: [Plain],
    });
    app = new RunningGraphql(running);
    expect(await app.ask('{ open }')).toEqual({ data: { open: 'open' } });
  });

  it('denies subscriptions, public or not, and the start says so', async () => {
    await start({}, { providers: [Plain, Ticker], graph: server === 'mercurius' ? { subscription: true } : {} });
    expect(warnings).toContainEqual(expect.stringMatching(/^Ticker\.ticks is denied to everybody: subscriptions/));
  });

  it('denies what no request that passed the edge is behind, public or not', async () => {
    const running = await start({}, { providers: [Plain, Ticker], graph: { subscription: true } as never });
    const { app: nest } = running.running;
    const creator = nest.get(ExternalContextCreator, { strict: false });
    const call = (type: Type, method: string, context: object, operation = 'query'): Promise<unknown> => {
      const instance = nest.get<Record<string, () => unknown>>(type);
      const handler = instance[method] as () => unknown;
      const run = creator.create(
        instance,
        handler,
        method,
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        'graphql',
      );
      const info = { path: { prev: undefined, key: method }, operation: { operation } };
      return (run as (...parameters: unknown[]) => Promise<unknown>)(undefined, {}, context, info);
    };
    const unsupported = { code: 'transport_unsupported', status: 403 };
    for (const method of ['open', 'plain']) {
      await expect(call(Plain, method, {})).rejects.toMatchObject(unsupported);
      await expect(call(Plain, method, { req: { headers: {} } })).rejects.toMatchObject(unsupported);
    }
    await expect(call(Ticker, 'ticks', {}, 'subscription')).rejects.toMatchObject(unsupported);
  });

  it('refuses what only a whole request can be given by the edge', async () => {
    @Resolver()
    class Edged {
      @Query(() => String)
      @Cors({ origins: ['https://shop.example'] })
      cors() {
        return '';
      }

      @Query(() => String)
      @BodyLimit('1mb')
      body() {
        return '';
      }

      @Query(() => String)
      @AllowHttp()
      http() {
        return '';
      }

      @Mutation(() => String)
      @CsrfExempt()
      csrf() {
        return '';
      }
    }
    const problems = problemsOf(await failure([Edged]));
    for (const name of ['cors', 'body', 'http', 'csrf']) {
      expect(problems).toContainEqual(
        expect.stringMatching(new RegExp(`^Edged\\.${name}: @.+ cannot hold for one of`)),
      );
    }
  });

  it('refuses references of a federated graph, which no guard would see', async () => {
    @ObjectType()
    class User {
      @Field(() => ID)
      id!: string;
    }
    @Resolver(() => User)
    class Users {
      @Query(() => User)
      user() {
        return { id: '1' };
      }

      @ResolveReference()
      resolveReference() {
        return { id: '1' };
      }
    }
    expect(problemsOf(await failure([Users]))).toEqual([
      expect.stringMatching(/^Users\.resolveReference: is reached through _entities/),
    ]);
  });

  @ObjectType()
  class Safe {
    @Field(() => ID)
    id!: string;
  }
  @Resolver(() => Safe)
  class Safes {
    @Query(() => Safe, { nullable: true })
    @RateLimit({ limit: '1/minute', countOn: 'failure', by: 'user' })
    safe() {
      return { id: '1' };
    }

    @ResolveField(() => String, { nullable: true })
    @Roles('admin')
    code() {
      return 'code';
    }
  }

  describe.each([
    ['a factory', { provide: Safes, useFactory: () => new Safes() }],
    ['a factory that takes its time', { provide: 'safes', useFactory: () => Promise.resolve(new Safes()), inject: [] }],
    ['a value', { provide: Safes, useValue: new Safes() }],
  ])('of a resolver that is given by %s', (_, provider) => {
    it('refuses rules that would not be enforced', async () => {
      expect(problemsOf(await failure([Plain, provider]))).toEqual([
        expect.stringMatching(/^Safes\.code: @Roles\("admin"\) would not be enforced/),
      ]);
    });

    it('guards what is called, and hears how it ends', async () => {
      const graph = { fieldResolverEnhancers: ['guards' as const] };
      const running = await start({}, { providers: [Plain, provider], graph });
      for (let i = 0; i < 2; i++) {
        expect(codesIn(await running.ask('{ safe { code } }', token(running)))).toEqual(['role_missing']);
      }
      expect(codesIn(await running.ask('{ safe { id } }'))).toEqual(['credentials_missing']);
    });
  });

  it('refuses what would not be enforced of a class that is a controller as well', async () => {
    @ObjectType()
    class Vault {
      @Field(() => ID)
      id!: string;
    }
    @Controller('vaults')
    @Resolver(() => Vault)
    class Vaults {
      @Get()
      @Query(() => Vault)
      @Public()
      vault() {
        return { id: '1' };
      }

      @ResolveField(() => String)
      @Roles('admin')
      secret() {
        return 'secret';
      }

      @ResolveReference()
      resolveReference() {
        return { id: '1' };
      }
    }
    const refused = await start({}, { providers: [Vaults], controllers: [Vaults] }).catch((error: unknown) => error);
    expect(problemsOf(refused)).toEqual([
      expect.stringMatching(/^Vaults\.secret: @Roles\("admin"\) would not be enforced/),
      expect.stringMatching(/^Vaults\.resolveReference: is reached through _entities/),
    ]);
  });

  it.each([
    ['schema { query: Root } type Root { secret: String }', 'The type Root of the GraphQL schema: is its query type'],
    [
      'schema { query: Query mutation: Root } type Query { open: String } type Root { secret: String }',
      'The type Root of the GraphQL schema: is its mutation type',
    ],
  ])('refuses root types that Nest does not know for such: %s', async (typeDefs, problem) => {
    @Resolver('Root')
    class Roots {
      @ResolveField('secret')
      secret() {
        return 'secret';
      }
    }
    const graph = { typeDefs, autoSchemaFile: undefined };
    const refused = await start({}, { providers: [Roots], graph }).catch((error: unknown) => error);
    expect(problemsOf(refused)).toEqual([expect.stringContaining(problem)]);
  });

  it('has the defaults of a module hold for its resolvers, but for those of the edge', async () => {
    @Controller('beside')
    @Public()
    class Beside {
      @Get()
      get() {
        return {};
      }
    }
    const feature = SecurityModule.forFeature({ roles: ['admin'], bodyLimit: '2mb' });
    @Module({ imports: [feature], providers: [Plain], controllers: [Beside] })
    class Feature {}
    const running = await start({}, { imports: [Feature] });
    expect(codesIn(await running.ask('{ plain }', token(running)))).toEqual(['role_missing']);
    await app?.close();
    @Module({ imports: [feature], providers: [Plain] })
    class Alone {}
    expect(problemsOf(await failure([], [Alone]))).toEqual([
      'SecurityModule.forFeature of Alone: bodyLimit holds for controllers, of which the module has none',
    ]);
    app = undefined;
  });

  it('denies what a resolver class does not declare for itself where that is the fallback', async () => {
    const running = await start({ authorization: { fallback: 'deny' } }, { providers: [Plain] });
    expect(codesIn(await running.ask('{ plain open }', token(running)))).toEqual(['denied_by_default']);
  });

  it('serves guards of a resolver where the global one is left out, each call with its own principal', async () => {
    @Resolver()
    @UseGuards(RateLimitGuard, AuthenticationGuard, AuthorizationGuard)
    class Guarded {
      @Query(() => String, { nullable: true })
      @Roles('teller')
      @RateLimit({ limit: '2/minute', by: 'ip' })
      guarded(@CurrentUser('id') id: string) {
        return id;
      }
    }
    const running = await start({ dangerouslyWithoutGlobalGuard: true }, { providers: [Guarded] });
    const result = await running.ask('{ a: guarded b: guarded c: guarded }', token(running));
    expect(Object.values(result.data ?? {}).toSorted()).toEqual(['alice', 'alice', null]);
    expect(codesIn(result)).toEqual(['rate_limited']);
    running.running.clock.advance(300);
    expect(codesIn(await running.ask('{ guarded }'))).toEqual(['credentials_missing']);
  });

  it('checks rules of resolvers when the application starts', async () => {
    @Resolver()
    class Wrong {
      @Query(() => String)
      @Public()
      @Roles('teller')
      both() {
        return '';
      }

      @Query(() => String)
      @Roles('tellr')
      unknown(@CurrentUser('id') id: string) {
        return id;
      }
    }
    expect(problemsOf(await failure([Wrong]))).toEqual([
      expect.stringMatching(/^Wrong\.both: @.+ contradict each other/),
      expect.stringMatching(/^Wrong\.unknown: .*"tellr", which is not declared/),
    ]);
  });
});

describe('The option `transports`', () => {
  const refused = (transports: unknown) => {
    try {
      SecurityModule.forRoot({ transports } as SecurityOptions);
    } catch (error) {
      return problemsOf(error);
    }
    return [];
  };

  it.each([
    ['something that is no list', graphql(), ['transports: must be a list of transports, not an object']],
    ['a function that was not called', [graphql], ['transports[0]: is no transport: a function']],
    ['something else', [{ type: 'graphql' }], ['transports[0]: is no transport: an object']],
    ['one twice', [graphql(), graphql()], ['transports[1]: is the second one for "graphql"']],
    ['one for HTTP', [{ ...graphql(), type: 'http' }], ['transports[0]: is for HTTP, which is always served']],
  ])('refuses %s', (_, transports, problems) => {
    expect(refused(transports)).toEqual(problems);
  });

  it('takes a list of transports, and none', () => {
    expect(refused([graphql()])).toEqual([]);
    expect(refused([])).toEqual([]);
  });
});
