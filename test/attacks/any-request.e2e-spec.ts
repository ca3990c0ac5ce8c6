import { All, Body, Controller, Headers, HttpCode } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AllowHttp, Cors, Public, type SecurityOptions } from '@palisade/nest';
import fc from 'fast-check';
import { startSubject, type RunningSubject } from '../conformance/subject.js';
import { answersIn, bytesOf } from '../conformance/wire.js';
import { ADAPTERS } from '../support/application.js';

interface Reached {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly proto: string | undefined;
}

const reached: Reached[] = [];

@Controller()
@Public()
class Everything {
  @All('health')
  @HttpCode(200)
  @AllowHttp()
  health() {
    return { healthy: true };
  }

  @All('open')
  @HttpCode(200)
  @Cors({ origins: ['https://partner.example'], methods: '*' })
  open(@Headers() headers: Record<string, string>) {
    return reach(headers);
  }

  @All(['', '*'])
  @HttpCode(200)
  anything(@Headers() headers: Record<string, string>, @Body() body: unknown) {
    return { ...reach(headers), body: typeof body };
  }
}

function reach(headers: Record<string, string>): object {
  reached.push({ host: headers['host'], origin: headers['origin'], proto: headers['x-forwarded-proto'] });
  return { reached: true };
}

const HOST = 'bank.example';
const ORIGINS = ['https://app.bank.example', 'https://partner.example'];

const security: SecurityOptions = {
  hosts: [HOST],
  https: { mode: 'redirect' },
  // The test is the proxy: what it says of the scheme is what the connection was.
  proxy: { trust: ['127.0.0.1'] },
  cors: { origins: [ORIGINS[0] as string], methods: '*', headers: '*' },
  csrf: { apply: 'always' },
  firewall: { bodyLimit: '4kb', timeouts: { headers: 1000, request: 1000, keepAlive: 100 } },
  headers: { reporting: { path: '/reports' } },
};

const weird = fc.constantFrom(
  '..',
  '.',
  '/',
  '//',
  '%2f',
  '%2e',
  '%',
  '%zz',
  '%00',
  '%0d%0a',
  ';',
  '\\',
  '?',
  '#',
  '@',
  ':',
  '*',
  '~',
  '\t',
  '\u007f',
  '%ff',
  'é',
  '\u0001',
  '=',
  '&',
  '[',
  ']',
  '{',
  '"',
  "'",
  '<',
  '__proto__',
  'constructor',
  '%5b',
  '%5d',
);
const word = fc.constantFrom('health', 'open', 'reports', 'a', 'HEALTH', 'open/', 'x.y', '%6fpen');
const path = fc
  .array(
    fc.oneof(
      { weight: 3, arbitrary: word },
      { weight: 2, arbitrary: weird },
      { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.join('/'));
const target = fc.oneof(
  { weight: 6, arbitrary: path.map((text) => `/${text}`) },
  { weight: 2, arbitrary: path.map((text) => `/open?${text}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '*',
      '',
      'http://evil.example/open',
      `http://${HOST}/open`,
      '//evil.example',
      `${HOST}:80`,
      'x',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 20, unit: 'binary-ascii' }) },
);
const method = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('TRACE', 'TRACK', 'CONNECT', 'PROPFIND', 'get', 'PRI', 'M-SEARCH', 'SOURCE', ''),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
);
const host = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(HOST, 'BANK.example', `${HOST}:443`) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'evil.example',
      `${HOST}.evil.example`,
      `evil.example@${HOST}`,
      '',
      ':',
      `${HOST}:x`,
      '[::1]',
      `${HOST},x`,
      `x${HOST}`,
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);
const origin = fc.oneof(
  fc.constantFrom(
    ...ORIGINS,
    'https://evil.example',
    'null',
    `${ORIGINS[0]}.evil.example`,
    `http://${HOST}`,
    `https://${HOST}`,
    '',
  ),
  fc.string({ maxLength: 20 }),
);
const scheme = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('https', 'https', 'http') },
  { weight: 1, arbitrary: fc.constantFrom('https, http', 'HTTPS', 'wss', '', 'on', 'http, https') },
);
const field = fc.tuple(
  fc.oneof(
    fc.constantFrom(
      'Content-Type',
      'Content-Length',
      'Transfer-Encoding',
      'Content-Encoding',
      'Expect',
      'Connection',
      'Upgrade',
      'Cookie',
      'Host',
      'Origin',
      'X-Forwarded-For',
      'X-Forwarded-Host',
      'X-Forwarded-Proto',
      'Forwarded',
      'Sec-Fetch-Site',
      'Authorization',
      'Range',
      'TE',
      'Access-Control-Request-Method',
      'Access-Control-Request-Headers',
      'Access-Control-Request-Private-Network',
      '__proto__',
      'constructor',
    ),
    fc.string({ minLength: 1, maxLength: 8 }),
  ),
  fc.oneof(
    fc.constantFrom(
      'application/json',
      'application/json; charset=utf-16',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      ';;',
      '0',
      '5',
      '-1',
      '99999999',
      '5, 5',
      'chunked',
      'gzip, chunked',
      'gzip',
      'br',
      '100-continue',
      'keep-alive',
      'close',
      'websocket',
      'h2c',
      'GET',
      'DELETE',
      'x-a, x-b',
      'true',
      'cross-site',
      'same-origin',
      'for=1.2.3.4;proto=https;host=evil.example',
      'evil.example',
      'bytes=0-',
      'Bearer x',
    ),
    fc.string({ maxLength: 20 }),
  ),
);
const body = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.json() },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '5\r\n{"a":\r\n1\r\n1\r\n1\r\n}\r\n0\r\n\r\n',
      '{"__proto__":{"x":1}}',
      '[[[[[',
      'a=1&a[b]=2&__proto__[x]=1',
      '0\r\n\r\nGET /open HTTP/1.1\r\n\r\n',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 200, unit: 'binary' }) },
);

