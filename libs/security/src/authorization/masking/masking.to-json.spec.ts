import { describe, expect, it } from '@jest/globals';
import { Sensitive, VisibleTo } from './masking.decorators.js';
import { MaskingError } from './masking.policy.js';
import { Account, sent, shownTo } from './testing/viewers.js';

describe('a toJSON of the class', () => {
  class Card {
    id = 1;
    @Sensitive() pin = 'pin-value';
    @VisibleTo({ roles: ['teller'], otherwise: 'mask' }) number = 'number-value';
    @VisibleTo('auditor') limit = 'limit-value';
  }

  it.each<[string, (this: Card) => unknown]>([
    [
      'spreads itself',
      function () {
        return { ...this };
      },
    ],
    [
      'answers with itself',
      function () {
        return this;
      },
    ],
    [
      'renames the field',
      function () {
        return { id: this.id, renamed: this.pin, also: this.limit };
      },
    ],
    [
      'answers with the value',
      function () {
        return this.pin;
      },
    ],
    [
      'answers with a list',
      function () {
        return [this.pin, this.limit];
      },
    ],
    [
      'answers with another instance',
      function () {
        return Object.assign(new Card(), this);
      },
    ],
    [
      'reads the fields one by one',
      function () {
        return Object.fromEntries(Object.entries(this));
      },
    ],
    [
      'derives from the field',
      function () {
        return { reversed: [...(this.pin ?? '')].toReversed().join('') };
      },
    ],
  ])('cannot bring a hidden field back when it %s', (_, toJSON) => {
    class WithJson extends Card {}
    Object.defineProperty(WithJson.prototype, 'toJSON', { value: toJSON });
    for (const roles of [[], ['teller']]) {
      const text = JSON.stringify({ answer: sent({ deep: [new WithJson()] }, ...roles) });
      expect(text).not.toMatch(/pin-value|eulav-nip|limit-value/u);
      expect(text.includes('number-value') && roles.length === 0).toBe(false);
    }
  });

  it('shapes what may be seen', () => {
    class Shaped extends Card {
      toJSON(): object {
        return { card: this.id, number: this.number, limit: this.limit };
      }
    }
    expect(sent(new Shaped())).toEqual({ card: 1, number: '***' });
    expect(sent(new Shaped(), 'teller', 'auditor')).toEqual({ card: 1, number: 'number-value', limit: 'limit-value' });
  });

  it('may call the one of its base class, and sees what the viewer may see', () => {
    class Shaped extends Card {
      toJSON(): object {
        return { ...(Card.prototype as unknown as { toJSON(this: unknown): object }).toJSON.call(this), extra: true };
      }
    }
    expect(sent(new Shaped(), 'auditor')).toEqual({ id: 1, number: '***', limit: 'limit-value', extra: true });
  });

  it('may stay in the base class of a class with rules', () => {
    class Plain {
      toJSON(): object {
        return { shape: { ...this } };
      }
    }
    class Ruled extends Plain {
      a = 1;
      @Sensitive() pin = 'pin-value';
    }
    expect(sent(new Ruled())).toEqual({ shape: { a: 1 } });
  });

  it('has the instances in its answer masked', () => {
    class Shaped extends Card {
      toJSON(): object {
        return { account: new Account(), cards: [new Card()] };
      }
    }
    expect(sent(new Shaped(), 'auditor')).toMatchObject({
      account: { balance: 100 },
      cards: [{ limit: 'limit-value' }],
    });
    expect(JSON.stringify(sent(new Shaped(), 'auditor'))).not.toContain('pin-value');
  });

  it('that fails without the hidden fields fails the answer and names the class, not the value', () => {
    class Fragile extends Card {
      toJSON(): object {
        return { last: this.pin.slice(-4) };
      }
    }
    expect(() => shownTo(new Fragile())).toThrow(/toJSON of Fragile failed/u);
    expect(() => shownTo(new Fragile())).not.toThrow(/pin-value/u);
  });

  it('set on the instance itself is refused: it may hold on to the instance', () => {
    class Arrow extends Card {
      toJSON = (): object => ({ ...this });
    }
    expect(() => shownTo(new Arrow())).toThrow(MaskingError);
  });

  it('keeps its getters, on what may be seen', () => {
    class Derived extends Card {
      get label(): string {
        return `${this.id}:${this.number}`;
      }
      toJSON(): object {
        return { label: this.label };
      }
    }
    expect(sent(new Derived())).toEqual({ label: '1:***' });
  });
});
