import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../core/errors.js';
import { checkValidationOptions } from './validation.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkValidationOptions(options, 'validation', problems);
  return problems;
}

describe('the options of validation', () => {
  it.each<unknown>([
    {},
    { unknownProperties: 'refuse' },
    { unknownProperties: 'drop', maxDepth: 1, maxKeys: 1, maxStringLength: 1, maxFields: 1, stopAtFirstError: true },
    { maxDepth: 256, maxFields: 1000 },
    { maxDepth: undefined },
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[object, string]>([
    [{ maxDepth: 0 }, 'validation.maxDepth'],
    [{ maxDepth: 257 }, 'validation.maxDepth'],
    [{ maxDepth: 1.5 }, 'validation.maxDepth'],
    [{ maxDepth: '16' }, 'validation.maxDepth'],
    [{ maxDepth: null }, 'validation.maxDepth'],
    [{ maxKeys: -1 }, 'validation.maxKeys'],
    [{ maxKeys: Number.NaN }, 'validation.maxKeys'],
    [{ maxKeys: Number.POSITIVE_INFINITY }, 'validation.maxKeys'],
    [{ maxStringLength: 0 }, 'validation.maxStringLength'],
    [{ maxStringLength: [] }, 'validation.maxStringLength'],
    [{ maxFields: 0 }, 'validation.maxFields'],
    [{ maxFields: 1001 }, 'validation.maxFields'],
    [{ stopAtFirstError: 'yes' }, 'validation.stopAtFirstError'],
    [{ unknownProperties: 'keep' }, 'validation.unknownProperties'],
    [{ unknownProperties: true }, 'validation.unknownProperties'],
  ])('are refused by name: %j', (options, where) => {
    expect(problemsOf(options)).toEqual([expect.objectContaining({ where })]);
  });

  it('name the nearest option for one that is not known', () => {
    expect(problemsOf({ maxDept: 3 })).toEqual([
      { where: 'validation.maxDept', problem: 'is not an option', fix: 'Did you mean "maxDepth"?' },
    ]);
  });

  it.each([true, 1, 'on', [], null])('must be an object, not %j', (options) => {
    expect(problemsOf(options)).toHaveLength(1);
  });
});
