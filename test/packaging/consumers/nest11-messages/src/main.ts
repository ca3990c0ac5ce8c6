import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { Module, type DynamicModule, type INestApplication, type INestMicroservice, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SecurityModule } from '@palisade/nest';
import { firstValueFrom } from 'rxjs';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { ACCOUNTS, heard } from './accounts';
import { GATEWAYS } from './gateways';

@Module({})
class Application {}

function application(metadata: { controllers?: Type[]; providers?: Type[] }): DynamicModule {
  return {
    module: Application,
    imports: [SecurityModule.forRoot({ authorization: { roles: ['admin'] } })],
    ...metadata,
  };
}

async function askPlain(port: number): Promise<unknown> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { origin: 'https://evil.example' });
  await once(socket, 'open');
  const answer = once(socket, 'message');
  socket.send(JSON.stringify({ event: 'say', data: {} }));
  const [text] = (await answer) as [Buffer];
  socket.terminate();
  return JSON.parse(String(text));
}

async function askSocketIo(port: number): Promise<unknown> {
  const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false });
  const answer = new Promise((done) => {
    socket.onAny((event: string, data: unknown) => done({ event, data }));
  });
  socket.emit('say', {});
  const settled = await answer;
  socket.disconnect();
  return settled;
}

async function tryGateway(kind: string, chat: Type): Promise<unknown> {
  const app = await NestFactory.create(application({ providers: [chat] }), { logger: false });
  app.useWebSocketAdapter(kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  const answer = await (kind === 'ws' ? askPlain(port) : askSocketIo(port));
  await app.close();
  return answer;
}

const TCP = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } } as const;

/** How a microservice comes to an application. */
const CONNECTIONS: Readonly<
  Record<string, (metadata: DynamicModule) => Promise<[{ close(): Promise<void> }, INestMicroservice]>>
> = {
  alone: async (metadata) => {
    const service = await NestFactory.createMicroservice(metadata, { ...TCP, logger: false });
    await service.listen();
    return [service, service];
  },
  inherit: (metadata) => connect(metadata, { inheritAppConfig: true }),
  plain: (metadata) => connect(metadata, {}),
  deferred: (metadata) => connect(metadata, { deferInitialization: true }),
};

async function connect(metadata: DynamicModule, options: object): Promise<[INestApplication, INestMicroservice]> {
  const app = await NestFactory.create(metadata, { logger: false });
  const service = app.connectMicroservice(TCP, options);
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  return [app, service];
}

async function tryAccounts(connection: string, accounts: Type): Promise<unknown> {
  const [app, service] = await CONNECTIONS[connection](application({ controllers: [accounts] }));
  const { port } = service.unwrap<Server>().address() as AddressInfo;
  const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
  heard.length = 0;
  await firstValueFrom(client.emit('hear', 'event'), { defaultValue: undefined });
  const answer: unknown = await firstValueFrom(client.send('ask', {})).catch((error: unknown) => error);
  await client.close();
  await app.close();
  return { answer, heard: [...heard] };
}

/** Prints what came of each case, one a line. */
async function start(): Promise<void> {
  for (const kind of ['ws', 'socket.io']) {
    for (const [name, chat] of Object.entries(GATEWAYS)) {
      console.log(JSON.stringify([kind, name, await tryGateway(kind, chat())]));
    }
  }
  for (const connection of Object.keys(CONNECTIONS)) {
    for (const [name, accounts] of Object.entries(ACCOUNTS)) {
      console.log(JSON.stringify([connection, name, await tryAccounts(connection, accounts())]));
    }
  }
  process.exit(0);
}

void start();
