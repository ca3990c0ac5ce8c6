import { describe, expect, it } from '@jest/globals';
import { ConsoleLogger } from '@nestjs/common';
import { Exclude, Expose, instanceToInstance, instanceToPlain, Transform, Type } from 'class-transformer';
import { fastify } from 'fastify';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { Sensitive, VisibleTo } from './masking.decorators.js';
import { mask } from './masking.policy.js';

class Account {
  id = 'a1';
  @Sensitive() pin = 'pin-value';
  @VisibleTo('auditor') balance = 'balance-value';
  @VisibleTo({ roles: ['teller'], otherwise: 'mask' }) owner = 'owner-value';
  declare next?: unknown;
}

const HIDDEN = /pin-value|balance-value|owner-value/u;
const auditor = () => ({ hasRole: (role: string) => role === 'auditor' });

function sink(): { readonly stream: Writable; text(): string } {
  const chunks: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk.toString());
      done();
    },
  });
  return { stream, text: () => chunks.join('') };
}

describe('JSON.stringify', () => {
  it('leaves out every field with a rule, wherever the instance is', () => {
    const nested = { list: [new Account()], account: Object.assign(new Account(), { next: new Account() }) };
    expect(JSON.parse(JSON.stringify(nested))).toEqual({
      list: [{ id: 'a1' }],
      account: { id: 'a1', next: { id: 'a1' } },
    });
  });

  it('adds no visible member to the instance', () => {
    expect(Object.keys(new Account())).not.toContain('toJSON');
    const inherited: string[] = [];
    for (const key in new Account()) inherited.push(key);
    expect(inherited).not.toContain('toJSON');
  });

  it('runs a toJSON of the class on what is left', () => {
    class Shaped {
      id = 1;
      @Sensitive() pin = 'pin-value';
      toJSON(key: string): object {
        return { key, renamed: this.pin, id: this.id };
      }
    }
    expect(JSON.stringify({ shaped: new Shaped() })).toBe('{"shaped":{"key":"shaped","id":1}}');
  });

  it.each<[string, (this: Account) => unknown]>([
    [
      'itself',
      function () {
        return this;
      },
    ],
    [
      'a copy of itself',
      function () {
        return { ...this };
      },
    ],
    ['another instance', () => new Account()],
  ])('shows no hidden field when a toJSON answers with %s', (_, toJSON) => {
    class Shaped {
      id = 'a1';
      @Sensitive() pin = 'pin-value';
      toJSON(): unknown {
        return toJSON.call(this as unknown as Account);
      }
    }
    expect(JSON.stringify([new Shaped()])).toBe('[{"id":"a1"}]');
  });

  it('shows a placeholder, and does not throw, when a toJSON cannot do without the hidden field', () => {
    class Fragile {
      @Sensitive() pin = 'pin-value';
      toJSON(): object {
        return { last: this.pin.slice(-4) };
      }
    }
    expect(JSON.stringify({ fragile: new Fragile() })).toBe('{"fragile":"[sensitive]"}');
  });

  it('lets the toJSON of a subclass call the one of its base class', () => {
    class Base {
      id = 1;
      @Sensitive() pin = 'pin-value';
      toJSON(): object {
        return { base: this.id, pin: this.pin };
      }
    }
    class Sub extends Base {
      @Sensitive() token = 'token-value';
      override toJSON(): object {
        return { ...super.toJSON(), token: this.token };
      }
    }
    expect(JSON.stringify(new Sub())).toBe('{"base":1}');
  });

  it('closes the toJSON of a subclass without rules once masking has seen an instance', () => {
    class Sub extends Account {
      toJSON(): object {
        return { ...this };
      }
    }
    mask(new Sub(), () => undefined);
    expect(JSON.stringify(new Sub())).not.toMatch(HIDDEN);
  });

  it('shows what masking made without hiding it a second time', () => {
    const copy = mask(Object.assign(new Account(), { next: [new Account()] }), auditor);
    expect(JSON.stringify(copy)).toBe(
      '{"id":"a1","balance":"balance-value","owner":"***","next":[{"id":"a1","balance":"balance-value","owner":"***"}]}',
    );
  });

  it('hides again what was spread out of a masked copy into an instance', () => {
    const copy = mask(new Account(), auditor) as object;
    expect(JSON.stringify(Object.assign(new Account(), copy))).toBe('{"id":"a1"}');
  });
});

