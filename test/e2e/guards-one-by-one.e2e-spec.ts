import {
  applyDecorators,
  Body,
  Controller,
  Get,
  Module,
  Post,
  UseGuards,
  type CanActivate,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { describe, expect, it } from '@jest/globals';
import { Throttle } from '@nestjs/throttler';
import { IsString } from 'class-validator';
import {
  AllowHttp,
  Authenticated,
  AuthenticationGuard,
  AuthorizationGuard,
  BodyLimit,
  ConcurrencyLimit,
  ContentTypes,
  Cors,
  CurrentUser,
  OptionalAuth,
  Permissions,
  Policy,
  Public,
  RateLimit,
  RateLimitGuard,
  Roles,
  Scopes,
  SecurityConfigurationError,
  SecurityGuard,
  SecurityModule,
  SkipRateLimit,
  VisibleTo,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import type { HttpAnswer, HttpClient } from '../support/http-client.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

const key = signingKey('ES256');

type RuleDecorator = ClassDecorator & MethodDecorator;

/** Ways of calling a handler, and of telling from the answers that its rule holds. */
interface Caller {
  as(id: string, claims?: object): Promise<HttpAnswer>;
  withWrongToken(): Promise<HttpAnswer>;
  anonymous(): Promise<HttpAnswer>;
}

interface Rule {
  readonly decorate: RuleDecorator;
  /** True where the rule holds. */
  readonly holds: (call: Caller, isAnybodyKnown: boolean) => Promise<boolean>;
}

async function statuses(...answers: readonly (() => Promise<HttpAnswer>)[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const answer of answers) found.push((await answer()).status);
  return found;
}

const held: (() => void)[] = [];

function letGo(): void {
  for (const release of held.splice(0)) release();
}

/** Holds a request until it is let go, or until a second one is there that nothing kept out. */
async function untilLetGo(): Promise<void> {
  const released = new Promise<void>((resolve) => held.push(resolve));
  if (held.length > 1) letGo();
  await released;
}

const deniesAlice: Rule['holds'] = async (call) => [401, 403].includes((await call.as('alice')).status);

const RULES = {
  Roles: { decorate: Roles('teller'), holds: deniesAlice },
  Permissions: { decorate: Permissions('account:read'), holds: deniesAlice },
  Scopes: { decorate: Scopes('accounts'), holds: deniesAlice },
  Policy: { decorate: Policy(() => false), holds: deniesAlice },
  Authenticated: {
    decorate: Authenticated('jwt'),
    holds: async (call) => (await call.anonymous()).status === 401,
  },
  OptionalAuth: {
    decorate: OptionalAuth(),
    holds: async (call) => (await call.withWrongToken()).status === 401,
  },
  RateLimitByUser: {
    decorate: RateLimit({ limit: '1/minute', by: 'user' }),
    // Each caller has a quota, from one address; where nobody is known, the address has one, as on public routes.
    holds: async (call, isAnybodyKnown) =>
      (
        await statuses(
          () => call.as('alice'),
          () => call.as('alice'),
          () => call.as('bob'),
        )
      ).join() === (isAnybodyKnown ? '200,429,200' : '200,429,429'),
  },
  RateLimitByAddress: {
    decorate: RateLimit({ limit: '1/minute', by: 'ip' }),
    // Whoever guesses credentials is counted.
    holds: async (call) =>
      (
        await statuses(
          () => call.withWrongToken(),
          () => call.withWrongToken(),
        )
      )[1] === 429,
  },
  ConcurrencyLimit: {
    decorate: ConcurrencyLimit({ max: 1, by: 'user' }),
    holds: async (call) => {
      const answers = [call.as('alice'), call.as('alice')];
      await Promise.race(answers);
      letGo();
      return (await Promise.all(answers)).some(({ status }) => status === 429);
    },
  },
} as const satisfies Readonly<Record<string, Rule>>;

type RuleName = keyof typeof RULES;
const RULE_NAMES = Object.keys(RULES) as readonly RuleName[];

const REQUIREMENTS: readonly RuleName[] = ['Roles', 'Permissions', 'Scopes', 'Policy'];
const LIMITS: readonly RuleName[] = ['RateLimitByUser', 'RateLimitByAddress', 'ConcurrencyLimit'];
const IDENTITY: readonly RuleName[] = ['Authenticated', 'OptionalAuth'];

class OwnGuard implements CanActivate {
  canActivate() {
    return true;
  }
}
class OwnAuthenticationGuard extends AuthenticationGuard {}
class OwnSecurityGuard extends SecurityGuard {}
class OwnRateLimitGuard extends RateLimitGuard {}

interface SetUp {
  /** Decorators of the class and of the handler. */
  readonly onClass?: ClassDecorator;
  readonly onHandler?: MethodDecorator;
  readonly providers?: readonly object[];
  readonly refused: readonly RuleName[];
  /** True where no guard asks who calls. */
  readonly asksNobody?: boolean;
  /** Whether the handler stands in a base class. */
  readonly inherited?: boolean;
}

const guards = (...used: readonly Type<CanActivate>[]) => UseGuards(...used);

const SET_UPS: Readonly<Record<string, SetUp>> = {
  'SecurityGuard on the class': { onClass: guards(SecurityGuard), refused: [] },
  'SecurityGuard on the handler': { onHandler: guards(SecurityGuard), refused: [] },
  'SecurityGuard on a base class': { onClass: guards(SecurityGuard), inherited: true, refused: [] },
  'a class that extends SecurityGuard': {
    onClass: guards(OwnSecurityGuard),
    providers: [OwnSecurityGuard],
    refused: [],
  },
  'SecurityGuard among decorators that are applied together': {
    onHandler: applyDecorators(guards(OwnGuard), guards(SecurityGuard)) as MethodDecorator,
    refused: [],
  },
  'SecurityGuard as APP_GUARD': { providers: [{ provide: APP_GUARD, useExisting: SecurityGuard }], refused: [] },
  'limits for everybody, and SecurityGuard on the class': {
    providers: [{ provide: APP_GUARD, useClass: RateLimitGuard }],
    onClass: guards(SecurityGuard),
    refused: [],
  },
  'limits on both sides of authentication': {
    onClass: guards(RateLimitGuard, AuthenticationGuard, RateLimitGuard, AuthorizationGuard),
    refused: [],
  },
  'AuthenticationGuard and AuthorizationGuard': {
    onClass: guards(AuthenticationGuard, AuthorizationGuard),
    refused: LIMITS,
  },
  'AuthenticationGuard of the application on the class, AuthorizationGuard on the handler': {
    onClass: guards(OwnAuthenticationGuard),
    onHandler: guards(AuthorizationGuard),
    providers: [OwnAuthenticationGuard],
    refused: LIMITS,
  },
  'AuthenticationGuard as APP_GUARD': {
    providers: [{ provide: APP_GUARD, useClass: AuthenticationGuard }],
    onClass: guards(AuthorizationGuard),
    refused: LIMITS,
  },
  'AuthenticationGuard alone': { onClass: guards(AuthenticationGuard), refused: [...REQUIREMENTS, ...LIMITS] },
  'AuthorizationGuard alone': { onClass: guards(AuthorizationGuard), refused: RULE_NAMES },
  'AuthorizationGuard before AuthenticationGuard': {
    onClass: guards(AuthorizationGuard, AuthenticationGuard),
    refused: RULE_NAMES,
  },
  'RateLimitGuard alone': {
    onClass: guards(RateLimitGuard),
    asksNobody: true,
    refused: [...REQUIREMENTS, ...IDENTITY],
  },
  'a class that extends RateLimitGuard, which has throttlers only': {
    onClass: guards(OwnRateLimitGuard),
    providers: [OwnRateLimitGuard],
    refused: RULE_NAMES,
  },
  'RateLimitGuard before AuthenticationGuard': {
    onClass: guards(RateLimitGuard, AuthenticationGuard, AuthorizationGuard),
    refused: ['RateLimitByUser', 'ConcurrencyLimit'],
  },
  'RateLimitGuard after AuthenticationGuard': {
    onClass: guards(AuthenticationGuard, RateLimitGuard, AuthorizationGuard),
    refused: ['RateLimitByAddress'],
  },
  'a guard of the application': { onClass: guards(OwnGuard), refused: RULE_NAMES },
  'no guard': { refused: RULE_NAMES },
};

function handlerWith(name: RuleName, { onClass, onHandler, inherited }: SetUp): Type {
  class Base {
    @Get()
    async list() {
      if (name === 'ConcurrencyLimit') await untilLetGo();
      return {};
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Base.prototype, 'list') as PropertyDescriptor;
  RULES[name].decorate(Base.prototype, 'list', descriptor);
  onHandler?.(Base.prototype, 'list', descriptor);
  const type = inherited === true ? class extends Base {} : Base;
  Object.defineProperty(type, 'name', { value: `${name}Routes` });
  onClass?.(inherited === true ? Base : type);
  Controller(name)(type);
  return type;
}

async function startWith(
  adapter: AdapterName,
  setUp: SetUp,
  names: readonly RuleName[],
): Promise<RunningApplication | SecurityConfigurationError> {
  try {
    return await startApplication(adapter, {
      imports: [SecurityModule.forRoot(securityWith(key, { dangerouslyWithoutGlobalGuard: true }))],
      controllers: names.map((name) => handlerWith(name, setUp)),
      providers: [...((setUp.providers ?? []) as Type[])],
    });
  } catch (error) {
    if (error instanceof SecurityConfigurationError) return error;
    throw error;
  }
}

function callerOf(client: HttpClient, tokens: TokenIssuer, path: string): Caller {
  return {
    as: (id, claims = {}) => client.withToken(path, tokens.issue({ sub: id, roles: ['customer'], ...claims })),
    withWrongToken: () => client.withToken(path, 'wrong'),
    anonymous: () => client.get(path),
  };
}

describe.each(ADAPTERS)('Without the global guard on %s, a rule holds or stops the start, with', (adapter) => {
  it.each(Object.keys(SET_UPS))('%s', async (name) => {
    const setUp = SET_UPS[name] as SetUp;
    const all = await startWith(adapter, setUp, RULE_NAMES);
    const problems = all instanceof SecurityConfigurationError ? all.problems : [];
    if (!(all instanceof SecurityConfigurationError)) await all.close();
    const method = 'list';
    const refused = RULE_NAMES.filter((rule) => problems.some(({ where }) => where === `${rule}Routes.${method}`));
    expect(refused).toEqual(RULE_NAMES.filter((rule) => setUp.refused.includes(rule)));
    expect(problems.every(({ problem, fix }) => problem !== '' && /@UseGuards/.test(fix))).toBe(true);

    const enforced = RULE_NAMES.filter((rule) => !refused.includes(rule));
    const running = await startWith(adapter, setUp, enforced);
    if (running instanceof SecurityConfigurationError) throw running;
    const tokens = new TokenIssuer(key, running.clock);
    const holding: RuleName[] = [];
    for (const rule of enforced) {
      if (await RULES[rule].holds(callerOf(running.client, tokens, `/${rule}`), setUp.asksNobody !== true))
        holding.push(rule);
      // Limits by address are those of one route each.
      running.clock.advance(60_000);
    }
    await running.close();
    expect(holding).toEqual(enforced);
  });
});

describe.each(ADAPTERS)('Without the global guard on %s', (adapter) => {
  const withoutGuard = (options: SecurityOptions) =>
    securityWith(key, { dangerouslyWithoutGlobalGuard: true, ...options });

  async function failure(options: SecurityOptions, controllers: readonly Type[], imports: readonly Type[] = []) {
    try {
      const running = await startApplication(adapter, {
        imports: [SecurityModule.forRoot(withoutGuard(options)), ...imports],
        controllers: [...controllers],
      });
      await running.close();
    } catch (error) {
      if (error instanceof SecurityConfigurationError) {
        return error.problems.map(({ where, problem }) => `${where}: ${problem}`);
      }
      throw error;
    }
    return [];
  }

  @Controller('moved')
  @UseGuards(AuthenticationGuard, AuthorizationGuard)
  class Moved {
    @Get()
    list() {
      return {};
    }
  }

  @Controller('legacy')
  class Legacy {
    @Get()
    list() {
      return {};
    }

    /** Nest calls no method without a path. */
    helper() {
      return {};
    }
  }

  @Controller('exempt')
  @SkipRateLimit()
  @Public()
  class Exempt {
    @Get()
    list() {
      return {};
    }
  }

  it.each([
    ['rateLimit.global', { limits: { all: '5/minute' }, global: ['all'] }],
    ['rateLimit.default', { limits: { all: '5/minute' }, default: ['all'] }],
    ['rateLimit.throttlers', { throttlers: [{ name: 'all', ttl: 60_000, limit: 5 }] }],
    ['rateLimit', [{ name: 'all', ttl: 60_000, limit: 5 }]],
  ] as const)('limits of %s stop the start where no guard asks for them', async (place, rateLimit) => {
    const found = await failure({ rateLimit: rateLimit as never }, [Moved, Legacy, Exempt]);
    expect(found).toEqual([
      `Moved.list: ${place} would not be enforced: the global guard is switched off, and AuthenticationGuard and AuthorizationGuard do not enforce it`,
      `Legacy.list: ${place} would not be enforced: the global guard is switched off, and no guard of the package is in front of the handler`,
    ]);
  });

  it('names @Throttle with the throttlers that it changes', async () => {
    @Controller()
    @UseGuards(AuthenticationGuard)
    class Throttled {
      @Throttle({ all: { limit: 1 } })
      @Get()
      list() {
        return {};
      }
    }
    const found = await failure({ rateLimit: [{ name: 'all', ttl: 60_000, limit: 5 }] }, [Throttled]);
    expect(found).toEqual([expect.stringContaining('Throttled.list: rateLimit would not be enforced')]);
  });

  it.each([
    ['roles', { roles: ['teller'] }],
    ['permissions', { permissions: ['account:read'] }],
    ['scopes', { scopes: ['accounts'] }],
    ['access', { access: ['jwt'] }],
    ['access', { access: 'optional' as const }],
    ['rateLimit', { rateLimit: ['5/minute'] }],
    ['concurrency', { concurrency: [5] }],
  ])('forFeature({ %s }) stops the start where nothing enforces it', async (option, feature) => {
    @Module({ imports: [SecurityModule.forFeature(feature)], controllers: [Legacy] })
    class Feature {}
    expect(await failure({}, [], [Feature])).toEqual([
      expect.stringContaining(`Legacy.list: forFeature({ ${option} }) would not be enforced`),
    ]);
  });

  it('authorization.fallback stops the start where nothing enforces it', async () => {
    expect(await failure({ authorization: { fallback: 'deny' } }, [Legacy, Exempt])).toEqual([
      expect.stringContaining("Legacy.list: authorization.fallback: 'deny' would not be enforced"),
    ]);
  });

  it('guards of useGlobalGuards count, also in the place of those of APP_GUARD', async () => {
    @Controller('global')
    class Global {
      @Roles('teller')
      @Get()
      list() {
        return {};
      }
    }
    const running = await startApplication(
      adapter,
      { imports: [SecurityModule.forRoot(withoutGuard({}))], controllers: [Global] },
      { configure: (app) => app.useGlobalGuards(app.get(AuthenticationGuard), app.get(AuthorizationGuard)) },
    );
    const tokens = new TokenIssuer(key, running.clock);
    expect((await running.client.withToken('/global', tokens.issue({ roles: ['customer'] }))).status).toBe(403);
    expect((await running.client.withToken('/global', tokens.issue({ roles: ['teller'] }))).status).toBe(200);
    await running.close();
  });

  it('a guard that a test replaces counts as what it replaces', async () => {
    @Controller('replaced')
    class Replaced {
      @Roles('teller')
      @Get()
      list() {
        return {};
      }
    }
    const running = await startApplication(
      adapter,
      {
        imports: [SecurityModule.forRoot(withoutGuard({}))],
        controllers: [Replaced],
        providers: [{ provide: APP_GUARD, useExisting: SecurityGuard }],
      },
      { customize: (builder) => builder.overrideProvider(SecurityGuard).useValue({ canActivate: () => true }) },
    );
    expect((await running.client.get('/replaced')).status).toBe(200);
    await running.close();
  });

  it('what the edge, the pipe and masking say holds for handlers without any guard', async () => {
    class Body_ {
      @IsString() title!: string;
    }
    class Shown {
      readonly id = 1;
      @VisibleTo('auditor') readonly balance = 2;
    }
    @Controller('open')
    class Open {
      @Get()
      show(@CurrentUser('kind') kind: string) {
        return { kind, account: new Shown() };
      }

      @Post()
      @BodyLimit('1kb')
      create(@Body() body: Body_) {
        return body;
      }

      @Post('form')
      @ContentTypes('application/x-www-form-urlencoded')
      form() {
        return {};
      }

      @Get('http')
      @AllowHttp()
      http() {
        return {};
      }

      @Get('cors')
      @Cors({ origins: ['https://app.example'] })
      cors() {
        return {};
      }
    }
    const running = await startApplication(adapter, {
      imports: [
        SecurityModule.forRoot(
          withoutGuard({ profile: 'web', hosts: ['bank.example'], https: { mode: 'reject' } as never }),
        ),
      ],
      controllers: [Open],
    });
    const { client } = running;
    const call = (path: string, call_: Parameters<HttpClient['call']>[1]) =>
      client.call(path, { host: 'bank.example', ...call_ });
    expect((await call('/open', {})).status).toBe(403);
    expect((await call('/open/http', {})).status).toBe(200);
    await running.close();

    const served = await startApplication(adapter, {
      imports: [SecurityModule.forRoot(withoutGuard({ profile: 'web', https: false }))],
      controllers: [Open],
    });
    const { client: plain } = served;
    expect((await plain.get('/open')).body).toEqual({ kind: 'anonymous', account: { id: 1 } });
    expect((await plain.post('/open', { title: 1 })).status).toBe(400);
    expect((await plain.post('/open', { title: 'x'.repeat(2000) })).status).toBe(413);
    expect((await plain.post('/open/form', {})).status).toBe(415);
    const cors = await plain.get('/open/cors', { origin: 'https://app.example' });
    expect(cors.headers['access-control-allow-origin']).toBe('https://app.example');
    const foreign = await plain.post('/open', { title: 'a' }, { origin: 'https://evil.example' });
    expect(foreign.body['code']).toBe('csrf_cross_origin');
    await served.close();
  });
});
