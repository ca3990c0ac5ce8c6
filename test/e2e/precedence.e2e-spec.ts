import { Controller, Get, Module, Next, type Type } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CurrentUser,
  OptionalAuth,
  Public,
  RoutePolicyRegistry,
  Roles,
  SecurityModule,
  type Principal,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

const key = signingKey('ES256');

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
  imports: [FeatureModule, SecurityModule.forRoot(securityWith(key))],
  controllers: [
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
})
class AppModule {}

describe.each(ADAPTERS)('The rule that holds on %s', (adapter) => {
  let running: RunningApplication;
  let tokens: TokenIssuer;
  beforeAll(async () => {
    running = await startApplication(adapter, { imports: [AppModule] });
    tokens = new TokenIssuer(key, running.clock);
  });
  afterAll(() => running.close());

  const status = async (path: string, claims?: object) =>
    (claims === undefined ? await running.client.get(path) : await running.client.withToken(path, tokens.issue(claims)))
      .status;
  const as = (...roles: string[]) => ({ roles });

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
    expect(await status('/wrapped', as('admin'))).toBe(200);
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
        controllers: [AdminRoutes, OpenRoutes],
      },
      {
        configure: () => {
          wrapper = traced(AdminRoutes.prototype.tellers);
        },
      },
    );
    const registry = running.app.get(RoutePolicyRegistry);
    expect(registry.policyOf(AdminRoutes, wrapper)).toMatchObject({
      id: 'AdminRoutes.tellers',
      roles: { any: ['teller'] },
    });
    expect(registry.policyOf(OpenRoutes, wrapper)).toBeUndefined();
    expect(registry.policyOf(AdminRoutes, () => ({}))).toBeUndefined();
    await running.close();
  });
});
