import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { covers, isPermission, rolesGranting } from './permissions.policy.js';
import { parseRoleHierarchy } from './role-hierarchy.js';

describe('A permission', () => {
  it.each([
    ['account:read', 'account:read'],
    ['account:*', 'account:read'],
    ['account:*', 'account:read:own'],
    ['account:*', 'account:*'],
    ['*', 'account:read'],
    ['*', 'account'],
    ['*:read', 'account:read'],
    ['account:*:own', 'account:read:own'],
  ])('%s covers %s', (granted, required) => {
    expect(covers(granted, required)).toBe(true);
  });

  it.each([
    ['account', 'account:read'],
    ['account:read', 'account'],
    ['account:*', 'account'],
    ['account:*', 'accounts:read'],
    ['*:read', 'account:write'],
    ['*:read', 'account:read:own'],
    ['account:read', 'account:*'],
    ['account:*:own', 'account:read'],
    ['account:*:own', 'account:read:all'],
    ['acc*', 'account'],
    ['', 'account'],
  ])('%s does not cover %s', (granted, required) => {
    expect(covers(granted, required)).toBe(false);
  });

  it.each(['', ':', 'a:', ':a', 'a::b', 'a b', 'a*', 'a:b*', 'a,b', `a:${'x'.repeat(300)}`, 42, null])(
    'is not %j',
    (value) => {
      expect(isPermission(value)).toBe(false);
    },
  );

  const words = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 });

  it('without an asterisk covers itself alone', () => {
    fc.assert(
      fc.property(words, words, (held, asked) => {
        expect(covers(held.join(':'), asked.join(':'))).toBe(held.join(':') === asked.join(':'));
      }),
    );
  });

  it('with an asterisk at the end covers all that begins with what stands before it', () => {
    fc.assert(
      fc.property(words, words, (held, rest) => {
        expect(covers([...held, '*'].join(':'), [...held, ...rest].join(':'))).toBe(true);
      }),
    );
  });
});

describe('The roles that grant a permission', () => {
  const hierarchy = parseRoleHierarchy(['admin > teller > customer', 'auditor'], 'roles', []);
  const permissions = { customer: ['transfer:create'], teller: ['account:*'], auditor: ['*:read'] };

  it('are those that list it and those that include one of these', () => {
    expect([...rolesGranting('transfer:create', permissions, hierarchy)].toSorted()).toEqual([
      'admin',
      'customer',
      'teller',
    ]);
  });

  it('are found through wildcards', () => {
    expect([...rolesGranting('account:read', permissions, hierarchy)].toSorted()).toEqual([
      'admin',
      'auditor',
      'teller',
    ]);
  });

  it('are none for what nobody lists', () => {
    expect(rolesGranting('user:delete', permissions, hierarchy).size).toBe(0);
  });
});
