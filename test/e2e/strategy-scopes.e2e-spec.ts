import { Controller, Get, Inject, Injectable, Module, Scope, type Provider, type Type } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { PassportStrategy } from '@nestjs/passport';
import { afterEach, describe, expect, it } from '@jest/globals';
import passport, { Strategy } from 'passport';
import { Authenticated, SecurityConfigurationError, SecurityModule, type SecurityOptions } from '@palisade/nest';
import { startApplication, startFailure } from '../support/application.js';
import { LogBook } from '../support/log-book.js';

@Controller()
class Named {
  @Get()
  @Authenticated('mine')
  list() {
    return {};
  }
}

@Controller()
class Unnamed {
  @Get()
  list() {
    return {};
  }
}

abstract class Base extends PassportStrategy(Strategy, 'mine') {
  override authenticate(): void {}
  validate(): void {}
}

@Injectable({ scope: Scope.REQUEST })
class PerRequest {}

@Injectable()
class OfPerRequest {
  constructor(readonly dependency: PerRequest) {}
}

@Injectable({ scope: Scope.REQUEST })
class Scoped extends Base {}

@Injectable({ scope: Scope.TRANSIENT })
class Transient extends Base {}

@Injectable()
class ByDependency extends Base {
  constructor(readonly dependency: PerRequest) {
    super();
  }
}

@Injectable()
class ByDependencyOfDependency extends Base {
  constructor(readonly dependency: OfPerRequest) {
    super();
  }
}

@Injectable()
class ByRequest extends Base {
  constructor(@Inject(REQUEST) readonly request: object) {
    super();
  }
}

@Injectable()
class ByProperty extends Base {
  @Inject(PerRequest) readonly dependency!: PerRequest;
}

afterEach(() => void passport.unuse('mine'));

async function refusal(controller: Type, providers: Provider[], security: SecurityOptions = {}): Promise<string> {
  const error = await startFailure({
    imports: [SecurityModule.forRoot(security)],
    controllers: [controller],
    providers,
  });
  expect(error).toBeInstanceOf(SecurityConfigurationError);
  const { message } = error as Error;
  expect(message).toContain('no Passport strategy is registered under the name "mine"');
  expect(message).not.toContain('Did you mean "mine"');
  return message;
}

describe('A Passport strategy that is made for each request', () => {
  it.each<[Type, Provider[], string]>([
    [Scoped, [], 'Scoped of RootTestModule is request-scoped'],
    [Transient, [], 'Transient of RootTestModule is transient'],
    [ByDependency, [PerRequest], 'ByDependency of RootTestModule is request-scoped, as it injects PerRequest'],
    [
      ByDependencyOfDependency,
      [PerRequest, OfPerRequest],
      'ByDependencyOfDependency of RootTestModule is request-scoped, as it injects OfPerRequest',
    ],
    [ByRequest, [], 'ByRequest of RootTestModule is request-scoped, as it injects REQUEST'],
    [ByProperty, [PerRequest], 'ByProperty of RootTestModule is request-scoped, as it injects PerRequest'],
  ])('stops the start, which names the scope: %p', async (strategy, others, expected) => {
    for (const [controller, security] of [
      [Named, {}],
      [Named, { authentication: { passport: ['mine'] } }],
      [Unnamed, { authentication: { passport: ['mine'] } }],
    ] as const) {
      const message = await refusal(controller, [strategy, ...others], security);
      expect(message).toContain(expected);
      expect(message).toContain('default scope');
    }
  });
});

describe('A Passport strategy that is not there', () => {
  it('stops the start, which says how to provide it', async () => {
    const message = await refusal(Unnamed, [], { authentication: { passport: ['mine'] } });
    expect(message).toContain('to the providers of a module');
  });

  it('stops the start, which names those that are registered', async () => {
    @Injectable()
    class Other extends PassportStrategy(Strategy, 'completely-other') {
      override authenticate(): void {}
      validate(): void {}
    }
    expect(await refusal(Named, [Other])).toContain('Registered are "completely-other"');
    passport.unuse('completely-other');
  });

  it('stops the start, which names another copy of passport', async () => {
    @Injectable()
    class Foreign {
      authenticate(): void {}
      getPassportInstance(): object {
        return {};
      }
    }
    expect(await refusal(Named, [Foreign])).toContain('Foreign belongs to another copy of passport');
  });
});

describe('Two Passport strategies of one name', () => {
  it('are warned of, with the one that is never asked', async () => {
    @Injectable()
    class First extends Base {}
    @Injectable()
    class Second extends Base {}
    @Module({ providers: [First] })
    class Earlier {}
    const log = new LogBook();
    const running = await startApplication(
      'express',
      {
        imports: [Earlier, SecurityModule.forRoot({ authentication: { passport: ['mine'] } })],
        controllers: [Unnamed],
        providers: [Second],
      },
      { logger: log },
    );
    await running.close();
    expect(log.matching(/is a Passport strategy that is never asked/)).toHaveLength(1);
  });

  it('are not warned of where there is one', async () => {
    @Injectable()
    class Only extends Base {}
    const log = new LogBook();
    const running = await startApplication(
      'express',
      {
        imports: [SecurityModule.forRoot({ authentication: { passport: ['mine'] } })],
        controllers: [Unnamed],
        providers: [Only],
      },
      { logger: log },
    );
    await running.close();
    expect(log.matching(/never asked/)).toEqual([]);
  });
});
