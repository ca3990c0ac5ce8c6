import { Controller, Get, Injectable, Module, type DynamicModule, type Provider, type Type } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Policy,
  SecurityConfigurationError,
  SecurityModule,
  type AccessPolicy,
  type FeatureSecurityOptions,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import { HttpClient } from '../support/http-client.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { createWithFactory, listen } from './edge.harness.js';

const key = signingKey('ES256');

@Injectable()
class Office {
  constructor(readonly open = true) {}
}

@Injectable()
class OfficeHours implements AccessPolicy {
  constructor(private readonly office: Office) {}

  decide() {
    return this.office.open;
  }
}

@Injectable()
class Always implements AccessPolicy {
  decide() {
    return true;
  }
}

const OPEN = { provide: Office, useValue: new Office(true) };
const CLOSED = { provide: Office, useValue: new Office(false) };

function controllerAsking(policy: Type<AccessPolicy>): Type {
  @Controller('accounts')
  @Policy(policy)
  class Accounts {
    constructor() {
      this.list = this.list.bind(this);
    }

    @Get()
    list() {
      return {};
    }
  }
  return Accounts;
}

@Module({ providers: [OfficeHours, OPEN], exports: [OfficeHours] })
class PoliciesModule {}

@Module({ providers: [OPEN], exports: [OPEN] })
class OfficeModule {}

interface TwoModules {
  readonly first?: { imports?: (Type | DynamicModule)[]; providers?: Provider[] };
  readonly second?: { imports?: (Type | DynamicModule)[]; providers?: Provider[] };
  readonly policy?: Type<AccessPolicy>;
}

let running: RunningApplication | undefined;
afterEach(async () => {
  await running?.close();
  running = undefined;
});

/** One controller in two modules, under a path each. */
async function start(adapter: AdapterName, { first = {}, second = {}, policy = OfficeHours }: TwoModules) {
  const controllers = [controllerAsking(policy)];
  @Module({ controllers, ...first })
  class FirstModule {}
  @Module({ controllers, ...second })
  class SecondModule {}
  running = await startApplication(adapter, {
    imports: [
      SecurityModule.forRoot(securityWith(key)),
      FirstModule,
      SecondModule,
      RouterModule.register([
        { path: 'first', module: FirstModule },
        { path: 'second', module: SecondModule },
      ]),
    ],
  });
  const { client, clock } = running;
  const token = new TokenIssuer(key, clock).issue();
  return [
    (await client.withToken('/first/accounts', token)).status,
    (await client.withToken('/second/accounts', token)).status,
    (await client.get('/second/accounts')).status,
  ];
}

async function refusal(started: Promise<unknown>): Promise<string> {
  const error: unknown = await started.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SecurityConfigurationError);
  return (error as Error).message;
}

const SERVED: Readonly<Record<string, TwoModules>> = {
  'one provider of its policy': { first: { imports: [PoliciesModule] }, second: { imports: [PoliciesModule] } },
  'a policy that nobody provides and that is given the same': {
    first: { imports: [OfficeModule] },
    second: { imports: [OfficeModule] },
  },
  'a policy that nobody provides and that is given nothing': { policy: Always },
};

const REFUSED: Readonly<Record<string, TwoModules>> = {
  'a provider of its policy each': {
    first: { providers: [OfficeHours, OPEN] },
    second: { providers: [OfficeHours, CLOSED] },
  },
  'another class in place of its policy in one of them': {
    first: { providers: [OfficeHours, OPEN] },
    second: { providers: [{ provide: OfficeHours, useClass: Always }] },
  },
  'a provider of its policy in one of them alone': {
    first: { imports: [PoliciesModule] },
    second: { providers: [CLOSED] },
  },
  'a policy that nobody provides, given something else in each': {
    first: { providers: [OPEN] },
    second: { providers: [CLOSED] },
  },
};

