import {
  Controller,
  Get,
  Injectable,
  Post,
  Req,
  Res,
  UseGuards,
  type ExecutionContext,
  type INestApplication,
  type MiddlewareConsumer,
  type NestMiddleware,
  Module,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AllowHttp,
  AuthenticationGuard,
  BodyLimit,
  ClearSiteData,
  ContentSecurityPolicy,
  ContentTypes,
  Cors,
  CsrfTokens,
  Public,
  SecurityConfigurationError,
  SecurityEvents,
  SecurityGuard,
  SecurityModule,
  type SecurityEvent,
  type SecurityOptions,
} from '@palisade/nest';
import {
  Agent,
  createServer,
  request as open,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type AddressInfo } from 'node:net';
import { ADAPTERS, startFailure } from '../support/application.js';
import { HttpClient } from '../support/http-client.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';
import { createWithFactory, listen, send, startEdge, takeOver, type AnyResponse } from './edge.harness.js';

const APP = 'https://app.example';

@Controller()
@Public()
class Routes {
  @Get('page')
  page() {
    return { reached: true };
  }

  @Post('page')
  post() {
    return { reached: true };
  }

  @Get('cookies')
  cookies(@Res({ passthrough: true }) response: { header(name: string, value: string[]): unknown }) {
    response.header('Set-Cookie', ['a=1', 'b=2']);
    return {};
  }

  @Get('partial')
  partial(@Res() response: AnyResponse) {
    takeOver(response).writeHead(200, { 'content-length': '10' }).write('part');
    throw new Error('broken');
  }

  @Get('partner')
  @Cors({ origins: ['https://partner.example'] })
  partner() {
    return {};
  }
}

let app: INestApplication | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

describe.each(ADAPTERS)('The edge under NestFactory.create on %s', (adapter) => {
  const create = async (options: SecurityOptions = {}) => {
    app = await createWithFactory(adapter, {
      imports: [SecurityModule.forRoot({ cors: { origins: [APP] }, ...options })],
      controllers: [Routes],
    });
    return app;
  };

  it('stands before the router, the parsers of bodies and what nobody routes', async () => {
    const port = await listen(await create());
    expect((await send(port, '/page')).headers['x-content-type-options']).toBe('nosniff');
    expect((await send(port, '/nowhere')).headers['x-content-type-options']).toBe('nosniff');
    expect((await send(port, '/page//x')).body['code']).toBe('target_not_normalized');
    expect((await send(port, '/page', { body: { text: 'x'.repeat(200_000) } })).body['code']).toBe('body_too_large');
    expect((await send(port, '/page', { headers: { origin: APP } })).headers['access-control-allow-origin']).toBe(APP);
    expect(
      (
        await send(port, '/partner', {
          method: 'OPTIONS',
          headers: { origin: 'https://partner.example', 'access-control-request-method': 'GET' },
        })
      ).status,
    ).toBe(204);
  });

  it('takes its options from a factory as well', async () => {
    app = await createWithFactory(adapter, {
      imports: [SecurityModule.forRootAsync({ useFactory: async () => ({ hosts: ['example.com'] }) })],
      controllers: [Routes],
    });
    const port = await listen(app);
    expect((await send(port, '/page')).status).toBe(400);
    expect((await send(port, '/page', { host: 'example.com' })).status).toBe(200);
  });

  it('counts each request once', async () => {
    const running = await create({ hosts: { allowed: ['example.com'], enforcement: 'report' } });
    const events: SecurityEvent[] = [];
    running.get(SecurityEvents).subscribe((event) => events.push(event));
    const port = await listen(running);
    await send(port, '/nowhere');
    expect(events).toHaveLength(1);
  });

  it('sets the time-outs of the server', async () => {
    const running = await create({ firewall: { timeouts: { headers: 3000, request: 4000, keepAlive: 5000 } } });
    expect(running.getHttpServer()).not.toBeUndefined();
    await listen(running);
    expect(running.getHttpServer()).toMatchObject({
      headersTimeout: 3000,
      requestTimeout: 4000,
      keepAliveTimeout: 5000,
    });
  });
});

@Injectable()
class Watching implements NestMiddleware {
  static seen: string[] = [];
  use(request: IncomingMessage & { originalUrl?: string }, _: ServerResponse, next: () => void): void {
    Watching.seen.push(`consumer ${request.originalUrl ?? request.url ?? ''}`);
    next();
  }
}

