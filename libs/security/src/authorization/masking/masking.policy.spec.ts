import { describe, expect, it, jest } from '@jest/globals';
import { Logger, StreamableFile } from '@nestjs/common';
import { Readable } from 'node:stream';
import { Sensitive, VisibleTo } from './masking.decorators.js';
import { mask } from './masking.policy.js';
import { Account, sent, shownTo } from './testing/viewers.js';

function shownToNobody(value: unknown): unknown {
  return mask(value, () => undefined);
}

class Holder {
  constructor(
    public name: string,
    public account: unknown,
  ) {}
}

describe('the fields of an instance', () => {
  it('are all shown but the sensitive ones to who holds every role and permission', () => {
    expect(sent(new Account(), 'auditor', 'teller', 'iban:read')).toEqual({
      id: 'a1',
      balance: 100,
      owner: 'Alice Liddell',
      iban: 'XX00123456789',
    });
  });

  it('are dropped or masked for who holds none', () => {
    expect(sent(new Account())).toEqual({ id: 'a1', owner: '***', iban: '…6789' });
  });

  it('are dropped or masked when nobody is known', () => {
    expect(shownToNobody(new Account())).toEqual({ id: 'a1', owner: '***', iban: '…6789' });
  });

  it('keep their order', () => {
    expect(Object.keys(shownTo(new Account(), 'auditor', 'teller') as object)).toEqual([
      'id',
      'balance',
      'owner',
      'iban',
    ]);
  });

  it('are not changed in the instance itself', () => {
    const account = Object.freeze(new Account());
    shownTo(account);
    expect(account.pin).toBe('pin-value');
    expect(account.balance).toBe(100);
  });

  it('show a fixed mask that tells neither length nor type', () => {
    class Masked {
      @VisibleTo({ roles: ['x'], otherwise: 'mask' }) value: unknown;
      constructor(value: unknown) {
        this.value = value;
      }
    }
    for (const value of ['', 'a', 'a'.repeat(1000), 0, null, [1, 2], { a: 1 }]) {
      expect(sent(new Masked(value))).toEqual({ value: '***' });
    }
  });

  it('show nothing where the mask function throws or answers undefined', () => {
    class Masked {
      visible = true;
      @VisibleTo({
        roles: ['x'],
        otherwise: () => {
          throw new Error('no');
        },
      })
      throwing = 'hidden-one';
      @VisibleTo({ roles: ['x'], otherwise: () => undefined }) silent = 'hidden-two';
    }
    expect(Object.keys(shownTo(new Masked()) as object)).toEqual(['visible']);
  });

  it('show nothing where the mask function answers later, whether that fails or not', async () => {
    const logged = jest.spyOn(Logger.prototype, 'error').mockReturnValue();
    class Late {
      visible = true;
      @VisibleTo({ roles: ['x'], otherwise: () => Promise.resolve('hidden') }) late = 'hidden-one';
      @VisibleTo({ roles: ['x'], otherwise: (value) => Promise.reject(new Error(String(value))) }) broken =
        'hidden-two';
    }
    for (let i = 0; i < 3; i++) expect(Object.keys(shownTo(new Late()) as object)).toEqual(['visible']);
    // An unhandled rejection would end the process.
    await new Promise(setImmediate);
    const lines = logged.mock.calls.map(([line]) => String(line));
    logged.mockRestore();
    expect(lines).toEqual([expect.stringContaining('Late.late'), expect.stringContaining('Late.broken')]);
    expect(lines.join()).not.toContain('hidden');
  });

  it('are masked again inside what a mask function answers with', () => {
    class Outer {
      @VisibleTo({ roles: ['x'], otherwise: (inner) => ({ inner }) }) account = new Account();
    }
    expect(JSON.stringify(shownTo(new Outer()))).not.toContain('pin-value');
  });

  it('ask the viewer once for each class, however many instances there are', () => {
    let asked = 0;
    let made = 0;
    mask(
      Array.from({ length: 50 }, () => new Account()),
      () => {
        made += 1;
        return { hasRole: () => (asked += 1) > 0 };
      },
    );
    expect(made).toBe(1);
    expect(asked).toBe(2);
  });

  it('stay hidden from a viewer that answers with anything but true', () => {
    const lying = { hasRole: () => 'yes' as unknown as boolean, hasPermission: () => 1 as unknown as boolean };
    expect(mask(new Account(), () => lying)).toEqual({ id: 'a1', owner: '***', iban: '…6789' });
  });

  it('are hidden from a viewer that knows no permissions', () => {
    expect(mask(new Account(), () => ({ hasRole: () => true }))).toMatchObject({ balance: 100, iban: '…6789' });
  });
});

