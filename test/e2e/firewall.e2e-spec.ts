import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { All, Body, Controller, Get, Post, Query, Req, Res } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BodyLimit, ContentTypes, Public, SecurityModule, type FirewallOptions } from '@palisade/nest';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { HttpClient } from '../support/http-client.js';
import {
  createWithFactory,
  listen,
  send,
  startEdge,
  takeOver,
  type Answer,
  type AnyResponse,
  type EdgeApplication,
} from './edge.harness.js';

const JSON_TYPE = { 'content-type': 'application/json' };

@Controller()
@Public()
class Routes {
  @All('any')
  any() {
    return { reached: true };
  }

  @Get('query')
  query(@Query() query: object) {
    return { names: Object.keys(query) };
  }

  @Post('bodies')
  body(@Body() body: { text?: string }) {
    return { length: body?.text?.length };
  }

  @Post('small')
  @BodyLimit('1kb')
  small(@Body() body: { text?: string }) {
    return { length: body?.text?.length };
  }

  @Post('large')
  @BodyLimit('1mb')
  large(@Body() body: { text?: string }) {
    return { length: body?.text?.length };
  }

  @Post('large/:id')
  @BodyLimit('1mb')
  largeOf(@Body() body: { text?: string }) {
    return { length: body?.text?.length };
  }

  @Post('images')
  @ContentTypes('image/*')
  images() {
    return { reached: true };
  }

  @Post('forms')
  @ContentTypes('application/x-www-form-urlencoded')
  forms(@Body() body: object) {
    return { names: Object.keys(body) };
  }
}

@Controller('limited')
@Public()
@BodyLimit('1kb')
@ContentTypes('application/json')
class Limited {
  @Post()
  post() {
    return {};
  }

  @Post('more')
  @BodyLimit('200kb')
  more() {
    return {};
  }
}

@Controller('feature')
@Public()
class OfFeature {
  @Post()
  post() {
    return {};
  }

  @Post('own')
  @BodyLimit('10kb')
  own() {
    return {};
  }
}

const textOf = (length: number) => ({ text: 'x'.repeat(length) });
const outcome = ({ status, text }: Answer) =>
  status < 300 ? status : `${status} ${String((JSON.parse(text) as { code?: string }).code)}`;

const startWith = (adapter: AdapterName, firewall?: FirewallOptions | false): Promise<EdgeApplication> => {
  class Feature {}
  return startEdge(adapter, { firewall, validation: false }, [Routes, Limited], {
    imports: [
      {
        module: Feature,
        imports: [SecurityModule.forFeature({ bodyLimit: '1kb', contentTypes: ['application/json'] })],
        controllers: [OfFeature],
      },
    ],
  });
};

