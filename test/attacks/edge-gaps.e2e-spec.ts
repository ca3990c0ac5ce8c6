import { Controller, Get, Logger, Post, Req, Version, VersioningType, type INestApplication } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { describe, expect, it, jest } from '@jest/globals';
import {
  AllowHttp,
  BodyLimit,
  ContentSecurityPolicy,
  Cors,
  Public,
  SecurityModule,
  type CorsOptions,
} from '@palisade/nest';
import * as http2 from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createWithFactory, startEdge } from '../e2e/edge.harness.js';
import { ADAPTERS } from '../support/application.js';

const PARTNER = 'https://partner.example';
const partner = (): CorsOptions => ({ origins: [PARTNER], credentials: true });
const versioned = (app: INestApplication): unknown =>
  app.enableVersioning({ type: VersioningType.HEADER, header: 'v' });

@Controller()
@Public()
class Routes {
  @Post('small')
  @BodyLimit('1kb')
  async small(@Req() request: { body?: unknown; raw?: unknown }) {
    if (request.body !== undefined) return { read: JSON.stringify(request.body).length };
    let read = 0;
    for await (const chunk of (request.raw ?? request) as AsyncIterable<Buffer>) read += chunk.length;
    return { read };
  }

  @Post('usual')
  usual() {
    return {};
  }

  @Get(':slug')
  @AllowHttp()
  @Cors(partner())
  @ContentSecurityPolicy(false)
  slug() {
    return {};
  }
}

@Controller('versions')
@Public()
class Versions {
  @Post()
  @Version('1')
  @BodyLimit('1kb')
  small() {
    return { version: 1 };
  }

  @Post()
  @Version('2')
  @BodyLimit('5mb')
  large() {
    return { version: 2 };
  }

  @Get()
  @Version('1')
  @AllowHttp()
  @Cors(partner())
  one() {
    return { version: 1 };
  }

  @Get()
  @Version('2')
  @AllowHttp()
  @Cors(partner())
  @ContentSecurityPolicy(false)
  two() {
    return { version: 2 };
  }
}

@Controller('probes')
@Public()
class Probes {
  @Post(':name')
  @BodyLimit('1kb')
  other() {
    return { probe: 'other' };
  }

  @Post('live')
  @AllowHttp()
  @BodyLimit('5mb')
  @Cors(partner())
  live() {
    return { probe: 'live' };
  }
}

