import { Body, Controller, Delete, Get, Injectable, Post, Req } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CsrfExempt,
  CsrfTokens,
  Public,
  type CsrfOptions,
  type HttpRequest,
  type SecurityOptions,
} from '@palisade/nest';
import { Strategy } from 'passport';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { trusting } from '../support/security.js';
import { sharedSecret, signingKey, TokenIssuer } from '../support/tokens.js';
import { startEdge, type Answer, type EdgeApplication } from './edge.harness.js';

const key = signingKey('ES256');

/** As a session: who the cookie names is who calls. */
class SessionStrategy extends Strategy {
  override authenticate(
    this: Strategy & { success(user: object): void; fail(): void },
    request: { headers: { cookie?: string } },
  ) {
    const [, id] = /(?:^|; )sid=(\w+)/.exec(request.headers.cookie ?? '') ?? [];
    if (id === undefined) this.fail();
    else this.success({ id });
  }
}

@Injectable()
class Session extends PassportStrategy(SessionStrategy, 'session') {
  validate(): void {}
}

@Controller()
class Account {
  constructor(private readonly tokens: CsrfTokens) {}

  @Get('token')
  token(@Req() request: HttpRequest) {
    return { token: this.tokens.issue(request) };
  }

  @Get('transfers')
  list() {
    return { done: false };
  }

  @Post('transfers')
  transfer(@Body() _body: object) {
    return { done: true };
  }

  @Delete('transfers')
  cancel() {
    return { done: true };
  }

  @Post('webhook')
  @CsrfExempt()
  webhook() {
    return { done: true };
  }

  @Post('login')
  @Public()
  login() {
    return { done: true };
  }
}

const HOST = 'app.example.com';
const OWN = { origin: `http://${HOST}` };
const FOREIGN = { origin: 'https://evil.example' };

async function start(adapter: AdapterName, csrf?: CsrfOptions | false, options: SecurityOptions = {}) {
  const edge = await startEdge(
    adapter,
    {
      csrf,
      ...options,
      authentication: { jwt: { ...trusting(key), from: ['header', { cookie: 'jwt' }] }, passport: ['session'] },
    },
    [Account],
    { providers: [Session] },
  );
  const token = new TokenIssuer(key, edge.clock).issue();
  const credentials = {
    cookie: { cookie: `jwt=${token}` },
    header: { authorization: `Bearer ${token}` },
    session: { cookie: 'sid=alice' },
    none: {},
  };
  const post = (
    path: string,
    who: keyof typeof credentials,
    headers: Record<string, string> = {},
    method = 'POST',
  ): Promise<Answer> =>
    edge.send(path, {
      method,
      host: HOST,
      headers: { ...credentials[who], ...headers },
      ...(method === 'POST' && { body: {} }),
    });
  return { edge, post, credentials };
}

const codeOf = (answer: Answer) =>
  answer.status < 300 ? answer.status : `${answer.status} ${String(answer.body['code'])}`;

describe.each(ADAPTERS)('csrf on %s', (adapter) => {
  let edge: EdgeApplication;
  let post: Awaited<ReturnType<typeof start>>['post'];
  beforeAll(async () => {
    ({ edge, post } = await start(adapter, { trustedOrigins: ['https://partner.example'] }));
  });
  afterAll(() => edge.close());
  const REFUSED = '403 csrf_cross_origin';

  it.each<[string, Record<string, string>, number | string]>([
    ['its own page', OWN, 201],
    ['its own page, by Sec-Fetch-Site', { ...OWN, 'sec-fetch-site': 'same-origin' }, 201],
    ['the address bar', { 'sec-fetch-site': 'none' }, 201],
    ['no browser at all', {}, 201],
    ['a trusted origin', { origin: 'https://partner.example', 'sec-fetch-site': 'cross-site' }, 201],
    ['another site', { ...FOREIGN, 'sec-fetch-site': 'cross-site' }, REFUSED],
    ['another site in an old browser', FOREIGN, REFUSED],
    ['a sibling subdomain', { origin: 'http://blog.example.com', 'sec-fetch-site': 'same-site' }, REFUSED],
    ['a sandboxed frame', { origin: 'null' }, REFUSED],
    ['another port', { origin: `http://${HOST}:8080` }, REFUSED],
    ['an origin that begins like its own', { origin: `http://${HOST}.evil.example` }, REFUSED],
    ['a browser that says two things', { 'sec-fetch-site': 'same-origin, cross-site' }, REFUSED],
  ])('with a cookie, takes a POST of %s or refuses it', async (_, headers, expected) => {
    for (const who of ['cookie', 'session'] as const) {
      expect([who, codeOf(await post('/transfers', who, headers))]).toEqual([who, expected]);
    }
  });

  it('refuses other unsafe methods, and lets safe ones through', async () => {
    expect(codeOf(await post('/transfers', 'cookie', FOREIGN, 'DELETE'))).toBe(REFUSED);
    expect((await post('/transfers', 'cookie', FOREIGN, 'GET')).status).toBe(200);
    expect((await post('/transfers', 'cookie', FOREIGN, 'HEAD')).status).toBe(200);
  });

  it('does not concern a credential that a page cannot make a browser send, nor nobody', async () => {
    expect((await post('/transfers', 'header', FOREIGN)).status).toBe(201);
    expect((await post('/login', 'none', FOREIGN)).status).toBe(201);
  });

  it('is left out by @CsrfExempt', async () => {
    expect((await post('/webhook', 'cookie', FOREIGN)).status).toBe(201);
  });

  it('publishes the denial with its route, its address and who was made to call', async () => {
    edge.takeDenials();
    await post('/transfers', 'cookie', FOREIGN);
    expect(edge.takeDenials()).toEqual([
      expect.objectContaining({
        reason: 'csrf_cross_origin',
        route: 'Account.transfer',
        address: '127.0.0.1',
        principalId: 'alice',
      }),
    ]);
  });
});

