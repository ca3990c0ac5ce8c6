import {
  All,
  Controller,
  Get,
  Module,
  Post,
  Version,
  VersioningType,
  type INestApplication,
  type MiddlewareConsumer,
} from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it } from '@jest/globals';
import { Public, SecurityModule, type SecurityOptions } from '@palisade/nest';
import cors from 'cors';
import express from 'express';
import helmet from 'helmet';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { ADAPTERS } from '../support/application.js';
import { createWithFactory, edgeOfEachTest, listen, send } from './edge.harness.js';

type Next = () => void;

const passOn = (_: unknown, __: unknown, next: Next): void => next();
const answer = (_: unknown, response: ServerResponse | { send(body: string): void }): void => {
  if ('send' in response) response.send('served');
  else response.end('served');
};

@Controller('accounts')
class Accounts {
  @Get(':id')
  find() {
    return {};
  }

  @Post()
  open() {
    return {};
  }

  @All('any/*')
  @Public()
  any() {
    return {};
  }

  @Get('versioned')
  @Version('2')
  versioned() {
    return {};
  }
}

/** The lines about what is reachable beside controllers, with their level. */
function listening() {
  const lines: (readonly [level: string, text: string])[] = [];
  const keep = (level: string) => (text: unknown) => void lines.push([level, String(text)]);
  return {
    logger: { log: keep('log'), warn: keep('warn'), error: keep('error') },
    beside: () => lines.filter(([, text]) => /beside controllers|which may answer/.test(text)),
    all: lines,
  };
}

const REACHABLE =
  'Reachable beside controllers, where Palisade asks for no credential and applies no rule of a route: ';

describe.each(ADAPTERS)('What is reachable beside controllers on %s', (adapter) => {
  const start = edgeOfEachTest(adapter);
  const startWith = async (
    configure: (app: INestApplication) => void,
    options: SecurityOptions = {},
    imports: never[] = [],
  ) => {
    const { logger, beside, all } = listening();
    const edge = await start(options, [Accounts], { configure, logger, imports });
    return { edge, beside, all };
  };
  type Routes = { get(path: string, handler: unknown): void; post(path: string, handler: unknown): void };
  const instanceOf = (app: INestApplication) => app.getHttpAdapter().getInstance() as Routes;

  it.each<[string, (app: INestApplication) => void]>([
    ['nothing else', () => undefined],
    ['a global prefix', (app) => app.setGlobalPrefix('api', { exclude: ['accounts/:id'] })],
    ['versions in the path', (app) => app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' })],
    [
      'versions in a header',
      (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version', defaultVersion: '1' }),
    ],
    [
      'a prefix, versions and CORS',
      (app) => {
        app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: ['1', '2'] });
        app.enableCors();
      },
    ],
  ])('is nothing with %s', async (_, configure) => {
    const { beside } = await startWith(configure);
    expect(beside()).toEqual([]);
  });

  it('is named with the parts of Palisade that register something themselves', async () => {
    const { beside } = await startWith(() => undefined, {
      cors: { origins: ['https://app.example'] },
      firewall: { bodyLimit: '5mb' },
      headers: { reporting: { path: '/.well-known/csp' } },
    });
    expect(beside()).toEqual([]);
  });

  it('is named in one line: routes of the adapter and of the framework, with their methods', async () => {
    const { edge, beside } = await startWith((app) => {
      const http = app.getHttpAdapter();
      http.get('/docs', answer as never);
      http.get('/docs-json', answer as never);
      instanceOf(app).post('/hooks/:name', answer);
    });
    expect(beside()).toEqual([['warn', `${REACHABLE}GET /docs, GET /docs-json, POST /hooks/:name.`]]);
    expect((await edge.send('/docs')).text).toBe('served');
    expect((await edge.send('/accounts/1')).status).toBe(401);
  });

  it('is named under a global prefix, which holds for controllers alone', async () => {
    const { edge, beside } = await startWith((app) => {
      app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
      app.getHttpAdapter().get('/docs', answer as never);
    });
    expect(beside()).toEqual([['warn', `${REACHABLE}GET /docs.`]]);
    expect((await edge.send('/docs')).status).toBe(200);
  });

  it('is a middleware under a path, by its name', async () => {
    function dashboard(request: IncomingMessage, response: ServerResponse, next: Next): void {
      if (request.url === '/queues') response.end('served');
      else next();
    }
    const { beside } = await startWith((app) => app.use('/admin', dashboard));
    expect(beside()).toEqual([['warn', `${REACHABLE}/admin (dashboard).`]]);
  });

  it('is a function on every path that cannot pass a request on', async () => {
    const { beside } = await startWith((app) =>
      app.use((_: unknown, response: ServerResponse) => response.end('served')),
    );
    expect(beside()).toEqual([['warn', `${REACHABLE}every path.`]]);
  });

  it('is perhaps a middleware on every path, but for those that are known to pass on', async () => {
    function tenants(_: unknown, __: unknown, next: Next): void {
      next();
    }
    const { beside } = await startWith(
      (app) => {
        app.use(helmet());
        app.use(tenants);
        app.use(passOn);
        app.use((_: unknown, __: unknown, next: Next) => next());
      },
      { headers: false },
    );
    expect(beside()).toEqual([
      [
        'log',
        'Middleware on every path, which may answer before any guard: tenants, passOn, a function without a name.',
      ],
    ]);
  });

  it('is not the middleware that everybody knows', async () => {
    const { beside } = await startWith(
      (app) => {
        for (const each of [helmet(), cors(), express.text()]) app.use(each);
      },
      { headers: false },
    );
    expect(beside()).toEqual([]);
  });

  it('is perhaps middleware that modules bind to paths', async () => {
    @Module({})
    class Binding {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(passOn).forRoutes('accounts', Accounts);
        consumer.apply(passOn, passOn).forRoutes({ path: 'late/*rest', method: 1 });
      }
    }
    const { beside } = await startWith(() => undefined, {}, [Binding as never]);
    expect(beside()).toEqual([
      [
        'log',
        expect.stringMatching(/^Middleware of modules, which may answer before any guard: on \/accounts\b.*\/late\//),
      ],
    ]);
    expect(beside().join()).not.toContain('Reachable');
  });

  it('is what a module registers when it is initialised', async () => {
    @Module({})
    class Pages {
      static app: INestApplication;
      onModuleInit(): void {
        Pages.app.getHttpAdapter().get('/pages', answer as never);
      }
    }
    const { beside } = await startWith((app) => void (Pages.app = app), {}, [Pages as never]);
    expect(beside()).toEqual([['warn', `${REACHABLE}GET /pages.`]]);
  });

  it('is named where the adapter was there, with routes, before the application', async () => {
    const { logger, beside } = listening();
    const http = adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter();
    const instance = http.getInstance() as Routes;
    instance.get('/early', answer);
    instance.get('/early/:id', answer);
    instance.post('/early', answer);
    const app = await createWithFactory(
      adapter,
      { imports: [SecurityModule.forRoot({})], controllers: [Accounts] },
      { logger },
      http as never,
    );
    const port = await listen(app);
    expect(beside()).toEqual([['warn', expect.stringContaining(REACHABLE)]]);
    for (const route of ['GET /early', 'GET /early/:id', 'POST /early']) expect(beside()[0]?.[1]).toContain(route);
    expect(beside()[0]?.[1]).not.toContain('accounts');
    expect((await send(port, '/early')).status).toBe(200);
    await app.close();
  });

  it('is a second application below a path', async () => {
    const second = await createWithFactory('express', { controllers: [Accounts] });
    await second.init();
    const { beside } = await startWith((app) => app.use('/second', second.getHttpAdapter().getInstance()));
    expect(beside()).toEqual([['warn', expect.stringMatching(/\/second \((?:mounted_app|app)\)\.$/)]]);
    await second.close();
  });
});

