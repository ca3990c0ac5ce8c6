import fastifyHelmet from '@fastify/helmet';
import {
  Controller,
  ForbiddenException,
  Get,
  Header,
  Injectable,
  Module,
  Res,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  type MiddlewareConsumer,
  type NestInterceptor,
} from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { Authenticated, ContentSecurityPolicy, Public, RateLimit, type SecurityOptions } from '@palisade/nest';
import cors from 'cors';
import helmet from 'helmet';
import { ADAPTERS } from '../support/application.js';
import { edgeOfEachTest } from './edge.harness.js';

const APP = 'https://app.example';

/** What other parts of an application write, one value each. */
const WRITTEN: Readonly<Record<string, string>> = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Credentials': 'true',
  Server: 'nginx',
  'X-Powered-By': 'PHP/4',
  Vary: 'Accept-Language',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Content-Type-Options': 'sniff',
  'Content-Security-Policy': "default-src 'self'",
  'Referrer-Policy': 'origin',
  'Strict-Transport-Security': 'max-age=1',
  'Cache-Control': 'public, max-age=60',
  'Clear-Site-Data': '"cookies"',
  RateLimit: '"theirs";r=1;t=1',
  'RateLimit-Policy': '"theirs";q=1;w=1',
  'Set-Cookie': 'theme=dark',
};

/** The rows of the guide's table, for a request of the origin that is allowed over TLS. */
const WINS: Readonly<Record<string, unknown>> = {
  'access-control-allow-origin': APP,
  'access-control-allow-credentials': undefined,
  server: undefined,
  'x-powered-by': undefined,
  'x-frame-options': 'SAMEORIGIN',
  'x-content-type-options': 'sniff',
  'content-security-policy': "default-src 'self'",
  'referrer-policy': 'origin',
  'strict-transport-security': 'max-age=1',
  'cache-control': 'public, max-age=60',
  'clear-site-data': '"cookies"',
  ratelimit: '"theirs";r=1;t=1',
  'ratelimit-policy': '"theirs";q=1;w=1',
  'set-cookie': ['theme=dark'],
};

interface Sets {
  header?(name: string, value: string): unknown;
  setHeader?(name: string, value: string): unknown;
}

function write(response: Sets): void {
  for (const [name, value] of Object.entries(WRITTEN)) {
    if (response.header === undefined) response.setHeader?.(name, value);
    else response.header(name, value);
  }
}

@Injectable()
class Writing implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    write(context.switchToHttp().getResponse<Sets>());
    return next.handle();
  }
}

function everyHeader(target: object, name: string, descriptor: PropertyDescriptor): void {
  for (const [field, value] of Object.entries(WRITTEN)) Header(field, value)(target, name, descriptor);
}

@Controller()
@Public()
@RateLimit('100/minute')
class Pages {
  @Get('plain')
  plain() {
    return {};
  }

  @Get('decorated')
  @(everyHeader as MethodDecorator)
  decorated() {
    return {};
  }

  @Get('set')
  set(@Res({ passthrough: true }) response: Sets) {
    write(response);
    return {};
  }

  @Get('intercepted')
  @UseInterceptors(Writing)
  intercepted() {
    return {};
  }

  @Get('refused')
  refused(@Res({ passthrough: true }) response: Sets) {
    write(response);
    throw new ForbiddenException();
  }

  @Get('policy')
  @ContentSecurityPolicy({ directives: { defaultSrc: ["'none'"], imgSrc: ["'self'"] } })
  policy() {
    return {};
  }

  @Get('known')
  @Authenticated()
  known() {
    return {};
  }
}

const SECURITY: SecurityOptions = {
  proxy: { trust: ['loopback'] },
  cors: { origins: [APP], credentials: false },
  authentication: {
    jwt: { secret: 'not-a-real-secret-'.repeat(3), algorithms: ['HS256'], issuer: 'i', audience: 'a' },
  },
};
const FROM_APP = { headers: { origin: APP, 'x-forwarded-proto': 'https' } };

