import { Args, Context, Field, InputType, Mutation, Query, Resolver } from '@nestjs/graphql';
import { UnauthorizedException } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  ConcurrencyLimit,
  Lockout,
  Public,
  RateLimit,
  Scheduler,
  SecurityEvents,
  SkipRateLimit,
  type HttpRequest,
  type RateLimitContext,
  type SecurityEvent,
  type SecurityOptions,
} from '@palisade/nest';
import { MaxLength } from 'class-validator';
import { FarStore } from '../../support/far-store.js';
import { codesIn, GRAPHQL_SERVERS, RunningGraphql, type GraphqlSetup } from '../../support/graphql.js';
import { FakeScheduler } from '../../support/scheduler.js';
import { securityWith } from '../../support/security.js';
import { signingKey, TokenIssuer } from '../../support/tokens.js';

const key = signingKey('ES256');
@InputType()
class Code {
  @Field()
  @MaxLength(4)
  code!: string;
}

const byEmail = ({ args }: RateLimitContext) => args?.['email'] as string | undefined;

@Resolver()
@Public()
class Accounts {
  static started = 0;

  constructor(private readonly lockout: Lockout) {}

  @Query(() => String, { nullable: true })
  @RateLimit('3/minute')
  quote() {
    Accounts.started++;
    return 'quote';
  }

  @Query(() => String, { nullable: true })
  @RateLimit({ limit: '3/minute', by: byEmail })
  exists(@Args('email') email: string) {
    return email;
  }

  @Query(() => String, { nullable: true })
  free() {
    return 'free';
  }

  @Query(() => String, { nullable: true })
  @SkipRateLimit()
  skipped() {
    return 'skipped';
  }

  @Mutation(() => String, { nullable: true })
  @RateLimit({ limit: '2/minute', countOn: 'failure' })
  login(@Args('password') password: string) {
    if (password === 'bug') throw new Error('A bug');
    if (password !== 'right') throw new UnauthorizedException();
    return 'welcome';
  }

  @Mutation(() => String, { nullable: true })
  @RateLimit({ limit: '2/minute', countOn: 'failure' })
  checked(@Args('input') { code }: Code) {
    return code;
  }

  @Mutation(() => String, { nullable: true })
  @RateLimit({ limit: '2/minute', countOn: 'failure' })
  returned(@Args('password') password: string): unknown {
    return password === 'right' ? 'welcome' : new UnauthorizedException();
  }

  @Mutation(() => String, { nullable: true })
  @RateLimit({ limit: '2/minute', countOn: 'success' })
  signUp(@Args('name') name: string) {
    if (name === 'taken') throw new UnauthorizedException();
    return name;
  }

  @Mutation(() => String, { nullable: true })
  @RateLimit({ limit: '1/minute', countOn: (status) => status === 500 })
  brittle(@Args('breaks') breaks: boolean) {
    if (breaks) throw new Error('A bug');
    throw new UnauthorizedException();
  }

  @Mutation(() => String, { nullable: true })
  async attempt(
    @Args('email') email: string,
    @Context() { req }: { req: HttpRequest },
    @Args('password') password: string,
  ) {
    const user = await this.lockout.attempt(email, req, () =>
      Promise.resolve(password === 'right' ? email : undefined),
    );
    if (user === undefined) throw new UnauthorizedException();
    return user;
  }

  @Query(() => String, { nullable: true })
  @ConcurrencyLimit(2)
  heavy() {
    return 'heavy';
  }

  @Query(() => String, { nullable: true })
  @RateLimit({ limit: '100/minute', delay: { after: 0, step: '1 second', max: '1 second' } })
  slow() {
    return 'slow';
  }
}

@Resolver()
class Mine {
  @Query(() => String, { nullable: true })
  @RateLimit({ limit: '2/minute', by: 'user' })
  mine() {
    return 'mine';
  }
}

const times = (count: number, field: string) =>
  Array.from({ length: count }, (_, index) => `f${index}: ${field}`).join(' ');