describe.each(ADAPTERS)('Middleware of the application on %s', (adapter) => {
  it.each(['Test.createTestingModule', 'NestFactory.create'])(
    'sees no request that the edge refused (%s)',
    async (how) => {
      @Module({ controllers: [Routes] })
      class Watched {
        configure(consumer: MiddlewareConsumer): void {
          consumer.apply(Watching).forRoutes('{*path}');
        }
      }
      Watching.seen = [];
      const watch = (running: INestApplication) =>
        running.use((request: IncomingMessage & { originalUrl?: string }, _: ServerResponse, next: () => void) => {
          Watching.seen.push(`app.use ${request.originalUrl ?? request.url ?? ''}`);
          next();
        });
      let port: number;
      if (how === 'NestFactory.create') {
        app = await createWithFactory(adapter, { imports: [SecurityModule.forRoot({}), Watched] });
        watch(app);
        port = await listen(app);
      } else {
        const edge = await startEdge(adapter, {}, [], { imports: [Watched], configure: watch });
        ({ app, port } = edge);
      }
      expect((await send(port, '/page//x')).status).toBe(400);
      expect((await send(port, '/page', { host: 'a b' })).status).toBe(400);
      expect(Watching.seen).toEqual([]);
      expect((await send(port, '/page')).status).toBe(200);
      expect(Watching.seen).toEqual(['app.use /page', 'consumer /page']);
    },
  );
});

