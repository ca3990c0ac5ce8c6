import { Controller, HttpCode, Post, type Type } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import {
  ConcurrencyLimit,
  Public,
  RateLimit,
  RateLimiter,
  SecurityConfigurationError,
  SecurityModule,
  type RateLimitingOptions,
} from '@palisade/nest';
import { ADAPTERS, startFailure, type AdapterName } from '../support/application.js';
import { edgeOfEachTest, type EdgeApplication } from './edge.harness.js';

const BOB = 'bob@x.org';
const SPELLINGS = [
  'Bob@x.org',
  ' bob@x.org ',
  'ｂｏｂ@x.org',
  'bob\u200b@x.org',
  '\tBOB@X.ORG\u00a0',
  'bob@x.org\u00ad',
];
const NOT_TEXT: readonly unknown[] = [
  [BOB],
  [[BOB]],
  [],
  { a: 1 },
  { $ne: null },
  { toString: BOB },
  true,
  false,
  'é'.repeat(1001),
];

describe.each(ADAPTERS)('Keys of functions on %s', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);

  @Controller()
  @Public()
  class Routes {
    static handled = 0;

    @Post('login')
    @HttpCode(200)
    @RateLimit('login')
    login() {
      Routes.handled++;
      return {};
    }

    @Post('exact')
    @HttpCode(200)
    @RateLimit({ limit: '1/minute', by: ({ body }) => body['username'], normalize: false })
    exact() {
      return {};
    }

    @Post('own')
    @HttpCode(200)
    @RateLimit({
      limit: '1/minute',
      by: ({ body }) => body['username'],
      normalize: (key: string) => key.replace(/\+.*@/, '@'),
    })
    own() {
      return {};
    }

    @Post('two')
    @HttpCode(200)
    @RateLimit({ limit: '3/minute', by: 'ip' }, { limit: '9/minute', by: ({ body }) => body['username'] })
    two() {
      return {};
    }

    @Post('held')
    @HttpCode(200)
    @ConcurrencyLimit({ max: 1, by: ({ body }) => body['username'] })
    held() {
      return {};
    }
  }

  async function start(rateLimit: RateLimitingOptions = {}): Promise<EdgeApplication> {
    Routes.handled = 0;
    const login = {
      limit: '2/minute',
      by: ({ body }: { body: Readonly<Record<string, unknown>> }) => body['username'],
    };
    return startOne({ proxy: { trust: 1 }, rateLimit: { limits: { login }, ...rateLimit } }, [Routes]);
  }

  let addresses = 0;

  /** From another address each time: who guesses has many. */
  async function post(app: EdgeApplication, path: string, body: object): Promise<readonly [number, unknown]> {
    const address = `192.0.2.${++addresses % 250}`;
    const answer = await app.send(path, { body, headers: { 'x-forwarded-for': address } });
    return [answer.status, answer.body['code']];
  }

  const send = (app: EdgeApplication, path: string, username: unknown) => post(app, path, { username });

  it('are one in every spelling', async () => {
    const app = await start();
    for (let i = 0; i < 2; i++) expect(await send(app, '/login', BOB)).toEqual([200, undefined]);
    for (const spelling of SPELLINGS) expect(await send(app, '/login', spelling)).toEqual([429, 'rate_limited']);
    expect(await send(app, '/login', 'rob@x.org')).toEqual([200, undefined]);
    expect(Routes.handled).toBe(3);
  });

  it.each(['/login', '/held'])('are refused where they are neither text nor a number (%s)', async (path) => {
    const app = await start();
    for (const odd of NOT_TEXT) expect(await send(app, path, odd)).toEqual([400, 'rate_limit_key_refused']);
    expect(Routes.handled).toBe(0);
    expect(app.takeDenials()).toHaveLength(NOT_TEXT.length);
  });

  it('are the same as numbers and as text, and have the address counted where there are none', async () => {
    const app = await start();
    const statuses: number[] = [];
    for (const key of [7, '7', 7]) statuses.push((await send(app, '/login', key))[0]);
    expect(statuses).toEqual([200, 200, 429]);
    for (const nothing of [undefined, null, '', ' \u200b']) expect((await send(app, '/login', nothing))[0]).toBe(200);
    const fromOne = { body: {}, headers: { 'x-forwarded-for': '198.51.100.1' } };
    const answers = [
      await app.send('/login', fromOne),
      await app.send('/login', fromOne),
      await app.send('/login', fromOne),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
  });

  it.each([['[]'], ['["bob@x.org"]'], ['{}']])('are those of an object alone: %s', async (body) => {
    const app = await start();
    const sent = { body, headers: { 'content-type': 'application/json', 'x-forwarded-for': '192.0.2.251' } };
    expect((await app.send('/login', sent)).status).toBe(200);
  });

  it('are compared exactly, or as the application says, where it says so', async () => {
    const app = await start();
    expect((await send(app, '/exact', 'Bob'))[0]).toBe(200);
    expect((await send(app, '/exact', 'bob'))[0]).toBe(200);
    expect((await send(app, '/exact', ['bob']))[0]).toBe(400);
    expect((await send(app, '/own', 'bob+1@x.org'))[0]).toBe(200);
    expect((await send(app, '/own', 'bob+2@x.org'))[0]).toBe(429);
  });

  it('leave the other limits charged where they are refused', async () => {
    const app = await start();
    const call = (username: unknown) =>
      app.send('/two', { body: { username }, headers: { 'x-forwarded-for': '203.0.113.9' } });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await call(['bob'])).status);
    expect(statuses).toEqual([400, 400, 400, 429]);
  });

  it('are recorded and let through under report', async () => {
    const app = await start({ enforcement: 'report' });
    expect((await send(app, '/login', ['bob']))[0]).toBe(200);
    expect(app.takeDenials()).toMatchObject([{ reason: 'rate_limit_key_refused', limit: 'login', enforced: false }]);
  });

  it('count together with those of RateLimiter', async () => {
    const app = await start();
    const limiter = app.app.get(RateLimiter);
    await limiter.consume('login', ' BOB@x.org', { cost: 2 });
    expect((await send(app, '/login', BOB))[0]).toBe(429);
    await limiter.reset('login', 'bob\u200b@X.org');
    expect((await send(app, '/login', BOB))[0]).toBe(200);
    for (const key of ['', ' ', [BOB] as unknown as string, 7 as unknown as string]) {
      await expect(limiter.consume('login', key)).rejects.toThrow('no text');
    }
  });
});

