import { once } from 'node:events';
import type { Server } from 'node:http';
import type { INestApplication, INestMicroservice, LoggerService, ModuleMetadata } from '@nestjs/common';
import { ClientProxyFactory, Transport, type ClientProxy } from '@nestjs/microservices';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { Test } from '@nestjs/testing';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import { startApplication, type AdapterName } from './application.js';

/** Both adapters for gateways. */
export const SOCKETS = ['ws', 'socket.io'] as const;
export type SocketName = (typeof SOCKETS)[number];

/** What a client was sent. */
export interface SocketAnswer {
  readonly event: string;
  readonly data: unknown;
}

/** A client of a gateway that sends one message at a time. */
export interface SocketClient {
  ask(event: string, data?: unknown): Promise<SocketAnswer>;
  close(): void;
}

export async function connectSocket(kind: SocketName, port: number): Promise<SocketClient> {
  return kind === 'ws' ? connectPlain(port) : connectSocketIo(port);
}

async function connectPlain(port: number): Promise<SocketClient> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, { origin: 'https://evil.example' });
  await once(socket, 'open');
  return {
    ask: async (event, data = {}) => {
      const answer = once(socket, 'message');
      socket.send(JSON.stringify({ event, data }));
      return JSON.parse(String(((await answer) as [Buffer])[0])) as SocketAnswer;
    },
    close: () => socket.terminate(),
  };
}

async function connectSocketIo(port: number): Promise<SocketClient> {
  const socket: Socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], reconnection: false });
  await new Promise<void>((done, fail) => {
    socket.once('connect', done);
    socket.once('connect_error', fail);
  });
  return {
    ask: async (event, data = {}) => {
      const answer = new Promise<SocketAnswer>((done) => {
        socket.onAny((name: string, body: unknown) => done({ event: name, data: body }));
      });
      socket.emit(event, data);
      const settled = await answer;
      socket.offAny();
      return settled;
    },
    close: () => socket.disconnect(),
  };
}

export function useSockets(app: INestApplication, kind: SocketName): void {
  app.useWebSocketAdapter(kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
}

/** How a microservice comes to an application, and with it which guards Nest runs for its handlers. */
export const CONNECTIONS = ['alone', 'inherit', 'plain', 'deferred', 'several'] as const;
export type ConnectionName = (typeof CONNECTIONS)[number];

export interface RunningMicroservice {
  readonly app: INestApplication | INestMicroservice;
  /** One for each microservice. */
  readonly clients: readonly ClientProxy[];
  /** The port of the HTTP server, where there is one. */
  readonly port: number | undefined;
  close(): Promise<void>;
}

const OWN = { inherit: [true], plain: [false], deferred: [false], several: [false, true] } as const;

/**
 * Starts microservices over TCP on free ports, and a client for each.
 *
 * @param server has the gateways once more, as microservices prepare them whose start is deferred
 */
export async function startMicroservice(
  connection: ConnectionName,
  metadata: ModuleMetadata,
  {
    adapter = 'express',
    sockets,
    server,
    logger = false,
  }: { adapter?: AdapterName; sockets?: SocketName; server?: Server; logger?: LoggerService | false } = {},
): Promise<RunningMicroservice> {
  const options = { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } } as const;
  if (connection === 'alone') {
    const module = await Test.createTestingModule(metadata).compile();
    const app = module.createNestMicroservice({ ...options, logger });
    await startOrClose(app, () => app.listen());
    return running(app, [app], undefined);
  }
  const microservices: INestMicroservice[] = [];
  const { app } = await startApplication(adapter, metadata, {
    ...(logger !== false && { logger }),
    configure: (application) => {
      if (sockets !== undefined) useSockets(application, sockets);
      for (const inheritAppConfig of OWN[connection]) {
        const microservice = application.connectMicroservice(options, {
          inheritAppConfig,
          deferInitialization: connection === 'deferred',
        });
        if (server !== undefined) microservice.useWebSocketAdapter(new WsAdapter(server));
        microservices.push(microservice);
      }
    },
  });
  await startOrClose(app, () => app.startAllMicroservices());
  return running(app, microservices, (app.getHttpServer().address() as { port: number }).port);
}

async function startOrClose(app: { close(): Promise<void> }, start: () => Promise<unknown>): Promise<void> {
  try {
    await start();
  } catch (error) {
    await app.close();
    throw error;
  }
}

function running(
  app: INestApplication | INestMicroservice,
  microservices: readonly INestMicroservice[],
  port: number | undefined,
): RunningMicroservice {
  const clients = microservices.map((microservice) => {
    const server = microservice.unwrap<{ address(): { port: number } }>();
    return ClientProxyFactory.create({
      transport: Transport.TCP,
      options: { host: '127.0.0.1', port: server.address().port },
    });
  });
  return {
    app,
    clients,
    port,
    close: async () => {
      for (const client of clients) await client.close();
      await app.close();
    },
  };
}
