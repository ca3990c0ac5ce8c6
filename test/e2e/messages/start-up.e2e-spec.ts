import {
  Body,
  Controller,
  Get,
  Injectable,
  Module,
  SetMetadata,
  type LoggerService,
  type ModuleMetadata,
  type Type,
} from '@nestjs/common';
import { Throttle } from '@nestjs/throttler';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Authenticated,
  BodyLimit,
  ConcurrencyLimit,
  Cors,
  Permissions,
  Policy,
  Priority,
  Public,
  RateLimit,
  Roles,
  Scopes,
  SecurityConfigurationError,
  SecurityModule,
  SkipRateLimit,
  type FeatureSecurityOptions,
} from '@palisade/nest';
import { startApplication, startFailure, type RunningApplication } from '../../support/application.js';
import { useSockets } from '../../support/messages.js';
import { securityWith } from '../../support/security.js';
import { signingKey } from '../../support/tokens.js';

const key = signingKey('ES256');

/** As @Cron, @OnEvent, @Process and the like: metadata that a package looks for, which calls the method by itself. */
const Cron = () => SetMetadata('SCHEDULE_CRON_OPTIONS', { cronTime: '* * * * *' });

function application(metadata: { controllers?: Type[]; providers?: Type[] }, feature?: FeatureSecurityOptions) {
  @Module({ imports: feature === undefined ? [] : [SecurityModule.forFeature(feature)], ...metadata })
  class Part {}
  return { imports: [SecurityModule.forRoot(securityWith(key)), Part] };
}

const THROTTLE_PROBLEM = '@Throttle cannot hold for messages: no HTTP request carries them that could be counted';

async function problemsOf(metadata: ModuleMetadata): Promise<readonly string[]> {
  const error = await startFailure(metadata);
  expect(error).toBeInstanceOf(SecurityConfigurationError);
  return (error as SecurityConfigurationError).problems.map(({ where, problem }) => `${where}: ${problem}`);
}

const REQUIREMENTS: readonly (readonly [string, ClassDecorator & MethodDecorator])[] = [
  ['@Roles', Roles('admin')],
  ['@Permissions', Permissions('report:read')],
  ['@Scopes', Scopes('reports')],
  ['@Policy', Policy(() => true)],
  ['@Authenticated', Authenticated()],
  ['@RateLimit', RateLimit('1/minute')],
  ['@ConcurrencyLimit', ConcurrencyLimit(1)],
];

