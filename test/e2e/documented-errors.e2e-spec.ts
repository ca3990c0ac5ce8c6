import { Body, Controller, Get, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Public, SecurityModule, type SecurityOptions } from '@palisade/nest';
import { readFileSync } from 'node:fs';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';

@Controller()
@Public()
class Routes {
  @Get()
  read() {
    return {};
  }

  @Post()
  write(@Body() body: object) {
    return { keys: Object.keys(body) };
  }
}

/** What the guide says of errors before routing: status by code. */
const DOCUMENTED = new Map(
  [
    ...(readFileSync('docs/guide/errors.md', 'utf8').split('Before routing')[1] ?? '').matchAll(
      /^\| `(\w+)` +\| (\d{3}) +\|/gm,
    ),
  ].map(([, code, status]) => [code as string, Number(status)]),
);

const APP = 'https://app.example';

const SECURITY: SecurityOptions = {
  hosts: ['bank.example'],
  https: { mode: 'reject' },
  proxy: { trust: ['loopback'] },
  cors: { origins: [APP], methods: ['GET'] },
  csrf: { apply: 'always' },
  firewall: {
    parameters: { max: 3, maxValueLength: 10, repeated: 'refuse' },
    headers: { max: 20, maxValueLength: 300 },
  },
  bans: { rules: [{ name: 'broken', matches: ({ path }) => (path === '/broken' ? ('yes' as never) : false) }] },
};

interface Provocation {
  readonly why: string;
  readonly line?: string;
  readonly host?: string;
  readonly fields?: string;
  readonly secure?: boolean;
  readonly body?: string;
}

const PREFLIGHT = (more = '', method = 'GET', origin = APP): Pick<Provocation, 'line' | 'fields'> => ({
  line: 'OPTIONS / HTTP/1.1',
  fields: `Origin: ${origin}\r\nAccess-Control-Request-Method: ${method}\r\n${more}`,
});

/** By code: what the guide names as its cause. Host fields are left out with an empty text. */
const PROVOCATIONS: Readonly<Record<string, readonly Provocation[]>> = {
  host_missing: [{ why: 'an empty Host', host: 'Host: \r\n' }],
  host_repeated: [{ why: 'two of them', host: 'Host: bank.example\r\nHost: bank.example\r\n' }],
  host_malformed: [
    { why: 'a Host that is none', host: 'Host: a b\r\n' },
    { why: 'another target', line: 'GET http://other.example/ HTTP/1.1' },
  ],
  host_refused: [{ why: 'a host that is not listed', host: 'Host: other.example\r\n' }],
  https_required: [{ why: 'plain HTTP', secure: false }],
  method_refused: [{ why: 'a method that is not listed', line: 'PROPFIND / HTTP/1.1' }],
  target_malformed: [
    { why: 'an encoded control character', line: 'GET /%0d HTTP/1.1' },
    { why: 'an escape of nothing', line: 'GET /%zz HTTP/1.1' },
  ],
  target_not_normalized: ['//', '/..', '/a;b', '/%5c', '/%2f', '/%2e'].map((path) => ({
    why: path,
    line: `GET ${path} HTTP/1.1`,
  })),
  target_too_long: [{ why: '9,000 characters', line: `GET /${'a'.repeat(9000)} HTTP/1.1` }],
  parameters_too_many: [{ why: 'four of three', line: 'GET /?a&b&c&d HTTP/1.1' }],
  parameter_malformed: [
    { why: 'a control character in its name', line: 'GET /?a%00b=1 HTTP/1.1' },
    { why: 'a line break in its name', line: 'GET /?a%0ab=1 HTTP/1.1' },
    { why: 'bytes that are no UTF-8 in its name', line: 'GET /?a%ff=1 HTTP/1.1' },
    { why: 'bytes that are no UTF-8 in its value', line: 'GET /?a=%ff HTTP/1.1' },
  ],
  parameter_too_long: [{ why: 'eleven characters of ten', line: `GET /?a=${'b'.repeat(11)} HTTP/1.1` }],
  parameter_repeated: [{ why: 'twice', line: 'GET /?a=1&a=2 HTTP/1.1' }],
  headers_too_many: [{ why: 'thirty of twenty', fields: 'X-A: 1\r\n'.repeat(30) }],
  header_malformed: [{ why: 'two types', fields: 'Content-Type: text/plain\r\nContent-Type: text/plain\r\n' }],
  header_too_long: [{ why: '301 characters of 300', fields: `X-A: ${'a'.repeat(301)}\r\n` }],
  cors_origin_refused: [{ why: 'another origin', ...PREFLIGHT('', 'GET', 'https://evil.example') }],
  cors_method_refused: [{ why: 'another method', ...PREFLIGHT('', 'DELETE') }],
  cors_header_refused: [{ why: 'another header', ...PREFLIGHT('Access-Control-Request-Headers: x-other\r\n') }],
  cors_private_network_refused: [
    { why: 'a private network', ...PREFLIGHT('Access-Control-Request-Private-Network: true\r\n') },
  ],
  csrf_cross_origin: [
    {
      why: 'another site',
      line: 'POST / HTTP/1.1',
      fields: 'Sec-Fetch-Site: cross-site\r\nContent-Type: application/json\r\nContent-Length: 2\r\n',
      body: '{}',
    },
  ],
  edge_failed: [{ why: 'a condition that answers with neither true nor false', line: 'GET /broken HTTP/1.1' }],
};

/** Provoked in a specification of their own: they need a principal, or a way around the edge. */
const ELSEWHERE = ['csrf_token_missing', 'csrf_token_invalid', 'edge_bypassed'];

describe.each(ADAPTERS)('The errors that the guide lists on %s', (adapter) => {
  let running: RunningApplication;

  beforeAll(async () => {
    running = await startApplication(adapter, { imports: [SecurityModule.forRoot(SECURITY)], controllers: [Routes] });
  });
  afterAll(() => running.close());

  async function answerTo({ line, host, fields = '', secure = true, body = '' }: Omit<Provocation, 'why'>) {
    const head = [
      `${line ?? 'GET / HTTP/1.1'}\r\n${host ?? 'Host: bank.example\r\n'}Connection: close\r\n`,
      secure ? 'X-Forwarded-Proto: https\r\n' : '',
      `${fields}\r\n${body}`,
    ];
    return running.client.raw(Buffer.from(head.join(''), 'latin1'));
  }

  it('are provoked here, or elsewhere', () => {
    expect(DOCUMENTED.size).toBeGreaterThan(20);
    expect([...Object.keys(PROVOCATIONS), ...ELSEWHERE].toSorted()).toEqual([...DOCUMENTED.keys()].toSorted());
  });

  const cases = Object.entries(PROVOCATIONS).flatMap(([code, all]) =>
    all.map((given) => [code, given.why, given] as const),
  );

  it.each(cases)('are answered as they say: %s for %s', async (code, _, given) => {
    const answer = await answerTo(given);
    expect(answer).toContain(`"code":"${code}"`);
    expect(Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1])).toBe(DOCUMENTED.get(code));
  });

  it.each(['/?a=%0a', '/?a=%09', '/?a=%00', '/?a=%7f', '/?a=1&b=2&c=3'])(
    'do not name what passes: %s',
    async (target) => {
      expect(await answerTo({ line: `GET ${target} HTTP/1.1` })).toMatch(/^HTTP\/1\.1 200 /);
    },
  );
});
