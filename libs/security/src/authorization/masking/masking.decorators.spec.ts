import { describe, expect, it } from '@jest/globals';
import { Sensitive, VisibleTo, type VisibilityOptions } from './masking.decorators.js';
import { hasMaskedClasses, maskedRoleNames } from './masking.rules.js';

describe('@VisibleTo', () => {
  it.each<[string, unknown[]]>([
    ['no role', []],
    ['no roles and permissions', [{ roles: [], permissions: [] }]],
    ['options without names', [{ otherwise: 'mask' }]],
    ['an empty name', ['']],
    ['a name that is no text', [42]],
    ['roles that are no list', [{ roles: 'auditor' }]],
    ['a list instead of names', [['auditor']]],
  ])('is refused with %s', (_, names) => {
    const declare = VisibleTo(...(names as [string]));
    expect(() => declare(class Account {}.prototype, 'balance')).toThrow(
      /@VisibleTo on Account\.balance: does not say who sees the field/u,
    );
  });

  it('is refused with a mask that is not known', () => {
    const declare = VisibleTo({ roles: ['x'], otherwise: 'hash' } as unknown as VisibilityOptions);
    expect(() => declare(class Account {}.prototype, 'balance')).toThrow(/"otherwise" that is not known/u);
    const later = VisibleTo({ roles: ['x'], otherwise: async () => '***' });
    expect(() => later(class Account {}.prototype, 'balance')).toThrow(/"otherwise" that is asynchronous/u);
  });

  it('is refused with an option that is not known, and names the nearest', () => {
    const declare = VisibleTo({ role: ['x'] } as unknown as VisibilityOptions);
    expect(() => declare(class Account {}.prototype, 'balance')).toThrow(/"role".*Did you mean "roles"/u);
  });

  it('makes its roles known', () => {
    class Named {
      @VisibleTo('named-one', 'named-two') a = 1;
      @VisibleTo({ roles: ['named-three'], permissions: ['a:read'] }) b = 1;
    }
    expect(new Named().a).toBe(1);
    expect([...maskedRoleNames()]).toEqual(expect.arrayContaining(['named-one', 'named-two', 'named-three']));
    expect(maskedRoleNames().has('a:read')).toBe(false);
    expect(hasMaskedClasses()).toBe(true);
  });
});

describe('both decorators', () => {
  const decorators: [string, () => PropertyDecorator][] = [
    ['Sensitive', Sensitive],
    ['VisibleTo', () => VisibleTo('x')],
  ];

  it.each(decorators)('@%s is refused on a method', (name, decorator) => {
    class Account {
      pay(): void {}
    }
    const descriptor = Object.getOwnPropertyDescriptor(Account.prototype, 'pay');
    const declare = decorator() as MethodDecorator;
    expect(() => declare(Account.prototype, 'pay', descriptor as PropertyDescriptor)).toThrow(
      `@${name} on Account.pay: stands on what is no field of an instance`,
    );
  });

  it.each(decorators)('@%s is refused on a static member', (_, decorator) => {
    class Account {
      static secret = 1;
    }
    expect(() => decorator()(Account, 'secret')).toThrow(/no field of an instance/u);
  });

  it.each(decorators)('@%s is refused where the class cannot be closed', (_, decorator) => {
    class Account {}
    Object.freeze(Account.prototype);
    expect(() => decorator()(Account.prototype, 'secret')).toThrow(/frozen/u);
  });
});
