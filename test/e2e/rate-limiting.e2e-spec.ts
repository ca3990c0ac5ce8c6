import { Body, Controller, Get, HttpCode, HttpException, Module, Post, type Type } from '@nestjs/common';
import { ThrottlerStorageService } from '@nestjs/throttler';
import { describe, expect, it } from '@jest/globals';
import {
  OptionalAuth,
  Public,
  RateLimit,
  RateLimiter,
  SecurityModule,
  SkipRateLimit,
  type DecisionEvent,
  type RateLimitingOptions,
} from '@palisade/nest';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { edgeOfEachTest, statusesOf, type EdgeApplication, type EdgeSetup, type Sent } from './edge.harness.js';

const key = signingKey('ES256');
const JSON_TYPE = { 'content-type': 'application/json' };

describe.each(ADAPTERS)('Rate limits on %s', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);

  async function start(
    rateLimit: RateLimitingOptions,
    controllers: readonly Type[],
    setup: EdgeSetup = {},
  ): Promise<EdgeApplication> {
    const security = securityWith(key, { proxy: { trust: 1 }, rateLimit });
    return startOne(security, controllers, setup);
  }

  function from(address: string, headers: Record<string, string> = {}): Sent {
    return { headers: { 'x-forwarded-for': address, ...headers } };
  }

  function bearer(app: EdgeApplication, claims: object = {}): Record<string, string> {
    return { authorization: `Bearer ${new TokenIssuer(key, app.clock).issue(claims)}` };
  }

  @Controller('open')
  @Public()
  class OpenRoutes {
    @Get('limited')
    @RateLimit('2/minute')
    limited() {
      return {};
    }

    @Get('other')
    @RateLimit('2/minute')
    other() {
      return {};
    }

    @Get('free')
    free() {
      return {};
    }

    @Get('skipped')
    @SkipRateLimit()
    skipped() {
      return {};
    }
  }

  it('let as many through as they say, and then answer 429 with a code and when to come back', async () => {
    const app = await start({}, [OpenRoutes]);
    expect(await statusesOf(2, () => app.send('/open/limited', from('192.0.2.1')))).toEqual([200, 200]);
    const denied = await app.send('/open/limited', from('192.0.2.1'));
    expect(denied.status).toBe(429);
    expect(denied.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many requests',
      code: 'rate_limited',
    });
    expect(Number(denied.headers['retry-after'])).toBeGreaterThan(0);
    expect(denied.headers['x-content-type-options']).toBe('nosniff');
    const [denial] = app.takeDenials() as [DecisionEvent];
    expect(denial).toMatchObject({ reason: 'rate_limited', limit: 'route', address: '192.0.2.1' });
    app.clock.advance(Number(denied.headers['retry-after']));
    expect((await app.send('/open/limited', from('192.0.2.1'))).status).toBe(200);
  });

  it('count each client and each route for itself', async () => {
    const app = await start({}, [OpenRoutes]);
    expect(await statusesOf(3, () => app.send('/open/limited', from('192.0.2.1')))).toEqual([200, 200, 429]);
    expect((await app.send('/open/limited', from('192.0.2.2'))).status).toBe(200);
    expect((await app.send('/open/other', from('192.0.2.1'))).status).toBe(200);
  });

  it('tell in the header how the client stands, on every answer of the route', async () => {
    const app = await start({}, [OpenRoutes]);
    const first = await app.send('/open/limited', from('192.0.2.1'));
    expect(first.headers['ratelimit-policy']).toBe('"route";q=2;w=60');
    expect(first.headers['ratelimit']).toMatch(/^"route";r=1;t=\d+$/);
    await app.send('/open/limited', from('192.0.2.1'));
    const denied = await app.send('/open/limited', from('192.0.2.1'));
    expect(denied.headers['ratelimit']).toMatch(/^"route";r=0;t=\d+$/);
    expect((await app.send('/open/free', from('192.0.2.1'))).headers).not.toHaveProperty('ratelimit');
  });

  it('hold for every route where they are global, beside those of the route, and are lifted by @SkipRateLimit', async () => {
    const app = await start({ limits: { anonymous: '3/minute' }, global: ['anonymous'] }, [OpenRoutes]);
    const first = await app.send('/open/limited', from('192.0.2.1'));
    expect(first.headers['ratelimit-policy']).toBe('"anonymous";q=3;w=60, "route";q=2;w=60');
    expect(await statusesOf(2, () => app.send('/open/free', from('192.0.2.1')))).toEqual([200, 200]);
    // The route would still have one.
    expect((await app.send('/open/limited', from('192.0.2.1'))).status).toBe(429);
    expect((await app.send('/open/free', from('192.0.2.1'))).status).toBe(429);
    expect((await app.send('/open/skipped', from('192.0.2.1'))).status).toBe(200);
  });

  it('take nothing of the others where one of several denies', async () => {
    @Controller()
    @Public()
    class Routes {
      @Get()
      @RateLimit('1/minute', { limit: '5/hour' })
      home() {
        return {};
      }
    }
    const app = await start({}, [Routes]);
    await app.send('/', from('192.0.2.1'));
    expect(await statusesOf(10, () => app.send('/', from('192.0.2.1')))).toEqual(Array(10).fill(429));
    const denied = await app.send('/', from('192.0.2.1'));
    expect(denied.headers['ratelimit']).toMatch(/"route-2";r=4;/);
  });

  it('are the nearest: the handler before the class, the class before forFeature, that before the default', async () => {
    @Controller('class')
    @Public()
    @RateLimit('2/minute')
    class OfClass {
      @Get('own')
      @RateLimit('1/minute')
      own() {
        return {};
      }

      @Get('class')
      ofClass() {
        return {};
      }
    }
    @Controller('feature')
    @Public()
    class OfFeature {
      @Get()
      home() {
        return {};
      }
    }
    @Module({ imports: [SecurityModule.forFeature({ rateLimit: ['3/minute'] })], controllers: [OfClass, OfFeature] })
    class FeatureModule {}
    @Controller('default')
    @Public()
    class OfDefault {
      @Get()
      home() {
        return {};
      }
    }
    const limits = { limits: { usual: '4/minute' }, default: ['usual'] };
    const app = await start(limits, [OfDefault], { imports: [FeatureModule] });
    const quotas = await Promise.all(
      ['/class/own', '/class/class', '/feature', '/default'].map(async (path) => {
        const answer = await app.send(path, from('192.0.2.1'));
        return /q=(\d+)/.exec(String(answer.headers['ratelimit-policy']))?.[1];
      }),
    );
    expect(quotas).toEqual(['1', '2', '3', '4']);
  });

  it('share one quota under one name, and none across two controllers of one name', async () => {
    function controllerAt(path: string): Type {
      @Controller(path)
      @Public()
      class SameName {
        @Get('shared')
        @RateLimit('search')
        shared() {
          return {};
        }

        @Get('own')
        @RateLimit('1/minute')
        own() {
          return {};
        }
      }
      return SameName;
    }
    const app = await start({ limits: { search: '2/minute' } }, [controllerAt('one'), controllerAt('two')]);
    await app.send('/one/shared', from('192.0.2.1'));
    await app.send('/two/shared', from('192.0.2.1'));
    expect((await app.send('/one/shared', from('192.0.2.1'))).status).toBe(429);
    expect((await app.send('/one/own', from('192.0.2.1'))).status).toBe(200);
    expect((await app.send('/two/own', from('192.0.2.1'))).status).toBe(200);
    expect((await app.send('/two/own', from('192.0.2.1'))).status).toBe(429);
  });

  describe('in two stages', () => {
    @Controller()
    @RateLimit('byUser')
    class Routes {
      @Get('mine')
      mine() {
        return {};
      }

      @Get('maybe')
      @OptionalAuth()
      maybe() {
        return {};
      }
    }
    const options: RateLimitingOptions = {
      limits: {
        byAddress: { limit: '5/minute', by: 'ip' },
        byUser: { limit: '2/minute', by: 'user' },
      },
      global: ['byAddress'],
    };

    it('count failed authentications by address, before they are looked at', async () => {
      const app = await start(options, [Routes]);
      const guess = () => app.send('/mine', from('192.0.2.1', { authorization: 'Bearer guess' }));
      expect(await statusesOf(6, guess)).toEqual([401, 401, 401, 401, 401, 429]);
      // Also who is right then.
      expect((await app.send('/mine', from('192.0.2.1', bearer(app)))).status).toBe(429);
    });

    it('count a principal from all addresses together', async () => {
      const app = await start(options, [Routes]);
      const call = (address: string, sub: string) => app.send('/mine', from(address, bearer(app, { sub })));
      expect((await call('192.0.2.1', 'alice')).status).toBe(200);
      expect((await call('192.0.2.2', 'alice')).status).toBe(200);
      expect((await call('192.0.2.3', 'alice')).status).toBe(429);
      expect((await call('192.0.2.3', 'bob')).status).toBe(200);
      expect(app.takeDenials()).toMatchObject([{ reason: 'rate_limited', limit: 'byUser', principalId: 'alice' }]);
    });

    it('count an anonymous caller by address', async () => {
      const app = await start(options, [Routes]);
      expect(await statusesOf(3, () => app.send('/maybe', from('192.0.2.1')))).toEqual([200, 200, 429]);
      expect((await app.send('/maybe', from('192.0.2.2'))).status).toBe(200);
    });
  });

  it('go by the plan of the caller', async () => {
    @Controller()
    @RateLimit('api')
    class Routes {
      @Get()
      home() {
        return {};
      }
    }
    const app = await start({ limits: { api: { limit: '1/minute', plans: { pro: '3/minute' } } } }, [Routes]);
    const call = (claims: object) => statusesOf(4, () => app.send('/', from('192.0.2.1', bearer(app, claims))));
    expect(await call({ sub: 'alice' })).toEqual([200, 429, 429, 429]);
    expect(await call({ sub: 'bob', plan: 'pro' })).toEqual([200, 200, 200, 429]);
    expect(await call({ sub: 'carol', plan: 'unheard of' })).toEqual([200, 429, 429, 429]);
    expect(await call({ sub: 'dave', plan: { toString: 1 } })).toEqual([200, 429, 429, 429]);
  });

  it('weigh requests', async () => {
    @Controller()
    @Public()
    class Routes {
      @Post()
      @HttpCode(200)
      @RateLimit({ limit: '10/minute', cost: ({ request }) => (request.body as { rows: number }).rows })
      export() {
        return {};
      }
    }
    const app = await start({}, [Routes]);
    const take = (rows: unknown) => app.send('/', { body: { rows }, headers: { ...from('192.0.2.1').headers } });
    expect((await take(6)).headers['ratelimit']).toMatch(/r=4/);
    expect((await take(5)).status).toBe(429);
    expect((await take(4)).status).toBe(200);
    // Whatever is no number of units counts as one.
    for (const rows of [-5, 0.5, 'many', null]) expect((await take(rows)).status).toBe(429);
  });

  describe('counted on failure', () => {
    @Controller()
    @Public()
    class Routes {
      @Post('login')
      @HttpCode(200)
      @RateLimit(
        {
          limit: '2/minute',
          countOn: 'failure',
          by: ({ request }) => (request.body as { username?: string } | undefined)?.username,
        },
        { limit: '4/minute', countOn: 'failure' },
      )
      login(@Body() { password }: Record<string, string>) {
        if (password !== 'right') throw new HttpException({}, 401);
        return {};
      }
    }
    const login = (app: EdgeApplication, username: string, password: string, address: string) =>
      app.send('/login', {
        body: { username, password },
        headers: { ...JSON_TYPE, ...from(address).headers },
      });

    it('leave successes uncounted, and count an account from all addresses', async () => {
      const app = await start({}, [Routes]);
      const right = () => login(app, 'alice', 'right', '192.0.2.1');
      expect(await statusesOf(6, right)).toEqual(Array(6).fill(200));
      expect((await login(app, 'alice', 'wrong', '192.0.2.1')).status).toBe(401);
      expect((await login(app, 'alice', 'wrong', '192.0.2.2')).status).toBe(401);
      expect((await login(app, 'alice', 'wrong', '192.0.2.3')).status).toBe(429);
      expect((await right()).status).toBe(429);
      expect((await login(app, 'bob', 'right', '192.0.2.1')).status).toBe(200);
    });

    it('count an address over all accounts', async () => {
      const app = await start({}, [Routes]);
      for (const name of ['a', 'b', 'c', 'd']) {
        expect((await login(app, name, 'wrong', '192.0.2.1')).status).toBe(401);
      }
      expect((await login(app, 'e', 'right', '192.0.2.1')).status).toBe(429);
      expect((await login(app, 'e', 'right', '192.0.2.2')).status).toBe(200);
    });

    it('let no more through that come at the same time', async () => {
      const app = await start({}, [Routes]);
      const answers = await Promise.all(Array.from({ length: 20 }, () => login(app, 'alice', 'wrong', '192.0.2.1')));
      const counts = [401, 429].map((status) => answers.filter((answer) => answer.status === status).length);
      expect(counts).toEqual([2, 18]);
    });
  });

  it('count by address where a function of theirs throws, and log that once', async () => {
    @Controller()
    @Public()
    class Routes {
      @Get()
      @RateLimit({
        limit: '2/minute',
        by: ({ request }) => (request.body as { username: string }).username,
        cost: ({ request }) => (request.body as { rows: number }).rows,
        plans: { pro: '100/minute' },
        plan: () => {
          throw new Error('no plan');
        },
      })
      home() {
        return {};
      }
    }
    const errors: string[] = [];
    const nothing = () => undefined;
    const logger = { log: nothing, warn: nothing, error: (message: string) => void errors.push(message) };
    const app = await start({}, [Routes], { logger });
    expect(await statusesOf(4, () => app.send('/', from('192.0.2.1')))).toEqual([200, 200, 429, 429]);
    expect(errors.toSorted()).toEqual(
      ['by', 'cost', 'plan'].map((name) => `The rate limit "route": ${name} threw an error`),
    );
  });

  it('only record under report', async () => {
    const app = await start({ enforcement: 'report' }, [OpenRoutes]);
    expect(await statusesOf(4, () => app.send('/open/limited', from('192.0.2.1')))).toEqual([200, 200, 200, 200]);
    expect(app.takeDenials()).toMatchObject([
      { reason: 'rate_limited', enforced: false },
      { reason: 'rate_limited', enforced: false },
    ]);
  });

  it('answer with a problem document where that is asked for', async () => {
    const app = await start({ problemDetails: true, limits: { few: '1/minute' }, global: ['few'] }, [OpenRoutes]);
    await app.send('/open/free', from('192.0.2.1'));
    const denied = await app.send('/open/free', from('192.0.2.1'));
    expect(denied.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(denied.body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too many requests',
      status: 429,
      code: 'rate_limited',
      'violated-policies': ['few'],
    });
  });

  it('can only be taken from over a ThrottlerStorage, which is not taken for one that is away', async () => {
    const storage = new ThrottlerStorageService();
    const app = await start({ storage, limits: { exports: '2/minute' } }, [OpenRoutes]);
    const limiter = app.app.get(RateLimiter);
    const receipt = await limiter.consume('exports', 'alice');
    for (let i = 0; i < 6; i++) {
      await expect(limiter.peek('exports', 'alice')).rejects.toThrow('peek needs a store of the library');
      await expect(limiter.refund('exports', 'alice', receipt)).rejects.toThrow('refund needs a store of the library');
      await expect(limiter.reset('exports', 'alice')).rejects.toThrow('reset needs a store of the library');
    }
    expect(await limiter.consume('exports', 'alice')).toMatchObject({ allowed: true, remaining: 0 });
    expect(await limiter.consume('exports', 'alice')).toMatchObject({ allowed: false });
    expect(app.events.filter(({ type }) => type === 'store_unavailable')).toEqual([]);
  });

  it('can be asked by name', async () => {
    const app = await start({ limits: { exports: '10/minute', login: '5/minute' } }, [OpenRoutes]);
    const limiter = app.app.get(RateLimiter);
    const receipt = await limiter.consume('exports', 'alice', { cost: 7 });
    expect(receipt).toMatchObject({ allowed: true, limit: 10, remaining: 3, retryAfter: 0 });
    expect(await limiter.peek('exports', 'alice', { cost: 4 })).toMatchObject({ allowed: false });
    expect(await limiter.consume('exports', 'alice', { cost: 4 })).toMatchObject({ allowed: false, remaining: 3 });
    expect(await limiter.consume('exports', 'bob')).toMatchObject({ allowed: true, remaining: 9 });
    await limiter.refund('exports', 'alice', receipt, { cost: 7 });
    expect(await limiter.peek('exports', 'alice')).toMatchObject({ allowed: true, remaining: 9 });
    await limiter.consume('exports', 'alice', { cost: 10 });
    await limiter.reset('exports', 'alice');
    expect(await limiter.consume('exports', 'alice', { cost: 10 })).toMatchObject({ allowed: true });
    await expect(limiter.consume('export', 'alice')).rejects.toThrow('Did you mean "exports"?');
    await expect(limiter.consume('exports', '')).rejects.toThrow('no text');
    await expect(limiter.consume('exports', 'alice', { cost: -1 })).rejects.toThrow('whole number');
  });

  it('answer 503 where nothing can be counted and nothing may pass uncounted', async () => {
    const away = () => Promise.reject(new Error('away'));
    const store = { consume: away, peek: away, refund: away, reset: away };
    const app = await start({ store, onStoreError: 'closed' }, [OpenRoutes]);
    const answer = await app.send('/open/limited', from('192.0.2.1'));
    expect([answer.status, answer.body['code']]).toEqual([503, 'rate_limit_unavailable']);
    expect(answer.headers['retry-after']).toBe('1');
    expect((await app.send('/open/free', from('192.0.2.1'))).status).toBe(200);
  });

  it.each(['draft', false] as const)(
    'answer 503 where a store says nothing of a limit that it was asked for, with headers: %s',
    async (headers) => {
      const store = { consume: async () => [], peek: async () => [], refund: async () => {}, reset: async () => {} };
      const app = await start({ store, headers }, [OpenRoutes]);
      const answer = await app.send('/open/limited', from('192.0.2.1'));
      expect([answer.status, answer.body['code']]).toEqual([503, 'rate_limit_unavailable']);
    },
  );
});
