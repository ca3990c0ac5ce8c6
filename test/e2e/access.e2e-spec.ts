import { Controller, Get, Injectable, Module, Next, NotFoundException, Param, Req, type Type } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Authenticated,
  CurrentUser,
  OptionalAuth,
  Permissions,
  Policy,
  Public,
  RoutePolicyRegistry,
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

/** The methods of a class copied to another, as mixins do. */
class Source {
  @Get('copied')
  @Roles('admin')
  copied() {
    return {};
  }

  @Get('copied-public')
  @Public()
  copiedPublic() {
    return {};
  }
}

@Controller()
class CopiedRoutes {}
for (const name of ['copied', 'copiedPublic'] as const) {
  const descriptor = Object.getOwnPropertyDescriptor(Source.prototype, name) as PropertyDescriptor;
  Object.defineProperty(CopiedRoutes.prototype, name, descriptor);
}

@Public()
class OpenBase {
  @Get('of-base')
  ofBase() {
    return {};
  }
}

@Controller('heir')
class Heir extends OpenBase {
  @Get('own')
  own() {
    return {};
  }
}

@Controller('bound')
class BoundRoutes {
  constructor() {
    this.list = this.list.bind(this);
  }

  @Get()
  @Roles('admin')
  list() {
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

@Controller()
class HandingOnRoutes {
  @Get('handed-on')
  @OptionalAuth()
  handsOn(@Next() next: () => void) {
    next();
  }
}

/** On Express, a handler that calls `next()` hands the request on to the next route of the path. */
@Controller()
class LaterRoutes {
  @Get('handed-on')
  later(@CurrentUser() user: Principal) {
    return { id: user.id };
  }
}

@Controller('admin')
@Roles('admin')
class AdminRoutes {
  @Get()
  list() {
    return {};
  }

  @Get('health')
  @Public()
  health() {
    return {};
  }

  @Get('tellers')
  @Roles('teller')
  tellers() {
    return {};
  }
}

@Controller('open')
@Public()
class OpenRoutes {
  @Get()
  list() {
    return {};
  }

  @Get('closed')
  @Roles('admin')
  closed() {
    return {};
  }
}

class Inherited {
  @Get('shared')
  shared() {
    return {};
  }

  @Get('guarded')
  @Roles('admin')
  guarded() {
    return {};
  }

  @Get('opened')
  @Public()
  opened() {
    return {};
  }
}

@Controller('first')
@Public()
class FirstHeir extends Inherited {}

@Controller('second')
@Roles('teller')
class SecondHeir extends Inherited {
  @Get('guarded')
  override guarded() {
    return {};
  }

  @Get('opened')
  override opened() {
    return {};
  }
}

/** Two controllers of one name, as two modules may well have. */
function namesake(path: string, ...decorators: MethodDecorator[]) {
  @Controller(path)
  class Namesake {
    @Get()
    list() {
      return {};
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Namesake.prototype, 'list') as PropertyDescriptor;
  for (const decorate of decorators) decorate(Namesake.prototype, 'list', descriptor);
  return Namesake;
}

/** Replaces the method, as tracing and caching decorators do. */
const Wrapped: MethodDecorator = (_target, _property, descriptor: PropertyDescriptor) => {
  const original = descriptor.value as (...parameters: unknown[]) => unknown;
  descriptor.value = function (this: unknown, ...parameters: unknown[]) {
    return original.apply(this, parameters);
  };
};

@Controller('wrapped')
class WrappedRoutes {
  @Get()
  @Wrapped
  @Roles('admin')
  list() {
    return {};
  }
}

@Controller('feature')
class FeatureRoutes {
  @Get()
  list() {
    return {};
  }

  @Get('own')
  @Roles('auditor')
  own() {
    return {};
  }

  @Get('public')
  @Public()
  open() {
    return {};
  }
}

@Module({
  imports: [SecurityModule.forFeature({ roles: ['teller'], scopes: ['feature:use'] })],
  controllers: [FeatureRoutes],
})
class FeatureModule {}

@Module({
  imports: [
    FeatureModule,
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
  controllers: [
    Routes,
    AdminRoutes,
    OpenRoutes,
    FirstHeir,
    SecondHeir,
    WrappedRoutes,
    CopiedRoutes,
    Heir,
    BoundRoutes,
    namesake('namesake-open', Public() as MethodDecorator),
    namesake('namesake-closed', Roles('admin') as MethodDecorator),
  ],
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

  describe('by precedence', () => {
    it('takes the handler over its class', async () => {
      expect(await status('/admin', as('teller'))).toBe(403);
      expect(await status('/admin/tellers', as('teller'))).toBe(200);
      expect(await status('/admin/health')).toBe(200);
    });

    it('lets a requirement of the handler beat @Public of its class', async () => {
      expect(await status('/open')).toBe(200);
      expect(await status('/open/closed')).toBe(401);
      expect(await status('/open/closed', as('teller'))).toBe(403);
      expect(await status('/open/closed', as('admin'))).toBe(200);
    });

    it('does not share an inherited handler between two classes', async () => {
      expect(await status('/first/shared')).toBe(200);
      expect(await status('/second/shared')).toBe(401);
      expect(await status('/second/shared', as('customer'))).toBe(403);
      expect(await status('/second/shared', as('teller'))).toBe(200);
    });

    it('keeps the requirements of an overridden method, and not its exemption', async () => {
      expect(await status('/first/guarded')).toBe(401);
      expect(await status('/second/guarded', as('teller'))).toBe(403);
      expect(await status('/second/guarded', as('admin'))).toBe(200);
      expect(await status('/first/opened')).toBe(200);
      expect(await status('/second/opened')).toBe(401);
    });

    it('does not mix up two controllers of one name', async () => {
      expect(await status('/namesake-open')).toBe(200);
      expect(await status('/namesake-closed')).toBe(401);
    });

    it('survives a decorator that replaces the method', async () => {
      expect(await status('/wrapped', as('teller'))).toBe(403);
      expect(await status('/wrapped', as('admin'))).toBe(200);
    });

    it('goes along with a method that is copied to another class, where it asks and not where it exempts', async () => {
      expect(await status('/copied', as('teller'))).toBe(403);
      expect(await status('/copied', as('admin'))).toBe(200);
      expect(await status('/copied-public')).toBe(401);
    });

    it('does not open the methods that a class adds to a public base', async () => {
      expect(await status('/heir/of-base')).toBe(200);
      expect(await status('/heir/own')).toBe(401);
    });

    it('holds for methods that a constructor binds', async () => {
      expect(await status('/bound', as('teller'))).toBe(403);
      expect(await status('/bound', as('admin'))).toBe(200);
    });

    it('takes the defaults of the feature module, and the decorators over them', async () => {
      expect(await status('/feature', as('teller'))).toBe(403);
      expect(await status('/feature', { roles: ['teller'], scope: 'feature:use' })).toBe(200);
      expect(await status('/feature', { roles: ['auditor'], scope: 'feature:use' })).toBe(403);
      expect(await status('/feature/own', { roles: ['auditor'], scope: 'feature:use' })).toBe(200);
      expect(await status('/feature/own', { roles: ['teller'], scope: 'feature:use' })).toBe(403);
      expect(await status('/feature/public')).toBe(200);
      expect(await status('/plain', {})).toBe(200);
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

describe('Access to a route that another one hands the request on to', () => {
  const start = (...controllers: Type[]) =>
    startApplication('express', { imports: [SecurityModule.forRoot(securityWith(key))], controllers });

  it('is decided anew, by its own rules', async () => {
    const running = await start(HandingOnRoutes, LaterRoutes);
    expect((await running.client.get('/handed-on')).status).toBe(401);
    const token = new TokenIssuer(key, running.clock).issue();
    expect((await running.client.withToken('/handed-on', token)).body).toEqual({ id: 'alice' });
    await running.close();
  });

  it('knows nobody where it is public', async () => {
    @Controller()
    class PublicLater {
      @Get('handed-on')
      @Public()
      later(@CurrentUser() user: Principal) {
        return { id: user.id };
      }
    }
    const running = await start(HandingOnRoutes, PublicLater);
    const token = new TokenIssuer(key, running.clock).issue();
    expect((await running.client.withToken('/handed-on', token)).body).toEqual({ id: '' });
    await running.close();
  });
});

describe('Access to handlers that tracing wraps', () => {
  /** As instrumentation does, when routes are registered: another function, with the metadata of the handler. */
  function traced(handler: () => object): () => object {
    const wrapper = function (this: unknown) {
      return handler.call(this);
    };
    for (const name of Reflect.getMetadataKeys(handler) as unknown[]) {
      Reflect.defineMetadata(name, Reflect.getMetadata(name, handler), wrapper);
    }
    return wrapper;
  }

  it('is decided by the rules of the handler, and by those of no other', async () => {
    let wrapper = (): object => ({});
    const running = await startApplication(
      'express',
      {
        imports: [SecurityModule.forRoot(securityWith(key))],
        controllers: [Routes, AdminRoutes],
        providers: [Ownership, OwnsIt],
      },
      {
        configure: () => {
          wrapper = traced(Routes.prototype.teller);
        },
      },
    );
    const registry = running.app.get(RoutePolicyRegistry);
    expect(registry.policyOf(Routes, wrapper)).toMatchObject({ id: 'Routes.teller', roles: { any: ['teller'] } });
    expect(registry.policyOf(AdminRoutes, wrapper)).toBeUndefined();
    expect(registry.policyOf(Routes, () => ({}))).toBeUndefined();
    await running.close();
  });
});
