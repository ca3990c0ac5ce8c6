import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ConfigurationProblem } from '../core/errors.js';
import { parseRoleHierarchy } from './role-hierarchy.js';

function parse(options: unknown) {
  const problems: ConfigurationProblem[] = [];
  return { hierarchy: parseRoleHierarchy(options, 'roles', problems), problems };
}

describe('The role hierarchy', () => {
  it.each([
    ['a line', 'admin > teller > customer'],
    ['lines', ['admin > teller', 'teller > customer']],
    ['an object', { admin: ['teller'], teller: ['customer'] }],
  ])('is read from %s', (_, options) => {
    const { hierarchy, problems } = parse(options);
    expect(problems).toEqual([]);
    expect([...hierarchy.names]).toEqual(['admin', 'teller', 'customer']);
    expect([...hierarchy.satisfying('customer')].toSorted()).toEqual(['admin', 'customer', 'teller']);
    expect([...hierarchy.satisfying('admin')]).toEqual(['admin']);
  });

  it('holds roles that stand apart', () => {
    const { hierarchy } = parse(['admin > teller', 'auditor']);
    expect([...hierarchy.satisfying('auditor')]).toEqual(['auditor']);
    expect(hierarchy.satisfying('teller').has('auditor')).toBe(false);
  });

  it('lets nobody satisfy a role that is not declared', () => {
    expect(parse('admin > teller').hierarchy.satisfying('root').size).toBe(0);
  });

  it.each([
    ['of one', 'admin > admin', 'admin > admin'],
    ['of two', ['admin > teller', 'teller > admin'], 'admin > teller > admin'],
    ['of three', { a: ['b'], b: ['c'], c: ['a'] }, 'a > b > c > a'],
  ])('refuses a cycle %s and prints it', (_, options, cycle) => {
    const { problems } = parse(options);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.problem).toContain(cycle);
  });

  it.each([
    [42],
    [null],
    [true],
    ['admin > > teller'],
    ['ad min'],
    [['admin', 7]],
    [{ admin: [{}] }],
    ['admin, teller'],
    ['*'],
  ])('refuses %j', (options) => {
    expect(parse(options).problems.length).toBeGreaterThan(0);
  });

  it('is transitive and never satisfied from below', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    fc.assert(
      // Only pairs in alphabetical order, so that there is no cycle.
      fc.property(fc.array(fc.tuple(name, name).filter(([senior, junior]) => senior < junior)), (pairs) => {
        const { hierarchy, problems } = parse(pairs.map(([senior, junior]) => `${senior} > ${junior}`));
        expect(problems).toEqual([]);
        for (const [senior, junior] of pairs) {
          expect(hierarchy.satisfying(junior).has(senior)).toBe(true);
          expect(hierarchy.satisfying(senior).has(junior)).toBe(false);
          for (const above of hierarchy.satisfying(senior)) expect(hierarchy.satisfying(junior).has(above)).toBe(true);
        }
      }),
    );
  });
});
