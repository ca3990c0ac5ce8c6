import { Body, Controller, Get, Post } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import {
  Bans,
  ConcurrencyLimit,
  Priority,
  Public,
  RateLimit,
  Roles,
  Scheduler,
  type CorsOptions,
  type LeaseStore,
  type RateLimitingOptions,
  type SecurityOptions,
} from '@palisade/nest';
import { IsString } from 'class-validator';
import { STATUS_CODES } from 'node:http';
import { connect } from 'node:net';
import { ADAPTERS } from '../support/application.js';
import { FakeClock } from '../support/clock.js';
import { FarStore } from '../support/far-store.js';
import { FakeScheduler } from '../support/scheduler.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { edgeOfEachTest, type EdgeApplication, type Sent } from './edge.harness.js';

const key = signingKey('ES256');
const APP = 'https://app.example';
const EVIL = 'https://evil.example';
const PROXIED = { 'x-forwarded-for': '203.0.113.9' };

@Controller()
@Public()
class Routes {
  @Get()
  home() {
    return {};
  }

  @Post('forms')
  change() {
    return {};
  }

  @Get('limited')
  @RateLimit('0/minute')
  limited() {
    return {};
  }

  @Get('low')
  @Priority('low')
  low() {
    return {};
  }

  @Get('broken')
  broken() {
    throw new Error('broken');
  }

  @Get('mine')
  @Public()
  mine() {
    return {};
  }
}

@Controller('guarded')
class Guarded {
  @Get('admins')
  @Roles('admin')
  admins() {
    return {};
  }

  @Get()
  mine() {
    return {};
  }
}

/** How one code is provoked; each is answered by another part. */
interface Case {
  readonly code: string;
  readonly status: number;
  readonly options?: SecurityOptions;
  readonly path?: string;
  readonly sent?: Sent;
  readonly prepare?: (edge: EdgeApplication) => unknown;
}

class Checked {
  @IsString()
  text!: string;
}

@Controller()
@Public()
class Limited {
  @Get('one-at-a-time')
  @ConcurrencyLimit(1)
  one() {
    return {};
  }

  @Get('counted')
  @RateLimit('counted')
  counted() {
    return {};
  }

  @Post('checked')
  checked(@Body() _checked: Checked) {
    return {};
  }
}

/** A store that does not answer. */
class StoreThatIsAway extends FarStore {
  override consume(): Promise<never> {
    return Promise.reject(new Error('away'));
  }
}

/** Has no place for anybody. */
const FULL: LeaseStore = { acquire: ({ claims }) => claims[0], renew: () => undefined, release: () => undefined };

/** What limits of the application are asked of. */
const LIMITS: RateLimitingOptions = { limits: { counted: '10/minute' }, concurrency: { store: FULL } };

const late = { lag: () => 10_000 };

const CASES: readonly Case[] = [
  { code: 'address_blocked', status: 403, options: { bans: { blocklist: ['203.0.113.9'] } } },
  {
    code: 'address_banned',
    status: 403,
    options: { bans: {} },
    prepare: (edge) => edge.app.get(Bans).ban('203.0.113.9', { duration: '1 hour' }),
  },
  {
    code: 'request_banned',
    status: 403,
    options: { bans: { rules: [{ name: 'all', matches: () => true, maxRetry: 1_000 }] } },
  },
  {
    code: 'edge_failed',
    status: 500,
    options: {
      bans: {
        blocklist: () => {
          throw new Error('broken');
        },
      },
    },
  },
  { code: 'host_refused', status: 400, options: { hosts: ['bank.example'] } },
  { code: 'host_malformed', status: 400, sent: { host: 'a b' } },
  { code: 'https_required', status: 403, options: { https: { mode: 'reject' } } },
  { code: 'target_not_normalized', status: 400, path: '/a//b' },
  { code: 'target_malformed', status: 400, path: '/%zz' },
  { code: 'target_too_long', status: 414, path: `/${'a'.repeat(9_000)}` },
  { code: 'parameters_too_many', status: 400, path: `/?${'a=1&'.repeat(201)}` },
  { code: 'header_too_long', status: 431, sent: { headers: { 'x-long': 'a'.repeat(9_000) } } },
  { code: 'method_refused', status: 400, sent: { method: 'PROPFIND' } },
  {
    code: 'content_type_unsupported',
    status: 415,
    path: '/forms',
    sent: { body: 'x', headers: { 'content-type': 'application/xml' } },
  },
  { code: 'body_too_large', status: 413, path: '/forms', sent: { body: { text: 'x'.repeat(200_000) } } },
  {
    code: 'input_too_deep',
    status: 400,
    path: '/forms',
    sent: { body: '['.repeat(40) + ']'.repeat(40), headers: { 'content-type': 'application/json' } },
  },
  {
    code: 'csrf_cross_origin',
    status: 403,
    options: { csrf: { apply: 'always' } },
    path: '/forms',
    sent: { body: {}, headers: { 'sec-fetch-site': 'cross-site' } },
  },
  { code: 'rate_limited', status: 429, path: '/limited' },
  {
    code: 'overloaded',
    status: 503,
    options: { loadShedding: { probe: late } },
    path: '/low',
    prepare: (edge) => edge.app.get<FakeScheduler>(Scheduler as never).advance(1_000),
  },
  { code: 'credentials_missing', status: 401, path: '/guarded' },
];