describe.each(ADAPTERS)('Where other parts write the same header fields, on %s', (adapter) => {
  const start = edgeOfEachTest(adapter);

  const byMiddleware = (app: INestApplication) =>
    void app.use((_: unknown, response: Sets, next: () => void) => {
      write(response);
      next();
    });

  it.each<[string, string, ((app: INestApplication) => void) | undefined]>([
    ['decorators of a handler', '/decorated', undefined],
    ['a handler', '/set', undefined],
    ['an interceptor', '/intercepted', undefined],
    ['a handler that then refuses', '/refused', undefined],
    ['middleware', '/plain', byMiddleware],
  ])('what the guide says wins over %s, and each field is sent once', async (_, path, configure) => {
    const edge = await start(SECURITY, [Pages], configure && { configure });
    const { headers, names } = await edge.send(path, FROM_APP);
    for (const [name, value] of Object.entries(WINS)) expect([name, headers[name]]).toEqual([name, value]);
    expect(fieldsOf(headers['vary'])).toEqual(expect.arrayContaining(['accept-language', 'origin']));
    for (const name of Object.keys(WINS)) expect(names.filter((one) => one === name).length).toBeLessThan(2);
  });

  it.each([
    ['server', 'nginx'],
    ['x-powered-by', 'PHP/4'],
    ['x-frame-options', 'SAMEORIGIN'],
  ])('nothing touches %s where headers is false', async (name, value) => {
    const edge = await start({ ...SECURITY, headers: false }, [Pages]);
    expect((await edge.send('/set', FROM_APP)).headers[name]).toBe(value);
  });

  it('the challenge of the guard wins over what middleware wrote', async () => {
    const configure = (app: INestApplication) =>
      void app.use((_: unknown, response: Sets, next: () => void) => {
        response.setHeader?.('WWW-Authenticate', 'Basic realm="theirs"');
        next();
      });
    const edge = await start(SECURITY, [Pages], { configure });
    const { status, headers } = await edge.send('/known', FROM_APP);
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer']);
  });

  it('the last word of a limit is left to the application where it writes it', async () => {
    const edge = await start({ ...SECURITY, rateLimit: { headers: false } }, [Pages]);
    expect((await edge.send('/plain', FROM_APP)).headers['ratelimit']).toBeUndefined();
    expect((await edge.send('/set', FROM_APP)).headers['ratelimit']).toBe('"theirs";r=1;t=1');
  });

  interface Setter {
    readonly name: string;
    readonly said: RegExp;
    readonly configure: (app: INestApplication) => void;
  }
  const setters: readonly Setter[] = [
    {
      name: 'helmet',
      said: /^app\.use\(helmet\(\)\) sets security headers/,
      configure: (app) => void app.use(helmet()),
    },
    {
      name: 'helmet under a path',
      said: /^app\.use\('\/policy', helmet\(\)\) sets security headers/,
      configure: (app) => void app.use('/policy', helmet()),
    },
    {
      name: 'app.useSecurityHeaders()',
      said: /^app\.useSecurityHeaders\(\) sets security headers/,
      configure: (app) => (app as unknown as { useSecurityHeaders(): void }).useSecurityHeaders(),
    },
    ...(adapter === 'fastify'
      ? [
          {
            name: '@fastify/helmet',
            said: /^@fastify\/helmet sets security headers/,
            configure: (app: INestApplication) =>
              void (app as unknown as { register(plugin: unknown): void }).register(fastifyHelmet),
          },
        ]
      : []),
  ];

  it.each(setters)('$name is warned of once, and what it says of frames holds as the warning says', async (setter) => {
    const { logger, warnings } = listening();
    const edge = await start(SECURITY, [Pages], { configure: setter.configure, logger });
    expect(warnings.filter((line) => setter.said.test(line))).toHaveLength(1);
    expect(warnings.filter((line) => /sets security headers/.test(line))).toHaveLength(1);
    const { headers } = await edge.send('/policy', FROM_APP);
    expect(headers['x-frame-options']).toBe('SAMEORIGIN');
    expect(headers['content-security-policy']).not.toContain("img-src 'self';");
  });

  it('helmet that a module binds looks like any other middleware: it holds, and nothing is said', async () => {
    @Module({})
    class Binding {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(helmet()).forRoutes('policy');
      }
    }
    const { logger, warnings } = listening();
    const edge = await start(SECURITY, [Pages], { imports: [Binding], logger });
    expect(warnings.filter((line) => /sets security headers/.test(line))).toEqual([]);
    expect((await edge.send('/policy', FROM_APP)).headers['x-frame-options']).toBe('SAMEORIGIN');
  });

  it.each<[string, string | undefined]>([
    ['app.use(cors())', undefined],
    ["app.use('/plain', cors())", '/plain'],
  ])('%s is warned of where cors is left out, and holds', async (said, path) => {
    const { logger, warnings } = listening();
    const configure = (app: INestApplication) => void (path === undefined ? app.use(cors()) : app.use(path, cors()));
    const { proxy } = SECURITY;
    const edge = await start({ proxy }, [Pages], { configure, logger });
    expect(warnings.filter((line) => line.startsWith(`${said} says which other origins may call`))).toHaveLength(1);
    expect((await edge.send('/plain', FROM_APP)).headers['access-control-allow-origin']).toBe('*');
  });

  it.each(setters)('$name is not warned of where headers is false', async ({ configure }) => {
    const { logger, warnings } = listening();
    await start({ ...SECURITY, headers: false }, [Pages], { configure, logger });
    expect(warnings.filter((line) => /sets security headers/.test(line))).toEqual([]);
  });
});

function listening() {
  const warnings: string[] = [];
  const silent = () => undefined;
  const logger = { log: silent, error: silent, warn: (text: unknown) => void warnings.push(String(text)) };
  return { logger, warnings };
}

function fieldsOf(value: string | string[] | undefined): string[] {
  return String(value)
    .toLowerCase()
    .split(',')
    .map((field) => field.trim());
}
