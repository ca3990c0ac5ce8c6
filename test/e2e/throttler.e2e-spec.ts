import {
  Catch,
  Controller,
  Get,
  Injectable,
  type ArgumentsHost,
  type ExceptionFilter,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  SkipThrottle,
  Throttle,
  ThrottlerException,
  ThrottlerGuard,
  ThrottlerModule,
  ThrottlerStorageService,
  minutes,
  seconds,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import { describe, expect, it } from '@jest/globals';
import {
  MemoryRateLimitStore,
  Public,
  RateLimit,
  RateLimitGuard,
  SecurityConfigurationError,
  SecurityModule,
  SkipRateLimit,
  type HttpRequest,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS, startFailure, type AdapterName } from '../support/application.js';
import { edgeOfEachTest, type EdgeApplication, type EdgeSetup, type Sent } from './edge.harness.js';

type Options = NonNullable<SecurityOptions['rateLimit']>;

describe.each(ADAPTERS)('An application that was made for @nestjs/throttler, on %s,', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);

  async function start(
    rateLimit: Options,
    controllers: readonly Type[],
    setup: EdgeSetup = {},
  ): Promise<EdgeApplication> {
    return startOne({ proxy: { trust: 1 }, rateLimit }, controllers, setup);
  }

  const from = (address: string): Sent => ({ headers: { 'x-forwarded-for': address } });

  async function statuses(app: EdgeApplication, path: string, count: number, sent = from('192.0.2.1')) {
    const answers: number[] = [];
    for (let i = 0; i < count; i++) answers.push((await app.send(path, sent)).status);
    return answers;
  }

  @Controller()
  @Public()
  class Routes {
    @Get()
    home() {
      return {};
    }

    @Get('other')
    other() {
      return {};
    }

    @Get('tighter')
    @Throttle({ default: { limit: 1, ttl: seconds(10) } })
    tighter() {
      return {};
    }

    @Get('free')
    @SkipThrottle()
    free() {
      return {};
    }
  }

  it('has its list of throttlers enforced, for each client and route', async () => {
    const app = await start([{ ttl: minutes(1), limit: 2 }], [Routes]);
    expect(await statuses(app, '/', 3)).toEqual([200, 200, 429]);
    expect(await statuses(app, '/other', 1)).toEqual([200]);
    expect(await statuses(app, '/', 1, from('192.0.2.2'))).toEqual([200]);
    app.clock.advance(60);
    expect(await statuses(app, '/', 1)).toEqual([200]);
  });

  it('gets the headers that it knows', async () => {
    const app = await start([{ ttl: minutes(1), limit: 2 }], [Routes]);
    const first = await app.send('/', from('192.0.2.1'));
    expect(first.headers).toMatchObject({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': '60',
    });
    await app.send('/', from('192.0.2.1'));
    const denied = await app.send('/', from('192.0.2.1'));
    expect([denied.status, denied.headers['retry-after']]).toEqual([429, '60']);
  });

  it('gets no headers where it wants none', async () => {
    const app = await start({ throttlers: [{ ttl: minutes(1), limit: 1 }], setHeaders: false }, [Routes]);
    expect((await app.send('/', from('192.0.2.1'))).headers).not.toHaveProperty('x-ratelimit-limit');
  });

  it('keeps what @Throttle and @SkipThrottle say', async () => {
    const app = await start([{ ttl: minutes(1), limit: 3 }], [Routes]);
    expect(await statuses(app, '/tighter', 2)).toEqual([200, 429]);
    app.clock.advance(10);
    expect(await statuses(app, '/tighter', 1)).toEqual([200]);
    expect(await statuses(app, '/free', 5)).toEqual([200, 200, 200, 200, 200]);
  });

  it('keeps what they say on classes, and the handler is nearer', async () => {
    @Controller()
    @Public()
    @SkipThrottle()
    @Throttle({ default: { limit: 1, ttl: seconds(10) } })
    class OfClass {
      @Get('free')
      free() {
        return {};
      }

      @Get('limited')
      @SkipThrottle({ default: false })
      limited() {
        return {};
      }

      @Get('more')
      @SkipThrottle({ default: false })
      @Throttle({ default: { limit: 2, ttl: seconds(10) } })
      more() {
        return {};
      }
    }
    const app = await start([{ ttl: minutes(1), limit: 5 }], [OfClass]);
    expect(await statuses(app, '/free', 7)).toEqual(Array(7).fill(200));
    expect(await statuses(app, '/limited', 2)).toEqual([200, 429]);
    expect(await statuses(app, '/more', 3)).toEqual([200, 200, 429]);
  });

  it('has several throttlers by name, each with headers of its name', async () => {
    @Controller()
    @Public()
    class Named {
      @Get()
      home() {
        return {};
      }

      @Get('long')
      @SkipThrottle({ short: true })
      long() {
        return {};
      }
    }
    const app = await start(
      [
        { name: 'short', ttl: seconds(1), limit: 1 },
        { name: 'long', ttl: minutes(1), limit: 3 },
      ],
      [Named],
    );
    const first = await app.send('/', from('192.0.2.1'));
    expect(first.headers).toMatchObject({ 'x-ratelimit-limit-short': '1', 'x-ratelimit-limit-long': '3' });
    const denied = await app.send('/', from('192.0.2.1'));
    expect([denied.status, denied.headers['retry-after-short']]).toEqual([429, '1']);
    expect(await statuses(app, '/long', 4)).toEqual([200, 200, 200, 429]);
  });

  it('denies for as long as blockDuration says, and starts anew', async () => {
    const app = await start([{ ttl: seconds(1), limit: 1, blockDuration: seconds(30) }], [Routes]);
    expect(await statuses(app, '/', 2)).toEqual([200, 429]);
    app.clock.advance(29);
    expect(await statuses(app, '/', 1)).toEqual([429]);
    app.clock.advance(1);
    expect(await statuses(app, '/', 1)).toEqual([200]);
  });

  it('has its functions asked: limit, ttl, tracker, key, skipIf and agents', async () => {
    const app = await start(
      {
        throttlers: [
          {
            ttl: () => Promise.resolve(minutes(1)),
            limit: (context) => Number(context.switchToHttp().getRequest<HttpRequest>().headers['x-limit']),
          },
        ],
        getTracker: (request) => String((request as HttpRequest).headers['x-tracker']),
        generateKey: (_context, tracker, name) => `${name}:${tracker}`,
        skipIf: (context) => context.switchToHttp().getRequest<HttpRequest>().headers['x-skip'] === 'yes',
        ignoreUserAgents: [/friendly/g],
      },
      [Routes],
    );
    const sent = (tracker: string, more: Record<string, string> = {}): Sent => ({
      headers: { 'x-tracker': tracker, 'x-limit': '2', ...more },
    });
    expect(await statuses(app, '/', 3, sent('a'))).toEqual([200, 200, 429]);
    // The key names no route.
    expect(await statuses(app, '/other', 1, sent('a'))).toEqual([429]);
    expect(await statuses(app, '/', 1, sent('b'))).toEqual([200]);
    expect(await statuses(app, '/', 4, sent('a', { 'x-skip': 'yes' }))).toEqual([200, 200, 200, 200]);
    // An expression that keeps state answers the same every time.
    expect(await statuses(app, '/', 4, sent('a', { 'user-agent': 'friendly bot' }))).toEqual([200, 200, 200, 200]);
  });

  it('keeps its message', async () => {
    const app = await start(
      { throttlers: [{ ttl: minutes(1), limit: 1 }], errorMessage: (_context, { limit }) => `No more than ${limit}` },
      [Routes],
    );
    const [, denied] = [await app.send('/', from('192.0.2.1')), await app.send('/', from('192.0.2.1'))];
    expect(denied.body).toMatchObject({ statusCode: 429, message: 'No more than 1', code: 'rate_limited' });
  });

  it.each([['192.0.2.1'], ['2001:db8::1'], ['::1']])(
    'tells its functions what ThrottlerGuard tells them: %s',
    async (address) => {
      const told: Record<string, unknown>[][] = [[], []];
      const optionsFor = (which: 0 | 1) => ({
        throttlers: [{ ttl: minutes(1), limit: 1 }],
        errorMessage: (_context: unknown, detail: object) => {
          told[which]?.push({ ...detail });
          return 'Enough';
        },
      });
      const ours = await start(optionsFor(0), [Routes]);
      const theirs = await startOne({ proxy: { trust: 1 } }, [Routes], {
        imports: [ThrottlerModule.forRoot(optionsFor(1))],
        providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
        configure: (application) => {
          const instance: unknown = application.getHttpAdapter().getInstance();
          const express = instance as { set?: (name: string, value: unknown) => void };
          express.set?.('trust proxy', 1);
        },
      });
      // Fastify trusts nobody unless it is made so: the peer is the client there.
      const isTrusting = adapter === 'express';
      const seen = isTrusting ? address : '127.0.0.1';
      for (const app of [ours, theirs]) {
        const sent = app === ours ? from(seen) : from(address);
        expect(await statuses(app, '/', 2, sent)).toEqual([200, 429]);
      }
      const [[one], [other]] = told as [[Record<string, unknown>], [Record<string, unknown>]];
      expect({ ...one, key: 'a hash' }).toEqual({ ...other, key: 'a hash' });
      for (const { key } of [one, other]) expect(key).toMatch(/^[0-9a-f]{64}$/);
    },
  );

  it('keeps its filters of ThrottlerException', async () => {
    @Catch(ThrottlerException)
    class Filter implements ExceptionFilter {
      catch(_exception: ThrottlerException, host: ArgumentsHost) {
        const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: object): void } }>();
        response.status(429).send({ caught: true });
      }
    }
    const app = await start([{ ttl: minutes(1), limit: 0 }], [Routes], {
      configure: (application) => void application.useGlobalFilters(new Filter()),
    });
    expect((await app.send('/', from('192.0.2.1'))).body).toEqual({ caught: true });
  });

  it('keeps its storage', async () => {
    const keys: string[] = [];
    const inner = new ThrottlerStorageService();
    const storage: ThrottlerStorage = {
      increment: (hit, ...rest) => {
        keys.push(hit);
        return inner.increment(hit, ...rest);
      },
    };
    const app = await start({ throttlers: [{ ttl: minutes(1), limit: 2 }], storage }, [Routes]);
    expect(await statuses(app, '/', 3)).toEqual([200, 200, 429]);
    expect(new Set(keys).size).toBe(1);
    inner.onApplicationShutdown();
  });

  it('keeps guards that extended ThrottlerGuard, and has its throttlers counted by them alone', async () => {
    @Injectable()
    class ByCustomer extends RateLimitGuard {
      protected override async getTracker(request: HttpRequest): Promise<string> {
        return String(request.headers['x-customer']);
      }

      protected override async shouldSkip(context: Parameters<RateLimitGuard['canActivate']>[0]): Promise<boolean> {
        return context.switchToHttp().getRequest<HttpRequest>().headers['x-inside'] === 'yes';
      }
    }
    const app = await start([{ ttl: minutes(1), limit: 2 }], [Routes], {
      providers: [{ provide: APP_GUARD, useClass: ByCustomer }],
    });
    const sent = (customer: string, more: Record<string, string> = {}): Sent => ({
      headers: { 'x-customer': customer, ...more },
    });
    expect(await statuses(app, '/', 3, sent('a'))).toEqual([200, 200, 429]);
    expect(await statuses(app, '/', 1, sent('b'))).toEqual([200]);
    expect(await statuses(app, '/', 3, sent('a', { 'x-inside': 'yes' }))).toEqual([200, 200, 200]);
    expect(await statuses(app, '/tighter', 2, sent('c'))).toEqual([200, 429]);
    const denied = await app.send('/tighter', sent('c'));
    expect(denied.body).toMatchObject({ code: 'rate_limited' });
    expect(app.takeDenials()).toContainEqual(expect.objectContaining({ reason: 'rate_limited' }));
  });

  it('is served by the stores of the library under its own module', async () => {
    const app = await startOne({}, [Routes], {
      imports: [
        ThrottlerModule.forRoot({ throttlers: [{ ttl: minutes(1), limit: 2 }], storage: new MemoryRateLimitStore() }),
      ],
      providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
    });
    expect(await statuses(app, '/', 3)).toEqual([200, 200, 429]);
    expect(await statuses(app, '/tighter', 2)).toEqual([200, 429]);
    expect(await statuses(app, '/free', 4)).toEqual([200, 200, 200, 200]);
  });
});

