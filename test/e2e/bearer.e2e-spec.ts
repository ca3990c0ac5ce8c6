import { All, Controller, Get } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ClientIp,
  CurrentUser,
  JwtKeySet,
  Public,
  Scopes,
  SecurityEvents,
  SecurityModule,
  type JwtOptions,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import { trusting } from '../support/security.js';
import { AUDIENCE, ISSUER, sharedSecret, signingKey, signToken, TokenIssuer } from '../support/tokens.js';

@Controller()
class Routes {
  @All('me')
  me(@CurrentUser('id') id: string) {
    return { id };
  }

  @Get('messages')
  @Scopes('message:read', 'message:list')
  messages() {
    return {};
  }

  @Get('address')
  @Public()
  address(@ClientIp() address: string) {
    return { address };
  }
}

const key = signingKey('RS256');

function start(adapter: AdapterName, options: Partial<JwtOptions> = {}): Promise<RunningApplication> {
  const jwt = { ...trusting(key), ...options } as JwtOptions;
  return startApplication(adapter, {
    imports: [SecurityModule.forRoot({ authentication: { jwt } })],
    controllers: [Routes],
  });
}

describe.each(ADAPTERS)('Bearer tokens on %s', (adapter) => {
  let running: RunningApplication;
  let tokens: TokenIssuer;
  beforeAll(async () => {
    running = await start(adapter);
    tokens = new TokenIssuer(key, running.clock);
  });
  afterAll(() => running.close());
  const authorized = (authorization: string | string[]) => running.client.get('/me', { authorization });

  it('are asked for with a bare challenge where none came', async () => {
    const answer = await running.client.get('/me');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.body).toEqual({
      statusCode: 401,
      error: 'Unauthorized',
      message: 'Authentication is required',
      code: 'credentials_missing',
    });
  });

  it.each(['Bearer', 'bearer', 'BEARER', 'Bearer '])('are read behind the scheme "%s"', async (scheme) => {
    expect((await authorized(`${scheme} ${tokens.issue()}`)).body).toEqual({ id: 'alice' });
  });

  it.each(['Basic dGVzdDp0ZXN0', 'Bearerx abc', 'Token abc', 'garbage'])('are not seen in "%s"', async (header) => {
    const answer = await authorized(header);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  it('that are bad are answered with invalid_token', async () => {
    const answer = await authorized(`Bearer ${tokens.issue({ exp: running.clock.seconds - 10 })}`);
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="invalid_token", error_description="The access token has expired"',
    );
    expect(answer.body['code']).toBe('token_expired');
  });

  it.each(['Bearer a b', 'Bearer a, Bearer b', 'Bearer abc, def'])(
    'that are malformed ("%s") are answered with 400',
    async (header) => {
      const answer = await authorized(header);
      expect(answer.status).toBe(400);
      expect(answer.headers['www-authenticate']).toContain('error="invalid_request"');
      expect(answer.body).toMatchObject({ statusCode: 400, error: 'Bad Request', code: 'credentials_malformed' });
    },
  );

  it('that come in two header lines are answered with 400, though Node shows but the first', async () => {
    const token = tokens.issue();
    const answer = await authorized([`Bearer ${token}`, `Bearer ${token}`]);
    expect(answer.status).toBe(400);
    expect(answer.body['code']).toBe('credentials_repeated');
  });

  it('that lack a scope are answered with 403 and the scopes', async () => {
    const answer = await running.client.withToken('/messages', tokens.issue({ scope: 'other' }));
    expect(answer.status).toBe(403);
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", error_description="The access token lacks the scope", scope="message:read message:list"',
    );
  });

  it('are not taken from the query, the body or a cookie', async () => {
    const token = tokens.issue();
    expect((await running.client.get(`/me?access_token=${token}`)).status).toBe(401);
    expect((await running.client.get('/me', { cookie: `access_token=${token}` })).status).toBe(401);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect((await running.client.post('/me', `access_token=${token}`, form)).status).toBe(401);
  });

  it('expire while they are remembered', async () => {
    const token = tokens.issue({ exp: running.clock.seconds + 60 });
    expect((await running.client.withToken('/me', token)).status).toBe(200);
    expect((await running.client.withToken('/me', token)).status).toBe(200);
    running.clock.advance(66);
    expect((await running.client.withToken('/me', token)).status).toBe(401);
    running.clock.advance(-66);
  });

  it('are not valid before their time, though the clock has been there', async () => {
    running.clock.advance(600);
    const token = tokens.issue({ nbf: running.clock.seconds });
    expect((await running.client.withToken('/me', token)).status).toBe(200);
    running.clock.advance(-600);
    expect((await running.client.withToken('/me', token)).body['code']).toBe('token_not_yet_valid');
  });

  it('tell the address of the peer beside', async () => {
    expect((await running.client.get('/address', { 'x-forwarded-for': '203.0.113.7' })).body).toEqual({
      address: '127.0.0.1',
    });
  });
});

