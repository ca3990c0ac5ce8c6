import 'reflect-metadata';
import { Controller, Get, Inject, Module, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  Bans,
  ConcurrencyLimit,
  Lockout,
  Public,
  RateLimit,
  RateLimiter,
  SecurityModule,
  type Charge,
  type HttpRequest,
  type LeaseStore,
  type RateLimitStore,
  type SecurityOptions,
  type Standing,
} from '@palisade/nest';
import type { Server } from 'node:http';

/** What a process of its own is to do; given as JSON in its first argument. */
export interface IdleOrder {
  readonly adapter: 'express' | 'fastify';
  /**
   * `deadlines`: stores and functions that never answer, and nothing that happens again and again. `intervals`: what
   * happens again and again. `unclosed`: everything, and the application is neither used nor closed.
   */
  readonly kind: 'deadlines' | 'intervals' | 'unclosed';
}

/** Longer than any test: what would be checked again and again has to wake nobody. */
const NEVER = 2 ** 31 - 1;

const order = JSON.parse(process.argv[2] as string) as IdleOrder;

/** The addresses that a store never answers for, by what it is asked about. */
export const STUCK = { limit: '203.0.113.1', lockout: '203.0.113.2', bans: '203.0.113.3', lease: '203.0.113.4' };

function isStuck({ limit, partition }: Pick<Charge, 'limit' | 'partition'>): boolean {
  const [area] = limit.id.split(':');
  return partition.includes(area === 'bans' || area === 'lockout' ? STUCK[area] : STUCK.limit);
}

function answered<T>(isNever: boolean, answer: T): Promise<T> {
  return new Promise((resolve) => {
    if (!isNever) resolve(answer);
  });
}

function allowing(charges: readonly Charge[]): Promise<readonly Standing[]> {
  const standing: Standing = { allowed: true, remaining: 1, resetAfter: 0, retryAfter: 0, takenAt: 0 };
  return answered(
    charges.some(isStuck),
    charges.map(() => standing),
  );
}

const store: RateLimitStore = {
  consume: allowing,
  peek: allowing,
  refund: async () => undefined,
  reset: (counted) => answered(counted.some(isStuck), undefined),
};

/** Requests that wait for what happens again and again. */
const waiting = { sample: [] as (() => void)[], renewal: [] as (() => void)[] };

function pass(what: keyof typeof waiting): void {
  for (const go of waiting[what].splice(0)) go();
}

const leases: LeaseStore = {
  ttl: order.kind === 'deadlines' ? undefined : 1000,
  acquire: ({ claims }) =>
    answered(
      claims.some(({ partition }) => partition === STUCK.lease),
      undefined,
    ),
  renew: async () => pass('renewal'),
  release: async () => undefined,
};

const probe = {
  lag: () => {
    pass('sample');
    return 0;
  },
};

const options: SecurityOptions = {
  https: false,
  proxy: { trust: 1 },
  rateLimit: { store, onStoreError: 'closed', limits: { api: '5/minute' }, concurrency: { store: leases } },
  bans: { onStoreError: 'closed' },
  cors: { origins: { resolve: () => new Promise<boolean>(() => undefined), timeout: 0.1 } },
  headers: { reporting: { path: '/reports' } },
  ...(order.kind === 'deadlines' ? {} : { loadShedding: { probe, sampleInterval: 50 } }),
};

@Controller()
@Public()
class Routes {
  constructor(
    @Inject(Lockout) private readonly lockout: Lockout,
    @Inject(RateLimiter) private readonly limiter: RateLimiter,
    @Inject(Bans) private readonly bans: Bans,
  ) {}

  @Get('plain')
  plain() {
    return { served: true };
  }

  @Get('limited')
  @RateLimit('5/minute')
  limited() {
    return { served: true };
  }

  @Get('delayed')
  @RateLimit({ limit: '2/minute', delay: { after: 0, step: 100 } })
  delayed() {
    return { served: true };
  }

  @Get('held')
  @ConcurrencyLimit(1)
  held() {
    return { served: true };
  }

  @Get('login')
  login(@Req() request: HttpRequest) {
    return this.lockout.attempt('alice', request, () => 'alice');
  }

  @Get('asks')
  asks() {
    return this.limiter.consume('api', STUCK.limit);
  }

  @Get('bans')
  ban() {
    return this.bans.ban(STUCK.bans);
  }

  @Get('sample')
  async sample() {
    await new Promise<void>((go) => waiting.sample.push(go));
    return { served: true };
  }

  @Get('renewal')
  @ConcurrencyLimit(1)
  async renewal() {
    await new Promise<void>((go) => waiting.renewal.push(go));
    return { served: true };
  }
}

@Module({ imports: [SecurityModule.forRoot(options)], controllers: [Routes] })
class IdleModule {}

const app = await NestFactory.create(
  IdleModule,
  order.adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
  { logger: false },
);
await app.init();
if (order.kind === 'unclosed') {
  process.send?.('started', () => process.disconnect());
} else {
  const server = app.getHttpServer() as Server & { connectionsCheckingInterval: number };
  // Nothing of Node's own may wake the event loop in time by chance: neither its checks of connections nor its clock.
  server.connectionsCheckingInterval = NEVER;
  server.prependListener('request', (_, response) => {
    response.sendDate = false;
  });
  await app.listen(0, '127.0.0.1');
  process.once('message', () => void app.close().then(() => process.disconnect()));
  process.send?.((server.address() as { port: number }).port);
}