describe.each(ADAPTERS)('An answer to a page of another origin on %s', (adapter) => {
  const start = edgeOfEachTest(adapter);
  const cors: CorsOptions = { origins: [APP], credentials: true };
  const startWith = async ({ options = {}, prepare }: Case, declared: CorsOptions = cors) => {
    const edge = await start(
      securityWith(key, { proxy: { trust: 1 }, ...options, cors: declared }),
      [Routes, Guarded],
      { customize: (builder) => builder.overrideProvider(Scheduler).useValue(new FakeScheduler()) },
    );
    await prepare?.(edge);
    return edge;
  };
  const ask = (edge: EdgeApplication, { path = '/', sent = {} }: Case, origin: string | undefined) =>
    edge.send(path, { ...sent, headers: { ...PROXIED, ...sent.headers, ...(origin !== undefined && { origin }) } });

  it.each(CASES)('$code can be read by a page that may, and by no other', async (each) => {
    const edge = await startWith(each);
    const allowed = await ask(edge, each, APP);
    expect([allowed.status, allowed.body['code']]).toEqual([each.status, each.code]);
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': APP,
      'access-control-allow-credentials': 'true',
    });
    expect(allowed.headers.vary).toContain('Origin');
    expect(allowed.names.filter((name) => name === 'vary')).toHaveLength(1);
    const foreign = await ask(edge, each, EVIL);
    expect([foreign.status, foreign.body['code']]).toEqual([each.status, each.code]);
    expect(foreign.headers).not.toHaveProperty('access-control-allow-origin');
    expect(foreign.headers).not.toHaveProperty('access-control-allow-credentials');
    expect(foreign.headers.vary).toContain('Origin');
    const plain = await ask(edge, each, undefined);
    expect([plain.headers['access-control-allow-origin'], plain.headers.vary]).toEqual([undefined, 'Origin']);
  });

  it.each(CASES)("$code says '*' to everybody, where everybody may read", async (each) => {
    const edge = await startWith(each, { origins: '*' });
    for (const origin of [APP, undefined]) {
      expect((await ask(edge, each, origin)).headers['access-control-allow-origin']).toBe('*');
    }
  });

  it('is a redirect that the browser may follow', async () => {
    const edge = await startWith({
      code: '',
      status: 308,
      options: { hosts: ['bank.example'], https: { mode: 'redirect' } },
    });
    const answer = await edge.send('/', { host: 'bank.example', headers: { origin: APP } });
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([308, APP]);
  });

  it.each<[string, SecurityOptions]>([
    ['blocked', { bans: { blocklist: ['203.0.113.9'] } }],
    ['in a honeypot', { bans: { honeypots: ['/trap'] } }],
  ])('asks no resolver about a client that is %s, and remembers what it said before', async (_, options) => {
    const asked: string[] = [];
    const resolve = (origin: string) => {
      asked.push(origin);
      return Promise.resolve(origin === APP);
    };
    const edge = await startWith(
      { code: '', status: 403, options },
      { origins: { resolve, always: ['https://own.example'] } },
    );
    const originFor = async (origin: string, path = '/trap') =>
      (await edge.send(path, { headers: { ...PROXIED, origin } })).headers['access-control-allow-origin'];
    const honest = (origin: string) => edge.send('/mine', { headers: { 'x-forwarded-for': '198.51.100.7', origin } });
    expect([await originFor(APP), await originFor('https://own.example')]).toEqual([undefined, 'https://own.example']);
    expect(asked).toEqual([]);
    await honest(APP);
    await honest(EVIL);
    expect(asked).toEqual([APP, EVIL]);
    expect([await originFor(APP), await originFor(EVIL)]).toEqual([APP, undefined]);
    expect(asked).toHaveLength(2);
  });
});

