import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { refusalOf, type AccountState, type TransferOrder } from './transfer.policy.js';

const order: TransferOrder = { from: 'a', to: 'b', amount: 100, reference: null };
const mine: AccountState = { ownerId: 'alice', balance: 100 };
const theirs: AccountState = { ownerId: 'bob', balance: 0 };

describe('a transfer', () => {
  it('may take all that is there', () => {
    expect(refusalOf(order, 'alice', mine, theirs)).toBeUndefined();
  });

  it('may go between two accounts of one owner', () => {
    expect(refusalOf(order, 'alice', mine, { ...theirs, ownerId: 'alice' })).toBeUndefined();
  });

  it('may not take one cent more than is there', () => {
    expect(refusalOf({ ...order, amount: 101 }, 'alice', mine, theirs)).toBe('insufficient_funds');
  });

  it('may not come from an account that does not exist', () => {
    expect(refusalOf(order, 'alice', undefined, theirs)).toBe('source_unknown');
  });

  it('may not go to an account that does not exist', () => {
    expect(refusalOf(order, 'alice', mine, undefined)).toBe('destination_unknown');
  });

  it('may not go back to where it comes from', () => {
    expect(refusalOf({ ...order, to: 'a' }, 'alice', mine, mine)).toBe('same_account');
  });

  it("tells nothing of somebody else's account, whatever else is wrong", () => {
    fc.assert(
      fc.property(
        fc.record({
          from: fc.constant('a'),
          to: fc.constantFrom('a', 'b'),
          amount: fc.maxSafeNat(),
          reference: fc.constant(null),
        }),
        fc.option(fc.record({ ownerId: fc.constantFrom('bob', ''), balance: fc.maxSafeNat() }), { nil: undefined }),
        fc.option(fc.record({ ownerId: fc.string(), balance: fc.maxSafeNat() }), { nil: undefined }),
        (asked, source, destination) => {
          expect(refusalOf(asked, 'alice', source, destination)).toBe('source_unknown');
        },
      ),
    );
  });

  it('leaves both balances safe integers that are not negative, whenever it is allowed', () => {
    const cents = fc.oneof(
      fc.maxSafeNat(),
      fc.nat(10),
      fc.nat(10).map((n) => Number.MAX_SAFE_INTEGER - n),
    );
    fc.assert(
      fc.property(cents, cents, cents, (amount, from, to) => {
        fc.pre(amount > 0);
        const refusal = refusalOf(
          { ...order, amount },
          'alice',
          { ...mine, balance: from },
          { ...theirs, balance: to },
        );
        const sound = from - amount >= 0 && BigInt(to) + BigInt(amount) <= BigInt(Number.MAX_SAFE_INTEGER);
        expect(refusal === undefined).toBe(sound);
      }),
      { numRuns: 500 },
    );
  });
});
