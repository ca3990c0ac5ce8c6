import 'reflect-metadata';
import { Controller, Get, Scope, type Type } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Public, Roles, SecurityConfigurationError, SecurityModule } from '@palisade/nest';
import * as fc from 'fast-check';
import { ADAPTERS, startApplication, startFailure, type RunningApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

const key = signingKey('ES256');

type Class = Type<Record<string, unknown>>;
type Replacing = (target: Class) => Class;
type Method = (...parameters: unknown[]) => unknown;

function copyMetadata(from: object, to: object): void {
  for (const name of Reflect.getOwnMetadataKeys(from)) {
    Reflect.defineMetadata(name, Reflect.getOwnMetadata(name, from), to);
  }
}

/** What class decorators in the wild put in the place of a class. */
const REPLACEMENTS: Readonly<Record<string, Replacing>> = {
  'a constructor with the same prototype': (target) => {
    const replacement = function (this: unknown, ...parameters: unknown[]) {
      return Reflect.construct(target, parameters) as object;
    };
    replacement.prototype = target.prototype as object;
    return replacement as unknown as Class;
  },
  'a constructor with the same prototype and metadata': (target) => {
    const replacement = function (this: unknown, ...parameters: unknown[]) {
      return Reflect.construct(target, parameters) as object;
    };
    replacement.prototype = target.prototype as object;
    copyMetadata(target, replacement);
    return replacement as unknown as Class;
  },
  'a constructor that inherits from the class': (target) => {
    const replacement = function (this: unknown, ...parameters: unknown[]) {
      return Reflect.construct(target, parameters) as object;
    };
    replacement.prototype = target.prototype as object;
    return Object.setPrototypeOf(replacement, target) as Class;
  },
  'a constructor with a prototype made from the class': (target) => {
    const replacement = function (this: unknown, ...parameters: unknown[]) {
      return Reflect.construct(target, parameters, new.target ?? replacement) as object;
    };
    replacement.prototype = Object.create(target.prototype as object) as object;
    return replacement as unknown as Class;
  },
  'a subclass': (target) => class Replacement extends target {},
  'a subclass without a name': (target) => class extends target {},
  'a subclass whose methods wrap those of the class': (target) => {
    class Wrapping extends target {}
    const original = target.prototype['list'] as Method;
    const wrapper = function (this: unknown, ...parameters: unknown[]) {
      return original.apply(this, parameters);
    };
    copyMetadata(original, wrapper);
    Object.defineProperty(Wrapping.prototype, 'list', { value: wrapper, configurable: true, writable: true });
    return Wrapping;
  },
  'a proxy': (target) => new Proxy(target, {}),
  'a proxy that constructs': (target) =>
    new Proxy(target, {
      construct: (type, parameters, newTarget) => Reflect.construct(type, parameters, newTarget) as object,
    }),
  'a class whose instances are proxies': (target) =>
    class Proxied extends target {
      constructor(...parameters: ConstructorParameters<Class>) {
        super(...parameters);
        return new Proxy(this, {});
      }
    },
  'a class that binds its methods': (target) =>
    class Binding extends target {
      constructor(...parameters: ConstructorParameters<Class>) {
        super(...parameters);
        Object.defineProperty(this, 'list', { value: (this['list'] as Method).bind(this), writable: true });
      }
    },
  'the class itself, with methods wrapped on its prototype': (target) => {
    const original = target.prototype['list'] as Method;
    const wrapper = function (this: unknown, ...parameters: unknown[]) {
      return original.apply(this, parameters);
    };
    copyMetadata(original, wrapper);
    Object.defineProperty(target.prototype, 'list', { value: wrapper, configurable: true, writable: true });
    return target;
  },
};

/** What method decorators do to a method: tracing, caching, transactions. */
const WRAPPERS: Readonly<Record<string, (descriptor: PropertyDescriptor) => PropertyDescriptor>> = {
  nothing: (descriptor) => descriptor,
  'a function without metadata': (descriptor) => {
    const original = descriptor.value as Method;
    return {
      ...descriptor,
      value(this: unknown, ...parameters: unknown[]) {
        return original.apply(this, parameters);
      },
    };
  },
  'a function with metadata': (descriptor) => {
    const original = descriptor.value as Method;
    const value = function (this: unknown, ...parameters: unknown[]) {
      return original.apply(this, parameters);
    };
    copyMetadata(original, value);
    return { ...descriptor, value };
  },
  'a proxy of the function': (descriptor) => ({ ...descriptor, value: new Proxy(descriptor.value as Method, {}) }),
};

interface Stack {
  /** The replacements, the one nearest to the class first; a rule is put before the one at `ruleAt`, or behind all. */
  readonly replacements: readonly string[];
  readonly wrappers: readonly string[];
  readonly rule: 'admin' | 'public';
  readonly onMethod: boolean;
  readonly ruleAt: number;
  readonly isPerRequest: boolean;
}

/** A controller as a stack of decorators makes it. */
function controllerOf(stack: Stack, path: string): Class {
  const rule = stack.rule === 'admin' ? Roles('admin') : Public();
  class Routes {
    list() {
      return { served: true };
    }
  }
  const { prototype } = Routes;
  const decorated = (decorate: MethodDecorator) => {
    const descriptor = Object.getOwnPropertyDescriptor(prototype, 'list') as PropertyDescriptor;
    const given = decorate(prototype, 'list', descriptor) as PropertyDescriptor | undefined;
    Object.defineProperty(prototype, 'list', given ?? descriptor);
  };
  stack.wrappers.forEach((name, index) => {
    if (stack.onMethod && index === stack.ruleAt) decorated(rule);
    decorated(((_target, _name, descriptor) => WRAPPERS[name]?.(descriptor as PropertyDescriptor)) as MethodDecorator);
  });
  if (stack.onMethod && stack.ruleAt >= stack.wrappers.length) decorated(rule);
  decorated(Get());
  let type: Class = Routes as never;
  stack.replacements.forEach((name, index) => {
    if (!stack.onMethod && index === stack.ruleAt) rule(type);
    type = (REPLACEMENTS[name] as Replacing)(type);
  });
  if (!stack.onMethod && stack.ruleAt >= stack.replacements.length) rule(type);
  Controller({ path, scope: stack.isPerRequest ? Scope.REQUEST : Scope.DEFAULT })(type);
  return type;
}

const stacks: fc.Arbitrary<Stack> = fc.record({
  replacements: fc.array(fc.constantFrom(...Object.keys(REPLACEMENTS)), { minLength: 1, maxLength: 3 }),
  wrappers: fc.array(fc.constantFrom(...Object.keys(WRAPPERS)), { maxLength: 2 }),
  rule: fc.constantFrom('admin' as const, 'public' as const),
  onMethod: fc.boolean(),
  ruleAt: fc.nat(3),
  isPerRequest: fc.constant(false),
});

let running: RunningApplication | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
});

