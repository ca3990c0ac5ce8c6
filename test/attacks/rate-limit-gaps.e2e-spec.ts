/**
 * Gaps of rate limits that a review found, each as the way around it or the harm that it did.
 */
import { Controller, Get, Injectable, Next, Post, Req, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it } from '@jest/globals';
import { SkipThrottle, Throttle, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import {
  Lockout,
  MemoryRateLimitStore,
  Public,
  RateLimit,
  RateLimitGuard,
  ResilientRateLimitStore,
  SecurityModule,
  SkipRateLimit,
  type HttpRequest,
  type RateLimitingOptions,
  type RateLimitSettings,
} from '@palisade/nest';
import { request as callOf } from 'node:http';
import * as http2 from 'node:http2';
import {
  createWithFactory,
  listen,
  edgeOfEachTest,
  startEdge,
  statusesOf,
  type EdgeApplication,
  type EdgeSetup,
} from '../e2e/edge.harness.js';
import { ADAPTERS, type AdapterName } from '../support/application.js';

const MINUTE = 60_000;

describe.each(ADAPTERS)('Rate limits on %s', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);

  async function start(
    rateLimit: RateLimitingOptions,
    controllers: readonly Type[],
    setup: EdgeSetup = {},
  ): Promise<EdgeApplication> {
    return startOne({ rateLimit }, controllers, setup);
  }

  @Controller()
  @Public()
  class Routes {
    @Get()
    home() {
      return {};
    }

    @Get('skipped')
    @SkipRateLimit()
    skipped() {
      return {};
    }

    @Get('skipped-by-name')
    @SkipRateLimit('default')
    skippedByName() {
      return {};
    }
  }

  describe('with a guard of the application that extends RateLimitGuard', () => {
    @Injectable()
    class OwnGuard extends RateLimitGuard {}
    const setup: EdgeSetup = { providers: [{ provide: APP_GUARD, useClass: OwnGuard }] };
    const throttlers = [{ ttl: MINUTE, limit: 1 }];

    it('only record under report', async () => {
      const app = await start({ throttlers, enforcement: 'report' }, [Routes], setup);
      expect(await statusesOf(3, () => app.send('/'))).toEqual([200, 200, 200]);
      expect(app.takeDenials()).toMatchObject([
        { reason: 'rate_limited', enforced: false },
        { reason: 'rate_limited', enforced: false },
      ]);
    });

    it('answer 503 where the store is away and nothing may pass uncounted', async () => {
      const away = () => Promise.reject(new Error('away'));
      const store = { consume: away, peek: away, refund: away, reset: away };
      const app = await start({ throttlers, store, onStoreError: 'closed' }, [Routes], setup);
      const answer = await app.send('/');
      expect([answer.status, answer.body['code']]).toEqual([503, 'rate_limit_unavailable']);
      expect(answer.headers['retry-after']).toBe('1');
    });

    it('are lifted by @SkipRateLimit', async () => {
      const app = await start({ throttlers }, [Routes], setup);
      expect(await statusesOf(3, () => app.send('/skipped'))).toEqual([200, 200, 200]);
      expect(await statusesOf(3, () => app.send('/skipped-by-name'))).toEqual([200, 200, 200]);
      expect(await statusesOf(2, () => app.send('/'))).toEqual([200, 429]);
    });

    it('say nothing of when to come back where that is never', async () => {
      const app = await start({ throttlers: [{ ttl: MINUTE, limit: 0 }] }, [Routes], setup);
      const answer = await app.send('/');
      expect(answer.status).toBe(429);
      expect(answer.headers['retry-after']).not.toBe('Infinity');
    });
  });

  it('hold where a handler names one that its class is spared', async () => {
    @Controller()
    @Public()
    @SkipRateLimit('api')
    class Spared {
      @Get('named')
      @RateLimit('api')
      named() {
        return {};
      }

      @Get('spared')
      spared() {
        return {};
      }
    }
    @Controller('throttled')
    @Public()
    @SkipThrottle({ api: true })
    class SparedByThrottler {
      @Get('named')
      @RateLimit('api')
      named() {
        return {};
      }

      @Get('spared')
      spared() {
        return {};
      }
    }
    const limits = { api: { limit: '1/minute', scope: 'route' } } as const;
    const app = await start({ limits, default: ['api'] }, [Spared, SparedByThrottler]);
    for (const path of ['', '/throttled']) {
      expect(await statusesOf(2, () => app.send(`${path}/spared`))).toEqual([200, 200]);
      expect(await statusesOf(2, () => app.send(`${path}/named`))).toEqual([200, 429]);
    }
  });

  it('hold beside one that has the name that a limit without one is told under, and beside others without', async () => {
    @Controller()
    @Public()
    class Both {
      @Get()
      @RateLimit('1/minute', 'route')
      home() {
        return {};
      }
    }
    @Controller('shared')
    @Public()
    class Shared {
      @Get('few')
      @RateLimit({ limit: '1/minute', scope: 'shared' })
      few() {
        return {};
      }

      @Get('many')
      @RateLimit({ limit: '3/minute', scope: 'shared' })
      many() {
        return {};
      }
    }
    const app = await start({ limits: { route: { limit: '5/hour', scope: 'route' } } }, [Both, Shared]);
    expect(await statusesOf(2, () => app.send('/'))).toEqual([200, 429]);
    expect(await statusesOf(4, () => app.send('/shared/many'))).toEqual([200, 200, 200, 429]);
    expect(await statusesOf(2, () => app.send('/shared/few'))).toEqual([200, 429]);
  });

  it('hold beside a ThrottlerModule, whose decorators are its own where they have no names', async () => {
    @Controller()
    @Public()
    class Mixed {
      @Get('both')
      @RateLimit('2/minute')
      @Throttle({ default: { limit: 1, ttl: MINUTE } })
      both() {
        return {};
      }

      @Get('spared')
      @RateLimit('2/minute')
      @SkipThrottle()
      spared() {
        return {};
      }
    }
    const app = await start({}, [Mixed], {
      imports: [ThrottlerModule.forRoot([{ ttl: MINUTE, limit: 1 }])],
      providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
    });
    expect(await statusesOf(2, () => app.send('/both'))).toEqual([200, 429]);
    expect(await statusesOf(3, () => app.send('/spared'))).toEqual([200, 200, 429]);
  });

  it('say once when to come back, where lockout refuses twice', async () => {
    @Controller()
    @Public()
    class Twice {
      constructor(private readonly lockout: Lockout) {}

      @Post()
      async both(@Req() incoming: HttpRequest) {
        for (const name of ['alice', 'otp:alice']) {
          await this.lockout.attempt(name, incoming, () => undefined).catch(() => undefined);
        }
        return {};
      }
    }
    const { port } = await startOne({ lockout: { maxFailures: 1, account: false, address: false } }, [Twice]);
    const ask = () =>
      new Promise<string[]>((resolve, reject) => {
        const call = callOf({ port, method: 'POST', agent: false }, (answer) => {
          answer.resume();
          resolve(answer.rawHeaders);
        });
        call.on('error', reject);
        call.end();
      });
    await ask();
    expect((await ask()).filter((name) => name.toLowerCase() === 'retry-after')).toHaveLength(1);
  });

  it('count a tracker that is no text as text, and do not take it for a store that fails', async () => {
    const app = await start(
      {
        throttlers: [{ ttl: MINUTE, limit: 2 }],
        getTracker: (request) => (request as HttpRequest & { query: { user: string } }).query.user,
        onStoreError: 'closed',
      },
      [Routes],
    );
    expect(await statusesOf(3, () => app.send('/?user=a&user=b'))).toEqual([200, 200, 429]);
  });

  it('survive a function of theirs that promises an answer and breaks the promise', async () => {
    const late = (() => Promise.reject(new Error('late'))) as unknown as () => string;
    @Controller()
    @Public()
    class Late {
      @Get()
      @RateLimit({ limit: '2/minute', by: late, countOn: late as unknown as () => boolean })
      home() {
        return {};
      }
    }
    const rejections: unknown[] = [];
    const listener = (reason: unknown) => void rejections.push(reason);
    process.on('unhandledRejection', listener);
    const app = await start({}, [Late]);
    expect(await statusesOf(3, () => app.send('/'))).toEqual([200, 200, 429]);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listener);
    expect(rejections).toEqual([]);
  });

  describe('do not start', () => {
    const problemOf = async (rateLimit: RateLimitingOptions, controller: Type): Promise<string> => {
      try {
        await start(rateLimit, [controller]);
      } catch (error) {
        return (error as Error).message;
      }
      return 'it started';
    };

    it('where @RateLimit names none', async () => {
      @Controller()
      @Public()
      class None {
        @Get()
        @RateLimit()
        home() {
          return {};
        }
      }
      expect(await problemOf({ limits: { api: '1/minute' }, default: ['api'] }, None)).toContain('@RateLimit()');
    });

    it('where what holds while a store is away is said in vain', () => {
      const store = new ResilientRateLimitStore(new MemoryRateLimitStore(), { onStoreError: 'open' });
      const starting = () =>
        SecurityModule.forRoot({
          rateLimit: { store, storeTimeout: 5 },
          lockout: { onStoreError: 'closed' },
          bans: { onStoreError: 'closed' },
        });
      expect(starting).toThrow('rateLimit.storeTimeout: is not asked');
      expect(starting).toThrow('lockout.onStoreError: is not asked');
      expect(starting).toThrow('bans.onStoreError: is not asked');
    });

    it('where a limit is asked for and lifted in one place', async () => {
      @Controller()
      @Public()
      class Torn {
        @Get()
        @RateLimit('api')
        @SkipRateLimit('api')
        home() {
          return {};
        }
      }
      expect(await problemOf({ limits: { api: '1/minute' } }, Torn)).toContain('contradict each other');
    });

    it.each<[string, object]>([
      ['limit', { limit: () => 5, ttl: MINUTE }],
      ['ttl', { limit: 5, ttl: () => MINUTE }],
      ['ttl', { limit: 5, ttl: 0 }],
      ['getTracker', { limit: 5, ttl: MINUTE, getTracker: () => 'somebody' }],
      ['generateKey', { limit: 5, ttl: MINUTE, generateKey: () => 'somebody' }],
    ])('where @Throttle gives a limit of ours a %s that it cannot have', async (option, override) => {
      @Controller()
      @Public()
      class Throttled {
        @Get()
        @Throttle({ api: override as never })
        home() {
          return {};
        }
      }
      expect(await problemOf({ limits: { api: '1/minute' }, default: ['api'] }, Throttled)).toContain(option);
    });

    it.each<keyof RateLimitSettings>(['by', 'cost', 'plan', 'countOn'])('where %s is asynchronous', async (option) => {
      const settings = { limit: '1/minute', plans: { pro: '2/minute' }, [option]: async () => 'later' };
      class Nothing {}
      Controller()(Nothing);
      expect(await problemOf({ limits: { api: settings as RateLimitSettings } }, Nothing)).toContain(
        'must answer at once',
      );
    });
  });
});