describe('A rule that nothing enforces', () => {
  it.each(REQUIREMENTS)('(%s) stops the start on a method that a scheduler calls', async (name, rule) => {
    @Injectable()
    class Reports {
      @Cron()
      @rule
      nightly() {}
    }
    expect(await problemsOf(application({ providers: [Reports] }))).toEqual([
      expect.stringMatching(new RegExp(`^Reports\\.nightly: ${name}.* would not be enforced`)),
    ]);
  });

  it.each(REQUIREMENTS)('(%s) stops the start on the class of a provider', async (name, rule) => {
    @Injectable()
    @rule
    class Reports {
      @Cron()
      nightly() {}
      weekly() {}
    }
    expect(await problemsOf(application({ providers: [Reports] }))).toEqual([
      expect.stringMatching(new RegExp(`^Reports: ${name}.* would not be enforced`)),
    ]);
  });

  it('stops the start on a method of a controller that is no handler', async () => {
    @Controller()
    @Roles('admin')
    class Reports {
      @Get()
      all() {}

      @Cron()
      @Roles('auditor')
      nightly() {}

      helper() {}
    }
    expect(await problemsOf(application({ controllers: [Reports] }))).toEqual([
      expect.stringMatching(/^Reports\.nightly: @Roles.* would not be enforced: the method is not a handler/),
    ]);
  });

  it.each(['handleConnection', 'handleDisconnect', 'afterInit'])('stops the start on %s of a gateway', async (hook) => {
    @WebSocketGateway()
    class Chat {
      @SubscribeMessage('say')
      say() {}
    }
    Object.defineProperty(Chat.prototype, hook, { value: () => undefined, configurable: true });
    Roles('admin')(Chat.prototype, hook, Object.getOwnPropertyDescriptor(Chat.prototype, hook) as PropertyDescriptor);
    expect(await problemsOf(application({ providers: [Chat] }))).toEqual([
      expect.stringMatching(new RegExp(`^Chat\\.${hook}: @Roles.* would not be enforced`)),
    ]);
  });

  it.each([
    ['@Cors', Cors(false)],
    ['@BodyLimit', BodyLimit('1kb')],
  ] as const)('(%s) stops the start on handlers of messages, which no request carries', async (name, rule) => {
    @WebSocketGateway()
    @rule
    class Chat {
      @SubscribeMessage('say')
      say() {}
    }
    @Controller()
    @rule
    class Accounts {
      @Get()
      all() {}

      @MessagePattern('ask')
      @rule
      ask() {}

      @EventPattern('hear')
      hear(_payload: object) {}
    }
    expect(await problemsOf(application({ controllers: [Accounts], providers: [Chat] }))).toEqual([
      expect.stringMatching(new RegExp(`^Accounts\\.ask: ${name}.* cannot hold for messages`)),
      expect.stringMatching(new RegExp(`^Chat\\.say: ${name}.* cannot hold for messages`)),
    ]);
  });

  it('(@Throttle) stops the start on public handlers of messages, which nobody would count', async () => {
    @WebSocketGateway()
    @Public()
    class Chat {
      @SubscribeMessage('say')
      @Throttle({ default: { limit: 1, ttl: 1000 } })
      say() {}

      @SubscribeMessage('hush')
      hush() {}
    }
    const metadata = {
      imports: [SecurityModule.forRoot(securityWith(key, { rateLimit: [{ limit: 10, ttl: 1000 }] }))],
      providers: [Chat],
    };
    expect(await problemsOf(metadata)).toEqual([`Chat.say: ${THROTTLE_PROBLEM}`]);
  });

  describe('is none where', () => {
    let running: RunningApplication | undefined;
    afterEach(() => running?.close());

    async function started(metadata: ReturnType<typeof application>): Promise<boolean> {
      running = await startApplication('express', metadata);
      return true;
    }

    it.each([
      ['the rule is an exemption', [Public(), SkipRateLimit(), Priority('low')]],
      ['nothing is declared', []],
    ] as const)('%s', async (_, rules) => {
      @Injectable()
      class Reports {
        @Cron()
        nightly() {}
      }
      const descriptor = Object.getOwnPropertyDescriptor(Reports.prototype, 'nightly') as PropertyDescriptor;
      for (const rule of rules) rule(Reports.prototype, 'nightly', descriptor);
      await expect(started(application({ providers: [Reports] }))).resolves.toBe(true);
    });

    it('a controller is a provider as well, or has methods beside its handlers', async () => {
      @Controller()
      @Roles('admin')
      class Reports {
        @Get()
        @Roles('auditor')
        all(@Body() _body: string) {}

        helper() {}
      }
      await expect(started(application({ controllers: [Reports], providers: [Reports] }))).resolves.toBe(true);
    });

    it('a method without a route overrides a handler', async () => {
      class Base {
        @Get()
        @Roles('admin')
        all() {}
      }
      @Controller()
      class Reports extends Base {
        override all() {}
      }
      await expect(started(application({ controllers: [Reports] }))).resolves.toBe(true);
    });
  });
});

describe('The start', () => {
  let running: RunningApplication | undefined;
  const warnings: string[] = [];
  afterEach(() => running?.close());

  const logger: LoggerService = {
    log: () => undefined,
    error: () => undefined,
    warn: (message: string) => void warnings.push(message),
  };

  async function warningsOf(metadata: ReturnType<typeof application>): Promise<readonly string[]> {
    warnings.length = 0;
    running = await startApplication('express', metadata, { logger, configure: (app) => useSockets(app, 'ws') });
    return warnings;
  }

  it('names handlers of messages that are denied, once for each class', async () => {
    @Controller()
    class Accounts {
      @MessagePattern('ask')
      ask() {}

      @EventPattern('hear')
      @Roles('admin')
      hear(_payload: object) {}

      @MessagePattern('open')
      @Public()
      open() {}
    }
    expect(await warningsOf(application({ controllers: [Accounts] }))).toEqual([
      expect.stringMatching(/^Accounts: ask, hear are denied to everybody .* @Public\(\) opens a handler$/),
    ]);
  });

  it('names gateways, whose handshake no guard stands before', async () => {
    @WebSocketGateway()
    class Chat {
      handleConnection() {}

      @SubscribeMessage('say')
      @Public()
      say() {}
    }
    @WebSocketGateway()
    class Silent {}
    expect(await warningsOf(application({ providers: [Chat, Silent] }))).toEqual([
      expect.stringMatching(/^Chat: no guard stands before the handshake .* handleConnection is called/),
      expect.stringMatching(/^Silent: no guard stands before the handshake/),
    ]);
  });

  it('says nothing of what is public on purpose', async () => {
    @WebSocketGateway()
    @Public()
    class Chat {
      handleConnection() {}

      @SubscribeMessage('say')
      say() {}
    }
    expect(await warningsOf(application({ providers: [Chat] }))).toEqual([]);
  });

  it('takes defaults of a module whose only handlers are of messages', async () => {
    @WebSocketGateway()
    @Public()
    class Chat {
      @SubscribeMessage('say')
      say() {}
    }
    expect(await warningsOf(application({ providers: [Chat] }, { priority: 'low' }))).toEqual([]);
    await running?.close();
    expect(await problemsOf(application({ providers: [Chat] }, { bodyLimit: '1kb' }))).toEqual([
      expect.stringContaining('bodyLimit holds for controllers, of which the module has none'),
    ]);
  });
});
