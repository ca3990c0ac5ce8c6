import {
  Controller,
  ForbiddenException,
  Get,
  Header,
  HttpCode,
  Post,
  Redirect,
  Res,
  Sse,
  StreamableFile,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Authenticated,
  ClearSiteData,
  ContentSecurityPolicy,
  Cors,
  CspNonce,
  OptionalAuth,
  Public,
  Roles,
  SecurityModule,
  type CspViolationEvent,
  type SecurityOptions,
} from '@palisade/nest';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { of } from 'rxjs';
import { ADAPTERS } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { startEdge, takeOver, type Answer, type AnyResponse, type EdgeApplication, type Sent } from './edge.harness.js';

const key = signingKey('ES256');

/** Claims to be what nobody is to know, as libraries do. */
class Boasting implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler) {
    const response = context.switchToHttp().getResponse<{ header(name: string, value: string): unknown }>();
    response.header('X-Powered-By', 'Secret 1.0');
    response.header('Server', 'Secret 1.0');
    return next.handle();
  }
}

@Controller('answers')
@Public()
@UseInterceptors(Boasting)
class Answers {
  @Get('ok')
  ok() {
    return { ok: true };
  }

  @Post('ok')
  post() {
    return { ok: true };
  }

  @Get('none')
  @HttpCode(204)
  none(): void {}

  @Get('throws')
  throws() {
    throw new Error('broken');
  }

  @Get('refuses')
  refuses() {
    throw new ForbiddenException();
  }

  @Get('redirect')
  @Redirect('/answers/ok', 302)
  redirect(): void {}

  @Get('file')
  file() {
    return new StreamableFile(Buffer.from('bytes'));
  }

  @Sse('events')
  events() {
    return of({ data: 'one' });
  }

  @Get('piped')
  piped(@Res() response: AnyResponse) {
    Readable.from(['one', 'two']).pipe(takeOver(response));
  }

  @Get('flushed')
  flushed(@Res() response: AnyResponse) {
    const raw = takeOver(response);
    raw.flushHeaders();
    raw.end('flushed');
  }

  @Get('by-framework')
  byFramework(@Res() response: { status(code: number): { send(body: object): void } }) {
    response.status(202).send({ ok: true });
  }

  @Get('head-in-lower-case')
  headInLowerCase(@Res() response: AnyResponse) {
    takeOver(response).writeHead(200, { server: 'Secret 1.0', 'x-powered-by': 'Secret 1.0', vary: 'Accept' }).end('{}');
  }

  @Get('head-in-mixed-case')
  headInMixedCase(@Res() response: AnyResponse) {
    takeOver(response)
      .writeHead(200, 'Fine', { sErver: 'Secret 1.0', 'x-Powered-by': 'Secret 1.0', vARY: 'Accept' })
      .end('{}');
  }

  @Get('head-in-capitals')
  headInCapitals(@Res() response: AnyResponse) {
    takeOver(response).writeHead(200, { SERVER: 'Secret 1.0', 'X-POWERED-BY': 'Secret 1.0', VARY: 'Accept' }).end('{}');
  }

  @Get('head-as-list')
  headAsList(@Res() response: AnyResponse) {
    takeOver(response)
      .writeHead(200, [
        'Server',
        'Secret 1.0',
        'X-Powered-By',
        'Secret 1.0',
        'Vary',
        'Accept',
        'Set-Cookie',
        'a=1',
        'Set-Cookie',
        'b=2',
      ])
      .end('{}');
  }

  @Get('head-as-list-over-fields')
  headAsListOverFields(@Res() response: AnyResponse) {
    const raw = takeOver(response);
    raw.setHeader('Vary', 'Cookie');
    raw.writeHead(200, 'Fine', ['server', 'Secret 1.0', 'vary', 'Accept']).end('{}');
  }

  @Get('second-attempt')
  secondAttempt(@Res() response: AnyResponse) {
    const raw = takeOver(response);
    try {
      raw.writeHead(200, { 'x-note': 'line\nbreak' });
    } catch {
      raw.writeHead(500, { 'content-type': 'application/json' }).end('{}');
    }
  }

