import {
  BadRequestException,
  Body,
  Catch,
  Controller,
  Get,
  HttpException,
  Param,
  Post,
  Query,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Public, SecurityModule } from '@palisade/nest';
import { Transform, Type } from 'class-transformer';
import { IsArray, IsEmail, IsInt, IsOptional, IsString, MaxLength, Min, ValidateNested } from 'class-validator';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import type { HttpAnswer } from '../support/http-client.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';

const MARK = 'mark-of-the-input';
const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

class Line {
  @IsString() @MaxLength(20) name!: string;
  @IsInt() @Min(1) amount!: number;
}

class Order {
  @IsEmail() email!: string;
  @IsArray() @ValidateNested({ each: true }) @Type(() => Line) items!: Line[];
  @IsOptional() @Transform(({ value }) => (value as string).trim()) @IsString() note?: string;
}

class Page {
  @IsOptional() @Type(() => Number) @IsInt() @Min(1) page?: number;
  @IsOptional() @IsString() sort?: string;
}

@Controller()
@Public()
class OrdersController {
  @Post('orders') order(@Body() order: Order): object {
    return { isOrder: order instanceof Order, isLine: order.items[0] instanceof Line };
  }
  @Post('anything') anything(@Body() body: unknown): object {
    return { type: typeof body };
  }
  @Get('orders') list(@Query() page: Page): object {
    return { page };
  }
  @Get('search') search(@Query('q') q: string, @Query('limit') limit: number, @Query('exact') exact: boolean): object {
    return { q, limit, exact };
  }
  @Get('orders/:id') one(@Param('id') id: number): object {
    return { id };
  }
  @Get('names/:name') named(@Param('name') name: string): object {
    return { name };
  }
  @Post('own-error') own(): never {
    throw new BadRequestException('Unexpected token, "x" is not valid JSON');
  }
}

const order = { email: 'a@example.test', items: [{ name: 'a', amount: 1 }] };
const security = SecurityModule.forRoot(securityWith(signingKey('EdDSA')));