async function statusesOf(controllers: readonly Class[], adapter: (typeof ADAPTERS)[number]) {
  const warnings: string[] = [];
  const quiet = () => undefined;
  running = await startApplication(
    adapter,
    { imports: [SecurityModule.forRoot(securityWith(key))], controllers: [...controllers] },
    { logger: { log: quiet, error: quiet, warn: (message: unknown) => void warnings.push(String(message)) } },
  );
  const tokens = new TokenIssuer(key, running.clock);
  const [teller, admin] = ['teller', 'admin'].map((role) => tokens.issue({ roles: [role] })) as [string, string];
  const statuses: number[][] = [];
  for (let index = 0; index < controllers.length; index++) {
    const path = `/r${index}`;
    statuses.push([
      (await running.client.get(path)).status,
      (await running.client.withToken(path, teller)).status,
      (await running.client.withToken(path, admin)).status,
    ]);
  }
  return { statuses, lost: warnings.filter((message) => message.includes('asks for credentials: @Public()')).length };
}

/** Whether nothing leads from the method of the controller to the one that the rule was declared for. */
function losesMetadata({ replacements, wrappers }: Stack): boolean {
  return (
    replacements.some((name) => name.includes('wrap')) &&
    wrappers.some((name) => name === 'a function without metadata' || name === 'a proxy of the function')
  );
}

const EXPECTED = { admin: [401, 403, 200], public: [200, 200, 200] } as const;