describe.each(ADAPTERS)('A controller in two modules, on %s,', (adapter) => {
  it.each(Object.entries(SERVED))('is served by both with %s', async (_name, setup) => {
    expect(await start(adapter, setup)).toEqual([200, 200, 401]);
  });

  it.each(Object.entries(REFUSED))('stops the start with %s', async (_name, setup) => {
    const message = await refusal(start(adapter, setup));
    expect(message).toContain(
      'Accounts.list: asks OfficeHours, of which FirstModule and SecondModule have an instance',
    );
    expect(message).toContain('Provide OfficeHours in one module that both import');
  });
});

describe('A dynamic module with a controller', () => {
  it('stops the start where it is imported twice with other policies', async () => {
    const controllers = [controllerAsking(OfficeHours)];
    @Module({})
    class Feature {}
    const feature = (office: Provider): DynamicModule => ({
      module: Feature,
      controllers,
      providers: [OfficeHours, office],
    });
    const started = startApplication('express', {
      imports: [SecurityModule.forRoot(securityWith(key)), feature(OPEN), feature(CLOSED)],
    });
    expect(await refusal(started)).toContain('two imports of Feature');
  });
});

describe('Defaults of two modules for one controller', () => {
  @Controller('limited')
  class Limited {
    @Get()
    list() {
      return {};
    }
  }

  async function startWith(one: FeatureSecurityOptions, other: FeatureSecurityOptions) {
    @Module({ imports: [SecurityModule.forFeature(one)], controllers: [Limited] })
    class FirstModule {}
    @Module({ imports: [SecurityModule.forFeature(other)], controllers: [Limited] })
    class SecondModule {}
    running = await startApplication('express', {
      imports: [SecurityModule.forRoot(securityWith(key)), FirstModule, SecondModule],
    });
  }

  const limit = (tenant: string): FeatureSecurityOptions => ({
    rateLimit: [{ limit: 1, window: '1 minute', by: () => tenant }],
  });

  it.each<[string, FeatureSecurityOptions, FeatureSecurityOptions]>([
    ['roles', { roles: ['teller'] }, { roles: ['admin'] }],
    ['functions that are written alike', limit('one'), limit('other')],
    ['a rule on one side alone', { roles: ['teller'] }, {}],
    [
      'regular expressions',
      { cors: { origins: [/^https:\/\/a\.example$/] } },
      { cors: { origins: [/^https:\/\/b\.example$/] } },
    ],
  ])('stop the start where they differ in %s', async (_name, one, other) => {
    expect(await refusal(startWith(one, other))).toContain(
      'Limited.list: is registered twice, under different rules: in FirstModule and SecondModule',
    );
  });

  it('are one where they say the same in another order', async () => {
    const by = () => 'everybody';
    await startWith(
      { roles: ['teller'], rateLimit: [{ limit: 1, window: '1 minute', by }] },
      { rateLimit: [{ by, window: '1 minute', limit: 1 }], roles: ['teller'] },
    );
    expect((await running?.client.get('/limited'))?.status).toBe(401);
  });
});

describe('Feature modules under module identifiers made of their options', () => {
  it('keep their own options, though functions in them are written alike', async () => {
    const asked: string[] = [];
    const limited = (path: string) => {
      @Controller(path)
      class Limited {
        @Get()
        list() {
          return {};
        }
      }
      const by = () => {
        asked.push(path);
        return path;
      };
      const options: FeatureSecurityOptions = { access: 'public', rateLimit: [{ limit: 9, window: '1 minute', by }] };
      @Module({ imports: [SecurityModule.forFeature(options)], controllers: [Limited] })
      class Feature {}
      return Feature;
    };
    const app = await createWithFactory(
      'express',
      { imports: [SecurityModule.forRoot(securityWith(key)), limited('one'), limited('other')] },
      { moduleIdGeneratorAlgorithm: 'deep-hash' },
    );
    const client = new HttpClient(await listen(app));
    await client.get('/one');
    await client.get('/other');
    await app.close();
    expect(asked).toEqual(['one', 'other']);
  });
});
