import { Controller, Get, Post, Req, UnauthorizedException, type Type } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import {
  ConcurrencyLimit,
  Lockout,
  Public,
  RateLimit,
  Scheduler,
  type HttpRequest,
  type RateLimitHeaders,
  type RateLimitSettings,
  type SecurityOptions,
} from '@palisade/nest';
import { minutes, seconds as secondsOf } from '@nestjs/throttler';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { FakeScheduler } from '../support/scheduler.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { Gate, until } from '../support/waiting.js';
import { edgeOfEachTest, type Answer, type EdgeApplication } from './edge.harness.js';

const key = signingKey('ES256');
const STYLES: readonly RateLimitHeaders[] = ['draft', 'draft-7', 'draft-6', 'legacy'];
const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const;

/** Seconds that an answer tells of each limit that has none left, or of the one that it tells of. */
function secondsTold({ headers }: Answer): number[] {
  const told: number[] = [];
  for (const [, r, t] of String(headers['ratelimit'] ?? '').matchAll(/;r=(\d+);t=(\d+)/g)) {
    if (r === '0') told.push(Number(t));
  }
  const [, reset] = /remaining=0, reset=(\d+)/.exec(String(headers['ratelimit'] ?? '')) ?? [];
  if (reset !== undefined) told.push(Number(reset));
  for (const prefix of ['ratelimit', 'x-ratelimit']) {
    if (headers[`${prefix}-remaining`] === '0' && headers[`${prefix}-reset`] !== undefined) {
      told.push(Number(headers[`${prefix}-reset`]));
    }
  }
  return told;
}

function retryAfterOf({ headers }: Answer): number {
  return Number(headers['retry-after']);
}