/** Each alone, with the rule on each side of it. */
const ALONE: readonly Stack[] = Object.keys(REPLACEMENTS).flatMap((name) =>
  [0, 1].flatMap((ruleAt) =>
    (['admin', 'public'] as const).flatMap((rule) =>
      [false, true].map((onMethod) => ({
        replacements: [name],
        wrappers: [],
        rule,
        onMethod,
        ruleAt,
        isPerRequest: false,
      })),
    ),
  ),
);

describe.each(ADAPTERS)('Rules of a class that a decorator replaces, on %s,', (adapter) => {
  it.each(Object.keys(REPLACEMENTS))('hold above and below %s', async (name) => {
    const alone = ALONE.filter(({ replacements }) => replacements[0] === name);
    const { statuses } = await statusesOf(
      alone.map((stack, index) => controllerOf(stack, `r${index}`)),
      adapter,
    );
    expect(alone.map((stack, index) => [stack, statuses[index]])).toEqual(
      alone.map((stack) => [stack, [...EXPECTED[stack.rule]]]),
    );
  });

  it('hold in any stack of such decorators', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stacks, { minLength: 30, maxLength: 30 }), async (many) => {
        const { statuses, lost } = await statusesOf(
          many.map((stack, index) => controllerOf(stack, `r${index}`)),
          adapter,
        );
        await running?.close();
        running = undefined;
        // A method that stands in the place of another, and brought none of its metadata, is not public; a warning says so.
        const unheld = many.filter((stack, index) => stack.rule === 'public' && statuses[index]?.[0] === 401);
        expect(unheld).toHaveLength(lost);
        expect(unheld.filter((stack) => !losesMetadata(stack))).toEqual([]);
        const held = many.flatMap((stack, index) =>
          unheld.includes(stack) ? [] : [[stack, statuses[index]] as const],
        );
        expect(held).toEqual(held.map(([stack]) => [stack, [...EXPECTED[stack.rule]]]));
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });
});

describe('A request-scoped controller', () => {
  it('that binds its methods is denied, and the log says why, once', async () => {
    const errors: string[] = [];
    const quiet = () => undefined;
    const stack: Stack = {
      replacements: ['a class that binds its methods'],
      wrappers: [],
      rule: 'public',
      onMethod: true,
      ruleAt: 0,
      isPerRequest: true,
    };
    running = await startApplication(
      'express',
      { imports: [SecurityModule.forRoot(securityWith(key))], controllers: [controllerOf(stack, 'r')] },
      { logger: { log: quiet, warn: quiet, error: (message: unknown) => void errors.push(String(message)) } },
    );
    expect((await running.client.get('/r')).body['code']).toBe('route_unknown');
    expect((await running.client.get('/r')).status).toBe(403);
    expect(errors).toEqual([expect.stringContaining('is denied to everybody (route_unknown)')]);
  });
});

describe('The start is refused', () => {
  const start = async (...controllers: Class[]) => {
    const error = await startFailure({ imports: [SecurityModule.forRoot(securityWith(key))], controllers });
    expect(error).toBeInstanceOf(SecurityConfigurationError);
    return (error as Error).message;
  };

  it('where two controllers with different rules are one class when they are called', async () => {
    class Shared {
      list() {
        return {};
      }
    }
    Get()(Shared.prototype, 'list', Object.getOwnPropertyDescriptor(Shared.prototype, 'list') as PropertyDescriptor);
    const replacing = REPLACEMENTS['a constructor with the same prototype'] as Replacing;
    const one = replacing(Shared as never);
    const other = replacing(Shared as never);
    Controller('one')(one);
    Controller('other')(other);
    Roles('admin')(one);
    Public()(other);
    expect(await start(one, other)).toContain('contradict each other');
  });

  it('where a controller answers with another function each time that it is asked for one', async () => {
    @Controller('fresh')
    @Roles('admin')
    class Fresh {
      constructor() {
        return new Proxy(this, {
          get: (target, name) => {
            const value: unknown = Reflect.get(target, name);
            return typeof value === 'function' && name !== 'constructor'
              ? (...parameters: unknown[]) => (value as Method).apply(target, parameters)
              : value;
          },
        });
      }

      @Get()
      list() {
        return {};
      }
    }
    expect(await start(Fresh as never)).toContain('Fresh.list: is another function each time');
  });
});
