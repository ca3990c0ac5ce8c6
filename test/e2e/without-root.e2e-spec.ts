import { Controller, Get, Injectable, Module, UseGuards, type ModuleMetadata, type Type } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { Query, Resolver } from '@nestjs/graphql';
import { describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import {
  AllowHttp,
  Authenticated,
  AuthenticationGuard,
  AuthorizationGuard,
  BodyLimit,
  ConcurrencyLimit,
  ContentSecurityPolicy,
  ContentTypes,
  Cors,
  CsrfExempt,
  OptionalAuth,
  Permissions,
  Policy,
  Priority,
  Public,
  RateLimit,
  RateLimitGuard,
  Roles,
  Scopes,
  SecurityConfigurationError,
  SecurityGuard,
  SecurityModule,
  SkipRateLimit,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';

const key = signingKey('ES256');

async function problemsOf(adapter: AdapterName, metadata: ModuleMetadata): Promise<readonly string[]> {
  try {
    await (await startApplication(adapter, metadata)).close();
  } catch (error) {
    if (!(error instanceof SecurityConfigurationError)) throw error;
    return error.problems.map(({ where, problem, fix }) => `${where}: ${problem}. ${fix}`);
  }
  return [];
}

const UNENFORCED =
  'and no module of the application imports SecurityModule.forRoot: nothing would be enforced. ' +
  'Import SecurityModule.forRoot({ … }) in the root module of the application';

type Rule = ClassDecorator & MethodDecorator;

function controllerWith(onHandler: readonly Rule[], onClass: readonly ClassDecorator[] = []): Type {
  @Controller()
  class AccountsController {
    @Get()
    list() {
      return {};
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(AccountsController.prototype, 'list') as PropertyDescriptor;
  for (const decorate of onHandler) decorate(AccountsController.prototype, 'list', descriptor);
  for (const decorate of onClass) decorate(AccountsController);
  return AccountsController;
}

const RULES: readonly (readonly [string, Rule])[] = [
  ['@Roles("admin")', Roles('admin')],
  ['@Permissions("account:read")', Permissions('account:read')],
  ['@Scopes("accounts")', Scopes('accounts')],
  ['@Policy', Policy(() => true)],
  ['@Authenticated()', Authenticated()],
  ['@OptionalAuth()', OptionalAuth()],
  ['@RateLimit("5/minute")', RateLimit('5/minute')],
  ['@ConcurrencyLimit(5)', ConcurrencyLimit(5)],
  ['@BodyLimit', BodyLimit('1kb')],
  ['@ContentTypes', ContentTypes('application/json')],
  ['@ContentSecurityPolicy', ContentSecurityPolicy({})],
];

const EXEMPTIONS: readonly (readonly [string, Rule])[] = [
  ['@Public', Public()],
  ['@SkipRateLimit', SkipRateLimit()],
  ['@ConcurrencyLimit(false)', ConcurrencyLimit(false)],
  ['@Priority', Priority('low')],
  ['@AllowHttp', AllowHttp()],
  ['@CsrfExempt', CsrfExempt()],
  ['@Cors', Cors({ origins: ['https://app.example'] })],
];

describe.each(ADAPTERS)('An application that imports no SecurityModule.forRoot, on %s, is not started', (adapter) => {
  it.each(RULES)('with %s on a handler', async (text, decorate) => {
    const problems = await problemsOf(adapter, { controllers: [controllerWith([decorate])] });
    expect(problems).toEqual([expect.stringMatching(/^AccountsController\.list: declares @/)]);
    expect(problems[0]).toContain(`declares ${text}`);
    expect(problems[0]).toContain(UNENFORCED);
  });

  it.each(RULES)('with %s on a class', async (text, decorate) => {
    const problems = await problemsOf(adapter, { controllers: [controllerWith([], [decorate])] });
    expect(problems).toEqual([expect.stringContaining(`AccountsController: declares ${text}`)]);
  });

  it('with a rule on the class that a controller extends', async () => {
    @Controller()
    class Inheriting extends controllerWith([Roles('admin'), Scopes('accounts')]) {}
    expect(await problemsOf(adapter, { controllers: [Inheriting] })).toEqual([
      expect.stringContaining('AccountsController.list: declares @Roles("admin") and @Scopes("accounts"), and'),
    ]);
  });

  it('with a rule on a resolver', async () => {
    @Resolver()
    class Accounts {
      @Query(() => String)
      @Roles('admin')
      accounts() {
        return '';
      }
    }
    expect(await problemsOf(adapter, { providers: [Accounts] })).toEqual([
      expect.stringContaining('Accounts.accounts: declares @Roles("admin")'),
    ]);
  });

  it('with forFeature', async () => {
    @Module({ imports: [SecurityModule.forFeature({ roles: ['admin'] })], controllers: [controllerWith([])] })
    class Feature {}
    @Module({ imports: [SecurityModule.forFeature({ rateLimit: ['5/minute'] })], controllers: [] })
    class Other {}
    expect(await problemsOf(adapter, { imports: [Feature, Other] })).toEqual([
      `Feature: imports SecurityModule.forFeature, ${UNENFORCED}`,
      `Other: imports SecurityModule.forFeature, ${UNENFORCED}`,
    ]);
  });

  it.each([
    ['SecurityGuard', SecurityGuard],
    ['AuthenticationGuard', AuthenticationGuard],
    ['AuthorizationGuard', AuthorizationGuard],
    ['RateLimitGuard', RateLimitGuard],
  ])('with @UseGuards(%s)', async (name, guard) => {
    const expected = [`@UseGuards(${name}): is used, ${UNENFORCED}`];
    const controllers = [controllerWith([], [UseGuards(guard)])];
    expect(await problemsOf(adapter, { controllers })).toEqual(expected);
    expect(await problemsOf(adapter, { controllers, providers: [guard] })).toEqual(expected);
    expect(await problemsOf(adapter, { providers: [{ provide: APP_GUARD, useClass: guard }] })).toEqual(expected);
  });

  it('while another application of the process imports it', async () => {
    const controller = controllerWith([Roles('admin')]);
    const first = await startApplication(adapter, {
      imports: [SecurityModule.forRoot(securityWith(key))],
      controllers: [controller],
    });
    expect(await problemsOf(adapter, { controllers: [controller] })).toHaveLength(1);
    expect((await first.client.get('/')).status).toBe(401);
    await first.close();
  });
});

describe('An application without SecurityModule.forRoot', () => {
  it.each(EXEMPTIONS)('is started with %s, which asks for nothing', async (_, decorate) => {
    const metadata = { controllers: [controllerWith([decorate]), controllerWith([], [decorate])] };
    expect(await problemsOf('express', metadata)).toEqual([]);
  });

  it('has its classes with rules made for a test that starts nothing', async () => {
    @Injectable()
    class Accounts {
      readonly all = [];
    }
    @Controller()
    class AccountsController {
      constructor(private readonly accounts: Accounts) {}

      @Get()
      @Roles('admin')
      list() {
        return this.accounts.all;
      }
    }
    const module = await Test.createTestingModule({
      imports: [],
      controllers: [AccountsController],
      providers: [Accounts],
    }).compile();
    expect(module.get(AccountsController).list()).toEqual([]);
    await module.close();
  });

  it('is not started without HTTP either', async () => {
    @Module({ controllers: [controllerWith([Roles('admin')])] })
    class Root {}
    const start = NestFactory.createApplicationContext(Root, { logger: false, abortOnError: false });
    await expect(start).rejects.toThrow(SecurityConfigurationError);
  });
});

describe.each(ADAPTERS)('SecurityModule.forRoot in a feature module alone, on %s', (adapter) => {
  it('holds for the controllers of all modules', async () => {
    @Module({ imports: [SecurityModule.forRoot(securityWith(key))] })
    class Feature {}
    @Module({ imports: [SecurityModule.forFeature({ roles: ['admin'] })], controllers: [controllerWith([])] })
    class Other {}
    const running = await startApplication(adapter, { imports: [Other, Feature] });
    expect((await running.client.get('/')).status).toBe(401);
    await running.close();
  });
});
