import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Context, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Strategy } from 'passport';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Authenticated,
  CurrentUser,
  OptionalAuth,
  Policy,
  Public,
  Roles,
  type HttpRequest,
  type Principal,
} from '@palisade/nest';
import { codesIn, GRAPHQL_SERVERS, RunningGraphql, type GraphqlSetup } from '../../support/graphql.js';
import { securityWith } from '../../support/security.js';
import { signingKey, TokenIssuer } from '../../support/tokens.js';

const key = signingKey('ES256');

/** Says who the caller is after a while, and counts how often it was asked. */
class SlowStrategy extends Strategy {
  static asked = 0;
  static running = 0;
  static most = 0;

  constructor(private readonly user: string) {
    super();
  }

  override async authenticate(request: HttpRequest): Promise<void> {
    SlowStrategy.asked++;
    SlowStrategy.running++;
    SlowStrategy.most = Math.max(SlowStrategy.most, SlowStrategy.running);
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
    SlowStrategy.running--;
    if (request.headers['x-user'] === undefined) this.fail();
    else this.success({ id: this.user });
  }
}

@Injectable()
class One extends PassportStrategy(SlowStrategy, 'one') {
  constructor() {
    super('one');
  }

  validate(user: unknown) {
    return user;
  }
}

@Injectable()
class Two extends PassportStrategy(SlowStrategy, 'two') {
  constructor() {
    super('two');
  }

  validate(user: unknown) {
    return user;
  }
}

/** Decides later than any field beside it is admitted. */
async function isOne(principal: Principal): Promise<boolean> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  return principal.id === 'one';
}

@Resolver()
class Fields {
  @Query(() => String, { nullable: true })
  @Authenticated('one')
  @Policy(isOne)
  async one(@CurrentUser('id') id: string) {
    await new Promise((resolve) => setImmediate(resolve));
    return id;
  }

  @Query(() => String, { nullable: true })
  @Authenticated('two')
  @Policy(isOne)
  two(@CurrentUser('id') id: string) {
    return id;
  }

  @Query(() => String, { nullable: true })
  @Authenticated('two')
  second(@CurrentUser('id') id: string) {
    return id;
  }

  @Query(() => String, { nullable: true })
  @OptionalAuth('jwt')
  optional(@CurrentUser('id') id: string) {
    return id;
  }

  @Query(() => String, { nullable: true })
  @Public()
  open(@CurrentUser('id') id: string, @Context() { req }: { req: HttpRequest }) {
    return JSON.stringify([id, req.user ?? null]);
  }

  @Query(() => String, { nullable: true })
  @Roles('teller')
  @Authenticated('jwt')
  teller(@CurrentUser('id') id: string) {
    return id;
  }
}

const times = (count: number, field: string) =>
  Array.from({ length: count }, (_, index) => `f${index}: ${field}`).join(' ');

describe.each(GRAPHQL_SERVERS)('Fields that one request carries (%s)', (server) => {
  let app: RunningGraphql;
  let issuer: TokenIssuer;
  beforeAll(async () => {
    app = await RunningGraphql.start(server, securityWith(key), { providers: [Fields, One, Two] });
    issuer = new TokenIssuer(key, app.running.clock);
  });
  afterAll(() => app.close());
  afterEach(() => {
    SlowStrategy.asked = 0;
    SlowStrategy.most = 0;
  });

  it('have a principal each, which no other field reads', async () => {
    const { data, errors } = await app.ask('{ one two second open }', { 'x-user': '' });
    expect(data).toEqual({ one: 'one', two: null, second: 'two', open: '["",null]' });
    expect(errors).toMatchObject([{ path: ['two'], extensions: { code: 'policy_denied' } }]);
  });

  it('have a principal each, across the operations of a batch', async () => {
    const results = await app.batch(['{ one }', '{ two }', '{ second }', '{ open }'], { 'x-user': '' });
    expect(results.map(({ data }) => data)).toEqual([
      { one: 'one' },
      { two: null },
      { second: 'two' },
      { open: '["",null]' },
    ]);
  });

  it('are authenticated once for all that accept the same credentials, and one after the other', async () => {
    await app.ask(`{ ${times(50, 'one')} }`, { 'x-user': '' });
    expect([SlowStrategy.asked, SlowStrategy.most]).toEqual([1, 1]);
    await app.batch([`{ ${times(9, 'two')} }`, '{ one two second }'], { 'x-user': '' });
    expect([SlowStrategy.asked, SlowStrategy.most]).toEqual([3, 1]);
  });

  it('are refused together where the credentials are, with an error each', async () => {
    expect(codesIn(await app.ask(`{ ${times(5, 'one')} open }`))).toEqual(
      Array.from({ length: 5 }, () => 'credentials_invalid'),
    );
    expect(SlowStrategy.asked).toBe(1);
  });

  it('are allowed and denied side by side', async () => {
    const authorization = `Bearer ${issuer.issue({ roles: ['customer'] })}`;
    const result = await app.ask('{ teller optional open }', { authorization });
    expect(result).toMatchObject({ data: { teller: null, optional: 'alice', open: '["",null]' } });
    expect(codesIn(result)).toEqual(['role_missing']);
  });
});

describe.each(GRAPHQL_SERVERS)('Requests whose operations share a context (%s)', (server) => {
  let release: () => void = () => undefined;
  let begun: () => void = () => undefined;

  @Resolver()
  class Shared {
    @Mutation(() => String, { nullable: true })
    @Public()
    async wait() {
      await new Promise<void>((resolve) => {
        release = resolve;
        begun();
      });
    }

    @Mutation(() => String, { nullable: true })
    me(@CurrentUser('id') id: string) {
      return id;
    }
  }

  it.each([
    ['an object', { name: 'bank' }],
    ['a function that answers with one object', () => SHARED],
  ])('are never taken for each other, where it is %s', async (_, context) => {
    const graph = { context } as unknown as NonNullable<GraphqlSetup['graph']>;
    const app = await RunningGraphql.start(server, securityWith(key), { providers: [Fields, One, Two, Shared], graph });
    const as = (sub: string) => ({ authorization: `Bearer ${new TokenIssuer(key, app.running.clock).issue({ sub })}` });
    const waiting = new Promise<void>((resolve) => (begun = resolve));
    const mallory = app.ask('mutation { wait me }', as('mallory'));
    await waiting;
    const alice = await app.ask('mutation { me }', as('alice'));
    release();
    const answers = [(await mallory).data?.['me'], alice.data?.['me']];
    await app.close();
    expect([null, 'mallory']).toContain(answers[0]);
    expect([null, 'alice']).toContain(answers[1]);
  });
});

const SHARED = {};

describe.each(GRAPHQL_SERVERS)('Denials of fields (%s)', (server) => {
  const bans = { safelist: [], denials: { reasons: ['credentials_missing'], maxRetry: 3 } } as const;

  it('count once a request for bans, however many fields were denied', async () => {
    const app = await RunningGraphql.start(server, securityWith(key, { bans }), { providers: [Fields, One, Two] });
    for (let i = 0; i < 3; i++) expect(codesIn(await app.ask(`{ ${times(20, 'teller')} }`))).toHaveLength(20);
    expect((await app.send({ query: '{ open }' })).body).toMatchObject({ code: 'address_banned' });
    await app.close();
  });
});