describe('The start is refused', () => {
  async function refusal(decorator: MethodDecorator): Promise<string> {
    @Controller()
    @Public()
    class Routes {
      @Post()
      @decorated(decorator)
      home() {
        return {};
      }
    }
    const error = await startFailure({ imports: [SecurityModule.forRoot({})], controllers: [Routes as Type] });
    expect(error).toBeInstanceOf(SecurityConfigurationError);
    return (error as SecurityConfigurationError).message;
  }
  const decorated = (decorator: MethodDecorator): MethodDecorator => decorator;

  it.each([
    [RateLimit({ limit: '1/minute', by: 'user', normalize: false }), 'is for the keys of a function'],
    [RateLimit({ limit: '1/minute', normalize: false }), 'is for the keys of a function'],
    [ConcurrencyLimit({ max: 1, by: 'ip', normalize: false }), 'is for the keys of a function'],
    [RateLimit({ limit: '1/minute', by: () => 'a', normalize: 'lower' as unknown as false }), 'a function or false'],
    [RateLimit({ limit: '1/minute', by: () => 'a', normalize: true as unknown as false }), 'a function or false'],
  ])('for keys that cannot be normalized so (%#)', async (decorator, problem) => {
    expect(await refusal(decorator)).toContain(problem);
  });
});