describe.each(GRAPHQL_SERVERS)('Limits of resolvers (%s)', (server) => {
  let app: RunningGraphql | undefined;

  afterEach(async () => {
    await app?.close();
    app = undefined;
    Accounts.started = 0;
  });

  async function start(options: SecurityOptions = {}, setup: GraphqlSetup = {}): Promise<RunningGraphql> {
    app = await RunningGraphql.start(server, securityWith(key, options), { providers: [Accounts, Mine], ...setup });
    return app;
  }

  it('charge every field that is called, under whatever name', async () => {
    const { body } = await (await start()).send({ query: `{ ${times(5, 'quote')} }` });
    expect(codesIn(body)).toEqual(['rate_limited', 'rate_limited']);
    expect(Accounts.started).toBe(3);
  });

  it('tell when to come back, in the error and in the header', async () => {
    const answer = await (await start()).send({ query: `{ free ${times(4, 'quote')} }` });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({
      errors: [
        {
          message: 'Too many requests',
          path: ['f3'],
          extensions: { code: 'rate_limited', status: 429, retryAfter: 20 },
        },
      ],
    });
    expect(answer.headers).toMatchObject({
      'retry-after': '20',
      'ratelimit-policy': '"route";q=3;w=60',
      ratelimit: '"route";r=0;t=20',
    });
  });

  it('tell what is left where nothing is denied', async () => {
    const answer = await (await start()).send({ query: `{ ${times(2, 'quote')} }` });
    expect(answer.headers).toMatchObject({ ratelimit: expect.stringMatching(/^"route";r=1;/) });
    expect(answer.headers).not.toHaveProperty('retry-after');
  });

  it('tell the least that is left to any field', async () => {
    const query = '{ a: exists(email: "a") b: exists(email: "a") c: exists(email: "b") }';
    expect((await (await start()).send({ query })).headers).toMatchObject({
      ratelimit: expect.stringMatching(/^"route";r=1;/),
    });
  });

  it('charge what fragments bring in', async () => {
    const running = await start();
    const query = `{ ...Many ... on Query { x: quote } } fragment Many on Query { ${times(4, 'quote')} }`;
    expect(codesIn(await running.ask(query))).toHaveLength(2);
    expect(Accounts.started).toBe(3);
  });

  it('charge a field once that the document names twice, as it is called once', async () => {
    const running = await start();
    expect(await running.ask('{ quote quote quote quote }')).toMatchObject({ data: { quote: 'quote' } });
    expect(Accounts.started).toBe(1);
  });

  it('charge every operation of a batch', async () => {
    const running = await start();
    const results = await running.batch(Array.from({ length: 5 }, () => '{ quote }'));
    expect(results.flatMap(codesIn)).toEqual(['rate_limited', 'rate_limited']);
    expect(Accounts.started).toBe(3);
  });

  it('that hold for every route charge every field', async () => {
    const running = await start({ rateLimit: { limits: { all: '4/minute' }, global: ['all'] } });
    expect(codesIn(await running.ask(`{ ${times(6, 'free')} skipped }`))).toEqual(['rate_limited', 'rate_limited']);
  });

  it('by principal charge every field', async () => {
    const running = await start();
    const authorization = `Bearer ${new TokenIssuer(key, running.running.clock).issue()}`;
    expect(codesIn(await running.ask(`{ ${times(3, 'mine')} }`, { authorization }))).toEqual(['rate_limited']);
  });

  it('by principal give back what each field that they deny took by address', async () => {
    const limits = { all: { limit: '9/minute', by: 'ip' } } as const;
    const running = await start({ rateLimit: { limits, global: ['all'], store: new FarStore() } });
    const authorization = `Bearer ${new TokenIssuer(key, running.running.clock).issue()}`;
    await running.ask(`{ ${times(5, 'mine')} }`, { authorization });
    const { headers } = await running.send({ query: '{ free }' });
    expect(headers).toMatchObject({ ratelimit: expect.stringContaining('"all";r=6;') });
  });

  it('may count by an argument', async () => {
    const query = `{ ${times(4, 'exists(email: "a@b.example")')} other: exists(email: "c@d.example") }`;
    expect(codesIn(await (await start()).ask(query))).toEqual(['rate_limited']);
  });

  it('on failure count what the handler threw or returned as an error, though the answer says 200', async () => {
    const running = await start();
    for (const field of ['login', 'returned']) {
      expect(await running.ask(`mutation { ${times(4, `${field}(password: "right")`)} }`)).not.toHaveProperty('errors');
      await running.ask(`mutation { ${times(2, `${field}(password: "wrong")`)} }`);
      expect(codesIn(await running.ask(`mutation { ${field}(password: "right") }`))).toEqual(['rate_limited']);
    }
  });

  it('on failure count every alias of an attempt', async () => {
    const running = await start();
    const result = await running.ask(`mutation { ${times(4, 'login(password: "wrong")')} }`);
    expect(codesIn(result).filter((code) => code === 'rate_limited')).toHaveLength(2);
  });

  it('on failure count errors that are no HTTP exceptions', async () => {
    const running = await start();
    await running.ask(`mutation { ${times(2, 'login(password: "bug")')} }`);
    expect(codesIn(await running.ask('mutation { login(password: "right") }'))).toEqual(['rate_limited']);
  });

  it('on failure count what a pipe refused', async () => {
    const running = await start();
    const refused = await running.ask(`mutation { ${times(3, 'checked(input: { code: "too long" })')} }`);
    expect(codesIn(refused)).toEqual(['validation_failed', 'validation_failed', 'rate_limited']);
    expect(refused.errors?.[0]?.extensions).toMatchObject({ status: 400, fields: [{ field: 'code' }] });
  });

  it('on success leave failures out', async () => {
    const running = await start();
    expect(codesIn(await running.ask(`mutation { ${times(4, 'signUp(name: "taken")')} }`))).not.toContain(
      'rate_limited',
    );
    await running.ask(`mutation { ${times(2, 'signUp(name: "new")')} }`);
    expect(codesIn(await running.ask('mutation { signUp(name: "newer") }'))).toEqual(['rate_limited']);
  });

  it('may judge by the status that the outcome would have had', async () => {
    const running = await start();
    expect(codesIn(await running.ask(`mutation { ${times(3, 'brittle(breaks: false)')} }`))).not.toContain(
      'rate_limited',
    );
    await running.ask('mutation { brittle(breaks: true) }');
    expect(codesIn(await running.ask('mutation { brittle(breaks: false) }'))).toEqual(['rate_limited']);
  });

  it('of concurrency take a place for every field, and give all of them back with the answer', async () => {
    const running = await start();
    for (let i = 0; i < 3; i++) {
      expect(codesIn(await running.ask(`{ ${times(12, 'heavy')} }`))).toEqual(
        Array.from({ length: 10 }, () => 'concurrency_exceeded'),
      );
    }
  });

  it('that slow down hold every field back, and Node warns of no leak', async () => {
    const scheduler = new FakeScheduler();
    const warnings: Error[] = [];
    const warn = (warning: Error) => warnings.push(warning);
    process.on('warning', warn);
    const running = await start(
      {},
      { customize: (builder) => builder.overrideProvider(Scheduler).useValue(scheduler) },
    );
    const pending = running.ask(`{ ${times(20, 'slow')} }`);
    while (scheduler.pending < 20) await new Promise((resolve) => setImmediate(resolve));
    scheduler.advance(1000);
    expect(await pending).not.toHaveProperty('errors');
    await new Promise((resolve) => setImmediate(resolve));
    process.removeListener('warning', warn);
    expect(warnings).toEqual([]);
  });

  it('of failed attempts lock an account, and say for how long', async () => {
    const running = await start({ lockout: { maxFailures: 2 } });
    await running.ask(`mutation { ${times(5, 'attempt(email: "a@b.example", password: "wrong")')} }`);
    const result = await running.ask('mutation { attempt(email: "a@b.example", password: "right") }');
    expect(result).toMatchObject({
      errors: [{ extensions: { code: 'account_locked', status: 429, retryAfter: expect.any(Number) } }],
    });
  });

  it('that deny are told of in an event for each field, with the limit', async () => {
    const running = await start();
    const events: SecurityEvent[] = [];
    running.running.app.get(SecurityEvents).subscribe((event) => events.push(event));
    await running.ask(`{ ${times(5, 'quote')} }`);
    expect(events.filter((event) => event.type === 'decision' && !event.allowed)).toMatchObject([
      { reason: 'rate_limited', limit: 'route', route: 'Accounts.quote', transport: 'graphql', address: '127.0.0.1' },
      { reason: 'rate_limited', limit: 'route' },
    ]);
  });
});
