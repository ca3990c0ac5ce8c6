import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Sensitive, VisibleTo } from './masking.decorators.js';
import { MaskingError } from './masking.policy.js';
import { Account, sent, shownTo } from './testing/viewers.js';

describe('cycles and depth', () => {
  class Node {
    children: Node[] = [];
    parent?: Node;
    @Sensitive() token = 'token-value';
    constructor(public name: string) {}
  }

  it('keeps a cycle between instances, without their hidden fields', () => {
    const root = new Node('root');
    for (const name of ['a', 'b', 'c']) root.children.push(Object.assign(new Node(name), { parent: root }));
    const copy = shownTo(root) as Node;
    expect(copy).not.toBe(root);
    expect(copy.children[1]?.parent).toBe(copy);
    expect([copy, ...copy.children].filter((node) => Object.hasOwn(node, 'token'))).toEqual([]);
  });

  it('passes a cycle without rules on as it is', () => {
    const cycle: Record<string, unknown> = { list: [], map: new Map() };
    cycle['self'] = cycle;
    (cycle['list'] as unknown[]).push(cycle);
    (cycle['map'] as Map<string, unknown>).set('self', cycle);
    expect(shownTo(cycle)).toBe(cycle);
  });

  it('masks an instance that hangs off a cycle', () => {
    const cycle: Record<string, unknown> = { account: new Account(), set: new Set(), when: new Date(0) };
    cycle['self'] = [cycle];
    (cycle['set'] as Set<unknown>).add(cycle);
    const copy = shownTo(cycle) as typeof cycle;
    expect(copy['account']).toEqual({ id: 'a1', owner: '***', iban: '…6789' });
    expect((copy['self'] as unknown[])[0]).toBe(copy);
    expect([...(copy['set'] as Set<unknown>)]).toEqual([copy]);
    expect(copy['when']).toBe(cycle['when']);
  });

  it('masks at 900 levels', () => {
    let value: unknown = new Account();
    for (let i = 0; i < 900; i += 1) value = i % 2 === 0 ? [value] : { value };
    expect(JSON.stringify(shownTo(value))).not.toContain('pin-value');
  });

  it('refuses beyond 1,000 levels', () => {
    let value: unknown = new Account();
    for (let i = 0; i < 20_000; i += 1) value = [value];
    expect(() => shownTo(value)).toThrow(MaskingError);
  });

  it('masks a list of 100,000 instances', () => {
    const list = Array.from({ length: 100_000 }, () => new Account());
    const copy = shownTo(list) as Account[];
    expect(copy).toHaveLength(100_000);
    expect(copy.every((account) => !('pin' in account))).toBe(true);
  });
});

describe('hostile keys', () => {
  it('carries an own __proto__ key over as a key, and pollutes nothing', () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as object;
    const copy = shownTo(Object.assign(value, { account: new Account() })) as Record<string, unknown>;
    expect(Object.hasOwn(copy, '__proto__')).toBe(true);
    expect(JSON.stringify(copy)).toContain('"__proto__":{"polluted":true}');
    expect(copy['polluted']).toBeUndefined();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('carries them over from an instance as well', () => {
    const account = new Account();
    Object.defineProperty(account, '__proto__', { value: { polluted: 1 }, enumerable: true });
    Object.assign(account, { constructor: 'own' });
    const copy = shownTo(account) as Record<string, unknown>;
    expect(Object.getPrototypeOf(copy)).not.toEqual({ polluted: 1 });
    expect(JSON.parse(JSON.stringify(copy))).toMatchObject({ constructor: 'own', id: 'a1' });
  });

  it('shows no symbol key of an instance', () => {
    const key = Symbol('key');
    class Keyed {
      a = 1;
      @Sensitive() [key] = 'symbol-value';
    }
    expect(Reflect.ownKeys(shownTo(new Keyed()) as object)).toEqual(['a']);
  });

  it('applies no rule to a plain object that has the same keys', () => {
    expect(sent({ pin: 1, account: new Account() })).toMatchObject({ pin: 1 });
  });

  it('applies the rules to an object that only claims the prototype', () => {
    expect(sent(Object.assign(Object.create(Account.prototype), { pin: 'pin-value', id: 'x' }))).toEqual({ id: 'x' });
  });
});

describe('any answer', () => {
  class Secretive {
    @Sensitive() secret = 'SECRET';
    @VisibleTo('auditor') restricted = 'RESTRICTED';
    [key: string]: unknown;
    constructor(fields: Record<string, unknown>) {
      for (const [key, value] of Object.entries(fields)) {
        Object.defineProperty(this, key, { value, enumerable: true, writable: true, configurable: true });
      }
    }
  }

  // A tree as the client should get it, beside the same tree with instances in it.
  type Pair = { value: unknown; expected: unknown };
  const keys = fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('__proto__', 'constructor', 'toString', 'pin'));
  const { pair } = fc.letrec<{ pair: Pair }>((tie) => ({
    pair: fc.oneof(
      { depthSize: 'small', maxDepth: 6 },
      fc
        .oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null))
        .map((leaf) => ({ value: leaf, expected: leaf })),
      fc.array(tie('pair'), { maxLength: 4 }).map((items) => ({
        value: items.map(({ value }) => value),
        expected: items.map(({ expected }) => expected),
      })),
      fc.tuple(fc.array(fc.tuple(keys, tie('pair')), { maxLength: 4 }), fc.boolean()).map(([entries, isInstance]) => {
        const fields = Object.fromEntries(entries.map(([key, { value }]) => [key, value]));
        const expected = Object.fromEntries(entries.map(([key, child]) => [key, child.expected]));
        return { value: isInstance ? new Secretive(fields) : fields, expected };
      }),
    ),
  }));

  it('holds everything but the hidden fields, and no hidden field', () => {
    fc.assert(
      fc.property(pair, ({ value, expected }) => {
        const before = JSON.stringify(value);
        expect(JSON.parse(JSON.stringify(shownTo(value)))).toEqual(JSON.parse(JSON.stringify(expected)));
        expect(JSON.stringify(shownTo(value, 'auditor'))).not.toContain('"SECRET"');
        expect(JSON.stringify(value)).toBe(before);
      }),
      { numRuns: 300 },
    );
  });
});

describe('classes that keep things to themselves', () => {
  class Purse {
    #cents = 7;
    @VisibleTo('auditor') note = 'note-value';
    toJSON(): object {
      return { cents: this.#cents, note: this.note };
    }
  }

  it('show their #private fields through toJSON where nothing is hidden from the caller', () => {
    expect(sent(new Purse(), 'auditor')).toEqual({ cents: 7, note: 'note-value' });
  });

  it('are an error, and no leak, where their toJSON cannot do without what is hidden', () => {
    expect(() => sent(new Purse())).toThrow(MaskingError);
  });

  class Page extends Array<unknown> {
    total = 2;
    constructor(items: Iterable<unknown>) {
      super();
      for (const item of items) this.push(item);
    }
    toJSON(): object {
      return { total: this.total, items: [...this] };
    }
  }

  it('may be lists with a constructor and a toJSON of their own', () => {
    expect(sent(new Page([new Account()]))).toEqual({
      total: 2,
      items: [{ id: 'a1', owner: '***', iban: '…6789' }],
    });
  });
});
