import { Controller, Get, Injectable, Module, type INestApplication, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { PassportStrategy } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from '@jest/globals';
import passport, { Strategy } from 'passport';
import { Authenticated, CurrentUser, SecurityConfigurationError, SecurityModule, type Principal } from '@palisade/nest';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { HttpClient } from '../support/http-client.js';
import { LogBook } from '../support/log-book.js';

const applications: INestApplication[] = [];
afterEach(async () => {
  for (const app of applications.splice(0)) await app.close();
  passport.unuse('mine');
});

class Answering extends Strategy {
  constructor(private readonly user: string) {
    super();
  }

  override authenticate(): void {
    (this as unknown as { success(user: object): void }).success({ id: this.user });
  }
}

/** A provider that Nest makes, or a factory does: a strategy that knows everybody as one user. */
function strategyOf(user: string, how: 'class' | 'factory' = 'class'): Provider {
  @Injectable()
  class Mine extends PassportStrategy(Answering, 'mine') {
    constructor() {
      super(user);
    }

    validate(): void {}
  }
  return how === 'class' ? Mine : { provide: `strategy of ${user}`, useFactory: () => new Mine() };
}

interface Created {
  readonly app: INestApplication;
  readonly log: LogBook;
  /** Starts to serve, and answers with whom the application takes a caller for. */
  serve(): Promise<() => Promise<unknown>>;
}

async function create(adapter: AdapterName, providers: Provider[]): Promise<Created> {
  @Controller()
  class Routes {
    @Get()
    @Authenticated('mine')
    whoAmI(@CurrentUser() user: Principal) {
      return { id: user.id };
    }
  }

  @Module({ imports: [SecurityModule.forRoot({})], controllers: [Routes], providers })
  class Root {}

  const log = new LogBook();
  const app = await NestFactory.create(Root, adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(), {
    logger: log,
    abortOnError: false,
  });
  applications.push(app);
  return {
    app,
    log,
    serve: async () => {
      await app.listen(0, '127.0.0.1');
      const client = new HttpClient((app.getHttpServer().address() as { port: number }).port);
      return async () => (await client.get('/')).body['id'];
    },
  };
}

async function refusal({ serve }: Created): Promise<string> {
  const error: unknown = await serve().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SecurityConfigurationError);
  return (error as Error).message;
}

const WARNING = /Passport|passport\.use/;

describe.each(ADAPTERS)('Two applications in one process, on %s', (adapter) => {
  describe.each(['class', 'factory'] as const)('whose strategies of one name are provided by a %s', (how) => {
    it.each([
      ['the first serves first', [0, 1]],
      ['the second serves first', [1, 0]],
    ])('each ask their own where both are created and %s', async (_, order) => {
      const created = [
        await create(adapter, [strategyOf('alice', how)]),
        await create(adapter, [strategyOf('bob', how)]),
      ];
      const callers = new Map<number, () => Promise<unknown>>();
      for (const index of order) callers.set(index, await created[index]!.serve());
      expect([await callers.get(0)!(), await callers.get(1)!()]).toEqual(['alice', 'bob']);
      for (const { log } of created) expect(log.matching(WARNING)).toEqual([]);
    });

    it('each ask their own where one serves before the other is created', async () => {
      const first = await (await create(adapter, [strategyOf('alice', how)])).serve();
      expect(await first()).toBe('alice');
      const second = await (await create(adapter, [strategyOf('bob', how)])).serve();
      expect([await first(), await second()]).toEqual(['alice', 'bob']);
    });

    it('each ask their own where they start at the same time', async () => {
      const created = [
        await create(adapter, [strategyOf('alice', how)]),
        await create(adapter, [strategyOf('bob', how)]),
      ];
      const [first, second] = await Promise.all(created.map(({ serve }) => serve()));
      expect([await first!(), await second!()]).toEqual(['alice', 'bob']);
    });
  });

  it('do not lend each other a strategy: the start stops', async () => {
    await (await create(adapter, [strategyOf('alice')])).serve();
    const message = await refusal(await create(adapter, []));
    expect(message).toContain('no Passport strategy is registered under the name "mine" by this application');
    expect(message).toContain('is a provider of another application in this process');
    expect(message).toContain('to the providers of a module of this application');
  });

  it('do not inherit the strategy of one that was closed', async () => {
    const { app, serve } = await create(adapter, [strategyOf('alice')]);
    await serve();
    await app.close();
    expect(await refusal(await create(adapter, []))).toContain('another application in this process');
  });

  it('are warned where one asks what the other provides and has not started', async () => {
    const borrower = await create(adapter, []);
    // The logger of the application that was created last is that of the process.
    const { log } = await create(adapter, [strategyOf('alice')]);
    await borrower.serve();
    expect(log.matching(/Mine, the Passport strategy "mine", is not a provider of this application/)).toHaveLength(1);
  });

  it('share a strategy that was registered by hand', async () => {
    passport.use('mine', new Answering('carol'));
    const created = [await create(adapter, []), await create(adapter, [])];
    for (const { serve, log } of created) {
      expect(await (await serve())()).toBe('carol');
      expect(log.matching(WARNING)).toEqual([]);
    }
  });

  it('ask their own before one that is registered by hand, and say so', async () => {
    const { serve, log } = await create(adapter, [strategyOf('alice')]);
    passport.use('mine', new Answering('carol'));
    expect(await (await serve())()).toBe('alice');
    expect(log.matching(/passport\.use\(\) registered under the name "mine" is not asked: Mine of Root/)).toHaveLength(
      1,
    );
  });

  it('may provide a strategy that registers itself under its own name', async () => {
    @Injectable()
    class Named extends Answering {
      override readonly name = 'mine';
      constructor() {
        super('dave');
        passport.use(this);
      }
    }
    const first = await create(adapter, [Named]);
    await create(adapter, [strategyOf('bob')]);
    expect(await (await first.serve())()).toBe('dave');
  });
});
