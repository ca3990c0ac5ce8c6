import { describe, expect, it } from '@jest/globals';
import { ownDeclarations } from '../../core/declarations.js';
import { CsrfExempt } from './csrf.decorators.js';

const DECLARED = [{ kind: 'edge', part: 'csrfExempt', value: true, decorator: '@CsrfExempt()' }];

@CsrfExempt()
class Webhooks {}

class Accounts {
  @CsrfExempt()
  notified(): void {}

  transfer(): void {}
}

describe('@CsrfExempt()', () => {
  it('is recorded for a class', () => {
    expect(ownDeclarations(Webhooks).get(undefined)).toEqual(DECLARED);
  });

  it('is recorded for one method, and for no other', () => {
    expect(ownDeclarations(Accounts.prototype).get('notified')).toEqual(DECLARED);
    expect(ownDeclarations(Accounts.prototype).get('transfer')).toBeUndefined();
    expect(ownDeclarations(Accounts).get(undefined)).toBeUndefined();
  });
});