describe.each(ADAPTERS)('Whoever comes back when it is told to, on %s,', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);

  function from(address: string): { headers: Record<string, string> } {
    return { headers: { 'x-forwarded-for': address } };
  }

  async function start(limits: readonly (string | RateLimitSettings)[], headers: RateLimitHeaders = 'draft') {
    @Controller()
    @Public()
    class Routes {
      @Get()
      @RateLimit(...limits)
      home() {
        return {};
      }
    }
    return startOne({ proxy: { trust: 1 }, rateLimit: { headers } }, [Routes]);
  }

  async function denialOf(call: () => Promise<Answer>): Promise<Answer> {
    for (let i = 0; i < 40; i++) {
      const answer = await call();
      if (answer.status === 429) return answer;
    }
    throw new Error('Nothing denies');
  }

  const single = [
    ...ALGORITHMS.flatMap((algorithm) => [
      { limit: '1/minute', algorithm },
      { limit: '5/minute', algorithm },
      { limit: '7/second', algorithm },
      { limit: '3/1500 ms', algorithm },
      { limit: '5/minute', algorithm, cost: 3 },
      { limit: '2/minute', algorithm, block: '90 seconds' },
      { limit: '2/minute', algorithm, block: '10 seconds' },
      { limit: '5/minute', algorithm, countOn: 'success' as const },
    ]),
    { limit: '6/minute burst 2', algorithm: undefined },
    { limit: '2/minute burst 4', algorithm: undefined },
  ];
  const named = single.map((limit) => ({ name: JSON.stringify(limit), limit }));
  const cases = [
    ...named.map((one) => ({ ...one, style: 'draft' as const })),
    // The others say the same in other words.
    ...named
      .filter(({ limit }) => limit.limit === '5/minute' || 'block' in limit)
      .flatMap((one) => STYLES.slice(1).map((style) => ({ ...one, style }))),
  ];

  it.each(cases)('is served: $name, told in $style', async ({ limit, style }) => {
    const app = await start([limit], style);
    // Somewhere within a minute of the clock.
    app.clock.advance(17.3);
    const waits = { 'Retry-After': retryAfterOf, t: (answer: Answer) => Math.max(...secondsTold(answer)) };
    for (const [index, waitOf] of Object.values(waits).entries()) {
      const call = () => app.send('/', from(`192.0.2.${index}`));
      const denied = await denialOf(call);
      // What is left may be less than a request takes, and is then not told as none.
      const told = secondsTold(denied);
      expect(told.every((seconds) => seconds <= retryAfterOf(denied))).toBe(true);
      app.clock.advance(told.length > 0 ? waitOf(denied) : retryAfterOf(denied));
      expect((await call()).status).toBe(200);
    }
  });

  it.each(cases.filter(({ limit }) => !('cost' in limit)))(
    'is served where none were left: $name, told in $style',
    async ({ limit, style }) => {
      const app = await start([limit], style);
      app.clock.advance(17.3);
      const call = () => app.send('/', from('192.0.2.1'));
      let answer = await call();
      while (secondsTold(answer).length === 0) answer = await call();
      expect(answer.status).toBe(200);
      app.clock.advance(Math.max(...secondsTold(answer)));
      expect((await call()).status).toBe(200);
    },
  );

  it('is served where several limits deny, which are told together', async () => {
    const app = await start(['1/10 seconds', { limit: '1/minute', algorithm: 'fixed-window' }, '40/hour']);
    const call = () => app.send('/', from('192.0.2.1'));
    const denied = await denialOf(call);
    expect(denied.headers['ratelimit']).toMatch(/^"route";r=0;t=10, "route-2";r=0;t=60, "route-3";r=39;t=\d+$/);
    expect(retryAfterOf(denied)).toBe(60);
    app.clock.advance(60);
    expect((await call()).status).toBe(200);
  });

  it('is served where throttlers deny, each of which has a field of its own', async () => {
    @Controller()
    @Public()
    class Routes {
      @Get()
      home() {
        return {};
      }
    }
    const throttlers = [
      { name: 'short', ttl: secondsOf(10), limit: 1 },
      { name: 'long', ttl: minutes(1), limit: 1 },
    ];
    const app = await startOne({ proxy: { trust: 1 }, rateLimit: throttlers }, [Routes]);
    const call = () => app.send('/', from('192.0.2.1'));
    const denied = await denialOf(call);
    expect(denied.headers).toMatchObject({
      'retry-after': '60',
      'retry-after-short': '10',
      'x-ratelimit-reset-short': '10',
      'retry-after-long': '60',
      'x-ratelimit-reset-long': '60',
    });
    app.clock.advance(60);
    expect((await call()).status).toBe(200);
  });

  it('is told the units that it has back when the second of two stages denies', async () => {
    @Controller()
    class Mine {
      @Get()
      @RateLimit({ limit: '1/hour', by: 'ip' }, { limit: '1/minute', by: 'user' })
      mine() {
        return {};
      }
    }
    const app = await startOne(securityWith(key, { proxy: { trust: 1 } }), [Mine]);
    const authorization = `Bearer ${new TokenIssuer(key, app.clock).issue({ sub: 'alice' })}`;
    const call = (address: string) => app.send('/', { headers: { ...from(address).headers, authorization } });
    expect((await call('192.0.2.1')).status).toBe(200);
    const denied = await call('192.0.2.2');
    expect(denied.status).toBe(429);
    expect(denied.headers['ratelimit']).toMatch(/^"route";r=1;t=\d+, "route-2";r=0;t=60$/);
    expect(retryAfterOf(denied)).toBe(60);
    app.clock.advance(60);
    expect((await call('192.0.2.2')).status).toBe(200);
  });

  it.each(STYLES)('is told nothing where there is no use in it (%s)', async (style) => {
    for (const limit of ['0/minute', { limit: '2/minute', cost: 3 }, { limit: '2/minute', cost: 3, block: '5 s' }]) {
      const app = await start([limit], style);
      const denied = await app.send('/', from('192.0.2.1'));
      expect(denied.status).toBe(429);
      for (const name of ['retry-after', 'ratelimit-reset', 'x-ratelimit-reset']) {
        expect(denied.headers).not.toHaveProperty(name);
      }
      expect(String(denied.headers['ratelimit'] ?? '')).not.toMatch(/;t=|reset=/);
    }
  });

  describe('finds units left, whatever else denied', () => {
    async function startWith(controller: Type, options: SecurityOptions = {}): Promise<EdgeApplication> {
      return startOne({ proxy: { trust: 1 }, ...options }, [controller], {
        customize: (builder) => builder.overrideProvider(Scheduler).useValue(new FakeScheduler()),
      });
    }

    it.each(['draft', false] as const)('too many at the same time, with headers: %s', async (headers) => {
      const gate = new Gate();
      @Controller()
      @Public()
      class Routes {
        @Get()
        @RateLimit({ limit: '2/minute', algorithm: 'fixed-window' })
        @ConcurrencyLimit(1)
        async slow() {
          await gate.pass();
          return {};
        }
      }
      const app = await startWith(Routes, { rateLimit: { headers } });
      const call = () => app.send('/', from('192.0.2.1'));
      const first = call();
      await until(() => gate.count === 1);
      const denied = await call();
      gate.open();
      await first;
      expect(denied.body['code']).toBe('concurrency_exceeded');
      // The unit stays taken, and there is none before the minute is over.
      expect(retryAfterOf(denied)).toBe(60);
      app.clock.advance(60);
      const again = call();
      await until(() => gate.count === 1);
      gate.open();
      expect((await again).status).toBe(200);
    });

    it('too many that wait', async () => {
      @Controller()
      @Public()
      class Routes {
        @Get()
        @RateLimit({ limit: '2/minute', algorithm: 'fixed-window', delay: { after: 1, step: '100 ms' } })
        slow() {
          return {};
        }
      }
      const app = await startWith(Routes, { rateLimit: { maxDelayed: 0 } });
      const call = () => app.send('/', from('192.0.2.1'));
      expect((await call()).status).toBe(200);
      const denied = await call();
      expect([denied.status, retryAfterOf(denied)]).toEqual([429, 60]);
      app.clock.advance(60);
      expect((await call()).status).toBe(200);
    });

    it('a lockout that is over sooner', async () => {
      @Controller()
      @Public()
      class Routes {
        constructor(private readonly lockout: Lockout) {}

        @Post()
        @RateLimit({ limit: '3/minute', algorithm: 'fixed-window' })
        async login(@Req() request: HttpRequest) {
          await this.lockout.attempt('alice', request, () => false);
          throw new UnauthorizedException();
        }
      }
      const lockout = { maxFailures: 2, duration: '5 seconds', account: false, address: false } as const;
      const app = await startWith(Routes, { lockout });
      const call = () => app.send('/', { ...from('192.0.2.1'), body: {} });
      expect([(await call()).status, (await call()).status]).toEqual([401, 401]);
      const denied = await call();
      expect(denied.body['code']).toBe('account_locked');
      expect(retryAfterOf(denied)).toBe(60);
      app.clock.advance(60);
      expect((await call()).status).toBe(401);
    });
  });
});

describe.each(ADAPTERS)('Whoever keeps to the advertised rate, on %s,', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);

  it.each([
    ['1/minute', 60, 60],
    ['5/minute', 12, 300],
    ['10/minute', 6, 600],
  ])('is served for an hour: %s', async (limit, interval, requests) => {
    @Controller()
    @Public()
    class Routes {
      @Get()
      @RateLimit(limit)
      home() {
        return {};
      }
    }
    // The clock stands at the beginning of a minute.
    const app = await startOne({}, [Routes]);
    let served = 0;
    for (let i = 0; i < requests; i++) {
      if ((await app.send('/')).status === 200) served++;
      app.clock.advance(interval);
    }
    expect(served).toBe(requests);
  });
});
