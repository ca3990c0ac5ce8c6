import { Module } from '@nestjs/common';
import { Field, ObjectType, Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Authenticated,
  ClientIp,
  CurrentUser,
  Public,
  RateLimit,
  Roles,
  SecurityModule,
  Sensitive,
  VisibleTo,
} from '@palisade/nest';
import { codesIn, GRAPHQL_SERVERS, RunningGraphql, type GraphqlSetup } from '../../support/graphql.js';
import { securityWith } from '../../support/security.js';
import { signingKey, TokenIssuer } from '../../support/tokens.js';

const key = signingKey('ES256');

@ObjectType()
class Account {
  @Field()
  id!: string;

  @Field(() => String, { nullable: true })
  @Sensitive()
  pin?: string;

  @Field(() => String, { nullable: true })
  @VisibleTo('auditor')
  note?: string;
}

function account(id: string): Account {
  return Object.assign(new Account(), { id, pin: '0000', note: 'watched' });
}

@Resolver(() => Account)
class Accounts {
  @Query(() => [Account], { nullable: true })
  accounts() {
    return [account('a'), account('b')];
  }

  @Query(() => Account, { nullable: true })
  @Public()
  showcase() {
    return account('c');
  }

  @ResolveField(() => String)
  viewer(@CurrentUser('id') id: string, @ClientIp() address: string, @Parent() { id: of }: Account) {
    return `${id} ${address} ${of}`;
  }

  @ResolveField(() => String)
  plain() {
    return 'plain';
  }
}

@Resolver(() => Account)
class Balances {
  @ResolveField(() => String, { nullable: true })
  @Roles('teller')
  balance() {
    return '12.50';
  }

  @ResolveField(() => String, { nullable: true })
  @RateLimit('3/minute')
  @Public()
  rating() {
    return 'good';
  }
}

@Resolver(() => Account)
@Authenticated('jwt')
class OfKnown {
  @ResolveField(() => String, { nullable: true })
  secret() {
    return 'secret';
  }
}

@Resolver(() => Account)
@Public()
class OfAnybody {
  @ResolveField(() => String, { nullable: true })
  label() {
    return 'label';
  }
}

@Resolver(() => Account)
class OfModule {
  @ResolveField(() => String, { nullable: true })
  salary() {
    return '100';
  }
}