describe.each(ADAPTERS)('Input on %s', (adapter) => {
  let running: RunningApplication;
  beforeAll(async () => {
    running = await startApplication(adapter, { imports: [security], controllers: [OrdersController] });
  });
  afterAll(() => running.close());

  const post = (path: string, body: string | object, headers: Record<string, string> = JSON_TYPE) =>
    running.client.post(path, body, headers);
  const on = (codes: { readonly express: string; readonly fastify: string }) => codes[adapter];

  function expectRefusal(answer: HttpAnswer, status: number, code: string): void {
    expect(answer.body).toMatchObject({
      statusCode: status,
      error: expect.any(String),
      message: expect.any(String),
      code,
    });
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain(MARK);
  }

  it('that is valid reaches the handler as an instance of its class', async () => {
    expect((await post('/orders', order)).body).toEqual({ isOrder: true, isLine: true });
  });

  it.each<[string, string]>([
    ['that is no JSON', MARK],
    ['that is cut off', `{"email":"${MARK}`],
    ['that is followed by more', `{}${MARK}`],
    ['with a control character', `{"a":"${MARK}\u0001"}`],
    ['with a wrong escape', `{"a":"${MARK}\\x"}`],
  ])('%s is refused without being quoted', async (_, body) => {
    expectRefusal(await post('/orders', body), 400, 'body_malformed');
  });

  it('that is empty is refused', async () => {
    expectRefusal(await post('/orders', ''), 400, on({ express: 'validation_failed', fastify: 'body_empty' }));
  });

  it.each(['[]', '[{"email":"x"}]', '"mark-of-the-input"', '5', 'null', 'true'])(
    'that is no object is refused where one is expected: %s',
    async (body) => {
      const isBare = !body.startsWith('[');
      const answer = await post('/orders', body);
      expectRefusal(
        answer,
        400,
        isBare ? on({ express: 'body_malformed', fastify: 'validation_failed' }) : 'validation_failed',
      );
    },
  );

  it('of a content type that nobody reads is refused', async () => {
    const answer = await post('/orders', `<a>${MARK}</a>`, { 'content-type': 'text/xml' });
    expectRefusal(answer, 415, 'content_type_unsupported');
  });

  it('without a content type is refused', async () => {
    const answer = await post('/orders', JSON.stringify(order), {});
    expectRefusal(answer, 415, 'content_type_unsupported');
  });

  it.each(['__proto__', 'constructor', 'prototype'])('with the key %s is refused, at any level', async (name) => {
    for (const body of [`{"${name}":{"admin":true}}`, `{"a":[{"b":{"${name}":"${MARK}"}}]}`]) {
      for (const path of ['/orders', '/anything']) {
        const answer = await post(path, body);
        // Fastify's own parser is first with __proto__, and tells it from other malformed JSON by nothing.
        const code =
          name === '__proto__'
            ? on({ express: 'input_key_forbidden', fastify: 'body_malformed' })
            : 'input_key_forbidden';
        expectRefusal(answer, 400, code);
      }
    }
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });

  it('of a form with the key __proto__ is refused or has lost it', async () => {
    const answer = await post('/anything', `__proto__=${MARK}&a=1`, FORM_TYPE);
    if (adapter === 'fastify') expectRefusal(answer, 400, 'input_key_forbidden');
    else expect(answer.body).toEqual({ type: 'object' });
  });

  it('of a form that is nested deeply is refused or read as text', async () => {
    const answer = await post('/anything', `a${'[b]'.repeat(50)}=${MARK}`, FORM_TYPE);
    if (adapter === 'express') expectRefusal(answer, 400, 'input_too_deep');
    else expect(answer.body).toEqual({ type: 'object' });
  });

  it('that is a megabyte too large is refused', async () => {
    expectRefusal(await tooLarge(running), 413, 'body_too_large');
  });

  it.each<[string, string | Buffer]>([
    ['garbage', MARK],
    ['cut off', gzipSync(JSON.stringify({ email: MARK })).subarray(0, 20)],
  ])('that says it is gzip and is %s is refused', async (_, body) => {
    const answer = await running.client.raw(rawPost('/orders', { ...JSON_TYPE, 'content-encoding': 'gzip' }, body));
    expect(answer).toMatch(/^HTTP\/1\.1 400 /u);
    expect(answer).toContain('"code":"body_malformed"');
    expect(answer).not.toContain(MARK);
  });

  it('of another length than announced is refused', async () => {
    const answer = await running.client.raw(
      Buffer.from(
        `POST /orders HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 5\r\n\r\n{"a":1}`,
      ),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /u);
  });

  it('in an encoding or a character set that is not known is refused, or read as what it is', async () => {
    const encoded = await post('/orders', order, { ...JSON_TYPE, 'content-encoding': MARK });
    const charset = await post('/orders', order, { 'content-type': `application/json; charset=${MARK}` });
    if (adapter === 'express') {
      expectRefusal(encoded, 415, 'content_encoding_unsupported');
      expectRefusal(charset, 415, 'content_charset_unsupported');
    } else {
      expect([encoded.status, charset.status]).toEqual([201, 201]);
    }
  });

  it('that breaks rules is refused by field, never with the value', async () => {
    const body = { email: MARK, items: [order.items[0], { name: MARK.repeat(2), amount: 0.5 }], [`unknown`]: MARK };
    const answer = await post('/orders', body);
    expectRefusal(answer, 400, 'validation_failed');
    expect(answer.body).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message: 'The request is not valid',
      code: 'validation_failed',
      fields: [
        { field: 'unknown', rules: ['whitelistValidation'], messages: ['is not a known property'] },
        { field: 'email', rules: ['isEmail'], messages: ['email must be an email'] },
        {
          field: 'items[1].name',
          rules: ['maxLength'],
          messages: ['name must be shorter than or equal to 20 characters'],
        },
        {
          field: 'items[1].amount',
          rules: ['min', 'isInt'],
          messages: ['amount must not be less than 1', 'amount must be an integer number'],
        },
      ],
    });
  });

  it('that a transformation cannot take is refused', async () => {
    expectRefusal(await post('/orders', { ...order, note: { [MARK]: 1 } }), 400, 'validation_failed');
  });

  it('with 500 unknown properties of long names gets a short answer', async () => {
    const body = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`${i}${'n'.repeat(100)}`, 1]));
    const answer = await post('/orders', body);
    expectRefusal(answer, 400, 'validation_failed');
    expect(answer.body['fields']).toHaveLength(50);
  });

  it.each<[string, string]>([
    ['/orders?page=2&sort=a', '{"page":{"page":2,"sort":"a"}}'],
    ['/search?q=a&limit=5&exact=true', '{"q":"a","limit":5,"exact":true}'],
    ['/orders/7', '{"id":7}'],
    ['/names/%F0%9F%94%92', '{"name":"🔒"}'],
  ])('in the URL that is valid is converted: %s', async (path, body) => {
    expect((await running.client.get(path)).text).toBe(body);
  });

  it.each([
    `/orders?page=${MARK}`,
    `/orders?page=1&page=2&sort=${MARK}`,
    `/orders?unknown=${MARK}`,
    `/orders?sort=a&sort=${MARK}`,
    `/search?limit=${MARK}`,
    `/search?limit=`,
    `/search?limit=1&limit=2`,
    `/search?exact=${MARK}`,
    `/search?q=a&q=${MARK}`,
    `/orders/${MARK}`,
    '/orders/1e999',
  ])('in the URL that is not valid is refused: %s', async (path) => {
    expectRefusal(await running.client.get(path), 400, 'validation_failed');
  });

  it('in a path that cannot be decoded is refused', async () => {
    const answer = await running.client.get('/names/%FF');
    expect(answer.status).toBe(400);
    expect(answer.body['code']).toBe('target_malformed');
  });

  it('errors of the application itself are answered as they always were', async () => {
    expect((await post('/own-error', {})).body).toEqual({
      statusCode: 400,
      error: 'Bad Request',
      message: 'Unexpected token, "x" is not valid JSON',
    });
    expect((await running.client.get('/nowhere')).status).toBe(404);
  });
});

