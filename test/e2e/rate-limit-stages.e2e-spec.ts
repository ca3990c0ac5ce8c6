import { Controller, Get, HttpException, Next, Param, type Type } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  OptionalAuth,
  Public,
  RateLimit,
  SkipRateLimit,
  type Charge,
  type Principal,
  type RateLimitContext,
  type RateLimitingOptions,
  type Standing,
} from '@palisade/nest';
import type { ServerResponse } from 'node:http';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { FarStore } from '../support/far-store.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { until } from '../support/waiting.js';
import { startEdge, statusesOf, type EdgeApplication, type EdgeSetup } from './edge.harness.js';

const key = signingKey('ES256');

@Controller()
@RateLimit('user')
class Routes {
  @Get('mine/:status')
  mine(@Param('status') status: string) {
    if (status !== '200') throw new HttpException({}, Number(status));
    return {};
  }

  @Get('maybe')
  @OptionalAuth()
  maybe() {
    return {};
  }

  @Get('anybody')
  @Public()
  anybody() {
    return {};
  }
}

/** Answers for principals only when the request was answered by something else. */
class StoreThatHolds extends FarStore {
  answersMeanwhile = false;
  private answer: ServerResponse | undefined;

  readonly seeAnswer = (_request: unknown, response: ServerResponse, next: () => void) => {
    this.answer = response;
    next();
  };

  override async consume(charges: readonly Charge[]): Promise<readonly Standing[]> {
    if (this.answersMeanwhile && charges.some(({ limit }) => limit.id === 'user')) {
      await new Promise<void>((resolve) => this.answer?.end(resolve));
    }
    return super.consume(charges);
  }
}

