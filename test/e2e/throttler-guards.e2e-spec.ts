import { Controller, Get, Injectable, Scope, UseGuards, type ExecutionContext, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { minutes, type ThrottlerStorage } from '@nestjs/throttler';
import { describe, expect, it } from '@jest/globals';
import {
  Public,
  RateLimitGuard,
  type DecisionEvent,
  type HttpRequest,
  type RateLimitingOptions,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { edgeOfEachTest, statusesOf, type EdgeApplication, type EdgeSetup } from './edge.harness.js';

/** Throttles by customer, wherever a request comes from. */
@Injectable()
class ByCustomer extends RateLimitGuard {
  protected override async getTracker(request: HttpRequest): Promise<string> {
    return String(request.headers['x-customer']);
  }
}

/** A guard that extends a guard that extends it. */
@Injectable()
class ByRegularCustomer extends ByCustomer {}

@Injectable({ scope: Scope.REQUEST })
class ByCustomerOfRequest extends ByCustomer {
  // Nest does so once, for guards that are there when the application starts.
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await this.onModuleInit();
    return super.canActivate(context);
  }
}

describe.each(ADAPTERS)('Guards that extend RateLimitGuard, on %s,', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);

  @Controller('shop')
  @Public()
  @UseGuards(ByCustomer)
  class Shop {
    @Get()
    list() {
      return {};
    }
  }

  @Controller('sale')
  @Public()
  class Sale extends Shop {}

  @Controller('help')
  @Public()
  class Help {
    @Get('questions')
    @UseGuards(ByRegularCustomer)
    questions() {
      return {};
    }

    @Get('answers')
    answers() {
      return {};
    }

    @Get('plain')
    @UseGuards(RateLimitGuard)
    plain() {
      return {};
    }
  }

  async function start(
    rateLimit: NonNullable<SecurityOptions['rateLimit']> = [{ ttl: minutes(1), limit: 2 }],
    setup: EdgeSetup = {},
    controllers: readonly Type[] = [Shop, Sale, Help],
  ): Promise<EdgeApplication> {
    return startOne({ proxy: { trust: 1 }, rateLimit }, controllers, setup);
  }

  /** Three requests of one customer from three addresses, then three of three customers from one. */
  async function countedBy(app: EdgeApplication, path: string) {
    let asked = 0;
    const call = (customer: string, address: string) =>
      app.send(path, { headers: { 'x-customer': customer, 'x-forwarded-for': address } });
    return {
      customer: await statusesOf(3, () => call('alice', `192.0.2.${++asked}`)),
      address: await statusesOf(3, () => call(`other-${++asked}`, '198.51.100.1')),
    };
  }

  const byCustomer = { customer: [200, 200, 429], address: [200, 200, 200] };
  const byAddress = { customer: [200, 200, 200], address: [200, 200, 429] };

  it('have the throttlers of the controllers they guard, and of those that extend them', async () => {
    const app = await start();
    expect(await countedBy(app, '/shop')).toEqual(byCustomer);
    expect(await countedBy(app, '/sale')).toEqual(byCustomer);
  });

  it('leave the throttlers of all other routes as they are', async () => {
    const app = await start();
    expect(await countedBy(app, '/help/answers')).toEqual(byAddress);
    expect(await countedBy(app, '/help/plain')).toEqual(byAddress);
  });

  it('have the throttlers of the handler they guard, and of no other of its controller', async () => {
    const app = await start();
    expect(await countedBy(app, '/help/questions')).toEqual(byCustomer);
    expect(await countedBy(app, '/help/answers')).toEqual(byAddress);
  });

  it('have the throttlers of all routes as a provider of APP_GUARD', async () => {
    const app = await start(undefined, { providers: [{ provide: APP_GUARD, useClass: ByCustomer }] }, [Help]);
    expect(await countedBy(app, '/help/answers')).toEqual(byCustomer);
    expect(await countedBy(app, '/help/plain')).toEqual(byCustomer);
  });

  it('have the throttlers of all routes as a provider of APP_GUARD that is made for each request', async () => {
    const guard = { provide: APP_GUARD, useClass: ByCustomerOfRequest, scope: Scope.REQUEST };
    const app = await start(undefined, { providers: [guard] }, [Help]);
    expect(await countedBy(app, '/help/answers')).toEqual(byCustomer);
  });

  it('have the throttlers of all routes where useGlobalGuards has them', async () => {
    const configure: EdgeSetup['configure'] = (created) => void created.useGlobalGuards(created.get(ByCustomer));
    const app = await start(undefined, { providers: [ByCustomer], configure }, [Help]);
    expect(await countedBy(app, '/help/answers')).toEqual(byCustomer);
  });

  it('have none as long as they guard nothing', async () => {
    const app = await start(undefined, { providers: [ByCustomer] }, [Help]);
    expect(await countedBy(app, '/help/answers')).toEqual(byAddress);
  });

  describe('say which throttler it was', () => {
    const throttlers: RateLimitingOptions['throttlers'] = [
      { name: 'burst', ttl: minutes(1), limit: 5 },
      { name: 'calm', ttl: minutes(10), limit: 1 },
    ];
    const decisions = (app: EdgeApplication) => app.events.filter((event): event is DecisionEvent => 'reason' in event);

    it('that denied', async () => {
      const app = await start({ throttlers });
      await app.send('/shop');
      await app.send('/shop');
      expect(app.takeDenials()).toEqual([expect.objectContaining({ reason: 'rate_limited', limit: 'calm' })]);
    });

    it('that has no name', async () => {
      const app = await start([{ ttl: minutes(1), limit: 0 }]);
      await app.send('/shop');
      expect(app.takeDenials()).toEqual([expect.objectContaining({ reason: 'rate_limited', limit: 'default' })]);
    });

    it('that would have denied, where that is only recorded', async () => {
      const app = await start({ throttlers, enforcement: 'report' });
      for (let i = 0; i < 2; i++) expect((await app.send('/shop')).status).toBe(200);
      expect(decisions(app)).toContainEqual(
        expect.objectContaining({ reason: 'rate_limited', enforced: false, limit: 'calm' }),
      );
    });

    it('that could not be asked', async () => {
      const storage: ThrottlerStorage = { increment: () => Promise.reject(new Error('away')) };
      const app = await start({ throttlers, storage, onStoreError: 'closed' });
      expect((await app.send('/shop')).status).toBe(503);
      expect(app.takeDenials()).toEqual([
        expect.objectContaining({ reason: 'rate_limit_unavailable', limit: 'burst' }),
      ]);
    });
  });
});
