import {
  Catch,
  Controller,
  Get,
  Header,
  HttpException,
  Injectable,
  Module,
  Post,
  Res,
  UseFilters,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type ExecutionContext,
  type ExceptionFilter,
  type INestApplication,
  type LoggerService,
  type MiddlewareConsumer,
  type NestInterceptor,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import fastifyCors from '@fastify/cors';
import { describe, expect, it } from '@jest/globals';
import { Cors, Public, SecurityConfigurationError, SecurityModule, type SecurityOptions } from '@palisade/nest';
import cors from 'cors';
import express from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ADAPTERS, startApplication, type AdapterName } from '../support/application.js';
import {
  createWithFactory,
  edgeOfEachTest,
  listen,
  send,
  takeOver,
  type AnyResponse,
  type Sent,
} from '../e2e/edge.harness.js';

const APP = 'https://app.example';
const EVIL = 'https://evil.example';

const WIDE: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Origin': EVIL,
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Expose-Headers': 'X-Secret',
  'Access-Control-Allow-Methods': 'GET, DELETE',
  'Access-Control-Allow-Headers': 'X-Anything',
  'Access-Control-Max-Age': '86400',
  'Access-Control-Allow-Private-Network': 'true',
};

interface Sets {
  header?(name: string, value: string): unknown;
  setHeader?(name: string, value: string): unknown;
}

function widen(response: Sets): void {
  for (const [name, value] of Object.entries(WIDE)) {
    if (response.header === undefined) response.setHeader?.(name, value);
    else response.header(name, value);
  }
}

@Injectable()
class WideningInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    widen(context.switchToHttp().getResponse<Sets>());
    return next.handle();
  }
}

@Catch(HttpException)
class WideningFilter implements ExceptionFilter {
  catch(error: HttpException, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<AnyResponse & Sets>();
    widen(response);
    const raw = takeOver(response);
    raw.writeHead(error.getStatus(), { ...WIDE, 'access-control-allow-origin': '*', 'content-type': 'text/plain' });
    raw.end('no');
  }
}

@Controller()
@Public()
class Pages {
  @Get('plain')
  plain() {
    return {};
  }

  @Get('decorated')
  @Header('Access-Control-Allow-Origin', '*')
  @Header('Access-Control-Allow-Credentials', 'true')
  decorated() {
    return {};
  }

  @Get('set')
  set(@Res({ passthrough: true }) response: Sets) {
    widen(response);
    return {};
  }

  @Post('set')
  change(@Res({ passthrough: true }) response: Sets) {
    widen(response);
    return {};
  }

  @Get('intercepted')
  @UseInterceptors(WideningInterceptor)
  intercepted() {
    return {};
  }

  @Get('fails')
  @UseInterceptors(WideningInterceptor)
  fails() {
    throw new HttpException('no', 409);
  }

  @Get('filtered')
  @UseFilters(WideningFilter)
  filtered() {
    throw new HttpException('no', 409);
  }

  @Get('written')
  written(@Res() response: AnyResponse) {
    takeOver(response).writeHead(200, {
      ...WIDE,
      'ACCESS-CONTROL-ALLOW-ORIGIN': '*',
      'access-control-allow-origin': EVIL,
    });
    takeOver(response).end('{}');
  }

  @Get('listed')
  listed(@Res() response: AnyResponse) {
    takeOver(response).writeHead(200, 'OK', Object.entries(WIDE).flat());
    takeOver(response).end('{}');
  }

  @Get('flushed')
  flushed(@Res() response: AnyResponse) {
    const raw = takeOver(response);
    widen(raw as Sets);
    raw.flushHeaders();
    raw.end('{}');
  }
}

@Controller()
@Public()
@Cors({ origins: [APP] })
class PagesWithCors extends Pages {}