describe.each(ADAPTERS)('firewall on %s', (adapter) => {
  let edge: EdgeApplication;
  beforeAll(async () => {
    edge = await startWith(adapter);
  });
  afterAll(() => edge.close());

  it.each<[string, string]>([
    ['/a//b', '400 target_not_normalized'],
    ['//any', '400 target_not_normalized'],
    ['/./any', '400 target_not_normalized'],
    ['/x/../any', '400 target_not_normalized'],
    ['/%2e%2e/any', '400 target_not_normalized'],
    ['/a%2fb', '400 target_not_normalized'],
    ['/a%5cb', '400 target_not_normalized'],
    ['/a;b=c/any', '400 target_not_normalized'],
    ['/any%00', '400 target_malformed'],
    ['/any%0d%0aSet-Cookie:x', '400 target_malformed'],
    ['/any%zz', '400 target_malformed'],
    ['/query?a=%zz', '400 parameter_malformed'],
    [`/${'a'.repeat(9000)}`, '414 target_too_long'],
    [`/query?${Array.from({ length: 201 }, (_, i) => `p${i}=1`).join('&')}`, '400 parameters_too_many'],
    ['/any', '200'],
    ['/any?x=%2F..%2F;a', '200'],
  ])('answers %.40s', async (path, expected) => {
    expect(String(outcome(await edge.send(path)))).toBe(expected);
  });

  it.each([
    ['TRACE', '400 method_refused'],
    ['PROPFIND', '400 method_refused'],
    ['get', '400'],
  ])('refuses the method %s', async (method, expected) => {
    const answer = await new HttpClient(edge.port).raw(
      `${method} /any HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    const [status, code] = expected.split(' ');
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (code !== undefined) expect(answer).toContain(`"code":"${code}"`);
  });

  it('refuses header fields that are too many or too long', async () => {
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1']));
    expect(outcome(await edge.send('/any', { headers: many }))).toBe('431 headers_too_many');
    expect(outcome(await edge.send('/any', { headers: { 'x-long': 'x'.repeat(9000) } }))).toBe('431 header_too_long');
  });

  it('refuses keys that reach a prototype, and too many levels', async () => {
    const nested = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`;
    for (const [body, code] of [
      ['{"__proto__":{"admin":true}}', 'input_key_forbidden'],
      ['{"a":{"constructor":{"prototype":1}}}', 'input_key_forbidden'],
      [nested, 'input_too_deep'],
    ]) {
      const answer = await edge.send('/bodies', { body: body as string, headers: JSON_TYPE });
      expect(answer.status).toBe(400);
      // Fastify's parser is the first to refuse keys of prototypes.
      if (code === 'input_too_deep') expect(answer.body['code']).toBe(code);
    }
  });

  it('publishes denials without route, with address', async () => {
    edge.takeDenials();
    await edge.send('/a//b');
    const [denial] = edge.takeDenials();
    expect(denial).toMatchObject({ reason: 'target_not_normalized', address: '127.0.0.1', transport: 'http' });
    expect(denial?.route).toBeUndefined();
  });

  it.each<[string, number, string]>([
    ['/bodies', 102_300, '201'],
    ['/bodies', 102_500, '413 body_too_large'],
    ['/small', 1000, '201'],
    ['/small', 1100, '413 body_too_large'],
    ['/large', 1_000_000, '201'],
    ['/large/1', 1_000_000, '201'],
    ['/LARGE/', 1_000_000, adapter === 'express' ? '201' : '404 undefined'],
    ['/large', 1_100_000, '413 body_too_large'],
    ['/limited', 1100, '413 body_too_large'],
    ['/limited/more', 150_000, '201'],
    ['/feature', 1100, '413 body_too_large'],
    ['/feature/own', 9000, '201'],
    ['/nowhere', 102_500, '413 body_too_large'],
  ])('takes bodies by the limit of the route: %s, %d', async (path, length, expected) => {
    expect(String(outcome(await edge.send(path, { body: textOf(length) })))).toBe(expected);
  });

  it.each(['/bodies', '/small', '/large'])('counts what declares no length (%s)', async (path) => {
    const limit = { '/bodies': 102_400, '/small': 1024, '/large': 1_048_576 }[path] as number;
    const headers = { ...JSON_TYPE, 'transfer-encoding': 'chunked' };
    const within = JSON.stringify(textOf(limit - 100));
    expect((await edge.send(path, { body: within, headers })).status).toBe(201);
    const over = JSON.stringify(textOf(limit + 100));
    expect(outcome(await edge.send(path, { body: over, headers }))).toBe('413 body_too_large');
  });

  it('takes forms by the same limits', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await edge.send('/large', { body: `text=${'x'.repeat(500_000)}`, headers })).body['length']).toBe(500_000);
    expect((await edge.send('/small', { body: `text=${'x'.repeat(2000)}`, headers })).status).toBe(413);
  });

  it('answers 413 to Expect: 100-continue without asking for the body', async () => {
    const head = (length: number) =>
      `POST /bodies HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
    const refused = await new HttpClient(edge.port).raw(head(200_000));
    expect(refused).toMatch(/^HTTP\/1\.1 413 /);
    const taken = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(edge.port, '127.0.0.1', () => socket.write(head(2)));
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        text += chunk.toString();
        if (text === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('{}');
      });
      socket.on('close', () => resolve(text));
    });
    expect(taken).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
  });

  it.each<[string, string, string | undefined, string]>([
    ['/bodies', '{}', 'application/json; charset=utf-8', '201'],
    ['/bodies', '{}', 'text/plain', '415 content_type_unsupported'],
    ['/bodies', '{}', undefined, '415 content_type_unsupported'],
    ['/bodies', '{}', 'application/json, text/plain', '415 content_type_unsupported'],
    ['/forms', 'a=1', 'application/x-www-form-urlencoded', '201'],
    ['/forms', '{}', 'application/json', '415 content_type_unsupported'],
    ['/images', '{}', 'application/json', '415 content_type_unsupported'],
    ['/limited', 'a=1', 'application/x-www-form-urlencoded', '415 content_type_unsupported'],
    ['/feature', 'a=1', 'application/x-www-form-urlencoded', '415 content_type_unsupported'],
  ])('takes bodies by the types of the route: %s, %s as %s', async (path, body, type, expected) => {
    const answer = await edge.send(path, { body, headers: type === undefined ? {} : { 'content-type': type } });
    expect(answer.status).toBe(Number(expected.slice(0, 3)));
    if (answer.status === 415 && adapter === 'express') expect(String(outcome(answer))).toBe(expected);
  });

  it('sets the time-outs of the server', () => {
    const server = edge.app.getHttpServer() as Server;
    expect(server).toMatchObject({
      headersTimeout: 15_000,
      requestTimeout: 60_000,
      keepAliveTimeout: 5_000,
      maxHeadersCount: 0,
    });
  });
});

describe.each(ADAPTERS)('firewall by option on %s', (adapter) => {
  it.each<[string, FirewallOptions, (edge: EdgeApplication) => Promise<Answer>, string]>([
    ['methods', { methods: ['GET'] }, (edge) => edge.send('/any', { method: 'DELETE' }), '400 method_refused'],
    ['dangerouslyAllow', { dangerouslyAllow: ['semicolon'] }, (edge) => edge.send('/any;x=1'), '404 undefined'],
    ['target.maxLength', { target: { maxLength: 10 } }, (edge) => edge.send('/any?x=12345'), '414 target_too_long'],
    [
      'headers.max',
      { headers: { max: 3 } },
      (edge) => edge.send('/any', { headers: { a: '1', b: '1' } }),
      '431 headers_too_many',
    ],
    [
      'headers.accept',
      { headers: { accept: (name) => name !== 'x-bad' } },
      (edge) => edge.send('/any', { headers: { 'x-bad': '1' } }),
      '400 header_malformed',
    ],
    ['parameters.max', { parameters: { max: 1 } }, (edge) => edge.send('/query?a=1&b=1'), '400 parameters_too_many'],
    [
      'parameters.repeated',
      { parameters: { repeated: 'refuse' } },
      (edge) => edge.send('/query?a=1&%61=1'),
      '400 parameter_repeated',
    ],
    [
      'contentTypes',
      { contentTypes: ['application/xml'] },
      (edge) => edge.send('/bodies', { body: {} }),
      '415 content_type_unsupported',
    ],
    ['bodyLimit', { bodyLimit: '1kb' }, (edge) => edge.send('/bodies', { body: textOf(2000) }), '413 body_too_large'],
    ['bodyLimit upwards', { bodyLimit: '2mb' }, (edge) => edge.send('/bodies', { body: textOf(1_900_000) }), '201'],
    [
      'json.maxDepth',
      { json: { maxDepth: 2 } },
      (edge) => edge.send('/bodies', { body: { a: { b: { c: 1 } } } }),
      '400 input_too_deep',
    ],
  ])('%s', async (_, firewall, ask, expected) => {
    const edge = await startWith(adapter, firewall);
    expect(String(outcome(await ask(edge)))).toBe(expected);
    await edge.close();
  });

  it('time-outs', async () => {
    const edge = await startWith(adapter, { timeouts: { headers: 2000, request: 3000, keepAlive: 4000 } });
    expect(edge.app.getHttpServer()).toMatchObject({
      headersTimeout: 2000,
      requestTimeout: 3000,
      keepAliveTimeout: 4000,
    });
    await edge.close();
  });

  it('false switches it off, what routes say of their bodies still holds', async () => {
    const edge = await startWith(adapter, false);
    expect((await edge.send('/any', { method: 'PROPFIND' })).body['code']).not.toBe('method_refused');
    expect((await edge.send('/small', { body: textOf(2000) })).status).toBe(413);
    expect((await edge.send('/forms', { body: {} })).status).toBe(415);
    await edge.close();
  });

  it('enforcement: "report" lets through and publishes', async () => {
    const edge = await startWith(adapter, { enforcement: 'report', bodyLimit: '1kb', json: { maxDepth: 2 } });
    expect((await edge.send('/query?a=%zz')).status).toBe(200);
    expect((await edge.send('/bodies', { body: textOf(2000) })).status).toBe(201);
    expect((await edge.send('/bodies', { body: { a: { b: { c: 1 } } } })).status).toBe(201);
    const chunked = { ...JSON_TYPE, 'transfer-encoding': 'chunked' };
    expect((await edge.send('/bodies', { body: JSON.stringify(textOf(2000)), headers: chunked })).status).toBe(201);
    expect(edge.takeDenials().map(({ reason, enforced, route }) => [reason, enforced, route])).toEqual([
      ['parameter_malformed', false, undefined],
      ['body_too_large', false, undefined],
      ['input_too_deep', false, 'Routes.body'],
      ['body_too_large', false, undefined],
    ]);
    await edge.close();
  });
});

describe('Compressed bodies on express', () => {
  it.each<[string, string, number]>([
    ['/bodies', 'over', 413],
    ['/small', 'over', 413],
    ['/large', 'within', 201],
  ])('are held to the limit when inflated: %s, %s', async (path, _, expected) => {
    const edge = await startWith('express');
    const body = gzipSync(JSON.stringify(textOf(500_000)));
    const answer = await edge.send(path, { body, headers: { ...JSON_TYPE, 'content-encoding': 'gzip' } });
    expect(answer.status).toBe(expected);
    await edge.close();
  });
});

@Controller()
@Public()
class Streams {
  @Post('stream')
  @ContentTypes('application/octet-stream')
  stream(@Req() request: { raw?: IncomingMessage }, @Res() response: AnyResponse) {
    return counting(request, takeOver(response), false);
  }

  @Post('echo')
  @ContentTypes('application/octet-stream')
  echo(@Req() request: { raw?: IncomingMessage }, @Res() response: AnyResponse) {
    return counting(request, takeOver(response), true);
  }
}

function counting(request: { raw?: IncomingMessage }, response: ServerResponse, early: boolean): void {
  if (early) response.writeHead(200).write('-');
  let length = 0;
  const raw = request.raw ?? (request as IncomingMessage);
  raw.on('data', (chunk: Buffer) => (length += chunk.length));
  raw.on('end', () => response.end(String(length)));
}

describe('Streams that a handler reads by hand on express', () => {
  const chunked = { 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' };
  it('are held to the limit', async () => {
    const edge = await startEdge('express', { firewall: { bodyLimit: '10kb' } }, [Streams]);
    expect((await edge.send('/stream', { body: 'x'.repeat(10_000), headers: chunked })).text).toBe('10000');
    expect((await edge.send('/stream', { body: 'x'.repeat(20_000), headers: chunked })).status).toBe(413);
    await edge.close();
  });

  it('end the connection where the answer has begun', async () => {
    const edge = await startEdge('express', { firewall: { bodyLimit: '10kb' } }, [Streams]);
    const text = await new Promise<string>((resolve, reject) => {
      let received = '';
      const chunk = (length: number) => `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n`;
      const head =
        'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n';
      const socket = connect(edge.port, '127.0.0.1', () => socket.write(head + chunk(5)));
      socket.on('data', (data) => {
        if (received === '') socket.write(chunk(20_000));
        received += data.toString();
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(received));
    });
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
    expect(text).not.toContain('20005');
    await edge.close();
  });
});

describe.each(ADAPTERS)('Parsers of the application on %s', (adapter) => {
  @Controller()
  @Public()
  class Raw {
    @Post('raw')
    @BodyLimit('1mb')
    raw(@Req() request: { rawBody?: Buffer; body?: unknown }) {
      return { raw: request.rawBody?.length, parsed: request.body !== undefined };
    }
  }
  const metadata = () => ({ imports: [SecurityModule.forRoot({ validation: false })], controllers: [Raw, Routes] });

  it('bodyParser: false leaves bodies unread', async () => {
    const app = await createWithFactory(adapter, metadata(), { bodyParser: false });
    const port = await listen(app);
    if (adapter === 'express') expect((await send(port, '/raw', { body: { a: 1 } })).body).toEqual({ parsed: false });
    expect((await send(port, '/raw', { body: textOf(1_100_000) })).status).toBe(413);
    await app.close();
  });

  it('rawBody: true keeps the bytes, below the usual limit and above it', async () => {
    const app = await createWithFactory(adapter, metadata(), { rawBody: true });
    const port = await listen(app);
    for (const length of [10, 500_000]) {
      const answer = await send(port, '/raw', { body: textOf(length) });
      expect(answer.body).toEqual({ raw: JSON.stringify(textOf(length)).length, parsed: true });
    }
    await app.close();
  });

  it('a parser of the application is never passed by: it may check a signature', async () => {
    const app = await createWithFactory(adapter, metadata());
    const parsing = app as unknown as { useBodyParser(type: string, options?: object, parser?: object): void };
    const refuse = () => {
      throw Object.assign(new Error('unsigned'), { status: 403, statusCode: 403 });
    };
    if (adapter === 'express') parsing.useBodyParser('json', { limit: '50kb', verify: refuse });
    else parsing.useBodyParser('application/json', {}, refuse);
    const port = await listen(app);
    for (const path of ['/bodies', '/large', '/raw']) {
      // What a parser throws is an error of the application's own on Fastify.
      const expected = adapter === 'express' ? 403 : 500;
      expect((await send(port, path, { body: textOf(1_000) })).status).toBe(expected);
    }
    await app.close();
  });
});

describe('Limits of the application on fastify', () => {
  @Controller()
  @Public()
  class Bodies {
    @Post('usual')
    usual() {
      return {};
    }

    @Post('large')
    @BodyLimit('1mb')
    large() {
      return {};
    }
  }

  it('are kept, but for the routes that say otherwise', async () => {
    const metadata = { imports: [SecurityModule.forRoot({ validation: false })], controllers: [Bodies] };
    const app = await createWithFactory('fastify', metadata, {}, new FastifyAdapter({ bodyLimit: 1_000 }));
    const instance = app.getHttpAdapter().getInstance() as FastifyInstance;
    instance.post('/own', { bodyLimit: 100 }, () => ({}));
    const port = await listen(app);
    const statuses = await Promise.all([
      send(port, '/usual', { body: textOf(2_000) }),
      send(port, '/own', { body: textOf(500) }),
      send(port, '/large', { body: textOf(900_000) }),
    ]);
    expect(statuses.map(({ status }) => status)).toEqual([413, 413, 201]);
    await app.close();
  });
});
