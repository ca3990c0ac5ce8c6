import { describe, expect, it } from '@jest/globals';
import { findShapeProblem } from './input-shape.js';

const BOUNDS = { maxDepth: 2, maxKeys: 4, maxStringLength: 5 };

// The whole of it is in validation.policy.spec.ts and body.policy.spec.ts, where it is used.
describe('the shape of an input', () => {
  it.each<[unknown, string | undefined]>([
    [{ a: ['12345'] }, undefined],
    [{ a: 1, b: 2, c: [3] }, undefined],
    ['123456', 'text_too_long'],
    [{ '123456': 1 }, 'text_too_long'],
    [[[[]]], 'too_deep'],
    [[1, 2, 3, 4, 5], 'too_many_keys'],
    [JSON.parse('{"__proto__":1}'), 'key_forbidden'],
  ])('of %j has the problem %s', (input, problem) => {
    expect(findShapeProblem(input, BOUNDS)).toBe(problem);
  });
});
