import { describe, expect, it } from '@jest/globals';
import { accountReachOf } from './account-access.policy.js';

describe('the reach of a caller', () => {
  it.each(['teller', 'auditor', 'admin'])('is every account for the role %s', (role) => {
    expect(accountReachOf({ id: 'x', roles: [role] })).toEqual({ everybody: true });
  });

  it.each([[['customer']], [[]], [['Teller']], [['teller ']], [['constructor', '__proto__']]])(
    'is its own accounts for the roles %j',
    (roles) => {
      expect(accountReachOf({ id: 'x', roles })).toEqual({ everybody: false, ownerId: 'x' });
    },
  );
});