describe.each(ADAPTERS)('Deep and wide bodies on %s, where large ones are taken', (adapter) => {
  let running: RunningApplication;
  beforeAll(async () => {
    const large = SecurityModule.forRoot(securityWith(signingKey('EdDSA'), { firewall: { bodyLimit: '8mb' } }));
    running = await startApplication(adapter, { imports: [large], controllers: [OrdersController] });
  });
  afterAll(() => running.close());

  it.each<[string, () => string, string]>([
    ['lists of 100,000 levels', () => `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'input_too_deep'],
    ['objects of 100,000 levels', () => `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 'input_too_deep'],
    ['a million items', () => JSON.stringify(Array.from({ length: 1_000_000 }, () => 1)), 'input_too_many_keys'],
    ['a text of two million characters', () => JSON.stringify(['x'.repeat(2_000_000)]), 'input_text_too_long'],
  ])('are refused: %s', async (_, body, code) => {
    for (const path of ['/orders', '/anything']) {
      const answer = await running.client.post(path, body(), JSON_TYPE);
      expect([answer.status, answer.body['code']]).toEqual([400, code]);
    }
  });
});

describe.each(ADAPTERS)('Filters of the application on %s', (adapter) => {
  @Catch()
  class EverythingFilter implements ExceptionFilter {
    catch(exception: unknown, host: ArgumentsHost): void {
      const status = exception instanceof HttpException ? exception.getStatus() : 500;
      const response = host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>();
      response.status(status).send({ from: 'the application' });
    }
  }

  it('still get every exception but those of reading the request', async () => {
    const running = await startApplication(adapter, {
      imports: [security],
      providers: [{ provide: APP_FILTER, useClass: EverythingFilter }],
      controllers: [OrdersController],
    });
    try {
      const own = { from: 'the application' };
      expect((await running.client.post('/own-error', {}, JSON_TYPE)).body).toEqual(own);
      expect((await running.client.get('/nowhere')).body).toEqual(own);
      expect((await running.client.post('/orders', { a: 1 }, JSON_TYPE)).body).toEqual(own);
      expect((await running.client.post('/orders', '{', JSON_TYPE)).body).toMatchObject({ code: 'body_malformed' });
    } finally {
      await running.close();
    }
  });
});

describe.each(ADAPTERS)('Validation that is switched off on %s', (adapter) => {
  it('leaves bodies alone', async () => {
    const running = await startApplication(adapter, {
      imports: [SecurityModule.forRoot({ ...securityWith(signingKey('EdDSA')), validation: false, firewall: false })],
      controllers: [OrdersController],
    });
    try {
      expect((await running.client.post('/anything', { constructor: 1, unknown: 1 }, JSON_TYPE)).status).toBe(201);
      expect((await running.client.get('/orders?unknown=1')).status).toBe(200);
    } finally {
      await running.close();
    }
  });
});

function rawPost(path: string, headers: Record<string, string>, body: string | Buffer): Buffer {
  const lines = Object.entries({ host: 'x', connection: 'close', ...headers, 'content-length': String(body.length) });
  const head = `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}

/** Sends 2 MB and reads the answer that comes before the last byte: the server may close early (RFC 9112, section 9.6). */
function tooLarge({ client }: RunningApplication): Promise<HttpAnswer> {
  const body = JSON.stringify({ email: MARK, note: 'x'.repeat(2_000_000) });
  return new Promise((resolve, reject) => {
    const socket = connect(client.port, '127.0.0.1', () => socket.write(rawPost('/orders', JSON_TYPE, body)));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      const [head = '', text = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.1 (\d{3})/u.exec(head)?.[1]);
      if (Number.isNaN(status)) reject(new Error('The server closed without an answer'));
      else resolve({ status, headers: {}, names: [], text, body: JSON.parse(text) as Record<string, unknown> });
    });
  });
}