/** Everything that may write to answers behind the edge's back, and that no start can see. */
const WRITERS: readonly (readonly [string, readonly AdapterName[], (app: INestApplication) => void])[] = [
  ['nothing else', ADAPTERS, () => undefined],
  [
    'a middleware',
    ADAPTERS,
    (app) =>
      app.use((_: IncomingMessage, response: ServerResponse, next: () => void) => {
        for (const [name, value] of Object.entries(WIDE)) response.setHeader(name, value);
        next();
      }),
  ],
  [
    'cors() in a middleware of the application',
    ADAPTERS,
    (app) => {
      const answer = cors({ origin: true, credentials: true, exposedHeaders: 'X-Secret' });
      app.use((request: IncomingMessage, response: ServerResponse, next: () => void) =>
        answer(request as never, response as never, next),
      );
    },
  ],
  [
    'cors() in a router',
    ['express'],
    (app) => app.use('/', express.Router().use(cors({ origin: true, credentials: true }))),
  ],
  [
    'hooks of Fastify',
    ['fastify'],
    (app) => {
      const instance = app.getHttpAdapter().getInstance() as {
        addHook(name: string, hook: (request: unknown, reply: Sets, ...rest: unknown[]) => void): void;
      };
      instance.addHook('onRequest', (_, reply, done) => {
        widen(reply);
        (done as () => void)();
      });
      instance.addHook('onSend', (_, reply, payload, done) => {
        widen(reply);
        (done as (error: null, payload: unknown) => void)(null, payload);
      });
    },
  ],
];

const SETTINGS: readonly (readonly [string, SecurityOptions, typeof Pages, readonly string[]])[] = [
  ['cors', { cors: { origins: [APP] } }, Pages, [APP]],
  ['cors: false', { cors: false }, Pages, []],
  ['cors that only records', { cors: { origins: [APP], enforcement: 'report' } }, Pages, [APP]],
  ['@Cors alone', {}, PagesWithCors, [APP]],
];

const PATHS = ['plain', 'decorated', 'set', 'intercepted', 'fails', 'filtered', 'written', 'listed', 'flushed'];

const fieldsOf = (headers: Readonly<Record<string, unknown>>) =>
  Object.entries(headers).filter(([name]) => name.startsWith('access-control-'));

const preflight = (origin: string, method = 'GET'): Sent => ({
  method: 'OPTIONS',
  headers: { origin, 'access-control-request-method': method },
});

