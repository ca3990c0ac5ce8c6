import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkRateLimitingOptions } from '../rate-limiting.rules.js';

function problemsOf(concurrency: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkRateLimitingOptions({ concurrency }, 'rateLimit', problems);
  return problems;
}

const store = { acquire: () => undefined, renew: () => undefined, release: () => undefined };

describe('The options of concurrency limits', () => {
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['numbers', { limits: { exports: 1, uploads: 1_000_000 } }],
    ['settings', { limits: { exports: { max: 2, by: 'tenant', scope: 'route' }, all: { max: 5, by: () => 'all' } } }],
    ['a store in the process', { store }],
    ['a store that is shared', { store: { ...store, ttl: 30_000 } }],
  ])('can be %s', (_, options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['', 5],
    ['.limits', { limits: [5] }],
    ['.limits.exports', { limits: { exports: 0 } }],
    ['.limits.exports', { limits: { exports: 1.5 } }],
    ['.limits.exports', { limits: { exports: Infinity } }],
    ['.limits.exports', { limits: { exports: '5' } }],
    ['.limits.exports.max', { limits: { exports: {} } }],
    ['.limits.exports.max', { limits: { exports: { max: '5' } } }],
    ['.limits.exports.by', { limits: { exports: { max: 5, by: 'session' } } }],
    ['.limits.exports.scope', { limits: { exports: { max: 5, scope: 'global' } } }],
    ['.limits.exports.window', { limits: { exports: { max: 5, window: '1 minute' } } }],
    ['.limits.two words', { limits: { 'two words': 5 } }],
    ['.store', { store: {} }],
    ['.store', { store: { ...store, ttl: 0 } }],
    ['.store', { store: { ...store, ttl: Number.NaN } }],
    ['.store', { store: { ...store, ttl: '30 seconds' } }],
    ['.stores', { stores: store }],
  ])('are refused at concurrency%s: %j', (where, options) => {
    expect(problemsOf(options)).toMatchObject([{ where: `rateLimit.concurrency${where}` }]);
  });
});
