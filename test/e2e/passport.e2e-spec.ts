import { Controller, Get, Injectable, UnauthorizedException } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IncomingHttpHeaders } from 'node:http';
import passport, { Strategy } from 'passport';
import {
  Authenticated,
  CurrentUser,
  OptionalAuth,
  Roles,
  SecurityEvents,
  SecurityModule,
  type AuthenticationOptions,
  type Principal,
  type PrincipalInit,
  type SecurityEvent,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { ROLES, trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

interface StrategyRequest {
  readonly headers: IncomingHttpHeaders;
}

/** Answers as the request's header tells it to, through the actions that Passport gives a strategy. */
class ScriptedStrategy extends Strategy {
  constructor(
    private readonly verify: (request: StrategyRequest, done: (error: unknown, user: unknown) => void) => void,
  ) {
    super();
  }

  override authenticate(request: StrategyRequest): void {
    const script = request.headers['x-script'];
    const actions = this as unknown as Record<string, (...parameters: unknown[]) => void>;
    const call = (action: string, ...parameters: unknown[]) => actions[action]?.(...parameters);
    if (script === 'pass') return call('pass');
    if (script === 'redirect') return call('redirect', 'https://id.palisade.test/authorize?state=1');
    if (script === 'error') return call('error', new Error('the directory is away'));
    if (script === 'throw') throw new Error('the directory is away');
    if (script === 'no-user') return call('success', undefined);
    if (script === 'malformed') return call('fail', 'Custom error="malformed"', 400);
    if (request.headers['authorization'] === undefined) return call('fail', { message: 'none' });
    this.verify(request, (error, user) => {
      if (error !== null) call('error', error);
      else if (user === undefined) call('fail', 'Custom realm="bank"');
      else call('success', user);
    });
  }
}

/** Reads a key from a header, and answers later. */
@Injectable()
class KeyStrategy extends PassportStrategy(ScriptedStrategy, 'key') {
  override authenticate(request: StrategyRequest): void {
    const script = request.headers['x-key'];
    // As an asynchronous strategy would, though not by a native promise.
    const later = { then: (_resolve: unknown, reject: (error: Error) => void) => reject(new Error('later')) };
    if (script === 'rejects') return later as unknown as void;
    (this as unknown as { fail(): void }).fail();
  }

  validate(): void {}
}

@Injectable()
class GoogleStrategy extends PassportStrategy(ScriptedStrategy, 'google') {
  validate(request: StrategyRequest): unknown {
    switch (request.headers['authorization']) {
      case 'Custom teller':
        return { id: 7, roles: ['teller'], name: 'Tess', roleHistory: [] };
      case 'Custom nameless':
        return { name: 'Nobody' };
      case 'Custom refused':
        throw new UnauthorizedException('The account is closed');
      default:
        return undefined;
    }
  }
}

@Controller()
class Routes {
  @Get('google')
  @Authenticated('google')
  google(@CurrentUser() user: Principal) {
    return { id: user.id, scheme: user.scheme, roles: user.roles, name: user.claims['name'] };
  }

  @Get('teller')
  @Authenticated('google')
  @Roles('teller')
  teller() {
    return {};
  }

  @Get('admin')
  @Authenticated('google')
  @Roles('admin')
  admin() {
    return {};
  }

  @Get('any')
  any(@CurrentUser('scheme') scheme: string) {
    return { scheme };
  }

  @Get('key-or-google-or-jwt')
  @Authenticated('key', 'google', 'jwt')
  keyOrGoogleOrJwt(@CurrentUser('scheme') scheme: string) {
    return { scheme };
  }

  @Get('key')
  @Authenticated('key')
  key() {
    return {};
  }

  @Get('optional-jwt')
  @OptionalAuth('jwt')
  optionalJwt(@CurrentUser('kind') kind: string) {
    return { kind };
  }

  @Get('whole')
  whole(@CurrentUser() user: Principal) {
    return user;
  }

  @Get('optional')
  @OptionalAuth()
  optional(@CurrentUser('kind') kind: string) {
    return { kind };
  }

  @Get('jwt')
  @Authenticated('jwt')
  jwt() {
    return {};
  }
}

const key = signingKey('ES256');
const google = {
  name: 'google',
  credentials: (request: object) => 'authorization' in (request as StrategyRequest).headers,
};

function start(adapter: (typeof ADAPTERS)[number], authentication: AuthenticationOptions = {}) {
  return startApplication(adapter, {
    imports: [
      SecurityModule.forRoot({
        authentication: { jwt: trusting(key), passport: [google], ...authentication },
        authorization: { roles: ROLES },
      }),
    ],
    controllers: [Routes],
    providers: [GoogleStrategy, KeyStrategy],
  });
}

describe.each(ADAPTERS)('A Passport strategy by name on %s', (adapter) => {
  let running: RunningApplication;
  beforeAll(async () => {
    running = await start(adapter);
  });
  afterAll(() => running.close());

  const call = (path: string, headers: Record<string, string> = {}) => running.client.get(path, headers);
  const scripted = (path: string, script: string) => call(path, { 'x-script': script, authorization: 'Custom teller' });

  it('gives the principal from its user', async () => {
    const answer = await call('/google', { authorization: 'Custom teller' });
    expect(answer.body).toEqual({ id: '7', scheme: 'google', roles: ['teller'], name: 'Tess' });
  });

  it('is authorized like any other', async () => {
    expect((await call('/teller', { authorization: 'Custom teller' })).status).toBe(200);
    const forbidden = await call('/admin', { authorization: 'Custom teller' });
    expect(forbidden.status).toBe(403);
    expect(forbidden.headers['www-authenticate']).toBeUndefined();
  });

  it('that fails is a 401 with its challenge', async () => {
    const answer = await call('/google', { authorization: 'Custom wrong' });
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Custom realm="bank"');
    expect(answer.body['code']).toBe('credentials_invalid');
  });

  it('without credentials is a 401 with a challenge', async () => {
    const answer = await call('/google');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('google');
    expect(answer.body['code']).toBe('credentials_missing');
  });

  it('that calls pass() is a 401, not a request without a user', async () => {
    const answer = await scripted('/google', 'pass');
    expect(answer.status).toBe(401);
    expect(answer.body['code']).toBe('principal_missing');
  });

  it('that succeeds without a user is a 401', async () => {
    expect((await scripted('/google', 'no-user')).status).toBe(401);
  });

  it('whose user has no identifier is a 401', async () => {
    const answer = await call('/google', { authorization: 'Custom nameless' });
    expect(answer.status).toBe(401);
    expect(answer.body['code']).toBe('principal_refused');
  });

  it('that finds the request malformed is a 400', async () => {
    expect((await scripted('/google', 'malformed')).status).toBe(400);
  });

  it('may send the user away', async () => {
    const answer = await scripted('/google', 'redirect');
    expect(answer.status).toBe(302);
    expect(answer.headers.location).toBe('https://id.palisade.test/authorize?state=1');
  });

  it('sends nobody away where credentials are optional', async () => {
    expect((await call('/optional', { 'x-script': 'redirect' })).body).toEqual({ kind: 'anonymous' });
    expect((await scripted('/optional', 'redirect')).status).toBe(401);
  });

  it.each(['error', 'throw'])('that breaks (%s) lets nobody in', async (script) => {
    const answer = await scripted('/google', script);
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('directory');
  });

  it('may choose the answer by an exception, which is told and challenged like any denial', async () => {
    const events: SecurityEvent[] = [];
    const end = running.app.get(SecurityEvents).subscribe((event) => events.push(event));
    const answer = await call('/google', { authorization: 'Custom refused' });
    end();
    expect(answer.status).toBe(401);
    expect(answer.body['message']).toBe('The account is closed');
    expect(answer.headers['www-authenticate']).toBe('google');
    expect(events).toMatchObject([{ allowed: false, reason: 'credentials_invalid' }]);
  });

  it('that breaks is told as well', async () => {
    const events: SecurityEvent[] = [];
    const end = running.app.get(SecurityEvents).subscribe((event) => events.push(event));
    await scripted('/google', 'error');
    end();
    expect(events).toMatchObject([{ allowed: false, reason: 'authentication_failed' }]);
  });

  it('that rejects later does not leave the request without an answer', async () => {
    expect((await call('/key', { 'x-key': 'rejects' })).status).toBe(500);
  });

  it('that refuses or sends away leaves the next scheme its turn', async () => {
    const token = new TokenIssuer(key, running.clock).issue();
    const headers = { authorization: `Bearer ${token}`, 'x-script': 'redirect' };
    expect((await call('/key-or-google-or-jwt', headers)).body).toEqual({ scheme: 'jwt' });
    expect((await call('/key-or-google-or-jwt', { 'x-script': 'redirect' })).status).toBe(302);
  });

  it('does not show what else it knows of the user where the principal is sent', async () => {
    const answer = await call('/whole', { authorization: 'Custom teller' });
    expect(answer.body).toMatchObject({ id: '7', kind: 'user' });
    expect(answer.body).not.toHaveProperty('claims');
  });

  it('is accepted beside tokens where no scheme is named', async () => {
    const token = new TokenIssuer(key, running.clock).issue();
    expect((await running.client.withToken('/any', token)).body).toEqual({ scheme: 'jwt' });
    expect((await call('/any', { authorization: 'Custom teller' })).body).toEqual({ scheme: 'google' });
    const missing = await call('/any');
    expect(missing.status).toBe(401);
    expect(missing.headers['www-authenticate']).toBe('Bearer, google');
    const wrong = await call('/any', { authorization: 'Custom wrong' });
    expect(wrong.headers['www-authenticate']).toBe('Bearer, Custom realm="bank"');
  });

  it('does not mend a bad token', async () => {
    const token = new TokenIssuer(key, running.clock).issue({ exp: running.clock.seconds - 60 });
    const answer = await running.client.withToken('/any', token);
    expect(answer.status).toBe(401);
    expect(answer.body['code']).toBe('token_expired');
  });

  it('is not accepted where another scheme is named', async () => {
    expect((await call('/jwt', { authorization: 'Custom teller' })).status).toBe(401);
  });

  it('leaves optional routes to the anonymous who bring nothing, and refuses bad credentials', async () => {
    expect((await call('/optional')).body).toEqual({ kind: 'anonymous' });
    expect((await call('/optional', { authorization: 'Custom wrong' })).status).toBe(401);
    expect((await call('/optional', { authorization: 'Custom teller' })).body).toEqual({ kind: 'user' });
  });

  it('is left out where an optional route names other schemes', async () => {
    expect((await call('/optional-jwt')).body).toEqual({ kind: 'anonymous' });
    expect((await call('/optional-jwt', { cookie: 'a=b' })).body).toEqual({ kind: 'anonymous' });
  });

  it.each(['Custom teller', 'Basic eDp5', 'garbage', 'Bearer\tx'])(
    'leaves an Authorization header that no scheme claims ("%s") a 401 on optional routes',
    async (authorization) => {
      const answer = await call('/optional-jwt', { authorization });
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.body['code']).toBe('credentials_invalid');
    },
  );

  it('is not disturbed by the module, whose own strategy is registered nowhere', () => {
    const registry = passport as unknown as { _strategy(name: string): unknown };
    expect(registry._strategy('jwt')).toBeUndefined();
    expect(registry._strategy('google')).toBeInstanceOf(GoogleStrategy);
  });
});

describe('The principal', () => {
  it('is made by the application where it says so, for each request anew', async () => {
    const closed = new Set<string>();
    const running = await start('express', {
      principal: (verified, scheme) => {
        const id = `${scheme}:${String(verified['sub'] ?? verified['id'])}`;
        return closed.has(id) ? undefined : { id, roles: ['teller'] };
      },
    });
    const token = new TokenIssuer(key, running.clock).issue();
    expect((await running.client.withToken('/any', token)).status).toBe(200);
    const byGoogle = await running.client.get('/google', { authorization: 'Custom teller' });
    expect(byGoogle.body).toMatchObject({ id: 'google:7', name: 'Tess' });
    closed.add('jwt:alice');
    const refused = await running.client.withToken('/any', token);
    expect(refused.status).toBe(401);
    expect(refused.body['code']).toBe('principal_refused');
    await running.close();
  });

  it.each([
    ['roles', 'admin'],
    ['permissions', '*'],
    ['scopes', 'a b'],
    ['roles', null],
    ['roles', [7]],
    ['amr', 'pwd'],
    ['id', 7],
    ['id', ''],
    ['kind', 'anonymous'],
    ['tenant', {}],
    ['authenticatedAt', '2026'],
    ['claims', 'all'],
  ])('is refused where its %s are %j', async (property, value) => {
    const running = await start('express', {
      principal: () => ({ id: 'alice', [property]: value }) as PrincipalInit,
    });
    const answer = await running.client.withToken('/any', new TokenIssuer(key, running.clock).issue());
    expect(answer.status).toBe(401);
    expect(answer.body['code']).toBe('principal_refused');
    await running.close();
  });

  it('may be an entity whose properties are getters, each read once', async () => {
    class Entity {
      reads = 0;
      get id() {
        return 'from a getter';
      }
      get roles() {
        this.reads += 1;
        return this.reads > 1 ? 'admin' : ['customer'];
      }
    }
    const running = await start('express', { principal: () => new Entity() as PrincipalInit });
    const answer = await running.client.withToken('/whole', new TokenIssuer(key, running.clock).issue());
    expect(answer.body).toMatchObject({ id: 'from a getter', roles: ['customer'] });
    await running.close();
  });

  it('may come from what is awaitable and no Promise, as query builders are', async () => {
    const query = { then: (resolve: (init: PrincipalInit) => void) => resolve({ id: 'from the query' }) };
    const running = await start('express', { principal: () => query as unknown as Promise<PrincipalInit> });
    const token = new TokenIssuer(key, running.clock).issue();
    expect((await running.client.withToken('/whole', token)).body).toMatchObject({ id: 'from the query' });
    await running.close();
  });
});