describe('Requests that do not come from the server of the application', () => {
  it('pass the edge by inject() of Fastify, once', async () => {
    const edge = await startEdge('fastify', { hosts: { allowed: ['example.com'], enforcement: 'report' } }, [Routes]);
    app = edge.app;
    const fastify = edge.app as NestFastifyApplication;
    const answer = await fastify.inject({ url: '/page', headers: { host: 'other.example' } });
    expect([answer.statusCode, answer.headers['x-content-type-options']]).toEqual([200, 'nosniff']);
    expect(edge.takeDenials()).toHaveLength(1);
    const refused = await fastify.inject({ url: '/page//x', headers: { host: 'example.com' } });
    expect([refused.statusCode, refused.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'target_not_normalized' }),
    ]);
    const cookies = await fastify.inject({ url: '/cookies', headers: { host: 'example.com' } });
    expect(cookies.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it('pass the edge by a server that was made of Express’s function, once', async () => {
    const edge = await startEdge('express', { hosts: { allowed: ['example.com'], enforcement: 'report' } }, [Routes]);
    app = edge.app;
    const second = createServer(edge.app.getHttpAdapter().getInstance() as RequestListener);
    await new Promise<void>((resolve) => second.listen(0, '127.0.0.1', resolve));
    const { port } = second.address() as AddressInfo;
    const answer = await send(port, '/page', { body: { a: 1 } });
    expect([answer.status, answer.headers['x-content-type-options'], answer.headers['x-powered-by']]).toEqual([
      201,
      'nosniff',
      undefined,
    ]);
    expect(edge.takeDenials()).toHaveLength(1);
    expect((await send(port, '/page//x')).body['code']).toBe('target_not_normalized');
    expect((await send(port, '/page', { body: { text: 'x'.repeat(200_000) } })).body['code']).toBe('body_too_large');
    await new Promise((resolve) => second.close(resolve));
  });
});

interface Http2Answer {
  readonly headers: Record<string, unknown>;
  readonly text: string;
}

describe('The edge on Fastify over HTTP/2', () => {
  const start = async (options: SecurityOptions): Promise<number> => {
    const adapter = new FastifyAdapter({ http2: true } as never);
    app = await createWithFactory(
      'fastify',
      { imports: [SecurityModule.forRoot(options)], controllers: [Routes] },
      {},
      adapter as never,
    );
    return listen(app);
  };
  const ask = (port: number, headers: Record<string, string>, body?: string): Promise<Http2Answer> =>
    new Promise((resolve, reject) => {
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      session.on('error', reject);
      const stream = session.request(headers, { endStream: body === undefined });
      let answered: Record<string, unknown> = {};
      let text = '';
      stream.setEncoding('utf8');
      stream.on('response', (fields) => (answered = fields));
      stream.on('data', (chunk: string) => (text += chunk));
      stream.on('error', reject);
      stream.on('close', () => {
        session.close();
        resolve({ headers: answered, text });
      });
      if (body !== undefined) stream.end(body);
    });

  it('answers with the headers, once each', async () => {
    const port = await start({ cors: { origins: [APP] }, hosts: ['example.com'] });
    const answer = await ask(port, { ':path': '/page', ':authority': 'example.com', origin: APP });
    expect(answer.headers).toMatchObject({
      ':status': 200,
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': APP,
      vary: 'Origin',
    });
    expect(JSON.parse(answer.text)).toEqual({ reached: true });
    const cookies = await ask(port, { ':path': '/cookies', ':authority': 'example.com' });
    expect(cookies.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it.each<[string, Record<string, string>, string | undefined, number, string]>([
    ['another authority', { ':path': '/page', ':authority': 'evil.example' }, undefined, 400, 'host_refused'],
    [
      'two hosts',
      { ':path': '/page', ':authority': 'example.com', host: 'evil.example' },
      undefined,
      400,
      'host_malformed',
    ],
    [
      'a path that is not normal',
      { ':path': '/page//x', ':authority': 'example.com' },
      undefined,
      400,
      'target_not_normalized',
    ],
    [
      'a large body of no declared length',
      { ':path': '/page', ':method': 'POST', ':authority': 'example.com', 'content-type': 'application/json' },
      JSON.stringify({ text: 'x'.repeat(150_000) }),
      413,
      'body_too_large',
    ],
  ])('refuses %s', async (_, headers, body, status, code) => {
    const port = await start({ hosts: ['example.com'] });
    const answer = await ask(port, headers, body);
    expect([answer.headers[':status'], (JSON.parse(answer.text) as { code: string }).code]).toEqual([status, code]);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  it('publishes no text of any length for a method', async () => {
    const port = await start({});
    const events: SecurityEvent[] = [];
    app?.get(SecurityEvents).subscribe((event) => events.push(event));
    for (const method of ['PURGE', 'A'.repeat(20_000)]) await ask(port, { ':path': '/page', ':method': method });
    expect(events).toMatchObject([
      { reason: 'method_refused', method: 'PURGE' },
      { reason: 'method_refused', method: undefined },
    ]);
  });

  it('takes a body within the limit', async () => {
    const port = await start({});
    const headers = { ':path': '/page', ':method': 'POST', 'content-type': 'application/json' };
    expect((await ask(port, headers, '{"a":1}')).headers[':status']).toBe(201);
  });
});

describe.each(ADAPTERS)('Without the global guard on %s', (adapter) => {
  @Controller('moved')
  @UseGuards(AuthenticationGuard)
  @Public()
  class Moved {
    @Post('forms')
    @ContentTypes('application/x-www-form-urlencoded')
    forms() {
      return {};
    }
  }

  it('AuthenticationGuard confirms what the edge could only guess', async () => {
    const edge = await startEdge(adapter, { dangerouslyWithoutGlobalGuard: true, profile: 'web' }, [Moved, Routes]);
    app = edge.app;
    expect((await edge.send('/moved/forms', { body: {} })).body['code']).toBe('content_type_unsupported');
    const form = { body: 'a=1', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    expect((await edge.send('/moved/forms', form)).status).toBe(201);
    const foreign = { ...form, headers: { ...form.headers, origin: 'https://evil.example' } };
    expect((await edge.send('/moved/forms', foreign)).body['code']).toBe('csrf_cross_origin');
    expect((await edge.send('/page')).headers['x-content-type-options']).toBe('nosniff');
  });
});

describe.each(ADAPTERS)('The edge, when things go wrong, on %s', (adapter) => {
  it('the guard denies a request that did not pass it', async () => {
    const edge = await startEdge(adapter, {}, [Routes]);
    app = edge.app;
    const request = { method: 'GET', url: '/page', headers: {}, rawHeaders: [], socket: {} };
    const { page } = Routes.prototype;
    const execution = {
      getType: () => 'http',
      getClass: () => Routes,
      getHandler: () => page,
      getArgByIndex: () => request,
    } as unknown as ExecutionContext;
    const guard = app.get(SecurityGuard);
    expect(() => guard.canActivate(execution)).toThrow('The request did not pass the edge');
    expect(edge.takeDenials()).toMatchObject([{ reason: 'edge_bypassed', route: 'Routes.page' }]);
  });

  it('keeps nothing of one request for the next on the same connection', async () => {
    const edge = await startEdge(adapter, { cors: { origins: [APP], credentials: true } }, [Routes]);
    app = edge.app;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    const ask = (headers: Record<string, string>, path = '/page') =>
      new Promise<Record<string, unknown>>((resolve, reject) => {
        const outgoing = open({ host: '127.0.0.1', port: edge.port, path, headers, agent }, (incoming) => {
          incoming.resume();
          incoming.on('end', () => resolve(incoming.headers));
        });
        outgoing.on('socket', (socket) => sockets.add(socket));
        outgoing.on('error', reject);
        outgoing.end();
      });
    for (let round = 0; round < 3; round++) {
      expect((await ask({ origin: APP }))['access-control-allow-origin']).toBe(APP);
      expect(await ask({ origin: 'https://evil.example' })).not.toHaveProperty('access-control-allow-origin');
      expect(await ask({})).not.toHaveProperty('access-control-allow-credentials');
      expect((await ask({ origin: 'https://partner.example' }, '/partner'))['access-control-allow-origin']).toBe(
        'https://partner.example',
      );
    }
    expect(sockets.size).toBe(1);
    agent.destroy();
  });

  it('outlives a handler that breaks in the middle of its answer', async () => {
    const edge = await startEdge(adapter, {}, [Routes]);
    app = edge.app;
    const begun = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = open({ host: '127.0.0.1', port: edge.port, path: '/partial' }, resolve);
      outgoing.on('error', reject);
      outgoing.end();
    });
    expect(begun.headers['x-content-type-options']).toBe('nosniff');
    begun.destroy();
    expect((await edge.send('/page')).status).toBe(200);
  });

  it.each(['content-length: 1000', 'transfer-encoding: chunked'])(
    'outlives a client that leaves in the middle of a body (%s)',
    async (framing) => {
      const edge = await startEdge(adapter, {}, [Routes]);
      app = edge.app;
      const server = edge.app.getHttpServer() as Server;
      const closed = new Promise<void>((resolve) =>
        server.once('connection', (socket) => socket.once('close', () => resolve())),
      );
      const socket = connect(edge.port, '127.0.0.1', () => {
        const start = framing.startsWith('t') ? '5\r\n{"a":\r\n' : '{"a":';
        socket.write(
          `POST /page HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${framing}\r\n\r\n${start}`,
          () => socket.destroy(),
        );
      });
      await closed;
      expect((await edge.send('/page')).status).toBe(200);
    },
  );

  it('leaves upgrades to whoever listens for them', async () => {
    const edge = await startEdge(adapter, {}, [Routes]);
    app = edge.app;
    (edge.app.getHttpServer() as Server).on('upgrade', (_request, socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n'),
    );
    const answer = await new HttpClient(edge.port).raw(
      'GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
  });
});

describe('The start is refused, naming the option and the fix,', () => {
  it.each<[string, unknown, string[]]>([
    ['an unknown profile', { profile: 'site' }, ['profile', "Use 'api' or 'web'"]],
    ['a part that is not known', { firewal: {} }, ['firewal', 'firewall']],
    ['a proxy that anybody may be', { proxy: { trust: true } }, ['proxy.trust', 'number of proxies']],
    ['a proxy that is switched off', { proxy: false }, ['proxy']],
    ['every host', { hosts: ['*'] }, ['hosts[0]', 'leave the option out']],
    ['hosts that are switched off', { hosts: false }, ['hosts']],
    ['a redirect to unchecked hosts', { https: { mode: 'redirect' } }, ['https.mode', 'List the hosts']],
    ['the same by the profile', { profile: 'web', https: {} }, ['https.mode', 'List the hosts']],
    [
      'a redirect to hosts that are only recorded',
      { https: { mode: 'redirect' }, hosts: { allowed: ['a.example'], enforcement: 'report' } },
      ['https.mode'],
    ],
    ['a redirect by 301', { hosts: ['a.example'], https: { mode: 'redirect', status: 301 } }, ['https.status', '308']],
    [
      'preload without subdomains',
      { https: { hsts: { preload: true, includeSubDomains: false } } },
      ['https.hsts.preload'],
    ],
    ['an unknown header', { headers: { hsts: true } }, ['headers.hsts']],
    [
      'scripts of anybody',
      { headers: { contentSecurityPolicy: { directives: { scriptSrc: ["'unsafe-inline'"] } } } },
      ['headers.contentSecurityPolicy', 'dangerouslyAllowScripts'],
    ],
    ['a size that is none', { firewall: { bodyLimit: '12 apples' } }, ['firewall.bodyLimit', '100kb']],
    ['TRACE', { firewall: { methods: ['TRACE'] } }, ['firewall.methods']],
    ['a short secret', { csrf: { token: { secret: 'short' } } }, ['csrf.token.secret', 'openssl rand']],
    ['an origin that is none', { csrf: { trustedOrigins: ['app.example'] } }, ['csrf.trustedOrigins']],
  ])('for %s', (_, options, texts) => {
    let message = '';
    try {
      SecurityModule.forRoot(options as SecurityOptions);
    } catch (error) {
      expect(error).toBeInstanceOf(SecurityConfigurationError);
      ({ message } = error as Error);
    }
    for (const text of texts) expect(message).toContain(text);
    if (_ === 'a short secret') expect(message).not.toContain("'short'");
  });

  it.each<[string, MethodDecorator, string]>([
    ['@BodyLimit', BodyLimit('much'), 'BodyLimit'],
    ['@ContentTypes', ContentTypes('json'), 'ContentTypes'],
    ['@ContentSecurityPolicy', ContentSecurityPolicy({ directives: { imgSrc: ['not a source'] } }), 'img'],
    ['@ClearSiteData', ClearSiteData('*', 'cookies'), "'*'"],
  ])('for a wrong %s, with the name of the handler', async (_, decorator, text) => {
    @Controller('bad')
    class Bad {
      @Get()
      @Public()
      @decorator
      list() {
        return {};
      }
    }
    const error = await startFailure({ imports: [SecurityModule.forRoot({})], controllers: [Bad] });
    expect(error).toBeInstanceOf(SecurityConfigurationError);
    expect((error as Error).message).toContain('Bad.list');
    expect((error as Error).message).toContain(text);
  });

  it('for a wrong option of forFeature', () => {
    expect(() => SecurityModule.forFeature({ cor: {} } as never)).toThrow(/cor.*cors/s);
  });
});

describe.each(ADAPTERS)('A guess that was wrong is corrected by the guard on %s', (adapter) => {
  // Both have the same shape of path; the first is the one that the router asks.
  @Controller('mixed')
  @Public()
  class Mixed {
    @Get('fixed')
    strict(@Req() _request: object) {
      return { strict: true };
    }

    @Get(':any')
    @AllowHttp()
    @Cors({ origins: ['https://partner.example'] })
    loose() {
      return { strict: false };
    }
  }

  it('a pattern beside a fixed path opens nothing of it', async () => {
    const edge = await startEdge(adapter, securityWith(signingKey('ES256'), { https: { mode: 'reject' } }), [Mixed]);
    app = edge.app;
    const headers = { origin: 'https://partner.example' };
    const strict = await edge.send('/mixed/fixed', { headers });
    expect([strict.status, strict.headers['access-control-allow-origin']]).toEqual([403, undefined]);
    const loose = await edge.send('/mixed/other', { headers });
    expect([loose.status, loose.headers['access-control-allow-origin']]).toEqual([200, 'https://partner.example']);
    for (const path of ['/mixed/FIXED', '/mixed/fixed/', '/mixed/%66ixed']) {
      const answer = await edge.send(path, { headers });
      expect([path, answer.text.includes('"strict":true')]).toEqual([path, false]);
    }
  });
});

describe('Without HTTP', () => {
  it('an application context starts and ends', async () => {
    class Root {}
    const context = await NestFactory.createApplicationContext(
      { module: Root, imports: [SecurityModule.forRoot({})], controllers: [] },
      { logger: false, abortOnError: false },
    );
    expect(context.get(CsrfTokens)).toBeInstanceOf(CsrfTokens);
    await context.close();
  });
});