describe.each(GRAPHQL_SERVERS)('Fields of what a resolver answers (%s)', (server) => {
  let app: RunningGraphql | undefined;

  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  async function start(providers: NonNullable<GraphqlSetup['providers']>, enhancers: boolean, graph = {}) {
    app = await RunningGraphql.start(server, securityWith(key), {
      providers,
      graph: { ...(enhancers && { fieldResolverEnhancers: ['guards'] }), ...graph },
    });
    return app;
  }

  const as = (running: RunningGraphql, claims: object = {}) => ({
    authorization: `Bearer ${new TokenIssuer(key, running.running.clock).issue(claims)}`,
  });

  it.each([false, true])('are reached through a guarded resolver alone, guards run for them: %s', async (enhancers) => {
    const running = await start([Accounts], enhancers);
    expect(codesIn(await running.ask('{ accounts { id plain viewer } }'))).toEqual(['credentials_missing']);
    expect(await running.ask('{ accounts { id plain } }', as(running))).toEqual({
      data: {
        accounts: [
          { id: 'a', plain: 'plain' },
          { id: 'b', plain: 'plain' },
        ],
      },
    });
  });

  it.each([false, true])(
    'know the principal of the resolver that they are reached through, guards run for them: %s',
    async (enhancers) => {
      const running = await start([Accounts], enhancers);
      const result = await running.ask('{ accounts { viewer } showcase { viewer } }', as(running));
      expect(result).toEqual({
        data: {
          accounts: [{ viewer: 'alice 127.0.0.1 a' }, { viewer: 'alice 127.0.0.1 b' }],
          showcase: { viewer: ' 127.0.0.1 c' },
        },
      });
    },
  );

  it('with rules of their own stop the start where no guard would be run for them', async () => {
    await expect(start([Accounts, Balances], false)).rejects.toThrow(
      /Balances\.balance: @Roles\("teller"\) would not be enforced.+fieldResolverEnhancers: \['guards'\]/s,
    );
    await expect(start([Accounts, Balances], false)).rejects.toThrow(/Balances\.rating: @RateLimit.* would not be/);
    await expect(start([Accounts, OfKnown], false)).rejects.toThrow(/OfKnown\.secret: @Authenticated/);
  });

  it('have what their module asks of who may call, or stop the start, but for what is public', async () => {
    @Module({ imports: [SecurityModule.forFeature({ roles: ['admin'] })], providers: [OfModule, OfAnybody] })
    class Admin {}
    const setup = { providers: [Accounts], imports: [Admin] };
    await expect(RunningGraphql.start(server, securityWith(key), setup)).rejects.toThrow(
      /^The security configuration is not valid:\n  - OfModule\.salary: forFeature\(\{ roles \}\) would not be [^\n]+$/,
    );
    app = await RunningGraphql.start(server, securityWith(key), {
      ...setup,
      graph: { fieldResolverEnhancers: ['guards'] },
    });
    const query = '{ showcase { salary label } }';
    expect(codesIn(await app.ask(query, as(app, { roles: ['teller'] })))).toEqual(['role_missing']);
    expect(await app.ask(query, as(app, { roles: ['admin'] }))).toEqual({
      data: { showcase: { salary: '100', label: 'label' } },
    });
  });

  it('may be exempt from what nobody asks of them', async () => {
    const running = await start([Accounts, OfAnybody], false);
    expect(await running.ask('{ showcase { label } }')).toEqual({ data: { showcase: { label: 'label' } } });
  });

  it('have rules of their own where guards are run for them', async () => {
    const running = await start([Accounts, Balances, OfKnown], true);
    expect(codesIn(await running.ask('{ showcase { id balance secret } }'))).toEqual([
      'credentials_missing',
      'credentials_missing',
    ]);
    expect(codesIn(await running.ask('{ accounts { balance } }', as(running)))).toEqual([
      'role_missing',
      'role_missing',
    ]);
    expect(await running.ask('{ accounts { balance secret } }', as(running, { roles: ['teller'] }))).toEqual({
      data: {
        accounts: [
          { balance: '12.50', secret: 'secret' },
          { balance: '12.50', secret: 'secret' },
        ],
      },
    });
  });

  it('are charged for each object that they are asked of', async () => {
    const running = await start([Accounts, Balances], true);
    const { errors = [] } = await running.ask('{ accounts { rating } showcase { a: rating b: rating } }', as(running));
    expect(codesIn({ errors })).toEqual(['rate_limited']);
  });

  it('are masked for the caller of the resolver', async () => {
    const running = await start([Accounts], false);
    const query = '{ accounts { pin note } }';
    expect(await running.ask(query, as(running))).toEqual({
      data: {
        accounts: [
          { pin: null, note: null },
          { pin: null, note: null },
        ],
      },
    });
    expect(await running.ask(query, as(running, { roles: ['auditor'] }))).toMatchObject({
      data: { accounts: [{ pin: null, note: 'watched' }, {}] },
    });
    expect(await running.ask('{ showcase { note } }', as(running, { roles: ['auditor'] }))).toMatchObject({
      data: { showcase: { note: null } },
    });
  });
});

describe('Fields of what a resolver answers (mercurius, compiled by its jit)', () => {
  let app: RunningGraphql;
  beforeAll(async () => {
    const graph = { jit: 1, fieldResolverEnhancers: ['guards' as const] };
    app = await RunningGraphql.start('mercurius', securityWith(key), { providers: [Accounts, Balances], graph });
  });
  afterAll(() => app.close());

  it('have their own rules held, and are denied without, as nobody can tell what they are reached through', async () => {
    const authorization = `Bearer ${new TokenIssuer(key, app.running.clock).issue({ roles: ['teller'] })}`;
    // It compiles what it has seen often enough.
    for (let i = 0; i < 3; i++) {
      expect(await app.ask('{ accounts { balance } }', { authorization })).toEqual({
        data: { accounts: [{ balance: '12.50' }, { balance: '12.50' }] },
      });
      expect(codesIn(await app.ask('{ showcase { balance } }'))).toEqual(['credentials_missing']);
    }
    expect(codesIn(await app.ask('{ showcase { plain } }'))).toEqual([]);
    expect(codesIn(await app.ask('{ showcase { plain } }'))).toEqual(['route_unknown']);
  });
});