function chunked(path: string, body: string, headers: string): string {
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n${headers}`;
  return `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

describe.each(ADAPTERS)('Between the parts of the edge on %s', (adapter) => {
  it('a body that arrives while a resolver of origins is asked is counted', async () => {
    const edge = await startEdge(adapter, { cors: { origins: () => Promise.resolve(true) }, validation: false }, [
      Routes,
    ]);
    const body = JSON.stringify('x'.repeat(40_000));
    // Nobody reads multipart on Fastify here.
    const streamed = adapter === 'express' ? ['multipart/form-data; boundary=x'] : [];
    for (const type of ['application/json', ...streamed]) {
      const bytes = chunked('/small', body, `Origin: ${PARTNER}\r\n`).replace('application/json', type);
      expect(await raw(edge.port, bytes)).toMatch(/^HTTP\/1\.1 413 /);
    }
    await edge.close();
  });

  it('a preflight whose body was refused while a resolver is asked is answered once', async () => {
    const failures = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    let settle: (allowed: boolean) => void = () => undefined;
    const settled = new Promise<boolean>((resolve) => (settle = resolve));
    const edge = await startEdge(adapter, { cors: { origins: () => settled }, validation: false }, [Routes]);
    const requested = `Origin: ${PARTNER}\r\nAccess-Control-Request-Method: POST\r\n`;
    const bytes = chunked('/small', 'x'.repeat(40_000), requested).replace('POST /', 'OPTIONS /');
    const answer = await raw(edge.port, bytes);
    settle(true);
    await settled;
    await edge.close();
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(failures).not.toHaveBeenCalled();
    failures.mockRestore();
  });

  it('nobody works for a client that has gone while a resolver is asked', async () => {
    let ask: () => void = () => undefined;
    let settle: (allowed: boolean) => void = () => undefined;
    const asked = new Promise<void>((resolve) => (ask = resolve));
    const settled = new Promise<boolean>((resolve) => (settle = resolve));
    const resolver = () => (ask(), settled);
    const edge = await startEdge(adapter, { cors: { origins: resolver }, validation: false }, [Routes]);
    const gone = new Promise<void>((resolve) =>
      edge.app.getHttpServer().once('connection', (socket: Socket) => socket.once('close', () => resolve())),
    );
    const socket = connect(edge.port, '127.0.0.1', () =>
      socket.write(`POST /usual HTTP/1.1\r\nHost: a\r\nOrigin: ${PARTNER}\r\nContent-Length: 0\r\n\r\n`),
    );
    await asked;
    socket.destroy();
    await gone;
    settle(true);
    await settled;
    await edge.close();
    expect(edge.events).toEqual([]);
  });

  it('a page may read that a body of no declared length was too large', async () => {
    const edge = await startEdge(adapter, { cors: { origins: [PARTNER] }, validation: false }, [Routes]);
    const answer = await raw(edge.port, chunked('/small', `"${'x'.repeat(4_000)}"`, `Origin: ${PARTNER}\r\n`));
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toMatch(/\r\naccess-control-allow-origin: https:\/\/partner\.example\r\n/i);
    await edge.close();
  });

  it('HTTP/1.0 with chunks, and HTTP/0.9, are refused with all that comes behind', async () => {
    const edge = await startEdge(adapter, { validation: false }, [Routes]);
    const old = chunked('/small', '{}', 'Connection: keep-alive\r\n').replace('HTTP/1.1', 'HTTP/1.0');
    const answers = await raw(edge.port, `${old}GET /behind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect(answers.match(/HTTP\/1\.\d (\d{3})/g)).toEqual(['HTTP/1.1 400']);
    expect(await raw(edge.port, 'GET /slug\r\n\r\n')).not.toContain(' 200 ');
    await edge.close();
  });

  it('what a middleware answers is not opened by the words of a route that was only guessed', async () => {
    const edge = await startEdge(adapter, { validation: false }, [Routes], {
      configure: (app) => {
        app.use('/whoami', (_: unknown, response: { end(text: string): void }) => response.end('alice'));
      },
    });
    const answer = await edge.send('/whoami', { headers: { origin: PARTNER } });
    expect([answer.text, answer.headers['access-control-allow-origin']]).toEqual(['alice', undefined]);
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    const routed = await edge.send('/slugs', { headers: { origin: PARTNER } });
    expect(routed.headers['access-control-allow-origin']).toBe(PARTNER);
    expect(routed.headers).not.toHaveProperty('content-security-policy');
    await edge.close();
  });

  it('a compressed body does not pass the limit of a version by that of another', async () => {
    const edge = await startEdge(adapter, { validation: false, firewall: { bodyLimit: '2mb' } }, [Versions], {
      configure: versioned,
    });
    const body = gzipSync(JSON.stringify('x'.repeat(90_000)));
    const headers = { v: '1', 'content-type': 'application/json', 'content-encoding': 'gzip' };
    expect((await edge.send('/versions', { method: 'POST', headers, body })).status).not.toBe(201);
    const large = { v: '2', 'content-type': 'application/json' };
    expect((await edge.send('/versions', { headers: large, body: { a: 'x'.repeat(3_000_000) } })).body).toEqual({
      version: 2,
    });
    expect(
      (await edge.send('/versions', { headers: { ...large, v: '1' }, body: { a: 'x'.repeat(3_000) } })).status,
    ).toBe(413);
    await edge.close();
  });

  it('versions that say the same are known before routing, whatever else they say', async () => {
    const options = { validation: false, https: { mode: 'reject' }, hosts: ['a'] } as const;
    const edge = await startEdge(adapter, options, [Versions], { configure: versioned });
    expect((await edge.send('/versions', { host: 'a', headers: { v: '2' } })).body).toEqual({ version: 2 });
    const preflight = { origin: PARTNER, 'access-control-request-method': 'GET' };
    const answer = await edge.send('/versions', { host: 'a', method: 'OPTIONS', headers: preflight });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([204, PARTNER]);
    await edge.close();
  });

  it('a firewall that only records hands over every header line', async () => {
    const options = {
      validation: false,
      firewall: { enforcement: 'report' },
      proxy: { trust: ['127.0.0.1'] },
    } as const;
    const edge = await startEdge(adapter, options, [Routes]);
    const headers: Record<string, string> = {};
    for (let i = 0; i < 150; i++) headers[`x-${i}`] = 'y';
    await edge.send('/slug', { headers: { ...headers, 'x-forwarded-for': '203.0.113.9' } });
    expect(edge.takeDenials()).toEqual([
      expect.objectContaining({ reason: 'headers_too_many', enforced: false, address: '203.0.113.9' }),
    ]);
    await edge.close();
  });

  it('what only a guess would have let through is recorded where nothing is denied', async () => {
    const report = { enforcement: 'report' } as const;
    const options = { validation: false, https: { mode: 'reject', ...report }, firewall: report } as const;
    const edge = await startEdge(adapter, options, [Probes]);
    // The fixed path is guessed; Fastify minds the case, and Express goes by the order.
    const answer = await edge.send('/probes/LIVE', { body: { a: 'x'.repeat(3_000) } });
    expect(answer.body).toEqual({ probe: 'other' });
    expect(edge.takeDenials()).toMatchObject([
      { reason: 'https_required', enforced: false, route: 'Probes.other' },
      { reason: 'body_too_large', enforced: false, route: 'Probes.other' },
    ]);
    await edge.close();
  });

  it('what a guessed route gives to other origins is taken back, but not from own pages or where cors only records', async () => {
    const post = async (cors: CorsOptions | undefined, origin: string) => {
      const edge = await startEdge(adapter, { validation: false, cors }, [Probes]);
      const answer = await edge.send('/probes/LIVE', { host: 'a', headers: { origin }, body: {} });
      await edge.close();
      return answer.status;
    };
    expect(await post(undefined, PARTNER)).toBe(403);
    expect(await post(undefined, 'http://a')).toBe(201);
    expect(await post({ origins: ['https://app.example'], enforcement: 'report' }, PARTNER)).toBe(201);
  });

  it('what comes behind a body that was redirected is not answered', async () => {
    const options = { validation: false, hosts: ['a'], https: { mode: 'redirect' } } as const;
    const edge = await startEdge(adapter, options, [Routes]);
    const head = 'POST /usual HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n';
    const answers = await raw(edge.port, `${head}{}GET /behind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    await edge.close();
    expect(answers.match(/HTTP\/1\.\d (\d{3})/g)).toEqual(['HTTP/1.1 308']);
  });

  it('hosts that are only recorded do not make a page of one foreign to itself', async () => {
    const options = { validation: false, profile: 'web', hosts: { allowed: ['b'], enforcement: 'report' } } as const;
    const edge = await startEdge(adapter, options, [Routes]);
    const own = await edge.send('/usual', { method: 'POST', host: 'a', headers: { origin: 'http://a' } });
    expect(own.status).toBe(201);
    const other = await edge.send('/usual', { method: 'POST', host: 'a', headers: { origin: 'http://b' } });
    expect(other.body['code']).toBe('csrf_cross_origin');
    await edge.close();
  });
});

describe('On HTTP/2', () => {
  it('a stream whose body is too large is closed', async () => {
    const metadata = { imports: [SecurityModule.forRoot({ validation: false })], controllers: [Routes] };
    const adapter = new FastifyAdapter({ http2: true } as object);
    const app = await createWithFactory('fastify', metadata, {}, adapter);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': '/small',
      'content-type': 'application/json',
    });
    const status = new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])));
    const closed = new Promise<void>((resolve) => stream.on('close', () => resolve()));
    stream.on('error', () => undefined);
    // Never ended: only the server can.
    stream.write(`"${'x'.repeat(4_000)}`);
    expect(await status).toBe(413);
    stream.resume();
    await closed;
    session.close();
    await app.close();
  });
});
