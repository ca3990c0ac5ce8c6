import {
  Body,
  Catch,
  Controller,
  Get,
  HttpException,
  Injectable,
  Module,
  Post,
  Scope,
  type ArgumentsHost,
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type INestApplication,
  type PipeTransform,
  type Provider,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE, BaseExceptionFilter, HttpAdapterHost, REQUEST } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { IsInt } from 'class-validator';
import { Public, RateLimitGuard, Roles, SecurityModule, type HttpRequest, type SecurityOptions } from '@palisade/nest';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { FakeClock } from '../support/clock.js';
import { HttpClient } from '../support/http-client.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { createWithFactory, listen } from './edge.harness.js';

const key = signingKey('ES256');

/** The callers that guards of the application saw; `undefined` for nobody. */
const seen: unknown[] = [];

function callerIn(context: ExecutionContext): unknown {
  return (context.switchToHttp().getRequest<HttpRequest>().user as { id?: unknown } | undefined)?.id;
}

@Injectable()
class Watching implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    seen.push(callerIn(context));
    return true;
  }
}

@Injectable({ scope: Scope.REQUEST })
class WatchingOfRequest extends Watching {}

class WatchingWithoutInjection extends Watching {}

@Injectable()
class WatchingThrottler extends ThrottlerGuard {
  override canActivate(context: ExecutionContext): Promise<boolean> {
    seen.push(callerIn(context));
    return super.canActivate(context);
  }
}

@Injectable()
class WatchingLimits extends RateLimitGuard {
  override canActivate(context: ExecutionContext): Promise<boolean> {
    seen.push(callerIn(context));
    return super.canActivate(context);
  }
}

@Controller('accounts')
@Roles('teller')
class Accounts {
  @Get()
  list() {
    return {};
  }
}

@Controller({ path: 'drafts', scope: Scope.REQUEST })
@Roles('teller')
class Drafts {
  @Get()
  list() {
    return {};
  }
}

function featureWith(...providers: Provider[]): DynamicModule {
  @Module({})
  class Feature {}
  return { module: Feature, providers };
}

interface Placement {
  readonly providers?: readonly Provider[];
  readonly before?: readonly DynamicModule[];
  readonly after?: readonly DynamicModule[];
  configure?(app: INestApplication): void;
}

/** Every way in which an application has a global guard of its own. */
const PLACEMENTS: Readonly<Record<string, Placement>> = {
  'a class in the root module': { providers: [{ provide: APP_GUARD, useClass: Watching }] },
  'an existing provider in the root module': { providers: [Watching, { provide: APP_GUARD, useExisting: Watching }] },
  'a factory in the root module': { providers: [{ provide: APP_GUARD, useFactory: () => new Watching() }] },
  'an asynchronous factory in the root module': {
    providers: [{ provide: APP_GUARD, useFactory: async () => Promise.resolve(new Watching()) }],
  },
  'a value in the root module': { providers: [{ provide: APP_GUARD, useValue: new Watching() }] },
  'a class that is made for each request': { providers: [{ provide: APP_GUARD, useClass: WatchingOfRequest }] },
  'a feature module before ours': { before: [featureWith({ provide: APP_GUARD, useClass: Watching })] },
  'a feature module behind ours': { after: [featureWith({ provide: APP_GUARD, useClass: Watching })] },
  'a global module': { before: [{ ...featureWith({ provide: APP_GUARD, useClass: Watching }), global: true }] },
  useGlobalGuards: { configure: (app) => void app.useGlobalGuards(new WatchingWithoutInjection()) },
  'a guard that extends RateLimitGuard': { providers: [{ provide: APP_GUARD, useClass: WatchingLimits }] },
  'a guard that extends ThrottlerGuard': {
    before: [ThrottlerModule.forRoot([{ ttl: 60_000, limit: 100 }])],
    providers: [{ provide: APP_GUARD, useClass: WatchingThrottler }],
  },
};

const running: INestApplication[] = [];
afterEach(async () => {
  seen.length = 0;
  for (const app of running.splice(0)) await app.close();
});

async function start(
  adapter: AdapterName,
  { providers = [], before = [], after = [], configure }: Placement,
  options: SecurityOptions = {},
  controllers = [Accounts, Drafts] as (new () => unknown)[],
) {
  const app = await createWithFactory(adapter, {
    imports: [...before, SecurityModule.forRoot(securityWith(key, options)), ...after],
    controllers,
    providers: [...providers],
  });
  running.push(app);
  configure?.(app);
  return new HttpClient(await listen(app));
}

/** The applications of this file have the clock of the machine: Nest's factory lets nobody replace a provider. */
const clock = new FakeClock();
clock.advance(Math.floor(Date.now() / 1000) - clock.seconds);
const token = () => new TokenIssuer(key, clock).issue({ sub: 'u-1', roles: ['teller'] });