const MORE: readonly Case[] = [
  { code: 'concurrency_exceeded', status: 429, path: '/one-at-a-time' },
  {
    code: 'rate_limit_unavailable',
    status: 503,
    path: '/counted',
    options: { rateLimit: { ...LIMITS, store: new StoreThatIsAway(), onStoreError: 'closed' } },
  },
  {
    code: 'rate_limited',
    status: 429,
    options: { rateLimit: { ...LIMITS, throttlers: [{ name: 'short', ttl: 60_000, limit: 0 }] } },
  },
  {
    code: 'body_malformed',
    status: 400,
    path: '/forms',
    sent: { body: '{', headers: { 'content-type': 'application/json' } },
  },
  {
    code: 'role_missing',
    status: 403,
    path: '/guarded/admins',
    sent: { headers: { authorization: `Bearer ${new TokenIssuer(key, new FakeClock()).issue({ roles: [] })}` } },
  },
];

describe.each(ADAPTERS)('A problem document on %s', (adapter) => {
  const start = edgeOfEachTest(adapter);
  const startWith = async ({ options = {}, prepare }: Case, problemDetails = true) => {
    const edge = await start(
      securityWith(key, {
        proxy: { trust: 1 },
        ...options,
        rateLimit: { ...LIMITS, ...options.rateLimit, problemDetails },
      }),
      [Routes, Guarded, Limited],
      { customize: (builder) => builder.overrideProvider(Scheduler).useValue(new FakeScheduler()) },
    );
    await prepare?.(edge);
    return edge;
  };
  const ask = (edge: EdgeApplication, { path = '/', sent = {} }: Case) =>
    edge.send(path, { ...sent, headers: { ...PROXIED, ...sent.headers } });

  it.each([...CASES, ...MORE])('tells $code, where it is asked for', async (each) => {
    const edge = await startWith(each);
    const answer = await ask(edge, each);
    expect([answer.status, answer.headers['content-type']]).toEqual([
      each.status,
      expect.stringMatching(/^application\/problem\+json(?:; charset=utf-8)?$/),
    ]);
    const { type, status, code, ...others } = answer.body;
    expect([status, code]).toEqual([each.status, each.code]);
    if (each.code === 'rate_limited') {
      expect(type).toBe('https://iana.org/assignments/http-problem-types#quota-exceeded');
      expect(others).toEqual({ title: 'Too many requests', 'violated-policies': [expect.any(String)] });
    } else {
      expect(type).toBe('about:blank');
      expect(others).toEqual({ title: STATUS_CODES[each.status], detail: expect.any(String) });
    }
  });

  it.each([...CASES, ...MORE])('is nothing of $code where it is not', async (each) => {
    const edge = await startWith(each, false);
    const answer = await ask(edge, each);
    expect(answer.headers['content-type']).toMatch(/^application\/json/);
    expect(Object.keys(answer.body).toSorted()).toEqual(['code', 'error', 'message', 'statusCode']);
  });

  it('is no answer of a handler, of Nest, or of validation', async () => {
    const edge = await startWith({ code: '', status: 0 });
    for (const path of ['/broken', '/nowhere']) {
      expect((await edge.send(path)).headers['content-type']).toMatch(/^application\/json/);
    }
    const invalid = await edge.send('/checked', { body: { text: 1 } });
    expect(invalid.headers['content-type']).toMatch(/^application\/json/);
    expect(invalid.body).toMatchObject({ statusCode: 400, code: 'validation_failed', fields: [{ field: 'text' }] });
  });
});

