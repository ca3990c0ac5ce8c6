import { Controller, Get, HttpException, Res } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ConcurrencyLimit,
  MemoryLeaseStore,
  Public,
  RateLimit,
  Scheduler,
  SecurityModule,
  type LeaseStore,
} from '@palisade/nest';
import { Test } from '@nestjs/testing';
import type { INestApplication } from '@nestjs/common';
import { Http2Client } from '../support/http2-client.js';
import { FakeScheduler } from '../support/scheduler.js';
import { Gate, turns, until } from '../support/waiting.js';
import { listen, takeOver, type AnyResponse } from './edge.harness.js';

/** More than the listeners that Node thinks are a leak. */
const MANY = 20;

// Express has no HTTP/2.
describe('Limits on Fastify over HTTP/2', () => {
  let app: INestApplication;
  let client: Http2Client;
  let leases: MemoryLeaseStore;
  let scheduler: FakeScheduler;
  let begun: number;
  let gate: Gate;

  @Controller()
  @Public()
  class Routes {
    @Get('held')
    @ConcurrencyLimit(2)
    async held() {
      begun++;
      await gate.pass();
      return {};
    }

    @Get('many')
    @ConcurrencyLimit(MANY)
    async many() {
      begun++;
      await gate.pass();
      return {};
    }

    @Get('streamed')
    @ConcurrencyLimit(2)
    async streamed(@Res() response: AnyResponse) {
      const raw = takeOver(response);
      raw.write('begun');
      begun++;
      await gate.pass();
      raw.end();
    }

    @Get('delayed')
    @RateLimit({ limit: '4/minute', delay: { after: 1, step: '100 ms' } })
    delayed() {
      begun++;
      return {};
    }

    @Get('fails')
    @RateLimit({ limit: '1/minute', countOn: 'failure' })
    async fails() {
      begun++;
      await gate.pass();
      throw new HttpException({}, 400);
    }

    @Get('succeeds')
    @RateLimit({ limit: '1/minute', countOn: 'failure' })
    async succeeds() {
      begun++;
      await gate.pass();
      return {};
    }
  }

  beforeEach(() => {
    leases = new MemoryLeaseStore();
    scheduler = new FakeScheduler();
    begun = 0;
    gate = new Gate();
  });
  afterEach(async () => {
    gate.open();
    await client.destroy();
    await app.close();
  });

  async function start(store: LeaseStore = leases): Promise<Http2Client> {
    const module = await Test.createTestingModule({
      imports: [SecurityModule.forRoot({ rateLimit: { concurrency: { store } } })],
      controllers: [Routes],
    })
      .overrideProvider(Scheduler)
      .useValue(scheduler)
      .compile();
    app = module.createNestApplication(new FastifyAdapter({ http2: true } as object), { logger: false });
    client = new Http2Client(await listen(app));
    return client;
  }

  /** Ends when as many are in their handlers as there are places. */
  async function hold(path = '/held') {
    const held = [client.get(path), client.get(path)] as const;
    await until(() => begun === 2);
    expect(await client.get(path).status).toBe(429);
    return held;
  }

  describe('a place', () => {
    it('is free again when the answer has ended, and for another of the same connection', async () => {
      await start();
      const held = await hold();
      gate.open();
      expect(await Promise.all(held.map(({ status }) => status))).toEqual([200, 200]);
      expect(leases.size).toBe(0);
      const again = await hold();
      gate.open();
      expect(await Promise.all(again.map(({ status }) => status))).toEqual([200, 200]);
    });

    it('is held for as long as an answer is streamed', async () => {
      await start();
      const held = await hold('/streamed');
      expect(leases.size).toBe(2);
      gate.open();
      expect(await Promise.all(held.map(({ status }) => status))).toEqual([200, 200]);
      await until(() => leases.size === 0);
    });

    it.each(['/held', '/streamed'])(
      'is free when the client calls the stream of %s off, and only that',
      async (path) => {
        await start();
        const [first] = await hold(path);
        await first.reset();
        await until(() => leases.size === 1);
        client.get(path);
        await until(() => begun === 3);
        expect(await client.get(path).status).toBe(429);
      },
    );

    it.each(['/held', '/streamed'])('is free when the connection of %s is gone', async (path) => {
      await start();
      await hold(path);
      expect(leases.size).toBe(2);
      await client.destroy();
      await until(() => leases.size === 0);
    });

    it('is given back that comes when the client has called off, and no handler runs', async () => {
      const late: (() => void)[] = [];
      const store: LeaseStore = {
        acquire: async (lease) => {
          await new Promise<void>((resolve) => late.push(resolve));
          return leases.acquire(lease);
        },
        renew: () => undefined,
        release: (lease) => leases.release(lease),
      };
      await start(store);
      const request = client.get('/held');
      await until(() => late.length === 1);
      await request.reset();
      await client.flushed();
      late[0]?.();
      await turns(50);
      expect([leases.size, begun]).toEqual([0, 0]);
    });

    it('is that of one of many on one connection, which has no listeners left of any', async () => {
      const warnings: string[] = [];
      const hear = ({ name }: Error) => warnings.push(name);
      process.on('warning', hear);
      await start();
      for (let round = 1; round <= 2; round++) {
        const requests = Array.from({ length: MANY }, () => client.get('/many'));
        await until(() => begun === round * MANY);
        gate.open();
        expect(new Set(await Promise.all(requests.map(({ status }) => status)))).toEqual(new Set([200]));
      }
      process.removeListener('warning', hear);
      expect(leases.size).toBe(0);
      expect(warnings).toEqual([]);
    });
  });

  describe('a request that is slowed down', () => {
    async function waitOne() {
      await start();
      expect(await client.get('/delayed').status).toBe(200);
      const request = client.get('/delayed');
      await until(() => scheduler.pending === 1);
      return request;
    }

    it('is answered when its time is over', async () => {
      const request = await waitOne();
      scheduler.advance(99);
      expect(begun).toBe(1);
      scheduler.advance(1);
      expect(await request.status).toBe(200);
      expect(begun).toBe(2);
    });

    it('waits no longer when the client calls it off, and runs no handler', async () => {
      const request = await waitOne();
      await request.reset();
      await until(() => scheduler.pending === 0);
      await turns(50);
      expect(begun).toBe(1);
    });

    it('waits no longer when the connection is gone, and runs no handler', async () => {
      await waitOne();
      await client.destroy();
      await until(() => scheduler.pending === 0);
      await turns(50);
      expect(begun).toBe(1);
    });
  });

  describe('what counts on failure', () => {
    it('is given back where the answer is a success', async () => {
      await start();
      for (let i = 1; i <= 3; i++) {
        const request = client.get('/succeeds');
        await until(() => begun === i);
        gate.open();
        expect(await request.status).toBe(200);
      }
    });

    it('stays taken where the answer is a failure', async () => {
      await start();
      const request = client.get('/fails');
      await until(() => begun === 1);
      gate.open();
      expect(await request.status).toBe(400);
      expect(await client.get('/fails').status).toBe(429);
    });

    it('stays taken where the client calls off before the answer', async () => {
      await start();
      const request = client.get('/succeeds');
      await until(() => begun === 1);
      await request.reset();
      await client.flushed();
      gate.open();
      await turns(50);
      expect(await client.get('/succeeds').status).toBe(429);
    });

    it('stays taken where the connection is gone before the answer', async () => {
      await start();
      client.get('/succeeds');
      await until(() => begun === 1);
      await client.destroy();
      await turns(50);
      gate.open();
      await turns(50);
      client = new Http2Client((app.getHttpServer().address() as { port: number }).port);
      expect(await client.get('/succeeds').status).toBe(429);
    });
  });
});
