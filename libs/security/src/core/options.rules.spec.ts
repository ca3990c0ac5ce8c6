import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from './errors.js';
import { checkOptions, describe as kindOf, nearestName, OptionalRule, Part, Rule } from './options.rules.js';

class InnerRules {
  @Rule((value) => (typeof value === 'string' ? undefined : `must be text, not ${kindOf(value)}`), 'Give a text')
  secret?: unknown;
}

class OuterRules {
  @Part(() => InnerRules) inner?: unknown;

  @OptionalRule((value) => (value === 1 ? undefined : 'is not one'), 'Give 1')
  @OptionalRule((value) => (typeof value === 'number' ? undefined : 'is no number'), 'Give a number', 'number')
  count?: unknown;
}

function check(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkOptions(OuterRules, options, 'outer', problems);
  return problems;
}

describe('Options', () => {
  it('that are right have no problem, nor have those that are left out', () => {
    expect(check({ inner: { secret: 'x' }, count: 1 })).toEqual([]);
    expect(check({})).toEqual([]);
  });

  it('that are unknown are named with the nearest known one', () => {
    expect(check({ cuont: 1 })).toEqual([
      { where: 'outer.cuont', problem: 'is not an option', fix: 'Did you mean "count"?' },
    ]);
    expect(check({ somethingElse: 1 })[0]?.fix).toBe('Known here: inner, count');
  });

  it('that hold others are checked through and through, lists included', () => {
    expect(check({ inner: {} })[0]).toMatchObject({ where: 'outer.inner.secret', fix: 'Give a text' });
    expect(check({ inner: [{ secret: 'x' }, { secret: 1 }] })[0]?.where).toBe('outer.inner[1].secret');
    expect(check({ inner: 7 })[0]).toMatchObject({ where: 'outer.inner', problem: 'must be an object, not a number' });
  });

  it('may switch a part off', () => {
    expect(check({ inner: false })).toEqual([]);
  });

  it('are told all that is wrong with one of them', () => {
    expect(
      check({ count: 'two' })
        .map(({ problem }) => problem)
        .toSorted(),
    ).toEqual(['is no number', 'is not one']);
  });

  it.each([[null], [undefined], ['text'], [7], [[]]])('are no options at all as %j', (options) => {
    expect(check(options)).toHaveLength(1);
  });

  it('named __proto__ are unknown, and change nothing', () => {
    expect(check(JSON.parse('{"__proto__":{"count":1}}'))).toHaveLength(1);
    expect(({} as { count?: number }).count).toBeUndefined();
  });

  it('are described by their type, never by their value', () => {
    expect([null, [], {}, 'secret', 1].map(kindOf)).toEqual(['null', 'a list', 'an object', 'a string', 'a number']);
  });
});

describe('The nearest name', () => {
  it('is one of few changes, in whatever case', () => {
    expect(nearestName('Audiance', ['issuer', 'audience'])).toBe('audience');
  });

  it('is none where all are far', () => {
    expect(nearestName('colour', ['issuer', 'audience'])).toBeUndefined();
  });
});
