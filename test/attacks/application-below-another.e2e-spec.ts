import { All, Controller, Get, Logger, Post, Req, Res, type INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  ClientIp,
  CspNonce,
  CurrentUser,
  Public,
  SecurityModule,
  type HttpRequest,
  type SecurityOptions,
} from '@palisade/nest';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createWithFactory, listen, takeOver, type AnyResponse } from '../e2e/edge.harness.js';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { FakeClock } from '../support/clock.js';
import { HttpClient, type HttpAnswer, type HttpCall } from '../support/http-client.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

// The application in front trusts much and asks for little; each rule of the one below has to hold all the same.
const keyInFront = signingKey('ES256');
const keyBelow = signingKey('ES256');
const PARTNER = 'https://partner.example';
const STRANGER = 'https://stranger.example';

const IN_FRONT = securityWith(keyInFront, {
  cors: { origins: [PARTNER, STRANGER], credentials: true, headers: ['content-type'] },
  headers: { reporting: { path: '/reports' } },
});

const BELOW = securityWith(keyBelow, {
  hosts: ['below.example'],
  https: { mode: 'reject' },
  proxy: { trust: ['127.0.0.1'] },
  bans: { blocklist: ['192.0.2.1'] },
  firewall: { bodyLimit: '1kb' },
  cors: { origins: [PARTNER] },
  headers: {
    contentSecurityPolicy: { directives: { scriptSrc: ["'self'", "'nonce'"] } },
    reporting: { path: '/b/reports' },
  },
});

@Controller()
class Below {
  @Get('open')
  @Public()
  open(@ClientIp() address: string, @CspNonce() nonce: string) {
    return { address, hasNonce: typeof nonce === 'string' };
  }

  @Get('closed')
  closed(@CurrentUser('id') id: string) {
    return { id };
  }

  @Post('open')
  @Public()
  add() {
    return { added: true };
  }
}

@Controller()
class InFront {
  @Get('mine')
  mine(@CurrentUser('id') id: string, @ClientIp() address: string) {
    return { id, address };
  }
}

const clock = new FakeClock();
clock.advance(Math.floor(Date.now() / 1000) - clock.seconds);
const tokenOf = (key: typeof keyBelow, sub: string) => new TokenIssuer(key, clock).issue({ sub });

const started: INestApplication[] = [];
async function create(adapter: AdapterName, options: SecurityOptions, controllers: (new () => unknown)[]) {
  const app = await createWithFactory(adapter, { imports: [SecurityModule.forRoot(options)], controllers });
  started.push(app);
  return app;
}

/** The application below, ready to be handed requests. */
async function below(adapter: AdapterName, options = BELOW): Promise<INestApplication> {
  const app = await create(adapter, options, [Below]);
  await app.init();
  if (adapter === 'fastify') await (app.getHttpAdapter().getInstance() as { ready(): Promise<unknown> }).ready();
  return app;
}

/** What takes a request in an application's name, as whoever mounts it calls it. */
function listenerOf(app: INestApplication): RequestListener {
  const instance = app.getHttpAdapter().getInstance() as RequestListener & { routing?: RequestListener };
  return instance.routing ?? instance;
}

function withoutMount(request: IncomingMessage): IncomingMessage {
  request.url = (request.url ?? '').replace(/^\/b/, '') || '/';
  return request;
}

interface Mount {
  readonly front: AdapterName;
  readonly below: AdapterName;
  /** Whether the one in front reads bodies by rules of its own before it hands a request on. */
  readonly reads?: boolean;
  /** The one in front, listening. */
  mount(app: INestApplication): Promise<INestApplication>;
}

function middleware(front: AdapterName): Mount['mount'] {
  return async (app) => {
    const inFront = await create(front, IN_FRONT, [InFront]);
    const listener = listenerOf(app);
    const stripped = app.getHttpAdapter().getType() === 'express';
    inFront.use('/b', (request: IncomingMessage, response: ServerResponse) => {
      void listener(stripped ? request : withoutMount(request), response);
    });
    await listen(inFront);
    return inFront;
  };
}

function forwarding(front: AdapterName): Mount['mount'] {
  return async (app) => {
    const listener = listenerOf(app);
    @Controller('b')
    class Forwarding {
      @All(front === 'express' ? '*rest' : '*')
      @Public()
      forward(@Req() request: HttpRequest, @Res() response: AnyResponse) {
        const raw = (request.raw ?? request) as IncomingMessage;
        void listener(withoutMount(raw), takeOver(response));
      }
    }
    const inFront = await create(front, IN_FRONT, [InFront, Forwarding]);
    await listen(inFront);
    return inFront;
  };
}

