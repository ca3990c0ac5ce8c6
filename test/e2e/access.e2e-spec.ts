import { Controller, Get, Injectable, Module, NotFoundException, Param, Req } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Authenticated,
  CurrentUser,
  OptionalAuth,
  Permissions,
  Policy,
  Public,
  Roles,
  Scopes,
  SecurityEvents,
  SecurityModule,
  type AccessContext,
  type AccessPolicy,
  type Principal,
  type SecurityEvent,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

const key = signingKey('ES256');

@Injectable()
class Ownership {
  isOwner(id: string, params: AccessContext['params']): boolean {
    return params['owner'] === id;
  }
}

@Injectable()
class OwnsIt implements AccessPolicy {
  constructor(private readonly ownership: Ownership) {}

  decide(principal: Principal, { params }: AccessContext): Promise<boolean> {
    return Promise.resolve(this.ownership.isOwner(principal.id, params));
  }
}

/** Nobody's provider: the module makes it, with the dependencies of the controller's module. */
class HidesIt implements AccessPolicy {
  decide(principal: Principal): boolean {
    if (principal.id !== 'alice') throw new NotFoundException();
    return true;
  }
}

const fails = (): boolean => {
  throw new Error('the database is away');
};
const truthy = () => 'yes' as unknown as boolean;

@Controller()
class Routes {
  @Get('plain')
  plain(@CurrentUser() user: Principal) {
    return { id: user.id, kind: user.kind, scheme: user.scheme, roles: user.roles, tokenId: user.tokenId };
  }

  @Get('id')
  id(@CurrentUser('id') id: string, @Req() request: { user: Principal }) {
    return {
      id,
      same: request.user.id === id,
      frozen: Object.isFrozen(request.user) && Object.isFrozen(request.user.roles),
    };
  }

  @Get('vouched')
  vouched(@CurrentUser('issuer') issuer: string) {
    return { issuer };
  }

  @Get('public')
  @Public()
  open(@CurrentUser() user: Principal) {
    return { kind: user.kind };
  }

  @Get('optional')
  @OptionalAuth()
  optional(@CurrentUser() user: Principal) {
    return { id: user.id, kind: user.kind };
  }

  @Get('optional-policy')
  @OptionalAuth()
  @Policy((principal) => principal.kind !== 'anonymous')
  optionalPolicy() {
    return {};
  }

  @Get('teller')
  @Roles('teller')
  teller() {
    return {};
  }

  @Get('either')
  @Roles('admin', 'auditor')
  either() {
    return {};
  }

  @Get('both')
  @Roles({ all: ['teller', 'auditor'] })
  both() {
    return {};
  }

  @Get('permissions')
  @Permissions('account:read', 'account:write')
  permissions() {
    return {};
  }

  @Get('any-permission')
  @Permissions({ any: ['account:read', 'report:read'] })
  anyPermission() {
    return {};
  }

  @Get('scopes')
  @Scopes('message:read', 'message:list')
  scopes() {
    return {};
  }

  @Get('jwt')
  @Authenticated('jwt')
  byJwt() {
    return {};
  }

  @Get('owners/:owner')
  @Policy(OwnsIt)
  owned(@Param('owner') owner: string) {
    return { owner };
  }

  @Get('hidden')
  @Policy(HidesIt)
  hidden() {
    return {};
  }

  @Get('failing')
  @Policy(fails)
  failing() {
    return {};
  }

  @Get('truthy')
  @Policy(truthy)
  truthy() {
    return {};
  }
}

abstract class Gate implements AccessPolicy {
  abstract decide(): boolean;
}

class ClosedGate extends Gate {
  decide() {
    return false;
  }
}

class OpenGate extends Gate {
  decide() {
    return true;
  }
}

function gated(path: string) {
  @Controller(path)
  class GatedRoutes {
    @Get()
    @Policy(Gate)
    list() {
      return {};
    }
  }
  return GatedRoutes;
}

@Module({ controllers: [gated('gate-closed')], providers: [{ provide: Gate, useClass: ClosedGate }] })
class ClosedModule {}

@Module({ controllers: [gated('gate-open')], providers: [{ provide: Gate, useClass: OpenGate }] })
class OpenModule {}

@Module({
  imports: [
    ClosedModule,
    OpenModule,
    SecurityModule.forRoot(
      securityWith(key, {
        authorization: {
          permissions: { customer: ['account:read'], teller: ['account:*'], auditor: ['*:read'] },
        },
      }),
    ),
  ],
  controllers: [Routes],
  providers: [Ownership, OwnsIt],
})
class AppModule {}

const signatureOf = (token: string) => token.slice(token.lastIndexOf('.') + 1);