describe('inheritance', () => {
  class Base {
    @VisibleTo('auditor') note = 'note-value';
    @Sensitive() pin = 'pin-value';
  }

  it('applies the rules of a base class to a subclass without rules', () => {
    class Sub extends Base {
      extra = 1;
    }
    expect(sent(new Sub())).toEqual({ extra: 1 });
    expect(sent(new Sub(), 'auditor')).toEqual({ note: 'note-value', extra: 1 });
  });

  it('lets a subclass tighten a field: both rules must be satisfied', () => {
    class Sub extends Base {
      @VisibleTo('admin') override note = 'note-value';
    }
    expect(sent(new Sub(), 'admin')).toEqual({});
    expect(sent(new Sub(), 'auditor')).toEqual({});
    expect(sent(new Sub(), 'auditor', 'admin')).toEqual({ note: 'note-value' });
  });

  it('does not let a subclass loosen a field', () => {
    class Sub extends Base {
      @VisibleTo('auditor') override pin = 'pin-value';
      @VisibleTo({ roles: ['admin'], otherwise: (value) => value }) override note = 'note-value';
    }
    expect(sent(new Sub(), 'auditor')).toEqual({ note: 'note-value' });
    expect(sent(new Sub(), 'admin')).toEqual({});
  });

  it('shows the fixed mask where two masks compete', () => {
    class One {
      @VisibleTo({ roles: ['a'], otherwise: (value) => value }) value = 'all-of-it';
    }
    class Two extends One {
      @VisibleTo({ roles: ['b'], otherwise: (value) => String(value).slice(0, 3) }) override value = 'all-of-it';
    }
    expect(sent(new Two())).toEqual({ value: '***' });
    expect(sent(new Two(), 'a')).toEqual({ value: 'all' });
  });

  it('leaves the base class as it was', () => {
    class Sub extends Base {
      @VisibleTo('admin') override note = 'note-value';
    }
    expect(sent(new Sub(), 'auditor')).toEqual({});
    expect(sent(new Base(), 'auditor')).toEqual({ note: 'note-value' });
  });

  it('honours a rule that is declared after the class was first seen', () => {
    class Late {
      token = 'token-value';
    }
    expect(sent(new Late())).toEqual({ token: 'token-value' });
    Sensitive()(Late.prototype, 'token');
    expect(sent(new Late())).toEqual({});
  });
});

describe('getters', () => {
  class Person {
    born = 1990;
    @VisibleTo('auditor') get age(): number {
      return 2026 - this.born;
    }
    @VisibleTo({ roles: ['auditor'], otherwise: 'mask' }) get initials(): string {
      return 'A. L.';
    }
    @Sensitive() get secret(): string {
      throw new Error('must not be read');
    }
    get unmarked(): string {
      return 'not part of JSON';
    }
  }

  it('with a rule are part of the answer for who may see them', () => {
    expect(sent(new Person(), 'auditor')).toEqual({ born: 1990, age: 36, initials: 'A. L.' });
  });

  it('with a rule are dropped or masked for everybody else, without being read where they are dropped', () => {
    expect(sent(new Person())).toEqual({ born: 1990, initials: '***' });
  });

  it('that throw show nothing where a mask function would have used them', () => {
    class Broken {
      ok = true;
      @VisibleTo({ roles: ['x'], otherwise: (value) => value }) get value(): string {
        throw new Error('broken');
      }
    }
    expect(sent(new Broken())).toEqual({ ok: true });
  });

  it('that throw fail the answer of who may see them, as they do without masking', () => {
    class Broken {
      @VisibleTo('x') get value(): string {
        throw new Error('broken getter');
      }
    }
    expect(() => shownTo(new Broken(), 'x')).toThrow('broken getter');
  });
});

