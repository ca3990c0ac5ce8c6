import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../core/errors.js';
import { checkLimit } from './rate-limit.settings.rules.js';
import { slowDownOf } from './slow-down.options.js';

function problemsOf(limit: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkLimit(limit, 'api', problems);
  return problems;
}

describe('The delay of a limit', () => {
  it.each([
    { limit: '100/minute', delay: { after: 60 } },
    { limit: 100, window: '1 minute', delay: { after: 0, step: '100 ms', max: '2 seconds' } },
    { limit: '10/second burst 20', delay: { after: 19, step: 1, max: 60_000 } },
  ])('can be as in %j', (limit) => {
    expect(problemsOf(limit)).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['api.delay.after', { limit: '100/minute', delay: {} }],
    ['api.delay.after', { limit: '100/minute', delay: { after: -1 } }],
    ['api.delay.after', { limit: '100/minute', delay: { after: 0.5 } }],
    ['api.delay.after', { limit: '100/minute', delay: { after: '60' } }],
    ['api.delay.after', { limit: '100/minute', delay: { after: 100 } }],
    ['api.delay.after', { limit: 100, window: 1000, delay: { after: 100 } }],
    ['api.delay.after', { limit: '100/minute burst 10', delay: { after: 10 } }],
    ['api.delay.step', { limit: '100/minute', delay: { after: 60, step: 'slowly' } }],
    ['api.delay.step', { limit: '100/minute', delay: { after: 60, step: 0 } }],
    ['api.delay.max', { limit: '100/minute', delay: { after: 60, max: '61 seconds' } }],
    ['api.delay.maximum', { limit: '100/minute', delay: { after: 60, maximum: 1 } }],
    ['api.delay', { limit: '100/minute', delay: '1 second' }],
    ['api.delay', { limit: '100/minute', delay: false }],
  ])('is refused at %s in %j', (where, limit) => {
    expect(problemsOf(limit)).toMatchObject([{ where }]);
  });

  it('grows by 100 milliseconds up to two seconds, where nothing else is said', () => {
    expect(slowDownOf({ after: 60 })).toEqual({ after: 60, step: 100, max: 2000 });
    expect(slowDownOf({ after: 60, step: '1 second', max: '1 minute' })).toEqual({
      after: 60,
      step: 1000,
      max: 60_000,
    });
  });
});
