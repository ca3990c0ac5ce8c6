import {
  Controller,
  Get,
  Header,
  HttpException,
  Injectable,
  Module,
  Param,
  Res,
  Sse,
  StreamableFile,
  UseGuards,
  UseInterceptors,
  type CanActivate,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ConcurrencyLimit,
  MemoryLeaseStore,
  Public,
  RateLimit,
  Scheduler,
  SecurityConfigurationError,
  SecurityModule,
  type Lease,
  type LeaseStore,
  type RateLimitingOptions,
} from '@palisade/nest';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { NEVER, type Observable } from 'rxjs';
import { ADAPTERS, startFailure, type AdapterName } from '../support/application.js';
import { FakeScheduler } from '../support/scheduler.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { Gate, turns, until } from '../support/waiting.js';
import { edgeOfEachTest, takeOver, type AnyResponse, type EdgeApplication, type EdgeSetup } from './edge.harness.js';

const key = signingKey('ES256');

describe.each(ADAPTERS)('Concurrency limits on %s', (adapter: AdapterName) => {
  let store: MemoryLeaseStore;
  let gate: Gate;
  let guardGate: Gate;

  @Injectable()
  class SlowGuard implements CanActivate {
    async canActivate() {
      await guardGate.pass();
      return true;
    }
  }

  @Injectable()
  class FailingGuard implements CanActivate {
    canActivate(): boolean {
      throw new HttpException({}, 418);
    }
  }

  @Injectable()
  class FailingInterceptor implements NestInterceptor {
    intercept(): Observable<unknown> {
      throw new Error('broken');
    }
  }

  @Controller('open')
  @Public()
  class OpenRoutes {
    @Get('slow')
    @ConcurrencyLimit(2)
    async slow() {
      await gate.pass();
      return {};
    }

    @Get('fast')
    @ConcurrencyLimit(2)
    fast() {
      return {};
    }

    @Get('fails/:how')
    @ConcurrencyLimit(2)
    fails(@Param('how') how: string) {
      throw how === 'http' ? new HttpException({}, 400) : new Error('broken');
    }

    @Get('guard')
    @ConcurrencyLimit(2)
    @UseGuards(FailingGuard)
    guard() {
      return {};
    }

    @Get('interceptor')
    @ConcurrencyLimit(2)
    @UseInterceptors(FailingInterceptor)
    interceptor() {
      return {};
    }

    @Get('late-guard')
    @ConcurrencyLimit(2)
    @UseGuards(SlowGuard)
    lateGuard() {
      return {};
    }

    @Sse('events')
    @ConcurrencyLimit(2)
    events(): Observable<{ data: string }> {
      return NEVER;
    }

    @Get('file')
    @ConcurrencyLimit(2)
    @Header('content-type', 'text/plain')
    file() {
      const stream = new PassThrough();
      stream.write('begun');
      void gate.pass().then(() => stream.end());
      return new StreamableFile(stream);
    }

    @Get('taken-over')
    @ConcurrencyLimit(2)
    takenOver(@Res() response: AnyResponse) {
      const raw = takeOver(response);
      raw.write('begun');
      void gate.pass().then(() => raw.end());
    }

    @Get('free')
    free() {
      return {};
    }
  }

  beforeEach(() => {
    store = new MemoryLeaseStore();
    gate = new Gate();
    guardGate = new Gate();
  });

  afterEach(() => {
    gate.open();
    guardGate.open();
  });
  // Behind the gates, as closing waits for whoever is there.
  const startOne = edgeOfEachTest(adapter);

  async function start(
    controllers: readonly Type[] = [OpenRoutes],
    rateLimit: RateLimitingOptions = {},
    setup: EdgeSetup = {},
  ): Promise<EdgeApplication> {
    const limits = { ...rateLimit, concurrency: { store, ...rateLimit.concurrency } };
    const security = securityWith(key, { proxy: { trust: 1 }, rateLimit: limits });
    return startOne(security, controllers, setup);
  }

  const from = (address: string, headers: Record<string, string> = {}) => ({
    headers: { 'x-forwarded-for': address, ...headers },
  });

  function bearer(app: EdgeApplication, claims: object): Record<string, string> {
    return { authorization: `Bearer ${new TokenIssuer(key, app.clock).issue(claims)}` };
  }

  /** A connection that requests are sent over, and that may be cut. */
  function open(app: EdgeApplication, ...paths: string[]): Socket {
    const socket = connect(app.port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    socket.resume();
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    return socket;
  }

  async function cut(socket: Socket): Promise<void> {
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  }

  /** Until the server knows that its clients have left. */
  async function alone({ app }: EdgeApplication): Promise<void> {
    const server = app.getHttpServer() as Server;
    const connections = () =>
      new Promise<number>((resolve, reject) =>
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
      );
    while ((await connections()) > 0) await turns(1);
  }

  it('let so many through at once, deny one more, and let the next through when one is over', async () => {
    const app = await start();
    const first = [app.send('/open/slow'), app.send('/open/slow')];
    await until(() => gate.count === 2);
    app.takeDenials();
    const denied = await app.send('/open/slow');
    expect(denied.status).toBe(429);
    expect(denied.headers).toMatchObject({ 'retry-after': '1', 'x-content-type-options': 'nosniff' });
    expect(denied.body).toEqual({
      statusCode: 429,
      error: 'Too Many Requests',
      message: 'Too many requests at the same time',
      code: 'concurrency_exceeded',
    });
    expect(app.takeDenials()).toMatchObject([{ reason: 'concurrency_exceeded', limit: 'route' }]);
    gate.open();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
    const next = app.send('/open/slow');
    await until(() => gate.count === 1);
    gate.open();
    expect((await next).status).toBe(200);
    await until(() => store.size === 0);
  });

  it('count each client and each route for itself', async () => {
    const app = await start();
    const slow = [app.send('/open/slow', from('192.0.2.1')), app.send('/open/slow', from('192.0.2.1'))];
    await until(() => gate.count === 2);
    expect((await app.send('/open/slow', from('192.0.2.1'))).status).toBe(429);
    expect((await app.send('/open/fast', from('192.0.2.1'))).status).toBe(200);
    const other = app.send('/open/slow', from('192.0.2.2'));
    await until(() => gate.count === 3);
    gate.open();
    expect((await other).status).toBe(200);
    await Promise.all(slow);
  });

  it('count a principal from all addresses, a tenant over its principals, and share the places of a name', async () => {
    @Controller('mine')
    class Mine {
      @Get('one')
      @ConcurrencyLimit('exports')
      async one() {
        await gate.pass();
        return {};
      }

      @Get('two')
      @ConcurrencyLimit('exports', { max: 1, by: 'user' })
      async two() {
        await gate.pass();
        return {};
      }
    }
    const app = await start([Mine], { concurrency: { limits: { exports: { max: 2, by: 'tenant' } } } });
    const call = (path: string, sub: string, tenant: string, address: string) =>
      app.send(path, from(address, bearer(app, { sub, tenant })));
    const held = [call('/mine/two', 'alice', 'acme', '192.0.2.1')];
    await until(() => gate.count === 1);
    app.takeDenials();
    expect((await call('/mine/two', 'alice', 'acme', '192.0.2.2')).status).toBe(429);
    expect(app.takeDenials()).toMatchObject([{ limit: 'route-2', principalId: 'alice' }]);
    held.push(call('/mine/one', 'bob', 'acme', '192.0.2.3'));
    await until(() => gate.count === 2);
    expect((await call('/mine/one', 'carol', 'acme', '192.0.2.4')).status).toBe(429);
    expect(app.takeDenials()).toMatchObject([{ limit: 'exports', principalId: 'carol' }]);
    held.push(call('/mine/one', 'dave', 'other', '192.0.2.4'));
    await until(() => gate.count === 3);
    gate.open();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200]);
    await until(() => store.size === 0);
  });

  it('hold a place by address before anybody is authenticated, and give it back when that fails', async () => {
    @Controller('mine')
    class Mine {
      @Get()
      @ConcurrencyLimit({ max: 1, by: 'ip' })
      mine() {
        return {};
      }
    }
    const app = await start([Mine]);
    for (let i = 0; i < 5; i++) expect((await app.send('/mine')).status).toBe(401);
    await until(() => store.size === 0);
  });

  it.each(['fails/http', 'fails/broken', 'guard', 'interceptor', 'fast'])(
    'give the place back whatever becomes of the request: %s',
    async (path) => {
      const app = await start();
      for (let i = 0; i < 6; i++) expect((await app.send(`/open/${path}`)).status).not.toBe(429);
      await until(() => store.size === 0);
    },
  );

  it.each(['slow', 'late-guard', 'events', 'file', 'taken-over'])(
    'give the place back when the client leaves: %s',
    async (path) => {
      const app = await start();
      const sockets = [open(app, `/open/${path}`), open(app, `/open/${path}`)];
      await until(() => store.size === 2);
      expect((await app.send(`/open/${path}`)).status).toBe(429);
      await cut(sockets[0] as Socket);
      await until(() => store.size === 1);
      const third = open(app, `/open/${path}`);
      await until(() => store.size === 2);
      await cut(sockets[1] as Socket);
      await cut(third);
      await until(() => store.size === 0);
      gate.open();
      guardGate.open();
      await turns(1);
      expect(store.size).toBe(0);
    },
  );

  it.each(['file', 'taken-over'])('hold the place as long as an answer is sent: %s', async (path) => {
    const app = await start();
    const answers = [app.send(`/open/${path}`), app.send(`/open/${path}`)];
    await until(() => gate.count === 2);
    expect(store.size).toBe(2);
    gate.open();
    expect((await Promise.all(answers)).map(({ text }) => text)).toEqual(['begun', 'begun']);
    await until(() => store.size === 0);
  });

  it('give back the places of requests that wait in line on a connection that is cut', async () => {
    const app = await start();
    const socket = open(app, '/open/slow', '/open/slow', '/open/slow');
    await until(() => gate.count === 2);
    expect(store.size).toBe(2);
    await cut(socket);
    await until(() => store.size === 0);
  });

  it('run no handler for a client that left while the store was asked', async () => {
    let isServed = false;
    @Controller()
    class Routes {
      @Get()
      @Public()
      @ConcurrencyLimit(1)
      home() {
        isServed = true;
        return {};
      }
    }
    const late: LeaseStore = {
      acquire: async (lease) => {
        await gate.pass();
        return store.acquire(lease);
      },
      renew: () => undefined,
      release: (lease) => store.release(lease),
    };
    const app = await start([Routes], { storeTimeout: 60_000, concurrency: { store: late } });
    const socket = open(app, '/');
    await until(() => gate.count === 1);
    await cut(socket);
    await alone(app);
    gate.open();
    await until(() => app.events.length > 0);
    expect(app.takeDenials()).toMatchObject([{ reason: 'client_gone' }]);
    await until(() => store.size === 0);
    expect(isServed).toBe(false);
  });

  it('take no place, and run no handler, for a client that left while it was authenticated', async () => {
    let isServed = false;
    @Controller()
    class Mine {
      @Get()
      @ConcurrencyLimit(1)
      mine() {
        isServed = true;
        return {};
      }
    }
    const principal = async ({ sub = '' }: { readonly sub?: string | undefined }) => {
      await gate.pass();
      return { id: sub };
    };
    const security = securityWith(key, { rateLimit: { concurrency: { store } }, authentication: { principal } });
    const app = await startOne(security, [Mine]);
    const socket = connect(app.port, '127.0.0.1');
    const { authorization } = bearer(app, { sub: 'alice' });
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\n\r\n`);
    await until(() => gate.count === 1);
    await cut(socket);
    await alone(app);
    gate.open();
    await until(() => app.events.length > 0);
    expect(app.takeDenials()).toMatchObject([{ reason: 'client_gone', principalId: 'alice' }]);
    expect(isServed).toBe(false);
    expect(store.size).toBe(0);
  });

  it('take no place of whom a rate limit denies', async () => {
    @Controller()
    @Public()
    class Routes {
      @Get()
      @RateLimit('1/minute')
      @ConcurrencyLimit(1)
      async home() {
        await gate.pass();
        return {};
      }
    }
    const app = await start([Routes]);
    const first = app.send('/');
    await until(() => gate.count === 1);
    expect((await app.send('/')).body).toMatchObject({ code: 'rate_limited' });
    gate.open();
    expect((await first).status).toBe(200);
  });

  it('are the nearest, and lifted by false', async () => {
    @Controller('class')
    @Public()
    @ConcurrencyLimit(1)
    class OfClass {
      @Get('class')
      async ofClass() {
        await gate.pass();
        return {};
      }

      @Get('own')
      @ConcurrencyLimit(2)
      async own() {
        await gate.pass();
        return {};
      }

      @Get('lifted')
      @ConcurrencyLimit(false)
      async lifted() {
        await gate.pass();
        return {};
      }
    }
    @Controller('feature')
    @Public()
    class OfFeature {
      @Get()
      async home() {
        await gate.pass();
        return {};
      }
    }
    @Module({ imports: [SecurityModule.forFeature({ concurrency: [1] })], controllers: [OfFeature] })
    class FeatureModule {}
    const app = await start([OfClass], {}, { imports: [FeatureModule] });
    for (const [path, places] of [
      ['/class/class', 1],
      ['/class/own', 2],
      ['/feature', 1],
    ] as const) {
      const held = Array.from({ length: places }, () => app.send(path));
      await until(() => gate.count === places);
      expect((await app.send(path)).status).toBe(429);
      gate.open();
      await Promise.all(held);
    }
    const lifted = Array.from({ length: 5 }, () => app.send('/class/lifted'));
    await until(() => gate.count === 5);
    expect(store.size).toBe(0);
    gate.open();
    await Promise.all(lifted);
  });

  it('only record under report', async () => {
    const app = await start([OpenRoutes], { enforcement: 'report' });
    const answers = Array.from({ length: 4 }, () => app.send('/open/slow'));
    await until(() => gate.count === 4);
    gate.open();
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const recorded = { reason: 'concurrency_exceeded', enforced: false };
    expect(app.takeDenials()).toMatchObject([recorded, recorded]);
    await until(() => store.size === 0);
  });

  it('renew what is held in a shared store, and stop when the application ends', async () => {
    const renewed: number[] = [];
    const scheduler = new FakeScheduler();
    const shared: LeaseStore = {
      ttl: 30_000,
      acquire: async (lease) => store.acquire(lease),
      renew: (leases: readonly Lease[]) => void renewed.push(leases.length),
      release: (lease) => store.release(lease),
    };
    const app = await start(
      [OpenRoutes],
      { concurrency: { store: shared } },
      { customize: (builder) => builder.overrideProvider(Scheduler).useValue(scheduler) },
    );
    const answers = [app.send('/open/slow'), app.send('/open/slow')];
    await until(() => gate.count === 2);
    scheduler.advance(25_000);
    await turns(1);
    expect(renewed).toEqual([2, 2]);
    gate.open();
    await Promise.all(answers);
    await until(() => store.size === 0);
    scheduler.advance(30_000);
    expect(renewed).toEqual([2, 2]);
    await app.close();
    expect(scheduler.pending).toBe(0);
  });

  it('answer 503 where nobody knows what is held and nothing may pass uncounted', async () => {
    const away = () => Promise.reject(new Error('away'));
    const shared = { acquire: away, renew: away, release: away };
    const app = await start([OpenRoutes], { onStoreError: 'closed', concurrency: { store: shared } });
    const answer = await app.send('/open/fast');
    expect([answer.status, answer.body['code']]).toEqual([503, 'rate_limit_unavailable']);
    for (let i = 0; i < 5; i++) await app.send('/open/fast');
    expect(app.events).toContainEqual(expect.objectContaining({ type: 'store_unavailable', store: 'concurrency' }));
    expect((await app.send('/open/free')).status).toBe(200);
  });

  it('keep nothing after thousands of requests that end in all ways there are', async () => {
    const app = await start();
    const paths = ['fast', 'fails/http', 'fails/broken', 'guard', 'interceptor', 'events', 'slow', 'late-guard'];
    let ended = 0;
    for (let round = 0; round < 40; round++) {
      const sockets: Socket[] = [];
      const answers: Promise<unknown>[] = [];
      for (let i = 0; i < 25; i++) {
        const path = paths[(round + i) % paths.length] as string;
        const isCut = i % 5 !== 0 || path === 'events' || path === 'slow' || path === 'late-guard';
        if (isCut) sockets.push(open(app, `/open/${path}`, `/open/${path}`, '/open/slow'));
        else answers.push(app.send(`/open/${path}`, from(`192.0.2.${i}`)));
        ended += isCut ? 3 : 1;
      }
      // Some are cut before they are read, some while they are answered.
      await turns(round % 10);
      await Promise.all(sockets.map(cut));
      await Promise.all(answers);
    }
    expect(ended).toBeGreaterThan(2000);
    gate.open();
    guardGate.open();
    await until(() => store.size === 0);
    expect(store).toEqual(new MemoryLeaseStore());
    expect((await app.send('/open/fast')).status).toBe(200);
  });
});

describe('The start is refused', () => {
  function limited(...limits: Parameters<typeof ConcurrencyLimit>): Type {
    @Controller()
    class Limited {
      @Get()
      @ConcurrencyLimit(...limits)
      home() {
        return {};
      }
    }
    return Limited;
  }

  it.each<[string, string, Parameters<typeof ConcurrencyLimit>]>([
    ['a name that is not declared', 'Limited.home', ['export']],
    ['no places', '@ConcurrencyLimit of Limited.home', [0]],
    ['settings that are unknown', '@ConcurrencyLimit of Limited.home.maximum', [{ max: 1, maximum: 2 } as never]],
    ['no limit at all', 'Limited.home', []],
  ])('with %s', async (_, where, limits) => {
    const security = securityWith(key, { rateLimit: { concurrency: { limits: { exports: 2 } } } });
    const failure = await startFailure({
      imports: [SecurityModule.forRoot(security)],
      controllers: [limited(...limits)],
    });
    expect(failure).toBeInstanceOf(SecurityConfigurationError);
    expect((failure as SecurityConfigurationError).problems).toMatchObject([{ where }]);
  });
});
