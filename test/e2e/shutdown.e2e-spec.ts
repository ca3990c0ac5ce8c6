import { Controller, Get, Injectable, Req, type BeforeApplicationShutdown } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ConcurrencyLimit,
  Lockout,
  MemoryLeaseStore,
  MemoryRateLimitStore,
  Public,
  RateLimit,
  RateLimiter,
  Scheduler,
  SecurityModule,
  type HttpRequest,
  type LeaseStore,
  type RateLimitStore,
  type SecurityOptions,
} from '@palisade/nest';
import type { Server } from 'node:http';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { FakeScheduler } from '../support/scheduler.js';
import { Gate, until } from '../support/waiting.js';
import { startEdge, type EdgeApplication } from './edge.harness.js';

/** Stores as several processes share them, which may be away. */
class Shared {
  readonly calls: string[] = [];
  private readonly counts = new MemoryRateLimitStore({ maxClients: 100 });
  private readonly places = new MemoryLeaseStore();

  readonly store: RateLimitStore = {
    consume: async (charges) => this.called('consume', () => this.counts.consume(charges)),
    peek: async (charges) => this.called('peek', () => this.counts.peek(charges)),
    refund: async (charges) => this.called('refund', () => this.counts.refund(charges)),
    reset: async (counted) => this.called('reset', () => this.counts.reset(counted)),
  };

  readonly leases: LeaseStore = {
    ttl: 30_000,
    acquire: async (lease) => this.called('acquire', () => this.places.acquire(lease)),
    renew: async () => this.called('renew', () => undefined),
    release: async (lease) => this.called('release', () => this.places.release(lease)),
  };

  get held(): number {
    return this.places.size;
  }

  private called<T>(name: string, call: () => T): T {
    this.calls.push(name);
    return call();
  }
}

describe.each(ADAPTERS)('An application that shuts down on %s', (adapter: AdapterName) => {
  let running: EdgeApplication;
  let shared: Shared;
  let scheduler: FakeScheduler;
  /** In the handlers. */
  let gate: Gate;
  /** In the shutdown, before the server stops. */
  let draining: Gate | undefined;
  let served: number;

  @Injectable()
  class Draining implements BeforeApplicationShutdown {
    async beforeApplicationShutdown() {
      await draining?.pass();
    }
  }

  @Controller()
  @Public()
  class Routes {
    constructor(
      private readonly limiter: RateLimiter,
      private readonly lockout: Lockout,
    ) {}

    @Get('outcome')
    @RateLimit({ limit: '1/minute', countOn: 'failure' })
    async outcome() {
      await gate.pass();
      return {};
    }

    @Get('asks')
    async asks(@Req() request: HttpRequest) {
      await gate.pass();
      const { allowed } = await this.limiter.consume('api', 'alice');
      const who = await this.lockout.attempt('alice', request, () => 'alice');
      return { allowed, who };
    }

    @Get('held')
    @ConcurrencyLimit(1)
    async held() {
      await gate.pass();
      return {};
    }

    @Get('limited')
    @RateLimit('1/minute')
    limited() {
      return {};
    }

    @Get('delayed')
    @RateLimit({ limit: '4/minute', delay: { after: 1, step: '1 minute' } })
    delayed() {
      served++;
      return {};
    }
  }

  beforeEach(async () => {
    shared = new Shared();
    scheduler = new FakeScheduler();
    gate = new Gate();
    draining = undefined;
    served = 0;
    // Whatever is asked of a store that is taken to be away is answered with 503.
    const security: SecurityOptions = {
      rateLimit: {
        limits: { api: '10/minute' },
        store: shared.store,
        onStoreError: 'closed',
        concurrency: { store: shared.leases },
      },
      lockout: {},
      loadShedding: {},
    };
    running = await startEdge(adapter, security, [Routes], {
      providers: [Draining],
      customize: (builder) => builder.overrideProvider(Scheduler).useValue(scheduler),
    });
  });
  afterEach(async () => {
    gate.open();
    draining?.open();
    await running.close();
  });

  const status = async (path: string) => (await running.send(path)).status;
  const stopped = () => until(() => !(running.app.getHttpServer() as Server).listening);

  it('gives back what a request under way has taken, where it is no failure', async () => {
    const answer = status('/outcome');
    await until(() => gate.count === 1);
    const closed = running.close();
    await stopped();
    gate.open();
    expect(await answer).toBe(200);
    await closed;
    expect(shared.calls).toEqual(['consume', 'refund']);
  });

  it('answers what the handler of a request under way asks of the stores', async () => {
    const answer = running.send('/asks');
    await until(() => gate.count === 1);
    const closed = running.close();
    await stopped();
    gate.open();
    const { status: code, body } = await answer;
    expect([code, body]).toEqual([200, { allowed: true, who: 'alice' }]);
    await closed;
  });

  it('renews the place of a request under way, and gives it back', async () => {
    const answer = status('/held');
    await until(() => gate.count === 1);
    const closed = running.close();
    await stopped();
    scheduler.advance(10_000);
    expect(shared.calls).toEqual(['acquire', 'renew']);
    expect(shared.held).toBe(1);
    gate.open();
    expect(await answer).toBe(200);
    await closed;
    expect(shared.held).toBe(0);
  });

  it('counts who comes before the server stops, and denies who is beyond the limit', async () => {
    draining = new Gate();
    const closed = running.close();
    await until(() => draining?.count === 1);
    expect([await status('/limited'), await status('/limited')]).toEqual([200, 429]);
    expect(shared.calls).toEqual(['consume', 'consume']);
    const held = status('/held');
    await until(() => gate.count === 1);
    expect(await status('/held')).toBe(429);
    draining.open();
    gate.open();
    expect(await held).toBe(200);
    await closed;
  });

  it('waits for nobody whom a limit has slowed down', async () => {
    expect(await status('/delayed')).toBe(200);
    const timers = scheduler.pending;
    const answer = running.send('/delayed');
    await until(() => scheduler.pending === timers + 1);
    await running.close();
    const { status: code, headers } = await answer;
    expect([code, headers['retry-after']]).toEqual([429, '1']);
    expect(served).toBe(1);
  });

  it('leaves nothing running behind', async () => {
    expect(await status('/limited')).toBe(200);
    expect(scheduler.pending).toBeGreaterThan(0);
    await running.close();
    expect(scheduler.pending).toBe(0);
    expect(running.events.filter(({ type }) => type === 'store_unavailable')).toEqual([]);
  });
});

it('A module without a server leaves nothing running behind either', async () => {
  const scheduler = new FakeScheduler();
  const { leases } = new Shared();
  const module = await Test.createTestingModule({
    imports: [SecurityModule.forRoot({ rateLimit: { concurrency: { store: leases } }, loadShedding: {} })],
  })
    .overrideProvider(Scheduler)
    .useValue(scheduler)
    .compile();
  await module.init();
  expect(scheduler.pending).toBe(2);
  await module.close();
  expect(scheduler.pending).toBe(0);
});