describe.each(ADAPTERS)('Access on %s', (adapter) => {
  let running: RunningApplication;
  let tokens: TokenIssuer;
  const events: SecurityEvent[] = [];

  beforeAll(async () => {
    running = await startApplication(adapter, { imports: [AppModule] });
    tokens = new TokenIssuer(key, running.clock);
    running.app.get(SecurityEvents).subscribe((event) => events.push(event));
  });
  afterAll(() => running.close());

  const status = async (path: string, claims?: object) =>
    (claims === undefined ? await running.client.get(path) : await running.client.withToken(path, tokens.issue(claims)))
      .status;
  const as = (...roles: string[]) => ({ roles });

  it('is denied without a rule to an unknown caller, and granted to any known one', async () => {
    expect(await status('/plain')).toBe(401);
    const answer = await running.client.withToken('/plain', tokens.issue({ roles: ['customer'], jti: 'id-1' }));
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ id: 'alice', kind: 'user', scheme: 'jwt', roles: ['customer'], tokenId: 'id-1' });
  });

  it('gives handlers the principal, whole or one property of it, frozen', async () => {
    const answer = await running.client.withToken('/id', tokens.issue());
    expect(answer.body).toEqual({ id: 'alice', same: true, frozen: true });
  });

  it('is public without looking at credentials, however bad', async () => {
    expect((await running.client.get('/public', { authorization: 'Bearer nonsense' })).body).toEqual({
      kind: 'anonymous',
    });
  });

  it('is optional: anonymous without credentials, known with them, 401 with bad ones', async () => {
    expect((await running.client.get('/optional')).body).toEqual({ id: '', kind: 'anonymous' });
    expect((await running.client.withToken('/optional', tokens.issue())).body).toEqual({ id: 'alice', kind: 'user' });
    expect((await running.client.get('/optional', { authorization: 'Bearer nonsense' })).status).toBe(401);
  });

  it('asks an anonymous caller whom a policy denies to authenticate', async () => {
    const answer = await running.client.get('/optional-policy');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(await status('/optional-policy', {})).toBe(200);
  });

  it.each([
    ['/teller', as('teller'), 200],
    ['/teller', as('admin'), 200],
    ['/teller', as('customer'), 403],
    ['/teller', as('auditor'), 403],
    ['/teller', as(), 403],
    ['/either', as('auditor'), 200],
    ['/either', as('admin'), 200],
    ['/either', as('teller'), 403],
    ['/both', as('admin', 'auditor'), 200],
    ['/both', as('admin'), 403],
    ['/permissions', as('teller'), 200],
    ['/permissions', as('customer'), 403],
    ['/permissions', { roles: ['customer'], permissions: ['account:write'] }, 200],
    ['/permissions', { permissions: ['account:*'] }, 200],
    ['/any-permission', as('auditor'), 200],
    ['/any-permission', as(), 403],
    ['/scopes', { scope: 'message:list message:read other' }, 200],
    ['/scopes', { scp: ['message:read', 'message:list'] }, 200],
    ['/scopes', { scope: 'message:read' }, 403],
    ['/jwt', {}, 200],
  ])('to %s with %j is answered with %i', async (path, claims, expected) => {
    expect(await status(path, claims)).toBe(expected);
  });

  it.each([
    ['/teller', as('customer'), 'role_missing'],
    ['/permissions', as('customer'), 'permission_missing'],
    ['/scopes', {}, 'scope_missing'],
    ['/truthy', {}, 'policy_denied'],
  ])('that is denied at %s says why in a stable code', async (path, claims, code) => {
    const answer = await running.client.withToken(path, tokens.issue(claims));
    expect(answer.body).toMatchObject({ statusCode: 403, error: 'Forbidden', code });
  });

  describe('by a policy', () => {
    it('is decided with its dependencies and the path', async () => {
      expect(await status('/owners/alice', {})).toBe(200);
      expect(await status('/owners/bob', {})).toBe(403);
    });

    it('may be denied with an answer of its own', async () => {
      expect(await status('/hidden', {})).toBe(200);
      expect(await status('/hidden', { sub: 'bob' })).toBe(404);
    });

    it('is decided by what the module of the controller provides', async () => {
      expect(await status('/gate-closed', {})).toBe(403);
      expect(await status('/gate-open', {})).toBe(200);
    });

    it('is denied when the policy throws', async () => {
      const answer = await running.client.withToken('/failing', tokens.issue());
      expect(answer.status).toBe(403);
      expect(answer.body['code']).toBe('policy_failed');
      expect(answer.text).not.toContain('database');
    });

    it('is denied by anything but true', async () => {
      expect(await status('/truthy', {})).toBe(403);
    });
  });

  it('tells every decision, allowed or denied, and no secret', async () => {
    events.length = 0;
    const token = tokens.issue({ roles: ['customer'], tenant: 'north' });
    await running.client.withToken('/teller', token);
    await running.client.withToken('/plain', token);
    await running.client.get('/public');
    await running.client.get('/plain', {
      authorization: `Bearer ${tokens.issue({ jti: 'a' }).replace(/[^.]+$/, signatureOf(token))}`,
    });
    expect(events).toMatchObject([
      {
        type: 'decision',
        allowed: false,
        reason: 'role_missing',
        route: 'Routes.teller',
        principalId: 'alice',
        tenant: 'north',
        scheme: 'jwt',
        transport: 'http',
        method: 'GET',
        address: '127.0.0.1',
      },
      { type: 'decision', allowed: true, route: 'Routes.plain', time: running.clock.now() },
      { type: 'decision', allowed: true, route: 'Routes.open' },
      { type: 'decision', allowed: false, reason: 'token_signature_invalid', route: 'Routes.plain' },
    ]);
    expect(JSON.stringify(events)).not.toContain(signatureOf(token));
  });

  it('knows who vouched for the caller', async () => {
    const answer = await running.client.withToken('/vouched', tokens.issue());
    expect(answer.body).toEqual({ issuer: 'https://id.palisade.test' });
  });

  it('is not widened by what else writes to request.user', async () => {
    expect(await status('/teller', { roles: ['customer'], user: { roles: ['admin'] } })).toBe(403);
  });
});
