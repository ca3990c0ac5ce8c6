import {
  Controller,
  Get,
  Injectable,
  Module,
  Scope,
  UseFilters,
  UseGuards,
  Catch,
  type ArgumentsHost,
  type Type,
} from '@nestjs/common';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MessagePattern } from '@nestjs/microservices';
import {
  BaseWsExceptionFilter,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  AuthenticationGuard,
  Policy,
  Public,
  RateLimit,
  Roles,
  SecurityGuard,
  SecurityModule,
  type FeatureSecurityOptions,
  type SecurityOptions,
} from '@palisade/nest';
import { IsString } from 'class-validator';
import { firstValueFrom } from 'rxjs';
import { ADAPTERS, startApplication, type RunningApplication } from '../../support/application.js';
import {
  connectSocket,
  SOCKETS,
  startMicroservice,
  useSockets,
  type RunningMicroservice,
  type SocketClient,
} from '../../support/messages.js';
import { securityWith } from '../../support/security.js';
import { signingKey } from '../../support/tokens.js';

const key = signingKey('ES256');
const called: string[] = [];

interface Decorators {
  readonly onClass?: readonly ClassDecorator[];
  readonly onMethod?: readonly MethodDecorator[];
}

/** A class of its own for each case: what is put on it must not come from another. */
function gateway({ onClass = [], onMethod = [] }: Decorators = {}, scope?: Scope): Type {
  @WebSocketGateway()
  class Chat {
    @SubscribeMessage('say')
    say() {
      called.push('say');
      return { event: 'said', data: 'hello' };
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Chat.prototype, 'say') as PropertyDescriptor;
  for (const decorate of onMethod) decorate(Chat.prototype, 'say', descriptor);
  for (const decorate of onClass) decorate(Chat);
  if (scope !== undefined) Injectable({ scope })(Chat);
  return Chat;
}

function inherited(): Type {
  class Base {
    @SubscribeMessage('say')
    @Roles('admin')
    say() {
      called.push('say');
      return { event: 'said', data: 'hello' };
    }
  }
  @WebSocketGateway()
  class Chat extends Base {}
  return Chat;
}

/** A decorator that puts another constructor in front of the same prototype. */
function replaced(): Type {
  const Chat = gateway({ onMethod: [Roles('admin')] });
  const Replaced = function (this: object) {
    return Reflect.construct(Chat, []) as object;
  } as unknown as Type;
  Replaced.prototype = Chat.prototype as object;
  for (const name of Reflect.getMetadataKeys(Chat) as string[]) {
    Reflect.defineMetadata(name, Reflect.getMetadata(name, Chat), Replaced);
  }
  return Replaced;
}

interface Case {
  readonly name: string;
  readonly chat: () => Type;
  readonly feature?: FeatureSecurityOptions;
}

const DENIED: readonly Case[] = [
  { name: 'without any rule', chat: () => gateway() },
  { name: 'with @Roles', chat: () => gateway({ onMethod: [Roles('admin')] }) },
  { name: 'with @Roles on the class', chat: () => gateway({ onClass: [Roles('admin')] }) },
  { name: 'with @Policy', chat: () => gateway({ onMethod: [Policy(() => true)] }) },
  { name: 'with a rule that is inherited', chat: inherited },
  { name: 'whose class a decorator replaces', chat: replaced },
  { name: 'in a module with forFeature', chat: () => gateway(), feature: { roles: ['admin'] } },
  { name: 'of a request-scoped gateway', chat: () => gateway({}, Scope.REQUEST) },
  { name: 'behind @UseGuards(SecurityGuard)', chat: () => gateway({ onMethod: [UseGuards(SecurityGuard)] }) },
  {
    name: 'behind @UseGuards(AuthenticationGuard)',
    chat: () => gateway({ onMethod: [UseGuards(AuthenticationGuard)] }),
  },
  { name: 'that is public and has a limit', chat: () => gateway({ onMethod: [Public(), RateLimit('1/minute')] }) },
];

const OPEN: readonly Case[] = [
  { name: 'with @Public', chat: () => gateway({ onMethod: [Public()] }) },
  { name: 'with @Public on the class', chat: () => gateway({ onClass: [Public()] }) },
  { name: 'with @Public of a request-scoped gateway', chat: () => gateway({ onClass: [Public()] }, Scope.REQUEST) },
  { name: 'in a module whose forFeature says so', chat: () => gateway(), feature: { access: 'public' } },
  {
    name: 'with @Public behind @UseGuards(SecurityGuard)',
    chat: () => gateway({ onMethod: [Public(), UseGuards(SecurityGuard)] }),
  },
];

function moduleOf(chat: Type, feature?: FeatureSecurityOptions): Type {
  @Module({ imports: feature === undefined ? [] : [SecurityModule.forFeature(feature)], providers: [chat] })
  class ChatModule {}
  return ChatModule;
}

const CODED = { status: 'error', statusCode: 403, message: expect.not.stringContaining('Internal') };

describe.each(ADAPTERS)('Handlers of gateways (%s)', (adapter) => {
  describe.each(SOCKETS)('over %s', (kind) => {
    let running: RunningApplication | undefined;
    let socket: SocketClient | undefined;

    afterEach(async () => {
      socket?.close();
      await running?.close();
      running = socket = undefined;
      called.length = 0;
    });

    async function connect(chat: Type, feature?: FeatureSecurityOptions, options: SecurityOptions = {}) {
      running = await startApplication(
        adapter,
        { imports: [SecurityModule.forRoot(securityWith(key, options)), moduleOf(chat, feature)] },
        { configure: (app) => useSockets(app, kind) },
      );
      socket = await connectSocket(kind, running.client.port);
      return socket;
    }

    it.each(DENIED)('$name are denied with a code', async ({ chat, feature }) => {
      const client = await connect(chat(), feature);
      expect(await client.ask('say')).toEqual({
        event: 'exception',
        data: { ...CODED, code: expect.stringMatching(/^(?:transport_unsupported|route_unknown)$/) },
      });
      expect(called).toEqual([]);
    });

    it.each(OPEN)('$name are served', async ({ chat, feature }) => {
      const client = await connect(chat(), feature);
      expect(await client.ask('say')).toEqual({ event: 'said', data: 'hello' });
    });

    it('tell what is wrong with a payload', async () => {
      class Message {
        @IsString()
        text!: string;
      }
      @WebSocketGateway()
      @Public()
      class Chat {
        @SubscribeMessage('say')
        say(@MessageBody() { text }: Message) {
          return { event: 'said', data: text };
        }
      }
      const client = await connect(Chat);
      expect(await client.ask('say', { text: 'hello' })).toEqual({ event: 'said', data: 'hello' });
      expect(await client.ask('say', { text: 1 })).toMatchObject({
        event: 'exception',
        data: { status: 'error', statusCode: 400, code: 'validation_failed', fields: [expect.anything()] },
      });
    });

    it('tell filters of the gateway a WsException', async () => {
      const caught: unknown[] = [];
      @Catch(WsException)
      class Listening extends BaseWsExceptionFilter {
        override catch(exception: WsException, host: ArgumentsHost) {
          caught.push(exception.getError());
          super.catch(exception, host);
        }
      }
      const client = await connect(gateway({ onClass: [UseFilters(new Listening())] }));
      expect(await client.ask('say')).toMatchObject({ data: { code: 'transport_unsupported' } });
      expect(caught).toEqual([{ ...CODED, code: 'transport_unsupported' }]);
    });
  });
});

describe('A gateway', () => {
  let service: RunningMicroservice | undefined;
  let socket: SocketClient | undefined;

  afterEach(async () => {
    socket?.close();
    await service?.close();
    called.length = 0;
  });

  it.each([true, false])(
    'that a microservice serves as well, without the global guards, is denied (public: %s)',
    async (isPublic) => {
      const chat = gateway(isPublic ? { onMethod: [Public()] } : {});
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      service = await startMicroservice(
        'deferred',
        { imports: [SecurityModule.forRoot(securityWith(key)), moduleOf(chat)] },
        { sockets: 'ws', server },
      );
      socket = await connectSocket('ws', (server.address() as AddressInfo).port);
      expect((await socket.ask('say')).event).toBe(isPublic ? 'said' : 'exception');
      server.close();
    },
  );

  it('that is a controller as well keeps its routes', async () => {
    @Controller()
    @WebSocketGateway()
    class Both {
      @Get('open')
      @Public()
      open() {
        return 'open';
      }

      @Get('closed')
      closed() {
        called.push('closed');
      }

      @SubscribeMessage('say')
      @Roles('admin')
      say() {
        called.push('say');
      }

      @MessagePattern('ask')
      @Roles('admin')
      ask() {
        called.push('ask');
      }
    }
    service = await startMicroservice(
      'plain',
      { imports: [SecurityModule.forRoot(securityWith(key))], controllers: [Both], providers: [Both] },
      { sockets: 'ws' },
    );
    socket = await connectSocket('ws', service.port as number);
    const at = (path: string) => fetch(`http://127.0.0.1:${service?.port}${path}`);
    expect(await (await at('/open')).text()).toBe('open');
    expect((await at('/closed')).status).toBe(401);
    expect(await socket.ask('say')).toMatchObject({ data: { code: 'transport_unsupported' } });
    await expect(firstValueFrom(service.clients[0]!.send('ask', {}))).rejects.toMatchObject({
      code: 'transport_unsupported',
    });
    expect(called).toEqual([]);
  });

  it('of an application without SecurityModule is not touched by another one of the process', async () => {
    const chat = gateway();
    const guarded = await startApplication(
      'express',
      { imports: [SecurityModule.forRoot(securityWith(key))], providers: [chat] },
      { configure: (app) => useSockets(app, 'ws') },
    );
    const bare = await startApplication(
      'express',
      { providers: [chat] },
      { configure: (app) => useSockets(app, 'ws') },
    );
    const again = await startApplication(
      'express',
      { imports: [SecurityModule.forRoot(securityWith(key))], providers: [chat] },
      { configure: (app) => useSockets(app, 'ws') },
    );
    const events: string[] = [];
    for (const { client } of [guarded, bare, again]) {
      const one = await connectSocket('ws', client.port);
      events.push((await one.ask('say')).event);
      one.close();
    }
    await Promise.all([guarded.close(), bare.close(), again.close()]);
    expect(events).toEqual(['exception', 'said', 'exception']);
  });
});
