import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ClientIp, Public, SecurityModule } from '@palisade/nest';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { securityWith, trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

@Controller()
class Routes {
  @Get('ip')
  @Public()
  ip(@ClientIp() address: string) {
    return { address };
  }

  @Get('mine')
  mine() {
    return { mine: true };
  }

  @Post('mine')
  @HttpCode(200)
  change() {
    return { changed: true };
  }

  @Post('notes')
  @HttpCode(200)
  @Public()
  note(@Body() body: Record<string, unknown>) {
    return { keys: Object.keys(body ?? {}) };
  }
}

/** Bytes that some readers take for white space, and HTTP for none. Node's own parser refuses the last three. */
const ODD = Object.entries({
  'U+00A0': '\u00a0',
  'U+00A0 as UTF-8': '\u00c2\u00a0',
  'U+0085': '\u0085',
  'U+FEFF as UTF-8': '\u00ef\u00bb\u00bf',
  'a vertical tab': '\v',
  'a form feed': '\f',
  NUL: '\0',
});

const BASE: Readonly<Record<string, string>> = {
  Host: 'bank.example',
  Connection: 'close',
  'X-Forwarded-Proto': 'https',
};

interface Case {
  /** The field, and its values: the odd byte stands where `~` is, and is left out to see that the value is right. */
  readonly field: string;
  readonly values: readonly string[];
  readonly request: string;
  readonly more?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What the answer holds where the value is taken. */
  readonly effect: RegExp;
}

const CASES: readonly Case[] = [
  {
    field: 'Authorization',
    values: ['~Bearer TOKEN', 'Bearer~ TOKEN', 'Bearer ~TOKEN', 'Bearer TOKEN~'],
    request: 'GET /mine',
    effect: /"mine":true/,
  },
  {
    field: 'Cookie',
    values: [
      '~__Host-sid=TOKEN',
      '__Host-sid~=TOKEN',
      '__Host-sid=~TOKEN',
      '__Host-sid=TOKEN~',
      'a=b;~__Host-sid=TOKEN',
    ],
    request: 'GET /mine',
    effect: /"mine":true/,
  },
  {
    field: 'Sec-Fetch-Site',
    values: ['~same-origin', 'same-origin~'],
    request: 'POST /mine',
    more: { Cookie: '__Host-sid=TOKEN', 'Content-Length': '0' },
    effect: /"changed":true/,
  },
  {
    field: 'X-Forwarded-For',
    values: ['~203.0.113.9', '203.0.113.9~', '198.51.100.1,~203.0.113.9'],
    request: 'GET /ip',
    effect: /"address":"203\.0\.113\.9"/,
  },
  { field: 'X-Forwarded-Proto', values: ['~https', 'https~', 'http,~https'], request: 'GET /ip', effect: /"address"/ },
  { field: 'X-Forwarded-Host', values: ['~bank.example', 'bank.example~'], request: 'GET /ip', effect: /"address"/ },
  { field: 'Host', values: ['~bank.example', 'bank.example~'], request: 'GET /ip', effect: /"address"/ },
  {
    field: 'Content-Type',
    values: [
      '~application/json',
      'application/json~',
      'application/json~; charset=utf-8',
      'application/json;~charset=utf-8',
      'application/json; charset=utf-8~',
    ],
    request: 'POST /notes',
    more: { 'Content-Length': '7' },
    body: '{"a":1}',
    effect: /"keys":\["a"\]/,
  },
  {
    field: 'Content-Length',
    values: ['~7', '7~'],
    request: 'POST /notes',
    more: { 'Content-Type': 'application/json' },
    body: '{"a":1}',
    effect: /"keys":\["a"\]/,
  },
  {
    field: 'Transfer-Encoding',
    values: ['~chunked', 'chunked~'],
    request: 'POST /notes',
    more: { 'Content-Type': 'application/json' },
    body: '7\r\n{"a":1}\r\n0\r\n\r\n',
    effect: /"keys":\["a"\]/,
  },
  {
    field: 'Origin',
    values: ['~https://app.example', 'https://app.example~'],
    request: 'GET /ip',
    effect: /access-control-allow-origin: https:\/\/app\.example\r\n/i,
  },
  {
    field: 'Access-Control-Request-Headers',
    values: ['~authorization', 'authorization~', 'authorization,~content-type'],
    request: 'OPTIONS /ip',
    more: { Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET' },
    effect: /^HTTP\/1\.1 204 /,
  },
  {
    field: 'Access-Control-Request-Method',
    values: ['~GET', 'GET~'],
    request: 'OPTIONS /ip',
    more: { Origin: 'https://app.example' },
    effect: /^HTTP\/1\.1 204 /,
  },
];

describe.each(ADAPTERS)('White space of no protocol on %s', (adapter) => {
  const key = signingKey('ES256');
  let running: RunningApplication;

  beforeAll(async () => {
    const security = securityWith(key, {
      hosts: ['bank.example'],
      https: { mode: 'reject' },
      proxy: { trust: ['loopback'] },
      cors: { origins: ['https://app.example'], headers: ['authorization', 'content-type'] },
      authentication: { jwt: { ...trusting(key), from: ['header', { cookie: '__Host-sid' }] } },
    });
    running = await startApplication(adapter, { imports: [SecurityModule.forRoot(security)], controllers: [Routes] });
  });
  afterAll(() => running.close());

  async function answerTo({ field, request, more, body = '' }: Case, value: string): Promise<string> {
    const fields = { ...BASE, ...more, [field]: value };
    const lines = Object.entries(fields).map(([name, text]) => `${name}: ${text}`);
    const bytes = `${request} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
    const token = new TokenIssuer(key, running.clock).issue();
    return running.client.raw(Buffer.from(bytes.replace('TOKEN', token), 'latin1'));
  }

  describe.each(CASES)('in $field', (of) => {
    it.each(of.values)('is what the field is right without: %s', async (value) => {
      expect(await answerTo(of, value.replace('~', ''))).toMatch(of.effect);
    });

    it.each(of.values.flatMap((value) => ODD.map(([name, odd]) => [name, value, odd] as const)))(
      'makes another value of it: %s in %s',
      async (_, value, odd) => {
        expect(await answerTo(of, value.replace('~', odd))).not.toMatch(of.effect);
      },
    );
  });
});