interface Framed {
  readonly head: string;
  readonly status: number;
  readonly names: readonly string[];
}

/** Sends bytes, then the same request once more, and answers with both heads, read as a proxy would read them. */
function twice(port: number, request: string): Promise<readonly Framed[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request.repeat(2)));
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      const framed = framesIn(text, request.startsWith('HEAD '));
      if (framed.length === 2) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(framesIn(text, request.startsWith('HEAD '))));
  });
}

function framesIn(text: string, toHead: boolean): readonly Framed[] {
  const found: Framed[] = [];
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const head = text.slice(at, end);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    const names = [...head.matchAll(/^([^:\r\n]+):/gm)].map(([, name = '']) => name.toLowerCase());
    const length = /^content-length: (\d+)/im.exec(head)?.[1];
    const hasBody = !toHead && status !== 204 && status !== 304 && status >= 200;
    const body = hasBody ? Number(length ?? Number.NaN) : 0;
    if (Number.isNaN(body) || text.length < end + 4 + body) break;
    found.push({ head, status, names });
    at = end + 4 + body;
  }
  return found;
}

describe.each(ADAPTERS)('The framing of an answer on %s', (adapter) => {
  const start = edgeOfEachTest(adapter);
  const options: SecurityOptions = {
    hosts: ['bank.example', '127.0.0.1'],
    cors: { origins: [APP] },
    headers: { reporting: { path: '/csp' } },
  };
  const lines = (first: string, ...fields: string[]) =>
    `${[first, 'host: bank.example', ...fields].join('\r\n')}\r\n\r\n`;
  const preflight = ['access-control-request-method: GET'];

  it.each<[number, string, string]>([
    [204, 'a preflight', lines('OPTIONS / HTTP/1.1', `origin: ${APP}`, ...preflight)],
    [403, 'a refused preflight', lines('OPTIONS / HTTP/1.1', `origin: ${EVIL}`, ...preflight)],
    [
      204,
      'a report',
      `${lines('POST /csp HTTP/1.1', 'content-type: application/reports+json', 'content-length: 2')}[]`,
    ],
    [400, 'a refusal', lines('GET /a//b HTTP/1.1')],
    [400, 'a refusal of HEAD', lines('HEAD /a//b HTTP/1.1')],
    [401, 'a denial', lines('GET /guarded HTTP/1.1')],
    [401, 'a denial of HEAD', lines('HEAD /guarded HTTP/1.1')],
    [404, 'a path that nothing serves', lines('GET /nowhere HTTP/1.1')],
    [417, 'an expectation', lines('GET / HTTP/1.1', 'expect: 200-maybe')],
  ])('lets the connection go on behind %d for %s', async (status, _, request) => {
    const edge = await start(securityWith(key, options), [Routes, Guarded]);
    const answers = await twice(edge.port, request);
    expect(answers.map((answer) => answer.status)).toEqual([status, status]);
    for (const { names } of answers) {
      const framing = names.filter((name) => name === 'content-length' || name === 'transfer-encoding');
      // RFC 9110, section 8.6: neither in a 204; section 9.3.2: HEAD says what GET would.
      expect(framing).toEqual(status === 204 ? [] : ['content-length']);
    }
  });

  it.each([
    ['a preflight', lines('OPTIONS / HTTP/1.0', `origin: ${APP}`, ...preflight), 204],
    ['a refusal', lines('GET /a//b HTTP/1.0'), 400],
  ])('closes behind %s of HTTP/1.0', async (_, request, status) => {
    const edge = await start(securityWith(key, options), [Routes]);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(edge.port, '127.0.0.1', () => socket.write(request));
      socket.on('data', (chunk) => void (text += chunk.toString()));
      socket.on('error', reject);
      socket.on('close', () => resolve(text));
    });
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer).toMatch(/^connection: close/im);
    expect(answer).not.toMatch(/^transfer-encoding/im);
    if (status === 204) expect(answer).not.toMatch(/^content-length/im);
  });
});
