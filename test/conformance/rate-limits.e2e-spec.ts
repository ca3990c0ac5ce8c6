import { Controller, Get, Post, Redirect } from '@nestjs/common';
import { Bans, Public, RateLimit, SecurityEvents, SkipRateLimit, type RateLimitingOptions } from '@palisade/nest';
import { expect } from '@jest/globals';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup, type Sending } from './edge.js';

@Controller()
@Public()
class Routes {
  @Get(['', 'first', 'x'])
  home() {
    return {};
  }

  @Post('login')
  login() {
    return {};
  }

  @Get('second')
  @RateLimit('second')
  second() {
    return {};
  }

  @Get('tight')
  @RateLimit('1/minute')
  tight() {
    return {};
  }

  @Get('health')
  @SkipRateLimit()
  health() {
    return {};
  }

  @Get('old')
  @Redirect('/new', 302)
  old() {}
}

interface Spending {
  /** The requests that come before that of the case. */
  readonly spent?: readonly { readonly path?: string; readonly address?: string }[];
  readonly check?: CaseSetup['check'];
  /** Whether a proxy is trusted, so that addresses can be told. */
  readonly isProxied?: boolean;
}

function limited(rateLimit: RateLimitingOptions, { spent = [], check, isProxied = true }: Spending = {}): CaseSetup {
  const limits = { second: '5/minute', ...rateLimit.limits };
  const cors = { origins: ['https://example.org'] };
  const proxy = isProxied ? { trust: 1 } : undefined;
  return {
    subject: { security: { rateLimit: { ...rateLimit, limits }, proxy, cors }, controllers: [Routes] },
    before: async ({ subject }: Sending) => {
      for (const { path = '/', address } of spent) {
        const forwarded = address === undefined ? [] : [['X-Forwarded-For', address] as const];
        const headers = [['Host', `127.0.0.1:${subject.port}`], ['Connection', 'close'], ...forwarded] as const;
        await subject.wire.send({ method: 'GET', target: path, headers });
      }
    },
    ...(check && { check }),
  };
}

const five: RateLimitingOptions = { limits: { default: '5/minute' }, global: ['default'] };
const times = (count: number) => Array.from({ length: count }, () => ({}));
const away = () => Promise.reject(new Error('away'));

let emitted: string[] = [];

describeConformance('rate limits', COVERED.rateLimits, {
  first: limited(five),
  last: limited(five, { spent: times(4) }),
  problem: limited(
    { ...five, problemDetails: true },
    {
      spent: times(5),
      check: ({ body }) => {
        expect(body).toMatchObject({
          type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
          status: 429,
          'violated-policies': ['default'],
        });
      },
    },
  ),
  several: limited({ limits: { permin: '50/minute', perhr: '1000/hour' }, global: ['permin', 'perhr'] }),
  quoted: { refused: { rateLimit: { limits: { 'a"b': '5/minute' } } } },
  tighter: limited(
    { limits: { wide: '5/minute', tight: '1/minute' }, global: ['wide', 'tight'], problemDetails: true },
    {
      spent: times(1),
      check: ({ body }) => expect(body['violated-policies']).toEqual(['tight']),
    },
  ),
  both: limited(
    { limits: { all: '1/minute', one: '1/minute' }, global: ['all', 'one'], problemDetails: true },
    { spent: times(1), check: ({ body }) => expect(body['violated-policies']).toEqual(['all', 'one']) },
  ),
  skipped: limited(five, { spent: times(6) }),
  undeclared: { refused: { rateLimit: { default: ['nobody'] } } },
  samePartition: limited({ limits: { first: '1/minute' }, default: ['first'] }, { spent: times(2) }),
  subnet: limited(
    { limits: { two: '2/minute' }, global: ['two'], ipv6Prefix: 56 },
    { spent: [{ address: '2001:db8:1:5600::1' }, { address: '2001:db8:1:56ff::2' }] },
  ),
  mapped: limited({ limits: { one: '1/minute' }, global: ['one'] }, { spent: [{ address: '::ffff:1.2.3.4' }] }),
  storeAway: {
    ...limited({
      limits: { one: '1/minute' },
      global: ['one'],
      store: { consume: away, peek: away, refund: away, reset: away },
      onStoreError: 'open',
    }),
    before: async ({ subject }) => {
      emitted = [];
      subject.app.get(SecurityEvents).subscribe(({ type }) => emitted.push(type));
      for (let i = 0; i < 10; i++) {
        const headers = [
          ['Host', `127.0.0.1:${subject.port}`],
          ['Connection', 'close'],
        ] as const;
        await subject.wire.send({ method: 'GET', target: '/', headers });
      }
    },
    check: () => expect(emitted).toContain('store_unavailable'),
  },
  preflight: limited({ limits: { one: '1/minute' }, global: ['one'] }, { spent: times(2) }),
  redirect: limited(
    { limits: { one: '1/minute' }, global: ['one'] },
    { check: ({ headers }) => expect(headers['ratelimit']).toMatch(/;r=0;/) },
  ),
  abusive: {
    subject: { security: { bans: {}, rateLimit: { limits: { second: '5/minute' } } }, controllers: [Routes] },
    before: ({ subject }) => subject.app.get(Bans).ban('127.0.0.1'),
  },
  rotating: limited(
    { limits: { two: '2/minute' }, global: ['two'] },
    { spent: [{ address: '203.0.113.1' }, { address: '203.0.113.2' }], isProxied: false },
  ),
});