describe('What is reachable beside controllers on Express', () => {
  const start = edgeOfEachTest('express');

  it('is what a router has, below its path, and what routers in it have', async () => {
    const { logger, beside } = listening();
    const inner = express.Router();
    inner.get('/jobs', answer as never);
    const router = express.Router();
    router.use('/queue', inner);
    router.get('/', answer as never);
    await start({}, [Accounts], { logger, configure: (app) => app.use('/admin', router) });
    expect(beside()).toEqual([['warn', `${REACHABLE}GET /admin/queue/jobs, GET /admin/.`]]);
  });

  it('is not named route by route below what takes all of them', async () => {
    const { logger, beside } = listening();
    await start({}, [Accounts], {
      logger,
      configure: (app) => {
        app.getHttpAdapter().get('/docs', answer as never);
        app.getHttpAdapter().get('/docs/init.js', answer as never);
        app.use('/docs', express.static('docs'));
      },
    });
    expect(beside()).toEqual([['warn', `${REACHABLE}GET /docs, /docs (serveStatic).`]]);
  });

  it('is a folder of static files', async () => {
    const { logger, beside } = listening();
    await start({}, [Accounts], {
      logger,
      configure: (app) => {
        app.use(express.static('docs'));
        app.use('/files', express.static('docs'));
      },
    });
    expect(beside()).toEqual([['warn', `${REACHABLE}every path (serveStatic), /files (serveStatic).`]]);
  });

  it('is named when it is registered after the start, where a request can get there', async () => {
    const { logger, beside } = listening();
    const edge = await start({}, [Accounts], { logger, configure: (app) => void app.setGlobalPrefix('api') });
    edge.app.getHttpAdapter().get('/late', answer as never);
    edge.app.getHttpAdapter().get('/api/late', answer as never);
    edge.app.use('/assets', express.static('docs'));
    expect((await edge.send('/late')).text).toBe('served');
    expect((await edge.send('/api/late')).status).toBe(404);
    expect(beside().map(([, text]) => text)).toEqual([`${REACHABLE}GET /late.`, `${REACHABLE}/assets (serveStatic).`]);
  });

  it('is not what nothing leads to, behind the answer for paths that nobody serves', async () => {
    const { logger, beside } = listening();
    const edge = await start({}, [Accounts], { logger });
    edge.app.getHttpAdapter().get('/late', answer as never);
    expect((await edge.send('/late')).status).toBe(404);
    expect(beside()).toEqual([]);
  });
});

describe('What is reachable beside controllers on Fastify', () => {
  it('is what plugins register, with their prefixes, whenever they were', async () => {
    const { logger, beside } = listening();
    const http = new FastifyAdapter();
    type Scope = { get(path: string, handler: () => string): void; all(path: string, handler: () => string): void };
    const instance = http.getInstance() as unknown as {
      register(plugin: (scope: Scope) => Promise<void>, options: { prefix: string }): void;
    };
    instance.register(async (scope) => scope.get('/queues', () => 'served'), { prefix: '/admin' });
    const app = await createWithFactory(
      'fastify',
      { imports: [SecurityModule.forRoot({})], controllers: [Accounts] },
      { logger },
      http,
    );
    instance.register(async (scope) => scope.all('/*', () => 'served'), { prefix: '/files' });
    const port = await listen(app);
    expect(beside()).toEqual([['warn', `${REACHABLE}GET /admin/queues, /files/*.`]]);
    expect((await send(port, '/files/a')).text).toBe('served');
    await app.close();
  });
});
