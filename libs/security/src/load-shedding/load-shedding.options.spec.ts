import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../core/errors.js';
import { checkLoadSheddingOptions } from './load-shedding.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkLoadSheddingOptions(options, 'loadShedding', problems);
  return problems;
}

describe('The options of load shedding', () => {
  it.each<[string, unknown]>([
    ['nothing', {}],
    [
      'everything said',
      { maxEventLoopLag: 1, sampleInterval: 10, retryAfter: 3600, enforcement: 'report', probe: { lag: () => 0 } },
    ],
  ])('can be %s', (_, options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['maxEventLoopLag', { maxEventLoopLag: 0 }],
    ['maxEventLoopLag', { maxEventLoopLag: 0.5 }],
    ['maxEventLoopLag', { maxEventLoopLag: '200 ms' }],
    ['maxEventLoopLag', { maxEventLoopLag: Infinity }],
    ['sampleInterval', { sampleInterval: 9 }],
    ['retryAfter', { retryAfter: 0 }],
    ['retryAfter', { retryAfter: 3601 }],
    ['enforcement', { enforcement: 'off' }],
    ['probe', { probe: () => 0 }],
    ['probe', { probe: { lag: 5 } }],
  ])('are refused where %s is wrong: %j', (option, options) => {
    expect(problemsOf(options)).toMatchObject([{ where: `loadShedding.${option}` }]);
  });

  it.each([null, true, 'on', []])('must be an object, and not %j', (options) => {
    expect(problemsOf(options)).toMatchObject([{ where: 'loadShedding' }]);
  });

  it('are refused by name where they are unknown', () => {
    expect(problemsOf({ maxEventLoopLags: 5 })).toMatchObject([{ fix: 'Did you mean "maxEventLoopLag"?' }]);
  });
});