function emitting(front: AdapterName): Mount['mount'] {
  return async (app) => {
    const inFront = await create(front, IN_FRONT, [InFront]);
    const server = app.getHttpServer() as Server;
    inFront.use('/b', (request: IncomingMessage, response: ServerResponse) => {
      server.emit('request', withoutMount(request), response);
    });
    await listen(inFront);
    return inFront;
  };
}

const MOUNTS: Readonly<Record<string, Mount>> = {
  'as middleware of Express, on Express,': { front: 'express', below: 'express', mount: middleware('express') },
  'as middleware of Express, on Fastify,': { front: 'express', below: 'fastify', mount: middleware('express') },
  'as middleware of Fastify, on Express,': { front: 'fastify', below: 'express', mount: middleware('fastify') },
  'as middleware of Fastify, on Fastify,': { front: 'fastify', below: 'fastify', mount: middleware('fastify') },
  'behind a handler of Express, on Express,': {
    front: 'express',
    below: 'express',
    reads: true,
    mount: forwarding('express'),
  },
  'behind a handler of Fastify, on Fastify,': {
    front: 'fastify',
    below: 'fastify',
    reads: true,
    mount: forwarding('fastify'),
  },
  'behind a handler of Fastify, on Express,': {
    front: 'fastify',
    below: 'express',
    reads: true,
    mount: forwarding('fastify'),
  },
  'through its own server, on Express,': { front: 'express', below: 'express', mount: emitting('express') },
  'through its own server, on Fastify,': { front: 'fastify', below: 'fastify', mount: emitting('fastify') },
};

const host = 'below.example';
const https = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '198.51.100.7' };
const json = { ...https, 'content-type': 'application/json' };

/** Each is answered by a rule that the application below has and the one in front has not. */
const CALLS: Readonly<Record<string, { path: string; call: HttpCall; status: number; code?: string }>> = {
  'what it serves': { path: '/open', call: { host, headers: https }, status: 200 },
  'a host that it does not serve': { path: '/open', call: { host: 'other.example', headers: https }, status: 400 },
  'a plain connection': {
    path: '/open',
    call: { host, headers: { 'x-forwarded-for': '198.51.100.7' } },
    status: 403,
    code: 'https_required',
  },
  'an address on its blocklist': {
    path: '/open',
    call: { host, headers: { ...https, 'x-forwarded-for': '192.0.2.1' } },
    status: 403,
    code: 'address_blocked',
  },
  'a body that is too large for it': {
    path: '/open',
    call: { host, headers: json, method: 'POST', body: { text: 'x'.repeat(2000) } },
    status: 413,
    code: 'body_too_large',
  },
  'a body of undeclared length that is too large for it': {
    path: '/open',
    call: {
      host,
      headers: { ...json, 'transfer-encoding': 'chunked' },
      method: 'POST',
      body: JSON.stringify({ text: 'x'.repeat(2000) }),
    },
    status: 413,
    code: 'body_too_large',
  },
  'a body that it takes': { path: '/open', call: { host, headers: json, method: 'POST', body: {} }, status: 201 },
  'a path that it does not serve': { path: '/nothing', call: { host, headers: https }, status: 404 },
  nobody: { path: '/closed', call: { host, headers: https }, status: 401, code: 'credentials_missing' },
  'a caller of its own': {
    path: '/closed',
    call: { host, headers: { ...https, authorization: `Bearer ${tokenOf(keyBelow, 'u-below')}` } },
    status: 200,
  },
  'a caller of the one in front': {
    path: '/closed',
    call: { host, headers: { ...https, authorization: `Bearer ${tokenOf(keyInFront, 'u-front')}` } },
    status: 401,
    code: 'token_signature_invalid',
  },
  'a partner': { path: '/open', call: { host, headers: { ...https, origin: PARTNER } }, status: 200 },
  'a stranger that reads': { path: '/open', call: { host, headers: { ...https, origin: STRANGER } }, status: 200 },
};