it('Rate limits on express tell each limit once where a handler hands the request on', async () => {
  @Controller()
  @Public()
  class First {
    @Get('page')
    first(@Next() next: () => void) {
      next();
    }
  }
  @Controller()
  @Public()
  class Second {
    @Get('page')
    second() {
      return {};
    }
  }
  const app = await startEdge('express', { rateLimit: { limits: { everybody: '10/minute' }, global: ['everybody'] } }, [
    First,
    Second,
  ]);
  const answer = await app.send('/page');
  await app.close();
  expect(answer.headers['ratelimit']).toMatch(/^"everybody";r=\d;t=\d+$/);
});

it('Rate limits over HTTP/2 count a request that is called off', async () => {
  let finish: () => void = () => undefined;
  let begun: () => void = () => undefined;
  @Controller()
  @Public()
  class Slow {
    @Post()
    @RateLimit({ limit: '1/minute', countOn: 'failure' })
    async home() {
      begun();
      await new Promise<void>((resolve) => (finish = resolve));
      return {};
    }
  }
  const adapter = new FastifyAdapter({ http2: true } as object);
  const app = await createWithFactory(
    'fastify',
    { imports: [SecurityModule.forRoot({})], controllers: [Slow] },
    {},
    adapter as never,
  );
  const session = http2.connect(`http://127.0.0.1:${await listen(app)}`);
  const called = new Promise<void>((resolve) => (begun = resolve));
  const aborted = session.request({ ':method': 'POST', ':path': '/', 'content-length': '0' });
  aborted.on('error', () => undefined);
  aborted.end();
  await called;
  aborted.close(http2.constants.NGHTTP2_CANCEL);
  await new Promise((resolve) => aborted.once('close', resolve));
  await new Promise((resolve) => session.ping(resolve));
  finish();
  const status = await new Promise((resolve, reject) => {
    const second = session.request({ ':method': 'POST', ':path': '/', 'content-length': '0' });
    begun = () => setImmediate(() => finish());
    second.on('response', (headers) => resolve(headers[':status']));
    second.on('error', reject);
    second.resume();
    second.end();
  });
  session.destroy();
  await app.close();
  expect(status).toBe(429);
});
