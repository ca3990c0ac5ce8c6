import {
  Body,
  Controller,
  HttpCode,
  Injectable,
  Post,
  Req,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type INestApplication,
  type NestApplicationOptions,
  type NestInterceptor,
} from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ContentTypes, Public, SecurityModule, type SecurityOptions } from '@palisade/nest';
import { IsString } from 'class-validator';
import type { IncomingMessage } from 'node:http';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { createWithFactory, listen, send } from './edge.harness.js';

class Note {
  @IsString()
  title!: string;
}

/** Reads an upload by itself, as interceptors for files do. */
@Injectable()
class UploadInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler) {
    const request = context.switchToHttp().getRequest<{ raw?: IncomingMessage; body?: unknown }>();
    request.body = { title: await textOf(request.raw ?? (request as unknown as IncomingMessage)) };
    return next.handle();
  }
}

async function textOf(stream: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

@Controller()
@Public()
class Notes {
  @Post('whole')
  @HttpCode(200)
  whole(@Body() body: unknown) {
    return { got: body ?? null };
  }

  @Post('class')
  @HttpCode(200)
  note(@Body() { title }: Note) {
    return { got: { title } };
  }

  @Post('field')
  @HttpCode(200)
  field(@Body('title') title: string) {
    return { got: title === undefined ? null : { title } };
  }

  @Post('request')
  @HttpCode(200)
  request(@Req() request: { body?: unknown }) {
    return { got: request.body ?? null };
  }

  @Post('declared')
  @HttpCode(200)
  @ContentTypes('application/json', 'application/*+json', 'text/*', 'multipart/*')
  declared(@Body() body: unknown) {
    return { got: body ?? null };
  }

  @Post('upload')
  @HttpCode(200)
  @UseInterceptors(UploadInterceptor)
  upload(@Body() body: unknown) {
    return { got: body ?? null };
  }

  @Post('stream')
  @HttpCode(200)
  @ContentTypes('application/x-ndjson', 'application/*+json')
  async stream(@Req() request: IncomingMessage & { raw?: IncomingMessage }) {
    return { got: await textOf(request.raw ?? request) };
  }
}

const JSON_BODY = '{"title":"mine"}';
const MULTIPART_BODY = '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nmine\r\n--x--\r\n';

const BODIES: readonly (readonly [type: string, body: string])[] = [
  ...[
    'application/json',
    'Application/JSON',
    'application/json;charset=utf-8',
    'application/json ; charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json; profile="https://bank.example/a;b,c"',
    'application/json;',
    'application/json; charset=iso-8859-1',
    'application/json, application/json',
    'application/json charset=utf-8',
    'application/vnd.api+json',
    'Application/Vnd.Api+JSON',
    'application/vnd.api+json; charset=utf-8',
    'application/ld+json; profile="x"',
    'application/merge-patch+json',
    'application/problem+json',
    'application/a+b+json',
    'application/csp-report',
    'application/jsonp',
    'text/json',
    'text/plain',
    'application/octet-stream',
    'application/xml',
  ].map((type) => [type, JSON_BODY] as const),
  ...[
    'application/x-www-form-urlencoded',
    'Application/X-WWW-Form-Urlencoded',
    'application/x-www-form-urlencoded;charset=UTF-8',
    'application/x-www-form-urlencoded; charset="utf-8"',
  ].map((type) => [type, 'title=mine'] as const),
  ...['multipart/form-data; boundary=x', 'Multipart/Form-Data;boundary="x"', 'multipart/mixed; boundary=x'].map(
    (type) => [type, MULTIPART_BODY] as const,
  ),
];

interface SetUp {
  readonly name: string;
  readonly options?: NestApplicationOptions;
  readonly security?: SecurityOptions;
  readonly configure?: (app: INestApplication, adapter: AdapterName) => void;
}

type UsesParsers = { useBodyParser(...parameters: unknown[]): void };
type UsesMiddleware = { use(middleware: unknown): void };

function parse(_request: unknown, body: Buffer, done: (error: null, value: unknown) => void): void {
  done(null, JSON.parse(body.toString()));
}

const SET_UPS: readonly SetUp[] = [
  { name: 'as it comes' },
  { name: 'that keeps raw bodies', options: { rawBody: true } },
  { name: 'without parsers', options: { bodyParser: false } },
  {
    name: 'with a parser of its own for a type of JSON',
    configure: (app, adapter) => {
      const { useBodyParser } = app as unknown as UsesParsers;
      if (adapter === 'express') useBodyParser.call(app, 'json', { type: ['application/json', 'application/*+json'] });
      else useBodyParser.call(app, /^application\/[^;]+\+json/i, {}, parse);
    },
  },
  {
    name: 'whose only parser is for another type',
    options: { bodyParser: false },
    configure: (app, adapter) => {
      const { useBodyParser } = app as unknown as UsesParsers;
      if (adapter === 'express') useBodyParser.call(app, 'json', { type: 'application/vnd.api+json' });
      else useBodyParser.call(app, 'application/vnd.api+json', {}, parse);
    },
  },
  {
    name: 'whose middleware reads bodies',
    options: { bodyParser: false },
    configure: (app, adapter) => {
      if (adapter === 'fastify') return;
      (app as unknown as UsesMiddleware).use(async (request: IncomingMessage, _: unknown, next: () => void) => {
        Object.assign(request, { body: { title: await textOf(request) } });
        next();
      });
    },
  },
  { name: 'with limits of its own', security: { firewall: { bodyLimit: '2mb' } } },
  { name: 'that takes any type of JSON alone', security: { firewall: { contentTypes: ['application/*'] } } },
];

describe.each(ADAPTERS)('A body on %s', (adapter) => {
  describe.each(SET_UPS)('in an application $name', ({ options, security = {}, configure }) => {
    let app: INestApplication;
    let port: number;

    beforeAll(async () => {
      const metadata = { imports: [SecurityModule.forRoot(security)], controllers: [Notes] };
      app = await createWithFactory(adapter, metadata, options);
      configure?.(app, adapter);
      port = await listen(app);
    });
    afterAll(() => app.close());

    const post = (path: string, type: string, body: string) =>
      send(port, path, { method: 'POST', headers: { 'content-type': type }, body });

    it.each(BODIES)('is parsed, or refused with 415, sent as %s', async (type, body) => {
      for (const path of ['/whole', '/class', '/field', '/declared']) {
        const answer = await post(path, type, body);
        if (answer.status === 415) {
          expect(String(answer.body['code'])).toMatch(/^content_(?:type|charset)_unsupported$/);
        } else if (answer.status === 400 && path === '/class') {
          // A parser has made something of it, which is no note: plain text.
          expect(answer.text).not.toContain('"title"');
        } else {
          expect(answer.status).toBe(200);
          expect(answer.text).toContain('mine');
        }
      }
    });
  });

  it('is given to an interceptor that reads uploads', async () => {
    const app = await createWithFactory(adapter, { imports: [SecurityModule.forRoot({})], controllers: [Notes] });
    const port = await listen(app);
    const upload = { headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: MULTIPART_BODY };
    try {
      const answer = await send(port, '/upload', upload);
      // Fastify asks for a parser of its own, as @fastify/multipart brings one.
      if (adapter === 'fastify') expect(answer.status).toBe(415);
      else expect(answer.text).toContain('mine');
    } finally {
      await app.close();
    }
  });

  it('is refused for a handler that reads the request, and given to one that says what it reads', async () => {
    const app = await createWithFactory(adapter, { imports: [SecurityModule.forRoot({})], controllers: [Notes] });
    const port = await listen(app);
    const post = (path: string, type: string) =>
      send(port, path, { method: 'POST', headers: { 'content-type': type }, body: JSON_BODY });
    try {
      expect((await post('/request', 'application/vnd.api+json')).status).toBe(415);
      expect((await post('/request', 'application/json')).body).toEqual({ got: { title: 'mine' } });
      for (const type of ['application/x-ndjson', 'application/vnd.api+json']) {
        const answer = await post('/stream', type);
        if (adapter === 'fastify') expect(answer.status).toBe(415);
        else expect(answer.body).toEqual({ got: JSON_BODY });
      }
    } finally {
      await app.close();
    }
  });

  it('is told of once for each route where no parser reads what is admitted', async () => {
    const warnings: string[] = [];
    const quiet = () => undefined;
    const logger = { log: quiet, error: quiet, warn: (text: string) => void warnings.push(text) };
    const app = await createWithFactory(
      'express',
      { imports: [SecurityModule.forRoot({})], controllers: [Notes] },
      { logger },
    );
    const port = await listen(app);
    try {
      for (const path of ['/whole', '/whole', '/field']) {
        await send(port, path, { method: 'POST', headers: { 'content-type': 'application/a+json' }, body: JSON_BODY });
      }
      const told = warnings.filter((text) => text.includes('no parser reads'));
      expect(told).toHaveLength(2);
      expect(told[0]).toMatch(/^Notes\.whole was sent a body of a type .+ answered with 415\. Register a parser/);
    } finally {
      await app.close();
    }
  });
});
