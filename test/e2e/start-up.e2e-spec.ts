import { Controller, Get, Injectable, Module, Scope, type Type } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import {
  Authenticated,
  defineSecurity,
  OptionalAuth,
  Policy,
  Public,
  Roles,
  SecurityConfigurationError,
  SecurityGuard,
  SecurityModule,
  type SecurityOptions,
} from '@palisade/nest';
import { startApplication, startFailure, type RunningApplication } from '../support/application.js';
import { securityWith, trusting } from '../support/security.js';
import { sharedSecret, signingKey, TokenIssuer } from '../support/tokens.js';

const key = signingKey('ES256');

function controllerWith(...decorators: (ClassDecorator & MethodDecorator)[]): Type {
  @Controller()
  class AccountsController {
    @Get()
    list() {
      return {};
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(AccountsController.prototype, 'list') as PropertyDescriptor;
  for (const decorate of decorators) decorate(AccountsController.prototype, 'list', descriptor);
  return AccountsController;
}

async function refusal(controller: Type, providers: Type[] = []): Promise<SecurityConfigurationError> {
  const error = await startFailure({
    imports: [SecurityModule.forRoot(securityWith(key))],
    controllers: [controller],
    providers,
  });
  expect(error).toBeInstanceOf(SecurityConfigurationError);
  return error as SecurityConfigurationError;
}

function optionsRefusal(options: unknown): SecurityConfigurationError {
  try {
    SecurityModule.forRoot(options as SecurityOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(SecurityConfigurationError);
    return error as SecurityConfigurationError;
  }
  throw new Error('The options were taken');
}

describe('The start is refused, naming the handler and the fix,', () => {
  it('for @Public with @Roles', async () => {
    const { message } = await refusal(controllerWith(Public(), Roles('admin')));
    expect(message).toContain('AccountsController.list: @Public() and @Roles("admin") contradict each other');
    expect(message).toContain('Remove @Public(), or the requirement');
  });

  it('for @OptionalAuth with @Roles', async () => {
    expect((await refusal(controllerWith(OptionalAuth(), Roles('admin')))).message).toContain(
      'AccountsController.list',
    );
  });

  it('for a role that nobody declared, with the nearest one', async () => {
    const { message } = await refusal(controllerWith(Roles('telller')));
    expect(message).toContain(
      'AccountsController.list: @Roles("telller") names the role "telller", which is not declared',
    );
    expect(message).toContain('Did you mean "teller"?');
  });

  it('for a scheme that is neither configured nor registered', async () => {
    expect((await refusal(controllerWith(Authenticated('googel')))).message).toContain('googel');
  });

  it('for a policy that cannot be made', async () => {
    class Missing {}
    @Injectable()
    class NeedsMissing {
      constructor(readonly missing: Missing) {}
      decide() {
        return true;
      }
    }
    const { message } = await refusal(controllerWith(Policy(NeedsMissing)));
    expect(message).toContain('AccountsController.list: the policy NeedsMissing cannot be made');
    expect(message).toContain('add NeedsMissing to the providers of RootTestModule');
  });

  it('for a policy that is request-scoped', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class PerRequest {
      decide() {
        return true;
      }
    }
    expect((await refusal(controllerWith(Policy(PerRequest)), [PerRequest])).message).toContain('request-scoped');
  });

  it('for a class that decides nothing', async () => {
    class Nothing {}
    expect((await refusal(controllerWith(Policy(Nothing as never)))).message).toContain('Nothing');
  });

  it('for all that is wrong at once', async () => {
    const { problems } = await refusal(controllerWith(Public(), Roles('nobody')));
    expect(problems).toHaveLength(2);
  });

  it('for a second forRoot', async () => {
    @Module({ imports: [SecurityModule.forRoot(securityWith(key, { validation: false }))] })
    class Second {}
    const error = await startFailure({ imports: [SecurityModule.forRoot(securityWith(key)), Second] });
    expect((error as Error).message).toContain('forRoot more than once');
  });

  it('for a controller of two modules with different defaults', async () => {
    const controller = controllerWith();
    @Module({ imports: [SecurityModule.forFeature({ roles: ['admin'] })], controllers: [controller] })
    class Strict {}
    @Module({ imports: [SecurityModule.forFeature({ roles: ['customer'] })], controllers: [controller] })
    class Loose {}
    const error = await startFailure({ imports: [SecurityModule.forRoot(securityWith(key)), Strict, Loose] });
    expect((error as Error).message).toContain('AccountsController.list: is registered twice');
  });

  it.each([
    ['both `any` and `all`', { any: ['teller'], all: ['auditor'] }, 'must say either `any` or `all`'],
    ['a list in brackets', ['teller'], 'leave out the brackets'],
    ['nothing', {}, 'must say either'],
    ['an empty list', { all: [] }, 'names nothing'],
  ])('for @Roles with %s', async (_, requirement, expected) => {
    expect((await refusal(controllerWith(Roles(requirement as never)))).message).toContain(expected);
  });

  it.each([
    [[{ access: 'public' as const }, { roles: ['admin'] }]],
    [[{ roles: ['admin'] }, { access: 'public' as const }]],
    [[{ roles: ['teller'] }, { roles: ['admin'] }]],
  ])('for two forFeature of one module that contradict each other: %j', async (features) => {
    @Module({ imports: features.map((feature) => SecurityModule.forFeature(feature)), controllers: [controllerWith()] })
    class Torn {}
    const error = await startFailure({ imports: [SecurityModule.forRoot(securityWith(key)), Torn] });
    expect((error as Error).message).toContain('SecurityModule.forFeature of Torn');
  });

  it('for a forFeature where there are no controllers', async () => {
    @Module({ imports: [SecurityModule.forFeature({ roles: ['admin'] })], exports: [] })
    class Shared {}
    @Module({ imports: [Shared], controllers: [controllerWith()] })
    class Feature {}
    const error = await startFailure({ imports: [SecurityModule.forRoot(securityWith(key)), Feature] });
    expect((error as Error).message).toContain('Shared imports SecurityModule.forFeature: has no controllers');
  });

  it('for @OptionalAuth where a Passport strategy cannot tell missing credentials from wrong ones', async () => {
    @Injectable()
    class Silent extends PassportStrategy(Strategy, 'silent') {
      override authenticate(): void {}
      validate(): void {}
    }
    const error = await startFailure({
      imports: [
        SecurityModule.forRoot(securityWith(key, { authentication: { jwt: trusting(key), passport: ['silent'] } })),
      ],
      controllers: [controllerWith(OptionalAuth())],
      providers: [Silent],
    });
    expect((error as Error).message).toContain('cannot tell missing credentials of "silent" from wrong ones');
  });

  it('for a Passport strategy that is listed but not registered', async () => {
    const error = await startFailure({
      imports: [
        SecurityModule.forRoot(securityWith(key, { authentication: { jwt: trusting(key), passport: ['absent'] } })),
      ],
      controllers: [controllerWith()],
    });
    expect((error as Error).message).toContain('no Passport strategy is registered under the name "absent"');
  });
});

describe('Options', () => {
  it.each([
    [{ authentification: {} }, 'authentification: is not an option. Did you mean "authentication"?'],
    [{ authentication: { jwtt: {} } }, 'authentication.jwtt: is not an option. Did you mean "jwt"?'],
    [{ authorization: { role: [] } }, 'authorization.role: is not an option. Did you mean "roles"?'],
    [{ authorization: { fallback: 'allow' } }, 'authorization.fallback'],
    [{ authorization: { roles: ['a > b', 'b > a'] } }, 'authorization.roles: is a cycle: a > b > a'],
    [{ authorization: { roles: 'admin', permissions: { adnim: [] } } }, 'Did you mean "admin"?'],
    [
      { authorization: { roles: 'admin', permissions: { admin: ['a b'] } } },
      'authorization.permissions.admin: must be a list of permissions',
    ],
    [{ dangerouslyWithoutGlobalGuard: 'yes' }, 'dangerouslyWithoutGlobalGuard: must be true or false, not a string'],
    [{ authentication: { passport: 'google' } }, 'authentication.passport: must be a list, not a string'],
    [{ authentication: { passport: ['google', 'google'] } }, '"google" is configured twice'],
    [{ authentication: { passport: [{ name: 'basic', challenge: 'Basic\r\nX: y' }] } }, 'passport[0].challenge'],
    [{ authentication: { principal: 'sub' } }, 'authentication.principal: must be a function'],
    [
      { authentication: { jwt: { ...trusting(key), cache: [] } } },
      'authentication.jwt.cache: must be an object or false',
    ],
    [null, 'must be an object, not null'],
    [undefined, 'The options: must be an object, not undefined'],
    ['options', 'must be an object, not a string'],
  ])('%j are refused', (options, expected) => {
    expect(optionsRefusal(options).message).toContain(expected);
  });

  it('never show a secret in the message', () => {
    const secret = sharedSecret(20);
    const { message } = optionsRefusal({
      authentication: { jwt: { issuer: 'i', audience: 'a', algorithms: ['HS256'], secret } },
    });
    expect(message).toContain('authentication.jwt.secret');
    expect(message).not.toContain(secret);
  });

  it('of forFeature are checked as well', () => {
    expect(() => SecurityModule.forFeature({ role: ['admin'] } as never)).toThrow('Did you mean "roles"?');
    expect(() => SecurityModule.forFeature({ roles: [] })).toThrow(SecurityConfigurationError);
  });

  it('of defineSecurity are checked at once and can be extended', async () => {
    expect(() => defineSecurity({ authorisation: {} } as never)).toThrow('authorization');
    const base = defineSecurity(securityWith(key));
    const running = await startApplication('express', {
      imports: [SecurityModule.forRoot({ ...base, validation: false })],
    });
    await running.close();
  });

  it('of forRootAsync are checked when the application starts', async () => {
    const error = await startFailure({
      imports: [SecurityModule.forRootAsync({ useFactory: () => ({ authorisation: {} }) as SecurityOptions })],
    });
    expect((error as Error).message).toContain('Did you mean "authorization"?');
  });
});

describe('In production', () => {
  const environment = process.env['NODE_ENV'];
  afterEach(() => {
    if (environment === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = environment;
  });

  const weak = {
    issuer: 'https://id.palisade.test',
    audience: 'a',
    algorithms: ['HS256'] as const,
    secret: 'secret-secret-secret-secret-secret-secret',
  };

  it('a weak secret stops the start, which elsewhere is warned of', async () => {
    const metadata = { imports: [SecurityModule.forRoot({ authentication: { jwt: weak } })] };
    await (await startApplication('express', metadata)).close();
    process.env['NODE_ENV'] = 'production';
    const error = await startFailure(metadata);
    expect(error).toBeInstanceOf(SecurityConfigurationError);
    expect((error as Error).message).not.toContain(weak.secret);
  });
});

describe('The module', () => {
  let running: RunningApplication;
  afterEach(() => running.close());

  it('takes its options from other providers with forRootAsync', async () => {
    @Injectable()
    class Settings {
      readonly security = securityWith(key);
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    running = await startApplication('express', {
      imports: [
        SecurityModule.forRootAsync({
          imports: [SettingsModule],
          inject: [Settings],
          useFactory: (settings: Settings) => Promise.resolve(settings.security),
        }),
      ],
      controllers: [controllerWith(Roles('admin'))],
    });
    const tokens = new TokenIssuer(key, running.clock);
    expect((await running.client.get('/')).status).toBe(401);
    expect((await running.client.withToken('/', tokens.issue({ roles: ['admin'] }))).status).toBe(200);
  });

  it('denies everything but public handlers when nothing is configured', async () => {
    running = await startApplication('express', {
      imports: [SecurityModule.forRoot({})],
      controllers: [controllerWith()],
    });
    const answer = await running.client.get('/');
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  it('lets tests replace the guard', async () => {
    running = await startApplication(
      'express',
      { imports: [SecurityModule.forRoot(securityWith(key))], controllers: [controllerWith(Roles('admin'))] },
      { customize: (builder) => builder.overrideProvider(SecurityGuard).useValue({ canActivate: () => true }) },
    );
    expect((await running.client.get('/')).status).toBe(200);
  });

  it('denies by default everything that has no rule when told so', async () => {
    running = await startApplication('express', {
      imports: [SecurityModule.forRoot(securityWith(key, { authorization: { fallback: 'deny' } }))],
      controllers: [controllerWith()],
    });
    const answer = await running.client.withToken('/', new TokenIssuer(key, running.clock).issue({ roles: ['admin'] }));
    expect(answer.status).toBe(403);
    expect(answer.body['code']).toBe('denied_by_default');
  });
});