describe('what is walked', () => {
  const masked = { id: 'a1', owner: '***', iban: '…6789' };

  it.each<[string, (account: Account) => unknown, unknown]>([
    ['a list', (account) => [1, account, [account]], [1, masked, [masked]]],
    ['a plain object', (account) => ({ a: { b: account }, c: 1 }), { a: { b: masked }, c: 1 }],
    ['an object without prototype', (account) => Object.assign(Object.create(null), { account }), { account: masked }],
    ['an instance without rules', (account) => new Holder('h', account), { name: 'h', account: masked }],
    ['a toJSON without rules', (account) => ({ toJSON: () => ({ items: [account] }) }), { items: [masked] }],
    ['a toJSON that answers with an instance', (account) => ({ toJSON: () => account }), masked],
  ])('reaches an instance in %s', (_, wrap, expected) => {
    expect(sent(wrap(new Account()))).toEqual(expected);
  });

  it('reaches the values of a Map and of a Set', () => {
    const result = shownTo({ map: new Map([['k', new Account()]]), set: new Set([1, new Account()]) }) as {
      map: Map<string, unknown>;
      set: Set<unknown>;
    };
    expect([...result.map]).toEqual([['k', masked]]);
    expect([...result.set]).toEqual([1, masked]);
  });

  it('leaves dates, bytes, streams, files, errors and primitives alone', () => {
    const leaves = [
      new Date(0),
      Buffer.from('x'),
      new Uint16Array(2),
      new ArrayBuffer(2),
      Readable.from(['x']),
      new StreamableFile(Buffer.from('x')),
      new Error('x'),
      /x/u,
      Promise.resolve(1),
      1n,
      Symbol('x'),
      null,
      undefined,
      Number.NaN,
      () => 1,
    ];
    for (const leaf of leaves) expect(shownTo(leaf)).toBe(leaf);
    const { account, ...kept } = shownTo({ account: new Account(), leaves }) as { account: unknown; leaves: unknown[] };
    expect(account).toEqual(masked);
    expect(kept.leaves).toBe(leaves);
  });

  it('does not look inside a stream that holds an instance', () => {
    const stream = Object.assign(Readable.from(['x']), { account: new Account() });
    expect(shownTo(stream)).toBe(stream);
  });

  it('shows no more of an error with rules than of another class', () => {
    class Failure extends Error {
      detail = 'd';
      @Sensitive() token = 'token-value';
    }
    expect(sent(new Failure('m'))).toEqual({ detail: 'd' });
  });
});

describe('an answer without rules', () => {
  it.each<[string, unknown]>([
    ['a list', [1, 'a', { b: [null] }]],
    ['a plain object', { a: { b: { c: [Number.NaN, 0] } } }],
    ['an instance', new Holder('h', new Holder('i', null))],
    ['a Map and a Set', { map: new Map([['k', {}]]), set: new Set([{}]) }],
    ['a toJSON', { toJSON: () => ({ a: [1] }) }],
  ])('is passed on as it is: %s', (_, value) => {
    expect(shownTo(value)).toBe(value);
  });

  it('does not ask who looks', () => {
    let asked = 0;
    mask({ a: [1, new Holder('h', null)] }, () => {
      asked += 1;
      return undefined;
    });
    expect(asked).toBe(0);
  });

  it('keeps the parts that need no copy', () => {
    const untouched = { deep: [1, 2] };
    expect((shownTo({ untouched, account: new Account() }) as { untouched: unknown }).untouched).toBe(untouched);
  });
});
