import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ConfigurationProblem } from '../core/errors.js';
import { checkRateLimitingOptions } from './rate-limiting.rules.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkRateLimitingOptions(options, 'rateLimit', problems);
  return problems;
}

const store = { consume: () => [], peek: () => [], refund: () => undefined, reset: () => undefined };

describe('the options of rate limiting', () => {
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['the text of limits', { limits: { login: '5/minute', burst: '10/second burst 20' }, global: ['login'] }],
    ['a window beside a number', { limits: { login: { limit: 5, window: '15 minutes' } } }],
    [
      'everything said',
      {
        limits: {
          api: {
            limit: 100,
            window: 60_000,
            burst: 20,
            algorithm: 'token-bucket',
            by: 'tenant',
            cost: () => 1,
            countOn: 'failure',
            block: '1 hour',
            plans: { pro: '1000/minute' },
            plan: () => 'pro',
            scope: 'route',
          },
        },
        default: ['api'],
        algorithm: 'fixed-window',
        store,
        onStoreError: 'closed',
        storeTimeout: 50,
        headers: ['draft', 'legacy'],
        ipv6Prefix: 56,
        problemDetails: true,
        enforcement: 'report',
      },
    ],
    ['what ThrottlerModule takes', [{ ttl: 60_000, limit: 10 }]],
    [
      'what ThrottlerModule takes, in full',
      {
        throttlers: [
          { name: 'short', ttl: 1000, limit: () => 3, blockDuration: 5000, ignoreUserAgents: [/bot/] },
          { name: 'long', ttl: '60000', limit: '100' },
        ],
        storage: { increment: () => undefined },
        skipIf: () => false,
        ignoreUserAgents: [/googlebot/i],
        getTracker: () => 'me',
        generateKey: () => 'key',
        errorMessage: 'Slow down',
        setHeaders: false,
        ipv6SubnetPrefix: 56,
      },
    ],
    ['no headers', { headers: false }],
  ])('may be %s', (_, options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ['text', 'often', 'rateLimit'],
    ['a name that is misspelt', { limits: { login: '5/minute' }, global: ['logn'] }, 'rateLimit.global'],
    ['a default that is not declared', { default: ['login'] }, 'rateLimit.default'],
    ['a name that a field cannot carry', { limits: { 'a"b': '5/minute' } }, 'rateLimit.limits.a"b'],
    ['a name that could be the text of a limit', { limits: { '5/minute': '5/minute' } }, 'rateLimit.limits.5/minute'],
    ['what is no limit', { limits: { login: 'often' } }, 'rateLimit.limits.login'],
    ['a burst of nothing', { limits: { login: '5/minute burst 0' } }, 'rateLimit.limits.login'],
    ['a burst of nothing in settings', { limits: { login: { limit: '5/minute burst 0' } } }, 'rateLimit.limits.login'],
    [
      'a burst of nothing in a plan',
      { limits: { login: { limit: '5/minute', plans: { pro: '9/minute burst 0' } } } },
      'rateLimit.limits.login.plans.pro',
    ],
    [
      'a burst in a window of a plan',
      { limits: { login: { limit: '5/minute', algorithm: 'fixed-window', plans: { pro: '9/minute burst 2' } } } },
      'rateLimit.limits.login.plans.pro',
    ],
    ['a list for a limit', { limits: { login: ['5/minute'] } }, 'rateLimit.limits.login'],
    ['no limit', { limits: { login: { window: 1000 } } }, 'rateLimit.limits.login'],
    ['no window', { limits: { login: { limit: 5 } } }, 'rateLimit.limits.login'],
    ['two windows', { limits: { login: { limit: '5/minute', window: 1000 } } }, 'rateLimit.limits.login.window'],
    ['a fraction', { limits: { login: { limit: 1.5, window: 1000 } } }, 'rateLimit.limits.login.limit'],
    ['a limit below nothing', { limits: { login: { limit: -1, window: 1000 } } }, 'rateLimit.limits.login.limit'],
    ['a window of nothing', { limits: { login: { limit: 1, window: 0 } } }, 'rateLimit.limits.login.window'],
    [
      'a burst in a window',
      { limits: { login: { limit: '5/minute', burst: 9, algorithm: 'fixed-window' } } },
      'rateLimit.limits.login.burst',
    ],
    ['an unknown partition', { limits: { login: { limit: '5/minute', by: 'cookie' } } }, 'rateLimit.limits.login.by'],
    ['an unknown outcome', { limits: { a: { limit: '5/minute', countOn: 'error' } } }, 'rateLimit.limits.a.countOn'],
    ['a cost below nothing', { limits: { a: { limit: '5/minute', cost: -1 } } }, 'rateLimit.limits.a.cost'],
    ['plans that are no limits', { limits: { a: { limit: '5/minute', plans: { p: 5 } } } }, 'rateLimit.limits.a.plans'],
    ['a plan without plans', { limits: { a: { limit: '5/minute', plan: () => 'p' } } }, 'rateLimit.limits.a.plan'],
    ['an unknown option of a limit', { limits: { a: { limit: '5/minute', ttl: 1 } } }, 'rateLimit.limits.a.ttl'],
    ['an unknown algorithm', { algorithm: 'leaky-bucket' }, 'rateLimit.algorithm'],
    ['what is no store', { store: {} }, 'rateLimit.store'],
    ['two stores', { store, storage: { increment: () => undefined } }, 'rateLimit.storage'],
    ['an unknown policy', { onStoreError: 'ignore' }, 'rateLimit.onStoreError'],
    ['no time', { storeTimeout: 0 }, 'rateLimit.storeTimeout'],
    ['unknown headers', { headers: ['draft', 'draft-99'] }, 'rateLimit.headers'],
    ['a prefix of everybody', { ipv6Prefix: 0 }, 'rateLimit.ipv6Prefix'],
    ['an unknown enforcement', { enforcement: false }, 'rateLimit.enforcement'],
    ['a throttler without limit', [{ ttl: 1000 }], 'rateLimit.throttlers[0].limit'],
    ['a throttler that is none', [7], 'rateLimit.throttlers[0]'],
    [
      'two throttlers of one name',
      [
        { ttl: 1, limit: 1 },
        { ttl: 2, limit: 2 },
      ],
      'rateLimit.throttlers[1].name',
    ],
    ['an unknown option', { limit: {} }, 'rateLimit.limit'],
  ])('may not be %s', (_, options, where) => {
    const problems = problemsOf(options);
    expect(problems.map((problem) => problem.where)).toContain(where);
    for (const { problem, fix } of problems) expect([problem, fix].every((text) => text.length > 0)).toBe(true);
  });

  it('are checked without an error, whatever they are', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (limit, value) => {
        expect(Array.isArray(problemsOf(value))).toBe(true);
        expect(Array.isArray(problemsOf({ limits: { limit }, throttlers: [value], global: [limit] }))).toBe(true);
      }),
    );
  });
});