describe.each(ADAPTERS)('Other transports on %s', (adapter) => {
  let running: RunningApplication;
  let token: string;
  beforeAll(async () => {
    running = await start(adapter, {
      from: [
        'header',
        { cookie: 'session' },
        { query: 'access_token' },
        { form: 'access_token' },
        (request) => (request as { headers: Record<string, string> }).headers['x-token'],
      ],
    });
    token = new TokenIssuer(key, running.clock).issue();
  });
  afterAll(() => running.close());
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  it('carry a token where they are configured', async () => {
    expect((await running.client.get('/me', { cookie: `theme=dark; session=${token}` })).status).toBe(200);
    expect((await running.client.get(`/me?access_token=${token}`)).status).toBe(200);
    expect((await running.client.post('/me', `access_token=${token}`, form)).status).toBe(200);
    expect((await running.client.get('/me', { 'x-token': token })).status).toBe(200);
  });

  it('are refused two at once', async () => {
    const answer = await running.client.get(`/me?access_token=${token}`, { authorization: `Bearer ${token}` });
    expect(answer.status).toBe(400);
    expect(answer.body['code']).toBe('credentials_repeated');
    expect(answer.headers['www-authenticate']).toContain('error="invalid_request"');
  });

  it.each([
    ['?access_token=a&access_token=b', {}],
    ['?access_token=', {}],
    ['?access_token[x]=a&access_token=b&access_token=c', {}],
    ['', { cookie: 'session=a; session=b' }],
  ])('are refused when repeated or empty: %s %j', async (query, headers) => {
    expect((await running.client.get(`/me${query}`, headers)).status).toBe(400);
  });

  it('do not take a token from a multipart body', async () => {
    const body = `--x\r\ncontent-disposition: form-data; name="access_token"\r\n\r\n${token}\r\n--x--\r\n`;
    const answer = await running.client.post('/me', body, { 'content-type': 'multipart/form-data; boundary=x' });
    // Express leaves a body that it does not know unread; Fastify refuses its type before any guard.
    expect(answer.status).toBe(adapter === 'express' ? 401 : 415);
  });
});

describe('Keys and options', () => {
  let running: RunningApplication;
  afterEach(() => running.close());
  const me = async (token: string) => (await running.client.withToken('/me', token)).status;

  it('are withdrawn at once, remembered tokens included, and the change is told', async () => {
    const [old, fresh] = [signingKey('RS256', 'old'), signingKey('RS256', 'fresh')];
    const keys = new JwtKeySet([
      { kid: 'old', key: old.publicKey },
      { kid: 'fresh', key: fresh.publicKey },
    ]);
    running = await start('express', { key: keys });
    const events: string[] = [];
    running.app.get(SecurityEvents).subscribe(({ type }) => events.push(type));
    const [byOld, byFresh] = [old, fresh].map((each) => new TokenIssuer(each, running.clock).issue()) as [
      string,
      string,
    ];
    expect([await me(byOld), await me(byFresh), await me(byOld)]).toEqual([200, 200, 200]);
    keys.withdraw('old');
    expect([await me(byOld), await me(byFresh)]).toEqual([401, 200]);
    expect(events).toContain('keys_changed');
  });

  it('send the realm with every challenge', async () => {
    running = await start('fastify', { realm: 'example' });
    expect((await running.client.get('/me')).headers['www-authenticate']).toBe('Bearer realm="example"');
    const bad = await running.client.get('/me', { authorization: 'Bearer x.y.z' });
    expect(bad.headers['www-authenticate']).toMatch(/^Bearer realm="example", error="invalid_token", /);
  });

  it('hold for each issuer by itself', async () => {
    const secret = sharedSecret();
    running = await startApplication('express', {
      imports: [
        SecurityModule.forRoot({
          authentication: {
            jwt: {
              issuers: [
                trusting(key),
                { issuer: 'https://other.palisade.test', audience: AUDIENCE, algorithms: ['HS256'], secret },
              ],
            },
          },
        }),
      ],
      controllers: [Routes],
    });
    const now = running.clock.seconds;
    const claims = { aud: AUDIENCE, sub: 'bob', exp: now + 60 };
    const hs = { alg: 'HS256', typ: 'JWT' };
    expect(await me(new TokenIssuer(key, running.clock).issue())).toBe(200);
    expect(await me(signToken(hs, { ...claims, iss: 'https://other.palisade.test' }, secret))).toBe(200);
    expect(await me(signToken(hs, { ...claims, iss: ISSUER }, secret))).toBe(401);
    expect(await me(signToken(hs, { ...claims, iss: 'https://third.palisade.test' }, secret))).toBe(401);
  });

  it('can come from a function, which may answer later', async () => {
    running = await start('fastify', { key: ({ kid }) => Promise.resolve(kid === 'k' ? key.publicKey : undefined) });
    const tokens = new TokenIssuer(key, running.clock);
    expect(await me(tokens.issue({}, { kid: 'k' }))).toBe(200);
    expect(await me(tokens.issue({}, { kid: 'other' }))).toBe(401);
  });
});