describe.each(ADAPTERS)('A global guard of the application, on %s,', (adapter) => {
  it.each(Object.keys(PLACEMENTS))('runs behind the guard of the package as %s', async (name) => {
    const client = await start(adapter, PLACEMENTS[name] as Placement);
    for (const path of ['/accounts', '/drafts']) {
      seen.length = 0;
      expect((await client.get(path)).status).toBe(401);
      expect(seen).toEqual([]);
      expect((await client.withToken(path, token())).status).toBe(200);
      expect(seen).toEqual(['u-1']);
    }
  });

  it('runs behind it where several are registered at once', async () => {
    const all = Object.values(PLACEMENTS);
    const client = await start(adapter, {
      before: all.flatMap(({ before = [] }) => before),
      after: all.flatMap(({ after = [] }) => after),
      providers: all.flatMap(({ providers = [] }) => providers),
      configure: (app) => all.forEach(({ configure }) => configure?.(app)),
    });
    expect((await client.get('/accounts')).status).toBe(401);
    expect(seen).toEqual([]);
    expect((await client.withToken('/accounts', token())).status).toBe(200);
    expect(seen).toEqual(all.map(() => 'u-1'));
  });

  it('runs behind it where it was put in front of the list by hand', async () => {
    const client = await start(adapter, {
      configure: (app) => {
        const { container } = app as unknown as {
          container: { applicationConfig: { getGlobalGuards(): CanActivate[] } };
        };
        container.applicationConfig.getGlobalGuards().unshift(new Watching());
      },
    });
    expect((await client.get('/accounts')).status).toBe(401);
    expect(seen).toEqual([]);
  });
});

describe.each(ADAPTERS)('Other global enhancers of the application, on %s,', (adapter) => {
  class Order {
    @IsInt()
    amount!: number;
  }

  @Controller('orders')
  @Public()
  class Orders {
    @Post()
    add(@Body() order: Order) {
      return { isOrder: order instanceof Order };
    }
  }

  const piped: unknown[] = [];
  @Injectable()
  class LookingPipe implements PipeTransform {
    transform(value: unknown): unknown {
      piped.push(value);
      return value;
    }
  }

  @Catch()
  class Everything extends BaseExceptionFilter {
    override catch(exception: unknown, host: ArgumentsHost): void {
      super.catch(new HttpException(`caught ${String(exception)}`, 418), host);
    }
  }

  it.each<[string, Placement]>([
    ['the root module', { providers: [{ provide: APP_PIPE, useClass: LookingPipe }] }],
    ['a feature module', { before: [featureWith({ provide: APP_PIPE, useClass: LookingPipe })] }],
    ['useGlobalPipes', { configure: (app) => void app.useGlobalPipes(new LookingPipe()) }],
  ])('are pipes that see no input that was not validated, in %s', async (_place, placement) => {
    piped.length = 0;
    const client = await start(adapter, placement, {}, [Orders]);
    expect((await client.post('/orders', { amount: 'much' })).status).toBe(400);
    expect(piped).toEqual([]);
    expect((await client.post('/orders', { amount: 1 })).body).toEqual({ isOrder: true });
    expect(piped).toEqual([expect.any(Order)]);
  });

  it.each<[string, Placement]>([
    ['the root module', { providers: [{ provide: APP_FILTER, useClass: Everything }] }],
    ['a feature module before', { before: [featureWith({ provide: APP_FILTER, useClass: Everything })] }],
    ['a feature module behind', { after: [featureWith({ provide: APP_FILTER, useClass: Everything })] }],
    [
      'useGlobalFilters',
      { configure: (app) => void app.useGlobalFilters(new Everything(app.get(HttpAdapterHost).httpAdapter)) },
    ],
  ])('are filters that leave bodies alone which nobody can read, in %s', async (_place, placement) => {
    const client = await start(adapter, placement, {}, [Orders]);
    const answer = await client.post('/orders', '{"amount":', { 'content-type': 'application/json' });
    expect([answer.status, answer.body['code']]).toEqual([400, 'body_malformed']);
    expect((await client.post('/orders', { amount: 'much' })).status).toBe(418);
  });
});

describe('The start is refused', () => {
  it('where options depend on what is made for each request', async () => {
    const app = createWithFactory('express', {
      imports: [SecurityModule.forRootAsync({ inject: [REQUEST], useFactory: () => securityWith(key) })],
      controllers: [Accounts],
    }).then((created) => {
      running.push(created);
      return created.init();
    });
    await expect(app).rejects.toThrow('SecurityModule.forRootAsync: injects a request-scoped provider');
  });
});