describe('util.inspect', () => {
  it('shows a placeholder for every field with a rule', () => {
    expect(inspect({ account: new Account() })).toBe(
      "{\n  account: Account {\n    id: 'a1',\n    pin: [sensitive],\n    balance: [sensitive],\n    owner: [sensitive]\n  }\n}",
    );
  });

  it.each<[string, () => string]>([
    ['every option', () => inspect(new Account(), { showHidden: true, showProxy: true, getters: true, depth: null })],
    ['%o', () => format('%o', new Account())],
    ['%O', () => format('%O', new Account())],
    ['%j', () => format('%j', new Account())],
    [
      'a Map, a Set and a list',
      () => inspect([new Map([['k', new Account()]]), new Set([new Account()])], { depth: 9 }),
    ],
    [
      'an error that carries it',
      () => inspect(Object.assign(new Error('m', { cause: new Account() }), { a: new Account() })),
    ],
  ])('shows no value with %s', (_, inspected) => {
    expect(inspected()).not.toMatch(HIDDEN);
    expect(inspected()).toContain('a1');
  });

  it('ends on a cycle', () => {
    const account = new Account();
    account.next = [account];
    expect(inspect(account, { depth: null })).toContain('[Circular *1]');
  });

  it('shows the fields as they are now', () => {
    const account = new Account();
    inspect(account);
    account.id = 'a2';
    delete account.next;
    expect(inspect(account)).toContain("id: 'a2'");
    expect(inspect(account)).not.toContain('next');
  });

  it('runs no getter of the instance', () => {
    const account = Object.defineProperty(new Account(), 'lazy', {
      enumerable: true,
      get: () => {
        throw new Error('read');
      },
    });
    expect(inspect(account)).toContain('lazy: [Getter]');
  });

  it('runs an inspection of the class on placeholders', () => {
    class Own {
      @Sensitive() pin = 'pin-value';
      [inspect.custom](): string {
        return `Own<${this.pin}>`;
      }
    }
    expect(inspect([new Own()])).toBe('[ Own<[sensitive]> ]');
  });

  it('names the class when an inspection of the class fails', () => {
    class Own {
      @Sensitive() pin = { deep: 'pin-value' };
      [inspect.custom](): string {
        return this.pin.deep.slice(1);
      }
    }
    expect(inspect(new Own())).toBe('[Own]');
  });

  it('hides fields under a symbol', () => {
    const key = Symbol('key');
    class Keyed {
      @Sensitive() [key] = 'symbol-value';
    }
    expect(inspect(new Keyed())).toBe('Keyed { [Symbol(key)]: [sensitive] }');
  });
});

describe('logs', () => {
  it('of the console show no value', () => {
    const { stream, text } = sink();
    const log = new Console(stream);
    log.log(new Account(), 'and', { nested: [new Account()] });
    expect(text()).toContain('a1');
    expect(text()).not.toMatch(HIDDEN);
  });

  it.each([{ json: true }, { json: false }, { json: false, compact: false }])(
    "of Nest's logger show no value (%j)",
    (options) => {
      const written: string[] = [];
      const { write } = process.stdout;
      process.stdout.write = (chunk: unknown) => written.push(String(chunk)) > 0;
      try {
        const logger = new ConsoleLogger('Test', { ...options, colors: false });
        logger.log(new Account());
        logger.log({ message: 'm', nested: [new Account()] });
        logger.log('with a parameter', { account: new Account() });
      } finally {
        process.stdout.write = write;
      }
      expect(written.join('')).toContain('a1');
      expect(written.join('')).not.toMatch(HIDDEN);
    },
  );

  it('of pino show no value', async () => {
    const { stream, text } = sink();
    const app = fastify({ logger: { stream } });
    app.log.info({ account: new Account(), list: [new Account()] }, 'message');
    app.log.warn({ err: Object.assign(new Error('m'), { account: new Account() }) });
    await app.close();
    expect(text()).toContain('a1');
    expect(text()).not.toMatch(HIDDEN);
  });
});

describe('class-transformer', () => {
  class Address {
    street = 'street';
    @Exclude() internal = 'internal-value';
  }

  class Customer {
    id = 1;
    @Exclude() internal = 'internal-value';
    @Sensitive() pin = 'pin-value';
    @VisibleTo('auditor') balance = 'balance-value';
    @VisibleTo('auditor') @Type(() => Address) address = new Address();
    @Transform(({ value }) => String(value).toUpperCase()) @VisibleTo('auditor') note = 'note';
    @Expose({ name: 'renamed' }) @VisibleTo({ roles: ['teller'], otherwise: 'mask' }) owner = 'owner-value';
  }

  it('takes no field with a rule into plain objects', () => {
    expect(JSON.parse(JSON.stringify(instanceToPlain([new Customer()])))).toEqual([{ id: 1 }]);
  });

  it('hands restricted fields through to masking that runs after it', () => {
    const plain = instanceToPlain({ customers: [new Customer()] });
    expect(JSON.parse(JSON.stringify(mask(plain, auditor)))).toEqual({
      customers: [{ id: 1, balance: 'balance-value', address: { street: 'street' }, note: 'NOTE', renamed: '***' }],
    });
    expect(JSON.parse(JSON.stringify(mask(plain, () => undefined)))).toEqual({
      customers: [{ id: 1, renamed: '***' }],
    });
  });

  it('still excludes its own fields from what masking made before it', () => {
    const masked = mask({ customer: new Customer() }, auditor);
    expect(JSON.parse(JSON.stringify(instanceToPlain(masked)))).toEqual({
      customer: { id: 1, balance: 'balance-value', address: { street: 'street' }, note: 'NOTE', renamed: '***' },
    });
  });

  it('still excludes the fields of a class without rules that holds an instance with rules', () => {
    class Wrapper {
      @Exclude() internal = 'internal-value';
      account = new Account();
    }
    expect(JSON.stringify(instanceToPlain(mask(new Wrapper(), auditor)))).not.toMatch(/internal-value|pin-value/u);
  });

  it('asks for the rules of base class and subclass alike', () => {
    class Sub extends Customer {
      @VisibleTo('admin') override balance = 'balance-value';
    }
    const plain = instanceToPlain(new Sub());
    expect(mask(plain, auditor)).not.toHaveProperty('balance');
    expect(mask(plain, () => ({ hasRole: () => true }))).toHaveProperty('balance', 'balance-value');
  });

  it('copies instances whole', () => {
    expect(instanceToInstance(new Account())).toMatchObject({ pin: 'pin-value', balance: 'balance-value' });
  });
});