describe('The start is refused', () => {
  async function refusal(rateLimit: Options, ...decorators: MethodDecorator[]): Promise<string> {
    @Controller()
    @Public()
    class Routes {
      @Get()
      home() {
        return {};
      }
    }
    const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, 'home') as PropertyDescriptor;
    for (const decorate of decorators) decorate(Routes.prototype, 'home', descriptor);
    const error = await Promise.resolve()
      .then(() => startFailure({ imports: [SecurityModule.forRoot({ rateLimit })], controllers: [Routes] }))
      .catch((failure: unknown) => failure);
    expect(error).toBeInstanceOf(SecurityConfigurationError);
    return (error as SecurityConfigurationError).message;
  }

  it('for @Throttle of a name that there is not', async () => {
    const options = [{ name: 'short', ttl: 1000, limit: 1 }];
    expect(await refusal(options, Throttle({ shrt: { limit: 1, ttl: 1 } }))).toContain('Did you mean "short"?');
  });

  it.each([
    [Throttle({ default: { limit: 1, ttl: 1 } }), '@Throttle({ default: … })'],
    [Throttle({ shrt: { limit: 1, ttl: 1 } }), '@Throttle({ shrt: … })'],
    [SkipThrottle({ shrt: true }), '@SkipThrottle({ shrt: true })'],
    [SkipThrottle({ shrt: false }), '@SkipThrottle({ shrt: false })'],
  ])('for names of decorators that there are not, as they were written (%#)', async (decorator, written) => {
    const message = await refusal([{ name: 'short', ttl: 1000, limit: 1 }], decorator);
    expect(message).toContain(`${written} is for the throttler "`);
  });

  type Limits = Record<string, string | { limit: string; countOn: 'success' }>;
  it.each<[string, object, Limits, 'token-bucket' | undefined, string]>([
    ['counts on the outcome', { countOn: 'failure' }, {}, undefined, 'gives nothing back'],
    ['slides', { algorithm: 'sliding-window' }, {}, undefined, ".algorithm: is 'sliding-window', and a Throttler"],
    [
      'is a token bucket',
      { algorithm: 'token-bucket' },
      {},
      undefined,
      ".algorithm: is 'token-bucket', and a Throttler",
    ],
    ['has a burst', { burst: 5 }, {}, undefined, 'home: has a burst, and a Throttler'],
    ['has a burst in its text', { limit: '1/minute burst 5' }, {}, undefined, 'home: has a burst, and a Throttler'],
    ['has a burst in a plan', { plans: { pro: '9/minute burst 5' } }, {}, undefined, 'home: has a burst, and a Thr'],
    ['has a burst in options', {}, { login: '1/minute burst 5' }, undefined, 'rateLimit.limits.login: has a burst'],
    ['counts on', {}, { login: { limit: '1/minute', countOn: 'success' } }, undefined, 'limits.login: counts on'],
    ['is one of token buckets', {}, {}, 'token-bucket', "rateLimit.algorithm: is 'token-bucket', and a Throttler"],
  ])(
    'for a limit that %s, over a storage that only counts in windows (%#)',
    async (_, own, limits, algorithm, text) => {
      for (const place of ['storage', 'store']) {
        const options = {
          [place]: new ThrottlerStorageService(),
          limits: { login: '1/minute', ...limits },
          ...(algorithm && { algorithm }),
        };
        const message = await refusal(options, RateLimit({ limit: '1/minute', ...own }));
        expect(message).toContain(text);
        expect(message).toContain('Use a store of the library');
      }
    },
  );

  it('not for a fixed window that counts everything, over such a storage', async () => {
    const options = { storage: new ThrottlerStorageService(), algorithm: 'fixed-window' as const };
    const fixed = RateLimit({
      limit: '1/minute',
      algorithm: 'fixed-window',
      countOn: 'all',
      plans: { pro: '9/minute' },
    });
    await expect(refusal(options, fixed)).rejects.toThrow(/instanceof|toBeInstanceOf/);
  });

  it('for @RateLimit and @SkipRateLimit of names that there are not, and what is no limit', async () => {
    const options = { limits: { login: '1/minute' } };
    expect(await refusal(options, RateLimit('logn'))).toContain('Did you mean "login"?');
    expect(await refusal(options, SkipRateLimit('logn'))).toContain('Did you mean "login"?');
    expect(await refusal({}, SkipRateLimit('login'))).toContain('which is not declared');
    expect(await refusal({}, RateLimit({ limit: 'often' }))).toContain('is not the text of a limit');
    expect(await refusal({}, RateLimit('1/fortnight'))).toContain('which is not declared');
  });

  it('for contradictions on one level', async () => {
    expect(await refusal({}, RateLimit('1/minute'), SkipRateLimit())).toContain('contradict each other');
    expect(await refusal({}, RateLimit('1/minute'), RateLimit('2/minute'))).toContain('are given together');
  });

  it('for @SkipThrottle without names where all throttlers have one', async () => {
    const options = [{ name: 'short', ttl: 1000, limit: 1 }];
    const message = await refusal(options, SkipThrottle());
    expect(message).toContain('@SkipThrottle() is for the throttler "default", which is not declared');
    expect(message).toContain('Name those that are: @SkipThrottle({ short: true })');
  });
});