/** What an answer says of origins and policies, beside what it says. */
function essence({ status, headers, text }: HttpAnswer) {
  const corsOf = Object.entries(headers).filter(([name]) => name.startsWith('access-control-'));
  return {
    status,
    // Nest names the path as it was asked for.
    text: text.replace('GET /b/', 'GET /'),
    cors: Object.fromEntries(corsOf),
    csp: String(headers['content-security-policy']).replace(/nonce-[^']+/, 'nonce'),
    hsts: headers['strict-transport-security'],
    reporting: headers['reporting-endpoints'],
  };
}

describe.each(Object.entries(MOUNTS))('An application below another, %s', (_name, setup) => {
  let mounted: HttpClient;
  let alone: HttpClient;
  beforeAll(async () => {
    const inFront = await setup.mount(await below(setup.below));
    mounted = new HttpClient(((inFront.getHttpServer() as Server).address() as AddressInfo).port);
    const app = await create(setup.below, BELOW, [Below]);
    alone = new HttpClient(await listen(app));
  });
  afterAll(async () => {
    for (const app of started.splice(0).toReversed()) await app.close();
  });

  // Fastify below finds nothing to read where another framework has read the body.
  const calls = Object.entries(CALLS).filter(([, { status }]) => status !== 201 || setup.reads !== true);
  it.each(calls)('answers %s as it does alone', async (_call, { path, call, status, code }) => {
    const expected = await alone.call(path, call);
    expect(expected.status).toBe(status);
    if (code !== undefined) expect(expected.body['code']).toBe(code);
    expect(essence(await mounted.call(`/b${path}`, call))).toEqual(essence(expected));
  });

  it('denies what only a preflight of the one in front let through', async () => {
    const preflight = await mounted.call('/b/open', {
      host,
      method: 'OPTIONS',
      headers: { ...https, origin: STRANGER, 'access-control-request-method': 'POST' },
    });
    expect(preflight.headers['access-control-allow-origin']).toBe(STRANGER);
    const answer = await mounted.call('/b/open', {
      host,
      method: 'POST',
      headers: { ...json, origin: STRANGER },
      body: {},
    });
    expect([answer.status, answer.body['code']]).toEqual([403, 'cors_origin_refused']);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  const itIfUnread = setup.reads === true ? it.skip : it;
  itIfUnread('takes reports of violations under the path that its answers name', async () => {
    const report = await mounted.call('/b/reports', {
      host,
      method: 'POST',
      headers: { ...https, 'content-type': 'application/csp-report' },
      body: JSON.stringify({ 'csp-report': {} }),
    });
    expect(report.status).toBe(204);
  });

  it('changes nothing for the one in front', async () => {
    const answer = await mounted.call('/mine', {
      headers: { authorization: `Bearer ${tokenOf(keyInFront, 'u-front')}`, ...https },
    });
    expect(answer.body).toEqual({ id: 'u-front', address: '127.0.0.1' });
    expect((await mounted.withToken('/mine', tokenOf(keyBelow, 'u-below'))).status).toBe(401);
  });
});

describe.each(ADAPTERS)('Applications side by side, on %s,', (adapter) => {
  const servers: Server[] = [];
  afterAll(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    for (const app of started.splice(0)) await app.close();
  });

  it('each stand behind an edge of their own where one server calls both', async () => {
    const other = listenerOf(await below(adapter, securityWith(keyInFront, { hosts: ['other.example'] })));
    const own = listenerOf(await below(adapter));
    const server = createServer((request, response) => {
      void (request.headers.host === 'other.example' ? other : own)(request, response);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = new HttpClient((server.address() as AddressInfo).port);
    expect((await client.call('/open', { host: 'other.example' })).status).toBe(200);
    expect((await client.call('/open', { host })).body['code']).toBe('https_required');
    expect((await client.call('/open', { host: 'third.example' })).status).toBe(400);
  });
});

describe('Fastify applications that share one server', () => {
  it('are served each by its own edge, and a warning says whose stands in front', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    const handlers: RequestListener[] = [];
    const server = createServer((request, response) => {
      void handlers[request.headers.host === 'first.example' ? 0 : 1]?.(request, response);
    });
    const sharing = async (name: string) => {
      const adapter = new FastifyAdapter({
        serverFactory: (handler: RequestListener) => {
          handlers.push(handler);
          return server;
        },
      });
      const hosts = name === 'first.example' ? [name, 'second.example'] : [name];
      const app = await createWithFactory(
        'fastify',
        { imports: [SecurityModule.forRoot(securityWith(keyBelow, { hosts }))], controllers: [Below] },
        {},
        adapter,
      );
      started.push(app);
      await app.init();
      await (app.getHttpAdapter().getInstance() as { ready(): Promise<unknown> }).ready();
    };
    await sharing('first.example');
    await sharing('second.example');
    expect(warn.mock.calls.flat().map(String)).toContainEqual(
      expect.stringContaining('shared with another application'),
    );
    warn.mockRestore();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const client = new HttpClient((server.address() as AddressInfo).port);
    expect((await client.call('/open', { host: 'first.example' })).status).toBe(200);
    expect((await client.call('/open', { host: 'second.example' })).status).toBe(200);
    expect((await client.call('/open', { host: 'third.example' })).status).toBe(400);
    await new Promise((resolve) => server.close(resolve));
    for (const app of started.splice(0)) await app.close().catch(() => undefined);
  });
});