/** Mostly in order, with one or two things that are not. */
const request = fc
  .record({
    method,
    target,
    host,
    origin: fc.option(origin, { nil: undefined }),
    scheme: fc.option(scheme, { nil: undefined }),
    fields: fc.array(field, { maxLength: 4 }),
    body,
    counted: fc.boolean(),
  })
  .map((drawn) => {
    const named = [
      ['Host', drawn.host],
      ...(drawn.origin === undefined ? [] : [['Origin', drawn.origin]]),
      ...(drawn.scheme === undefined ? [] : [['X-Forwarded-Proto', drawn.scheme]]),
      ...drawn.fields,
      ...(drawn.counted && drawn.body !== '' ? [['Content-Length', String(Buffer.byteLength(drawn.body))]] : []),
    ] as [string, string][];
    return bytesOf({ method: drawn.method, target: drawn.target, headers: named, body: drawn.body });
  });

/** A request with bytes exchanged, left out or put in. */
const mangled = fc
  .tuple(
    request,
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 2)), { maxLength: 4 }),
  )
  .map(([bytes, changes]) => {
    const list = [...bytes];
    for (const [at, byte, kind] of changes)
      list.splice(at % list.length, kind === 2 ? 0 : 1, ...(kind === 0 ? [] : [byte]));
    return Buffer.from(list);
  });

const garbage = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

const anything = fc.oneof(
  { weight: 6, arbitrary: request },
  { weight: 3, arbitrary: mangled },
  { weight: 1, arbitrary: garbage },
  { weight: 1, arbitrary: fc.tuple(request, mangled).map((both) => Buffer.concat(both)) },
);

const IS_HOST = /^bank\.example\.?(?::\d+)?$/i;

describe.each(ADAPTERS)('Any request at all on %s', (adapter) => {
  let running: RunningSubject;
  beforeAll(async () => {
    running = await startSubject(adapter, { security, controllers: [Everything] });
  });
  afterAll(() => running.close());
  beforeEach(() => {
    reached.length = 0;
  });

  it('is answered in time, and never by an error of the server', async () => {
    // Many at once, as each may last until the server's time is up.
    const many = fc.array(anything, { minLength: 20, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(many, async (requests) => {
        // Each ends when the server closes: that it does is half of what is shown.
        const texts = await Promise.all(requests.map((bytes) => running.wire.exchange(bytes)));
        const statuses = texts.flatMap((text) => answersIn(text).map(({ status }) => status));
        expect(statuses.filter((status) => status >= 500)).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  it('reaches a handler for the configured host and over TLS alone, and is sent nowhere else', async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (bytes) => {
        reached.length = 0;
        const answers = answersIn(await running.wire.exchange(bytes, true));
        for (const { host: asked, proto } of reached) {
          expect(asked).toMatch(IS_HOST);
          expect(proto?.split(',').at(-1)?.trim().toLowerCase()).toBe('https');
        }
        for (const { headers } of answers) {
          const { location } = headers;
          if (location !== undefined) expect(new URL(location)).toMatchObject({ protocol: 'https:', host: HOST });
          const allowed = headers['access-control-allow-origin'];
          if (allowed !== undefined) expect(ORIGINS).toContain(allowed);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('while one that is in order reaches it', async () => {
    const headers = [
      ['Host', HOST],
      ['Origin', ORIGINS[0] as string],
      ['X-Forwarded-Proto', 'https'],
      ['Connection', 'close'],
    ] as const;
    const answer = await running.wire.send({ method: 'GET', target: '/a', headers });
    expect(answer.headers['access-control-allow-origin']).toBe(ORIGINS[0]);
    expect(reached).toEqual([{ host: HOST, origin: ORIGINS[0], proto: 'https' }]);
  });
});
