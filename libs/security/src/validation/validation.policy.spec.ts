import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Readable } from 'node:stream';
import { findInputProblem, type InputBounds } from './validation.policy.js';

const BOUNDS: InputBounds = { maxDepth: 16, maxKeys: 100, maxStringLength: 50 };

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i += 1) value = wrap(value);
  return value;
}

describe('the bounds of input', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['a text as long as allowed', 'x'.repeat(50)],
    ['an empty object', {}],
    ['an object without prototype', Object.assign(Object.create(null), { a: { b: [1] } })],
    ['as many keys as allowed', Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, i]))],
    ['as many items as allowed', Array.from({ length: 100 }, () => 1)],
    ['as deep as allowed, in objects', nested(16, (a) => ({ a }))],
    ['as deep as allowed, in lists', nested(16, (a) => [a])],
    ['keys that only resemble forbidden ones', { proto: 1, Constructor: 1, __proto: 1, prototypes: 1, toString: 1 }],
    ['a text that is a forbidden key', { name: '__proto__' }],
  ])('admit %s', (_, input) => {
    expect(findInputProblem(input, BOUNDS)).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['a text that is too long', 'x'.repeat(51), 'input_text_too_long'],
    ['a text that is too long, in a list', [['x'.repeat(51)]], 'input_text_too_long'],
    ['a text that is too long, in an object', { a: 'x'.repeat(51) }, 'input_text_too_long'],
    ['a key that is too long', { ['x'.repeat(51)]: 1 }, 'input_text_too_long'],
    ['too many keys', Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, i])), 'input_too_many_keys'],
    ['too many items', Array.from({ length: 101 }, () => 1), 'input_too_many_keys'],
    ['too many in total', Array.from({ length: 11 }, () => Array.from({ length: 9 }, () => 1)), 'input_too_many_keys'],
    ['a sparse list', { tags: Object.assign([], { length: 4_294_967_295 }) }, 'input_too_many_keys'],
    ['objects too deep', nested(17, (a) => ({ a })), 'input_too_deep'],
    ['lists too deep', nested(17, (a) => [a]), 'input_too_deep'],
    ['an own __proto__', JSON.parse('{"a":[{"__proto__":{"admin":true}}]}'), 'input_key_forbidden'],
    ['an own constructor', JSON.parse('{"constructor":1}'), 'input_key_forbidden'],
    ['an own prototype', { a: { prototype: null } }, 'input_key_forbidden'],
    [
      'an own __proto__ without prototype',
      Object.defineProperty(Object.create(null), '__proto__', { value: 1, enumerable: true }),
      'input_key_forbidden',
    ],
  ])('refuse %s', (_, input, problem) => {
    expect(findInputProblem(input, BOUNDS)).toBe(problem);
  });

  it('refuse JSON of a million levels without running out of stack', () => {
    const lists: unknown = JSON.parse(`${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`);
    expect(findInputProblem(lists, BOUNDS)).toBe('input_too_deep');
    const deep: unknown = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`);
    expect(findInputProblem(deep, { ...BOUNDS, maxDepth: 1_000_000, maxKeys: 1_000_000 })).toBeUndefined();
  });

  it('count what leads back to itself once', () => {
    const form: Record<string, unknown> = { name: 'x' };
    form['field'] = { fields: form, again: [form, form] };
    expect(findInputProblem(form, BOUNDS)).toBeUndefined();
  });

  it('take bytes, streams, dates and instances for one value', () => {
    class Upload {
      prototype = 'not a key of the client';
    }
    const input = [Buffer.alloc(10_000), Readable.from(['x']), new Date(0), new Upload()];
    expect(findInputProblem(input, BOUNDS)).toBeUndefined();
  });

  it('find a forbidden key wherever it is, and nothing in what has none', () => {
    const forbidden = fc.constantFrom('__proto__', 'constructor', 'prototype');
    const wide: InputBounds = { maxDepth: 1000, maxKeys: 1_000_000, maxStringLength: 1_000_000 };
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4 }),
        forbidden,
        fc.array(fc.boolean(), { maxLength: 6 }),
        (value, key, path) => {
          let input: unknown = JSON.parse(`{"a":1,"${key}":${JSON.stringify(value)}}`);
          for (const isList of path) input = isList ? [0, input] : { b: 0, c: input };
          expect(findInputProblem(input, wide)).toBe('input_key_forbidden');
        },
      ),
    );
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const clean = !/"(?:__proto__|constructor|prototype)":/u.test(JSON.stringify(value));
        fc.pre(clean);
        expect(findInputProblem(value, wide)).toBeUndefined();
      }),
    );
  });
});