describe.each(ADAPTERS)('csrf: apply on %s', (adapter) => {
  it.each<[string, SecurityOptions, CsrfOptions | undefined]>([
    ['the profile web', { profile: 'web' }, undefined],
    ['always', {}, { apply: 'always' }],
  ])('keeps other sites from logging a visitor in, under %s', async (_, options, csrf) => {
    const { edge, post } = await start(adapter, csrf, options);
    expect(codeOf(await post('/login', 'none', FOREIGN))).toBe('403 csrf_cross_origin');
    expect((await post('/login', 'none', OWN)).status).toBe(201);
    expect((await post('/transfers', 'header', FOREIGN)).status).toBe(201);
    // Whatever else a page can have sent along does not excuse a public route.
    expect(codeOf(await post('/login', 'header', FOREIGN))).toBe('403 csrf_cross_origin');
    await edge.close();
  });

  it('is off by false', async () => {
    const { edge, post } = await start(adapter, false, { profile: 'web' });
    expect((await post('/transfers', 'cookie', FOREIGN)).status).toBe(201);
    await edge.close();
  });

  it('only records by option', async () => {
    const { edge, post } = await start(adapter, { enforcement: 'report' });
    expect((await post('/transfers', 'cookie', FOREIGN)).status).toBe(201);
    expect(edge.takeDenials()).toEqual([
      expect.objectContaining({ reason: 'csrf_cross_origin', enforced: false, route: 'Account.transfer' }),
    ]);
    await edge.close();
  });
});

describe.each(ADAPTERS)('csrf.token on %s', (adapter) => {
  let running: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    running = await start(adapter, { token: { secret: sharedSecret(), lifetime: 600 } });
  });
  afterAll(() => running.edge.close());
  const issued = async (who: 'cookie' | 'session') =>
    String((await running.post('/token', who, {}, 'GET')).body['token']);

  it('is asked for in the header or the body, of whom it was issued to', async () => {
    const { edge, post, credentials } = running;
    const token = await issued('session');
    expect(codeOf(await post('/transfers', 'session', OWN))).toBe('403 csrf_token_missing');
    expect(codeOf(await post('/transfers', 'session', { ...OWN, 'x-csrf-token': `${token}x` }))).toBe(
      '403 csrf_token_invalid',
    );
    expect(codeOf(await post('/transfers', 'cookie', { ...OWN, 'x-csrf-token': token }))).toBe(
      '403 csrf_token_invalid',
    );
    expect((await post('/transfers', 'session', { ...OWN, 'x-csrf-token': token })).status).toBe(201);
    const form = await edge.send('/transfers', {
      host: HOST,
      headers: { ...credentials.session, ...OWN, 'content-type': 'application/x-www-form-urlencoded' },
      body: `_csrf=${encodeURIComponent(token)}`,
    });
    expect(form.status).toBe(201);
  });

  it('does not make up for another origin, and is not asked of a header credential', async () => {
    const token = await issued('session');
    expect(codeOf(await running.post('/transfers', 'session', { ...FOREIGN, 'x-csrf-token': token }))).toBe(
      '403 csrf_cross_origin',
    );
    expect((await running.post('/transfers', 'header', OWN)).status).toBe(201);
  });

  it('is another each time, and expires', async () => {
    const [one, two] = [await issued('session'), await issued('session')];
    expect(one).not.toBe(two);
    running.edge.clock.advance(600);
    expect(codeOf(await running.post('/transfers', 'session', { ...OWN, 'x-csrf-token': one }))).toBe(
      '403 csrf_token_invalid',
    );
  });
});