describe.each(ADAPTERS)('Rate limits by address and by principal on %s', (adapter: AdapterName) => {
  const limits = { address: { limit: '9/hour', by: 'ip' }, user: { limit: '2/hour', by: 'user' } } as const;
  let running: EdgeApplication | undefined;

  afterEach(async () => {
    await running?.close();
    running = undefined;
  });

  async function start(
    rateLimit: RateLimitingOptions,
    controllers: readonly Type[] = [Routes],
    more = {},
    setup: EdgeSetup = {},
  ) {
    const security = securityWith(key, {
      proxy: { trust: 1 },
      rateLimit: { limits, global: ['address'], ...rateLimit },
    });
    running = await startEdge(adapter, { ...security, ...more }, controllers, setup);
    const app = running;
    const issuer = new TokenIssuer(key, app.clock);
    const call = async (path: string, token?: string, address = '192.0.2.1') => {
      const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return app.send(path, { headers: { 'x-forwarded-for': address, ...authorization } });
    };
    return { app, call, tokenOf: (sub: string) => issuer.issue({ sub }) };
  }

  /** What is left of a limit by the header of an answer. */
  function left(answer: { headers: Record<string, unknown> }, limit: string): number {
    return Number(new RegExp(`"${limit}";r=(\\d+)`).exec(String(answer.headers['ratelimit']))?.[1]);
  }

  describe.each([
    ['in this process', () => undefined],
    ['far away', () => new FarStore()],
  ])('with a store %s', (_, create) => {
    it('take nothing by address where the principal is denied', async () => {
      const store = create();
      const { call, tokenOf } = await start(store === undefined ? {} : { store });
      const token = tokenOf('alice');
      for (const status of [200, 200, 429, 429, 429]) expect((await call('/mine/200', token)).status).toBe(status);
      const others = await call('/mine/200', tokenOf('bob'));
      expect([others.status, left(others, 'address'), left(others, 'user')]).toEqual([200, 6, 1]);
    });

    it('take nothing by principal where the address is denied', async () => {
      const store = create();
      const { call, tokenOf } = await start(store === undefined ? {} : { store });
      const alice = tokenOf('alice');
      expect((await call('/mine/200', alice, '192.0.2.2')).status).toBe(200);
      for (let i = 0; i < 9; i++) await call('/mine/200', 'guess');
      const denied = await call('/mine/200', alice);
      expect([denied.status, left(denied, 'address')]).toEqual([429, 0]);
      expect((await call('/mine/200', alice, '192.0.2.2')).status).toBe(200);
    });

    it.each(['failure', 'success'] as const)('give back once what the address took, counted on %s', async (countOn) => {
      const store = create();
      const { call, tokenOf } = await start({
        ...(store === undefined ? {} : { store }),
        limits: { ...limits, address: { limit: '9/hour', by: 'ip', countOn } },
      });
      const token = tokenOf('alice');
      const status = countOn === 'failure' ? 404 : 200;
      for (const expected of [status, status, 429, 429]) {
        expect((await call(`/mine/${status}`, token)).status).toBe(expected);
      }
      expect(left(await call(`/mine/${status}`, tokenOf('bob')), 'address')).toBe(6);
    });
  });

  describe('with a store far away', () => {
    const BOTH = 'take address user';

    it('ask once for whoever was seen before, and twice for whoever was not', async () => {
      const store = new FarStore();
      const { call, tokenOf } = await start({ store });
      const token = tokenOf('alice');
      await call('/mine/200', token);
      expect(store.take()).toEqual(['take address', 'take user']);
      await call('/mine/200', token);
      expect(store.take()).toEqual([BOTH]);
      const denied = await call('/mine/200', token);
      expect([denied.status, store.take()]).toEqual([429, [BOTH]]);
    });

    it('ask once where nobody has to be known', async () => {
      const store = new FarStore();
      const { call } = await start({ store });
      expect([(await call('/maybe')).status, store.take()]).toEqual([200, [BOTH]]);
      const limited = { limit: '2/hour', by: () => 'everybody' };
      await running?.close();
      const open = await start({ store, limits: { ...limits, user: limited } });
      expect([(await open.call('/anybody')).status, store.take()]).toEqual([200, [BOTH]]);
    });

    it('ask for nobody else than the address where the credentials are wrong', async () => {
      const store = new FarStore();
      const { call } = await start({ store });
      expect([(await call('/mine/200', 'guess')).status, store.take()]).toEqual([401, ['take address']]);
      expect([(await call('/mine/200')).status, store.take()]).toEqual([401, ['take address']]);
      expect([(await call('/maybe', 'guess')).status, store.take()]).toEqual([401, ['take address']]);
    });

    it('tell a token that is over from one that is not', async () => {
      const store = new FarStore();
      const { app, call, tokenOf } = await start({ store });
      const token = tokenOf('alice');
      await call('/mine/200', token);
      store.take();
      app.clock.advance(3600 * 24);
      expect([(await call('/mine/200', token)).status, store.take()]).toEqual([401, ['take address']]);
    });

    it('look at credentials first that a browser sends by itself: another site may have made it send the request', async () => {
      const store = new FarStore();
      const security = securityWith(key, { rateLimit: { store, limits, global: ['address'] } });
      const jwt = { ...security.authentication?.jwt, from: [{ cookie: 'session' }] };
      running = await startEdge(
        adapter,
        { ...security, csrf: { trustedOrigins: ['https://bank.example'] }, authentication: { jwt } } as never,
        [Routes],
      );
      const token = new TokenIssuer(key, running.clock).issue({ sub: 'alice' });
      const call = () => running?.send('/mine/200', { headers: { cookie: `session=${token}` } });
      for (let i = 0; i < 2; i++) {
        expect((await call())?.status).toBe(200);
        expect(store.take()).toEqual(['take address', 'take user']);
      }
    });

    it('show functions of the application who calls, known before or not', async () => {
      const store = new FarStore();
      const by = ({ request }: RateLimitContext) => (request.user as Principal).id;
      const getTracker = (request: Record<string, unknown>) => (request['user'] as Principal).id;
      const { call, tokenOf } = await start({
        store,
        limits: { ...limits, user: { ...limits.user, by } },
        throttlers: [{ name: 'calm', ttl: 60_000, limit: 3, getTracker }],
        headers: 'draft',
      });
      const alice = tokenOf('alice');
      const statuses = await statusesOf(4, () => call('/mine/200', alice));
      const bob = await call('/mine/200', tokenOf('bob'));
      expect([statuses, left(bob, 'user'), left(bob, 'calm')]).toEqual([[200, 200, 429, 429], 1, 2]);
    });

    it('show them nobody of whom another route let in that handed the request on', async () => {
      // Fastify has no such thing.
      if (adapter === 'fastify') return;
      @Controller('shared')
      @SkipRateLimit()
      class Known {
        @Get()
        handOn(@Next() next: () => void) {
          next();
        }
      }
      @Controller('shared')
      @Public()
      @RateLimit('user')
      class Anybody {
        @Get()
        answer() {
          return {};
        }
      }
      const seen: unknown[] = [];
      const by = ({ request }: RateLimitContext) => `${seen.push((request.user as Principal).kind)}`;
      const { call, tokenOf } = await start(
        { store: new FarStore(), limits: { ...limits, user: { ...limits.user, by } } },
        [Known, Anybody],
      );
      expect((await call('/shared', tokenOf('alice'))).status).toBe(200);
      expect(seen).toEqual(['anonymous']);
    });

    it('charge the address where a function of the application throws on what was sent', async () => {
      const getTracker = ({ query }: Record<string, unknown>) => (query as { account: string }).account.toLowerCase();
      const { call } = await start({
        store: new FarStore(),
        throttlers: [{ name: 'calm', ttl: 60_000, limit: 100, getTracker }],
        headers: 'draft',
      });
      const statuses = await statusesOf(10, () => call('/anybody'));
      expect(statuses).toEqual([...Array.from({ length: 9 }, () => 500), 429]);
      const other = await call('/anybody?account=alice', undefined, '192.0.2.2');
      expect([other.status, left(other, 'address'), left(other, 'calm')]).toEqual([200, 8, 99]);
    });

    it('charge the address where the credentials cannot even be read', async () => {
      const store = new FarStore();
      const security = securityWith(key, { rateLimit: { store, limits, global: ['address'] } });
      const read = () => {
        throw new SyntaxError('What the client sent is no JSON');
      };
      const jwt = { ...security.authentication?.jwt, from: [read] };
      running = await startEdge(adapter, { ...security, authentication: { jwt } } as never, [Routes]);
      const statuses = await statusesOf(10, async () => (running as EdgeApplication).send('/mine/200'));
      expect(statuses).toEqual([...Array.from({ length: 9 }, () => 500), 429]);
      expect(running.takeDenials().map(({ reason }) => reason)).toContain('authentication_failed');
    });

    it('give back once what was judged while the principal was asked for', async () => {
      const store = new StoreThatHolds();
      const { app, call, tokenOf } = await start(
        { store, limits: { ...limits, address: { limit: '9/hour', by: 'ip', countOn: 'failure' } } },
        [Routes],
        {},
        { configure: (created) => void created.use(store.seeAnswer) },
      );
      for (const _ of [1, 2]) await call('/mine/404', tokenOf('alice'));
      // Another answers before it is known that the principal is denied, as middleware does that waits no longer.
      store.answersMeanwhile = true;
      expect((await call('/mine/404', tokenOf('alice'))).status).toBe(200);
      await until(() => app.events.some((event) => event.type === 'decision' && !event.allowed));
      store.answersMeanwhile = false;
      expect(left(await call('/mine/404', tokenOf('bob')), 'address')).toBe(6);
    });

    it('are told in events with who was denied', async () => {
      const { app, call, tokenOf } = await start({ store: new FarStore() });
      const token = tokenOf('alice');
      for (let i = 0; i < 3; i++) await call('/mine/200', token);
      expect(app.takeDenials()).toMatchObject([{ reason: 'rate_limited', limit: 'user', principalId: 'alice' }]);
    });

    it('only record under report', async () => {
      const store = new FarStore();
      const { app, call, tokenOf } = await start({ store, enforcement: 'report' });
      const token = tokenOf('alice');
      for (let i = 0; i < 4; i++) expect((await call('/mine/200', token)).status).toBe(200);
      expect(app.takeDenials()).toMatchObject([3, 4].map(() => ({ limit: 'user', enforced: false })));
    });
  });
});