describe.each(ADAPTERS)('What else writes CORS fields on %s', (adapter) => {
  const start = edgeOfEachTest(adapter);
  const cases = WRITERS.filter(([, adapters]) => adapters.includes(adapter)).flatMap(([writer, , configure]) =>
    SETTINGS.map(([setting, options, controller, origins]) => ({
      writer,
      configure,
      setting,
      options,
      controller,
      origins,
    })),
  );

  it.each(cases)(
    'lets in nobody more: $writer beside $setting',
    async ({ configure, setting, options, controller, origins }) => {
      const edge = await start(options, [controller], { configure });
      const reported = setting.includes('records');
      for (const path of PATHS) {
        const refused = await edge.send(`/${path}`, { headers: { origin: EVIL } });
        // What is only recorded may be read, as '*' would allow it, and never with credentials.
        expect([path, fieldsOf(refused.headers)]).toEqual([
          path,
          reported ? [['access-control-allow-origin', EVIL]] : [],
        ]);
        const allowed = await edge.send(`/${path}`, { headers: { origin: APP } });
        expect([path, fieldsOf(allowed.headers)]).toEqual([
          path,
          origins.map((origin) => ['access-control-allow-origin', origin]),
        ]);
        expect(allowed.names.filter((name) => name === 'access-control-allow-origin')).toHaveLength(origins.length);
        expect(fieldsOf((await edge.send(`/${path}`)).headers)).toEqual([]);
      }
      const changed = await edge.send('/set', { method: 'POST', headers: { origin: EVIL }, body: {} });
      expect(fieldsOf(changed.headers)).toEqual(reported ? [['access-control-allow-origin', EVIL]] : []);
    },
  );

  it.each(cases)(
    'answers preflights itself: $writer beside $setting',
    async ({ configure, setting, options, controller, origins }) => {
      const edge = await start(options, [controller], { configure });
      const refused = await edge.send('/plain', preflight(EVIL));
      if (!setting.includes('records')) expect([refused.status, fieldsOf(refused.headers)]).toEqual([403, []]);
      expect(refused.headers).not.toHaveProperty('access-control-allow-credentials');
      const { status, headers } = await edge.send('/plain', preflight(APP));
      expect([status, headers['access-control-allow-origin']]).toEqual(
        origins.length === 0 ? [403, undefined] : [204, APP],
      );
      expect(headers).not.toHaveProperty('access-control-allow-credentials');
      expect(headers['access-control-max-age']).not.toBe('86400');
    },
  );

  it('lets in nobody more where a module binds cors() to its routes', async () => {
    @Module({})
    class Binding {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(cors({ origin: true, credentials: true })).forRoutes('{*path}');
      }
    }
    const edge = await start({ cors: { origins: [APP] } }, [Pages], { imports: [Binding] });
    for (const path of ['/plain', '/fails', '/nowhere']) {
      expect(fieldsOf((await edge.send(path, { headers: { origin: EVIL } })).headers)).toEqual([]);
      expect(fieldsOf((await edge.send(path, { headers: { origin: APP } })).headers)).toEqual([
        ['access-control-allow-origin', APP],
      ]);
    }
  });

  it('holds for OPTIONS that is no preflight, and for paths that nothing serves', async () => {
    const edge = await start({ cors: { origins: [APP] } }, [Pages], { configure: WRITERS[2]?.[2] as never });
    for (const sent of [{ method: 'OPTIONS' }, {}, { method: 'DELETE', headers: { 'content-length': '0' } }]) {
      const answer = await edge.send('/nowhere', { ...sent, headers: { ...sent.headers, origin: EVIL } });
      expect(fieldsOf(answer.headers)).toEqual([]);
    }
  });

  it('says once which field of whom is replaced', async () => {
    const lines: string[] = [];
    const keep = (line: unknown) => void lines.push(String(line));
    const logger = { log: () => undefined, error: keep, warn: keep } as LoggerService;
    const edge = await start({ cors: { origins: [APP] } }, [Pages], { logger });
    await edge.send('/plain', { headers: { origin: EVIL } });
    const replaced = () => lines.filter((line) => line.includes('is replaced by'));
    expect(replaced()).toEqual([]);
    await edge.send('/set', { headers: { origin: EVIL } });
    await edge.send('/set', { headers: { origin: EVIL } });
    expect(replaced()).toEqual([
      expect.stringMatching(/^Access-Control-Allow-Origin, which Pages\.set set, is replaced/),
    ]);
    expect(replaced().join()).not.toContain(EVIL);
  });

  it.each<[string, SecurityOptions['cors']]>([
    ['cors', { origins: [APP] }],
    ['cors: false', false],
  ])('stops the start where app.enableCors() stands beside %s', async (_, declared) => {
    const failure = startApplication(
      adapter,
      { imports: [SecurityModule.forRoot({ cors: declared })] },
      { configure: (app) => app.enableCors({ origin: true, credentials: true }) },
    );
    await expect(failure).rejects.toThrow(SecurityConfigurationError);
    await expect(failure).rejects.toThrow(/app\.enableCors\(\).*Remove it/s);
  });

  it.each([true, { origin: true, credentials: true }])(
    'stops the start where Nest is created with { cors: %j }',
    async (option) => {
      const app = await createWithFactory(
        adapter,
        { imports: [SecurityModule.forRoot({ cors: { origins: [APP] } })] },
        { cors: option },
      );
      await expect(listen(app)).rejects.toThrow(SecurityConfigurationError);
      await app.close();
    },
  );

  it('refuses app.enableCors() after the start as well', async () => {
    const edge = await start({ cors: { origins: [APP] } }, [Pages]);
    expect(() => edge.app.enableCors()).toThrow(SecurityConfigurationError);
  });

  it('leaves the word to app.enableCors() where cors is left out, and says so once', async () => {
    const lines: string[] = [];
    const logger = {
      log: () => undefined,
      error: () => undefined,
      warn: (line: unknown) => void lines.push(String(line)),
    };
    const edge = await start({}, [Pages, PagesOfTheirOwn], {
      logger,
      configure: (app) => app.enableCors({ origin: [EVIL], credentials: true }),
    });
    expect((await edge.send('/plain', { headers: { origin: EVIL } })).headers['access-control-allow-origin']).toBe(
      EVIL,
    );
    expect((await edge.send('/plain', preflight(EVIL))).status).toBe(204);
    // Where a route says it, the route's word holds.
    expect(fieldsOf((await edge.send('/own', { headers: { origin: EVIL } })).headers)).toEqual([]);
    expect((await edge.send('/own', preflight(EVIL))).status).toBe(403);
    expect(lines.filter((line) => line.includes('app.enableCors()'))).toEqual([
      expect.stringMatching(/cors of SecurityModule\.forRoot is left out.*@Cors.*cors\.origins/s),
    ]);
  });
});