  @Get('boasts-late')
  boastsLate(@Res() response: AnyResponse) {
    const raw = takeOver(response);
    raw.setHeader('x-powered-by', 'Secret 1.0');
    raw.setHeader('SERVER', 'Secret 1.0');
    raw.end('{}');
  }
}

@Controller()
class Guarded {
  @Get('anybodys')
  @OptionalAuth()
  anybodys() {
    return {};
  }

  @Get('mine')
  mine() {
    return {};
  }

  @Get('kept')
  @Header('Cache-Control', 'private, max-age=60')
  kept() {
    return {};
  }

  @Get('admin')
  @Roles('admin')
  admin() {
    return {};
  }
}

const API = {
  'content-security-policy': "default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
};

function expectSecured(answer: Answer): void {
  expect(answer.headers).toMatchObject(API);
  expect(answer.headers['permissions-policy']).toContain('camera=()');
  for (const name of [...Object.keys(API), 'permissions-policy', 'cache-control', 'vary', 'date', 'content-type']) {
    expect([name, answer.names.filter((other) => other === name).length]).not.toEqual([name, 2]);
  }
  expect(answer.headers).not.toHaveProperty('x-powered-by');
  expect(answer.headers).not.toHaveProperty('server');
}

describe.each(ADAPTERS)('Every answer on %s', (adapter) => {
  let edge: EdgeApplication;
  let tokens: TokenIssuer;
  beforeAll(async () => {
    edge = await startEdge(
      adapter,
      securityWith(key, { cors: { origins: ['https://app.example'] } }),
      [Answers, Guarded],
      {
        configure: (app) =>
          app.use((_: IncomingMessage, response: ServerResponse, next: () => void) => {
            response.setHeader('X-Powered-By', 'Middleware 1.0');
            response.setHeader('Server', 'Middleware 1.0');
            next();
          }),
      },
    );
    tokens = new TokenIssuer(key, edge.clock);
  });
  afterAll(() => edge.close());

  const preflight: Sent = {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
  };

  it.each<[number, string, string, Sent?]>([
    [200, 'of a handler', '/answers/ok'],
    [200, 'to HEAD', '/answers/ok', { method: 'HEAD' }],
    [201, 'to a POST', '/answers/ok', { body: { a: 1 } }],
    [202, 'that a handler gives through the framework', '/answers/by-framework'],
    [204, 'without content', '/answers/none'],
    [204, 'to a preflight', '/answers/ok', preflight],
    [200, 'that is a file', '/answers/file'],
    [200, 'that is a stream of events', '/answers/events'],
    [200, 'that is piped', '/answers/piped'],
    [200, 'that is flushed early', '/answers/flushed'],
    [200, 'whose head is written in lower case', '/answers/head-in-lower-case'],
    [200, 'whose head is written in mixed case', '/answers/head-in-mixed-case'],
    [200, 'whose head is written in capitals', '/answers/head-in-capitals'],
    [200, 'whose head is written as a list', '/answers/head-as-list'],
    [200, 'whose head is written as a list over fields', '/answers/head-as-list-over-fields'],
    [200, 'of a handler that tells what it is made with', '/answers/boasts-late'],
    [302, 'that is a redirect', '/answers/redirect'],
    [400, 'of the firewall', '/answers/../ok'],
    [400, 'of the host check', '/answers/ok', { host: 'a b' }],
    [400, 'to a body that is no JSON', '/answers/ok', { body: '{', headers: { 'content-type': 'application/json' } }],
    [401, 'to nobody', '/mine'],
    [403, 'of a handler that refuses', '/answers/refuses'],
    [
      403,
      'to a refused preflight',
      '/answers/ok',
      { ...preflight, headers: { ...preflight.headers, origin: 'https://evil.example' } },
    ],
    [404, 'where no route is', '/nowhere'],
    [404, 'to a method that no route has', '/answers/ok', { method: 'DELETE' }],
    [413, 'to a body that is too large', '/answers/ok', { body: { text: 'x'.repeat(200_000) } }],
    [415, 'to a type that is not accepted', '/answers/ok', { body: 'x', headers: { 'content-type': 'text/plain' } }],
    [500, 'of a handler that breaks', '/answers/throws'],
    [500, 'after a head that cannot be sent', '/answers/second-attempt'],
  ])('%d %s carries the headers, once, and nothing that gives the server away', async (status, _, path, ...[sent]) => {
    const answer = await edge.send(path, sent);
    expect(answer.status).toBe(status);
    expectSecured(answer);
    expect(answer.headers.vary).toMatch(/(^|, )Origin(,|$)/);
  });

  it('403 for a missing role carries the headers', async () => {
    const answer = await edge.send('/admin', { headers: { authorization: `Bearer ${tokens.issue()}` } });
    expect(answer.status).toBe(403);
    expectSecured(answer);
  });

  it.each(['head-in-lower-case', 'head-in-mixed-case', 'head-in-capitals', 'head-as-list'])(
    'keeps what the handler varies by (%s)',
    async (path) => {
      expect((await edge.send(`/answers/${path}`)).headers.vary).toBe('Accept, Origin');
    },
  );

  it('keeps fields that a handler repeats in a list', async () => {
    expect((await edge.send('/answers/head-as-list')).headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it('is not stored by anybody, unless the handler says otherwise', async () => {
    const headers = { authorization: `Bearer ${tokens.issue()}` };
    expect((await edge.send('/mine', { headers })).headers['cache-control']).toBe('no-store');
    expect((await edge.send('/mine')).headers['cache-control']).toBe('no-store');
    expect((await edge.send('/kept', { headers })).headers['cache-control']).toBe('private, max-age=60');
  });
});

describe.each(ADAPTERS)('What the framework answers by itself on %s', (adapter) => {
  it('carries the headers where the firewall is off: a path that cannot be decoded', async () => {
    const edge = await startEdge(adapter, { firewall: false }, [Answers]);
    const answer = await edge.send('/answers/%zz');
    expect([400, 404]).toContain(answer.status);
    expectSecured(answer);
    await edge.close();
  });
});

@Controller('own')
@Public()
class OwnHeaders {
  @Get('csp')
  @Header('Content-Security-Policy', "default-src 'self'")
  @Header('X-Frame-Options', 'SAMEORIGIN')
  csp() {
    return {};
  }

  @Get('raw')
  raw(@Res() response: AnyResponse) {
    takeOver(response)
      .writeHead(200, { 'CONTENT-SECURITY-POLICY': "default-src 'self'", 'cache-control': 'max-age=1' })
      .end();
  }

  @Get('list')
  list(@Res() response: AnyResponse) {
    takeOver(response)
      .writeHead(200, ['Content-Security-Policy', "default-src 'self'", 'Cache-Control', 'max-age=1'])
      .end();
  }
}

describe.each(ADAPTERS)("A handler's own headers on %s", (adapter) => {
  it.each(['csp', 'raw', 'list'])('stand instead of the library’s (%s)', async (path) => {
    const edge = await startEdge(adapter, {}, [OwnHeaders]);
    const answer = await edge.send(`/own/${path}`);
    expect(answer.headers['content-security-policy']).toBe("default-src 'self'");
    expect(answer.names.filter((name) => name === 'content-security-policy')).toHaveLength(1);
    if (path === 'csp') expect(answer.headers['x-frame-options']).toBe('SAMEORIGIN');
    else expect(answer.headers['cache-control']).toBe('max-age=1');
    await edge.close();
  });
});

describe.each(ADAPTERS)('Headers by option on %s', (adapter) => {
  const headersWith = async (options: SecurityOptions): Promise<Answer> => {
    const edge = await startEdge(adapter, options, [Answers]);
    try {
      return await edge.send('/answers/ok');
    } finally {
      await edge.close();
    }
  };

  it('are a site’s under the profile web', async () => {
    const { headers } = await headersWith({ profile: 'web' });
    expect(headers['content-security-policy']).toContain("script-src 'self'");
    expect(headers['x-frame-options']).toBe('SAMEORIGIN');
    expect(headers).not.toHaveProperty('cache-control');
  });

  it('are left out altogether by false, and what the application says of itself then stands', async () => {
    const { headers } = await headersWith({ headers: false });
    for (const name of Object.keys(API)) expect(headers).not.toHaveProperty(name);
    expect(headers['server']).toBe('Secret 1.0');
  });

  it.each<[string, string, SecurityOptions['headers'] & object, string | undefined]>([
    ['contentSecurityPolicy', 'content-security-policy', { contentSecurityPolicy: false }, undefined],
    [
      'contentSecurityPolicy.directives',
      'content-security-policy',
      { contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'self'"] } } },
      "default-src 'self'",
    ],
    [
      'contentSecurityPolicy.reportOnly',
      'content-security-policy-report-only',
      { contentSecurityPolicy: { reportOnly: true } },
      API['content-security-policy'],
    ],
    [
      'contentSecurityPolicyReportOnly',
      'content-security-policy-report-only',
      { contentSecurityPolicyReportOnly: { useDefaults: false, directives: { defaultSrc: ["'none'"] } } },
      "default-src 'none'",
    ],
    [
      'crossOriginEmbedderPolicy',
      'cross-origin-embedder-policy',
      { crossOriginEmbedderPolicy: 'require-corp' },
      'require-corp',
    ],
    ['crossOriginOpenerPolicy', 'cross-origin-opener-policy', { crossOriginOpenerPolicy: false }, undefined],
    [
      'crossOriginResourcePolicy',
      'cross-origin-resource-policy',
      { crossOriginResourcePolicy: 'cross-origin' },
      'cross-origin',
    ],
    ['originAgentCluster', 'origin-agent-cluster', { originAgentCluster: false }, undefined],
    [
      'referrerPolicy',
      'referrer-policy',
      { referrerPolicy: ['no-referrer', 'same-origin'] },
      'no-referrer,same-origin',
    ],
    ['contentTypeOptions', 'x-content-type-options', { contentTypeOptions: false }, undefined],
    ['dnsPrefetchControl', 'x-dns-prefetch-control', { dnsPrefetchControl: 'on' }, 'on'],
    ['downloadOptions', 'x-download-options', { downloadOptions: false }, undefined],
    ['frameOptions', 'x-frame-options', { frameOptions: 'SAMEORIGIN' }, 'SAMEORIGIN'],
    [
      'permittedCrossDomainPolicies',
      'x-permitted-cross-domain-policies',
      { permittedCrossDomainPolicies: 'all' },
      'all',
    ],
    ['xssProtection', 'x-xss-protection', { xssProtection: false }, undefined],
    ['permissionsPolicy', 'permissions-policy', { permissionsPolicy: false }, undefined],
    ['cacheControl', 'cache-control', { cacheControl: false }, undefined],
    ['reporting', 'reporting-endpoints', { reporting: { path: '/.well-known/csp' } }, 'csp="/.well-known/csp"'],
  ])('%s decides on %s', async (_, name, options, value) => {
    const { headers } = await headersWith({ headers: options });
    expect(headers[name]).toBe(value);
  });
});

describe.each(ADAPTERS)('cacheControl: "authenticated" on %s', (adapter) => {
  it('keeps answers to known callers out of caches, and only those', async () => {
    const edge = await startEdge(adapter, securityWith(key, { profile: 'web' }), [Answers, Guarded]);
    const headers = { authorization: `Bearer ${new TokenIssuer(key, edge.clock).issue()}` };
    expect((await edge.send('/mine', { headers })).headers['cache-control']).toBe('no-store');
    expect((await edge.send('/kept', { headers })).headers['cache-control']).toBe('private, max-age=60');
    expect((await edge.send('/answers/ok', { headers })).headers).not.toHaveProperty('cache-control');
    expect((await edge.send('/anybodys', { headers })).headers['cache-control']).toBe('no-store');
    expect((await edge.send('/anybodys')).headers).not.toHaveProperty('cache-control');
    await edge.close();
  });
});

@Controller('pages')
@Public()
@ContentSecurityPolicy({ directives: { scriptSrc: ["'nonce'"] } })
class Pages {
  @Get('nonced')
  nonced(@CspNonce() nonce: string) {
    return { nonce };
  }

  @Get('own')
  @ContentSecurityPolicy({ directives: { imgSrc: ['https://images.example'] } })
  own() {
    return {};
  }

  @Get('off')
  @ContentSecurityPolicy(false)
  off() {
    return {};
  }

  @Get('broken')
  broken() {
    throw new Error('broken');
  }
}

@Controller('feature-pages')
@Public()
class FeaturePages {
  @Get()
  page() {
    return {};
  }
}

describe.each(ADAPTERS)('@ContentSecurityPolicy on %s', (adapter) => {
  let edge: EdgeApplication;
  beforeAll(async () => {
    class Feature {}
    edge = await startEdge(adapter, {}, [Pages, Answers], {
      imports: [
        {
          module: Feature,
          imports: [
            SecurityModule.forFeature({
              contentSecurityPolicy: { directives: { fontSrc: ['https://fonts.example'] } },
            }),
          ],
          controllers: [FeaturePages],
        },
      ],
    });
  });
  afterAll(() => edge.close());
  const policyOf = async (path: string) => (await edge.send(path)).headers['content-security-policy'];

  it('sends the nonce that @CspNonce() gives, and another for each request', async () => {
    const nonces = new Set<string>();
    for (let i = 0; i < 5; i++) {
      const answer = await edge.send('/pages/nonced');
      const nonce = String(answer.body['nonce']);
      expect(nonce).toMatch(/^[A-Za-z0-9+/]{22}==$/);
      expect(answer.headers['content-security-policy']).toBe(
        `default-src 'none';base-uri 'none';form-action 'none';frame-ancestors 'none';script-src 'nonce-${nonce}'`,
      );
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(5);
  });

  it('of a handler replaces the class’s, on top of the application’s', async () => {
    expect(await policyOf('/pages/own')).toBe(`${API['content-security-policy']};img-src https://images.example`);
  });

  it('can be switched off for one route, the others keep theirs', async () => {
    expect(await policyOf('/pages/off')).toBeUndefined();
    expect(await policyOf('/answers/ok')).toBe(API['content-security-policy']);
  });

  it('holds for errors of the route as well', async () => {
    expect(await policyOf('/pages/broken')).toContain("script-src 'nonce-");
  });

  it('comes from forFeature for the controllers of the module', async () => {
    expect(await policyOf('/feature-pages')).toBe(`${API['content-security-policy']};font-src https://fonts.example`);
  });
});

@Controller()
class Sessions {
  @Post('logout')
  @Public()
  @ClearSiteData()
  @Cors({ origins: ['https://app.example'] })
  logout() {
    return {};
  }

  @Post('forget')
  @Public()
  @ClearSiteData('cookies')
  forget() {
    return {};
  }

  @Post('fails')
  @Public()
  @ClearSiteData()
  fails() {
    throw new ForbiddenException();
  }

  @Post('private-logout')
  @Authenticated()
  @ClearSiteData('*')
  privateLogout() {
    return {};
  }
}

describe.each(ADAPTERS)('@ClearSiteData on %s', (adapter) => {
  let edge: EdgeApplication;
  beforeAll(async () => {
    edge = await startEdge(adapter, securityWith(key, { proxy: { trust: 1 } }), [Sessions]);
  });
  afterAll(() => edge.close());
  const cleared = async (path: string, scheme: string, headers: Record<string, string> = {}) =>
    (
      await edge.send(path, {
        method: 'POST',
        headers: { 'x-forwarded-proto': scheme, 'x-forwarded-for': '192.0.2.1', ...headers },
      })
    ).headers['clear-site-data'];

  it('clears what may tell of the user, or what it names, over HTTPS', async () => {
    expect(await cleared('/logout', 'https')).toBe('"cache", "cookies", "storage"');
    expect(await cleared('/forget', 'https')).toBe('"cookies"');
    const authorization = `Bearer ${new TokenIssuer(key, edge.clock).issue()}`;
    expect(await cleared('/private-logout', 'https', { authorization })).toBe('"*"');
  });

  it('says nothing over plain HTTP, where browsers must not heed it', async () => {
    expect(await cleared('/logout', 'http')).toBeUndefined();
  });

  it('says nothing to a preflight: nobody was logged out yet', async () => {
    const headers = { 'x-forwarded-proto': 'https', origin: 'https://app.example' };
    const preflight = { ...headers, 'access-control-request-method': 'POST' };
    const answer = await edge.send('/logout', { method: 'OPTIONS', headers: preflight });
    expect([answer.status, answer.headers['clear-site-data']]).toEqual([204, undefined]);
  });

  it('says nothing with an error: nobody was logged out', async () => {
    expect(await cleared('/fails', 'https')).toBeUndefined();
    expect(await cleared('/private-logout', 'https')).toBeUndefined();
  });
});

describe.each(ADAPTERS)('Reports of violations on %s', (adapter) => {
  let edge: EdgeApplication;
  const path = '/.well-known/csp';
  beforeAll(async () => {
    edge = await startEdge(
      adapter,
      {
        headers: { reporting: { path, maxBytes: 2048, perMinute: { address: 6, total: 600 } } },
        proxy: { trust: 1 },
      },
      [Answers],
    );
  });
  afterAll(() => edge.close());
  let client = 0;
  const report = (type: string, body: unknown, from = `192.0.2.${++client}`) =>
    edge.send(path, {
      method: 'POST',
      headers: { 'content-type': type, 'x-forwarded-for': from, 'x-forwarded-proto': 'https' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const legacy = {
    'csp-report': {
      'document-uri': 'https://app.example/page?secret=1',
      'effective-directive': 'script-src-elem',
      'blocked-uri': 'https://evil.example/x.js?secret=1',
      disposition: 'enforce',
    },
  };

  it('are asked for by both headers of the policy', async () => {
    const { headers } = await edge.send('/answers/ok');
    expect(headers['content-security-policy']).toMatch(/report-uri \/\.well-known\/csp;report-to csp$/);
    expect(headers['reporting-endpoints']).toBe(`csp="${path}"`);
  });

  it.each<[string, unknown]>([
    ['application/csp-report', legacy],
    [
      'application/reports+json',
      [
        {
          type: 'csp-violation',
          url: 'https://app.example/page?secret=1',
          body: {
            documentURL: 'https://app.example/page?secret=1',
            effectiveDirective: 'script-src-elem',
            blockedURL: 'https://evil.example/x.js?secret=1',
            disposition: 'enforce',
          },
        },
      ],
    ],
  ])('become events: %s', async (type, body) => {
    edge.events.length = 0;
    const answer = await report(type, body, '192.0.2.200');
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(edge.events as CspViolationEvent[]).toEqual([
      {
        type: 'csp_violation',
        time: edge.clock.now(),
        address: '192.0.2.200',
        violation: expect.objectContaining({
          effectiveDirective: 'script-src-elem',
          blockedUri: 'https://evil.example',
          documentUri: 'https://app.example/page',
          disposition: 'enforce',
        }),
      },
    ]);
  });

  it.each<[number, string, () => Promise<Answer>]>([
    [204, 'garbage, of which nobody learns anything', () => report('application/csp-report', '{')],
    [405, 'a GET', () => edge.send(path)],
    [413, 'a large one', () => report('application/csp-report', 'x'.repeat(3000))],
    [415, 'another type', () => report('application/json', legacy)],
  ])('answer %d to %s', async (status, _, ask) => {
    edge.events.length = 0;
    expect((await ask()).status).toBe(status);
    expect(edge.events).toEqual([]);
  });

  it('are taken as often as an address may send them in a minute, others still get through', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) statuses.push((await report('application/csp-report', legacy, '198.51.100.1')).status);
    expect(statuses).toEqual([204, 204, 204, 204, 204, 204, 429]);
    expect((await report('application/csp-report', legacy, '198.51.100.2')).status).toBe(204);
    edge.clock.advance(60);
    expect((await report('application/csp-report', legacy, '198.51.100.1')).status).toBe(204);
  });
});
