import { describe, expect, it } from '@jest/globals';
import { refusedBody } from './body.policy.js';

const BOUNDS = { maxDepth: 3, maxKeys: 10 };

function answerTo(body: unknown, bounds = BOUNDS): string {
  const decision = refusedBody(body, bounds);
  return decision.allowed ? 'allowed' : decision.reason;
}

describe('a parsed body', () => {
  it.each<[string, unknown]>([
    ['none', undefined],
    ['null', null],
    ['a text, whatever it says', '{"__proto__":1}'],
    ['bytes', Buffer.from('{"__proto__":1}')],
    ['a long text', { text: 'x'.repeat(1_000_000) }],
    ['as deep as allowed', { a: { b: [1] } }],
    ['as many keys as allowed', Array.from({ length: 10 }, () => 1)],
    ['a form without prototype', Object.assign(Object.create(null), { a: '1' })],
    ['keys that only resemble forbidden ones', { proto: 1, Constructor: 1, prototypes: 1 }],
  ])('is accepted: %s', (_, body) => {
    expect(answerTo(body)).toBe('allowed');
  });

  it.each<[string, string, string]>([
    ['__proto__', '{"__proto__":{"admin":true}}', 'input_key_forbidden'],
    ['constructor, far inside', '[{"a":{"constructor":1}}]', 'input_key_forbidden'],
    ['prototype', '{"prototype":null}', 'input_key_forbidden'],
    ['an escaped key', '{"\\u005f_proto__":1}', 'input_key_forbidden'],
    ['objects too deep', '{"a":{"b":{"c":{}}}}', 'input_too_deep'],
    ['lists too deep', '[[[[]]]]', 'input_too_deep'],
    ['too many items', '[1,2,3,4,5,6,7,8,9,0,1]', 'input_too_many_keys'],
  ])('is refused: %s', (_, json, reason) => {
    expect(answerTo(JSON.parse(json))).toBe(reason);
  });

  it('is walked without a stack, and no further than allowed', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`);
    expect(answerTo(deep)).toBe('input_too_deep');
    const sparse = Object.assign([], { length: 4_294_967_295 });
    expect(answerTo(sparse)).toBe('input_too_many_keys');
  });
});