@Controller('own')
@Public()
class PagesOfTheirOwn {
  @Get()
  @Cors({ origins: [APP] })
  own() {
    return {};
  }
}

describe('The start is stopped', () => {
  it.each<[string, AdapterName, (app: INestApplication) => unknown, string]>(
    ADAPTERS.flatMap((adapter) => [
      ['cors() as a middleware', adapter, (app) => app.use(cors()), 'app.use(cors())'],
      ['cors() below a path', adapter, (app) => app.use('/assets', cors()), "app.use('/assets', cors())"],
      ['cors() below paths', adapter, (app) => app.use(['/a', '/b'], cors()), "app.use('/a | /b', cors())"],
      ['cors() among others', adapter, (app) => app.use([express.text(), cors()]), 'app.use(cors())'],
    ]),
  )('by %s on %s', async (_, adapter, configure, where) => {
    const failure = startApplication(
      adapter,
      { imports: [SecurityModule.forRoot({ cors: { origins: [APP] } })] },
      { configure: (app) => void configure(app) },
    );
    await expect(failure).rejects.toThrow(SecurityConfigurationError);
    await expect(failure).rejects.toThrow(where);
  });

  it('by @fastify/cors, whoever registered it', async () => {
    const metadata = { imports: [SecurityModule.forRoot({ cors: { origins: [APP] } })] };
    const after = await createWithFactory('fastify', metadata);
    await (after.getHttpAdapter() as FastifyAdapter).register(fastifyCors as never, { origin: true } as never);
    await expect(listen(after)).rejects.toThrow(/@fastify\/cors/);
    await after.close();
    const adapter = new FastifyAdapter();
    void adapter.getInstance().register(fastifyCors as never, { origin: true } as never);
    const before = await createWithFactory('fastify', metadata, {}, adapter);
    await expect(listen(before)).rejects.toThrow(SecurityConfigurationError);
    await before.close();
  });

  it('by no plugin of another context, whose fields are replaced', async () => {
    const app = await createWithFactory('fastify', {
      imports: [SecurityModule.forRoot({ cors: { origins: [APP] } })],
    });
    const instance = app.getHttpAdapter().getInstance() as {
      register(
        plugin: (scope: {
          register(plugin: unknown, options: object): void;
          get(path: string, handler: () => object): void;
        }) => Promise<void>,
      ): void;
    };
    instance.register(async (scope) => {
      await scope.register(fastifyCors, { origin: true, credentials: true });
      scope.get('/scoped', () => ({}));
    });
    const port = await listen(app);
    const { status, headers } = await send(port, '/scoped', { headers: { origin: EVIL } });
    expect([status, fieldsOf(headers)]).toEqual([200, []]);
    expect((await send(port, '/scoped', preflight(EVIL))).status).toBe(403);
    await app.close();
  });
});
