import type { INestApplication, ModuleMetadata, NestApplicationOptions, Provider, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  SecurityEvents,
  SecurityModule,
  type DecisionEvent,
  type SecurityEvent,
  type SecurityOptions,
} from '@palisade/nest';
import { request as open, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startApplication, type AdapterName, type ApplicationSetup } from '../support/application.js';
import type { FakeClock } from '../support/clock.js';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names in lower case, in the order they came, each as often as it came. */
  readonly names: readonly string[];
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export interface Sent {
  readonly method?: string;
  /** The value of `Host`. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer | object;
}

/** Sends one request to the loopback interface, under whatever host it is told. */
export function send(port: number, path: string, { method, host, headers = {}, body }: Sent = {}): Promise<Answer> {
  const isText = typeof body === 'string' || Buffer.isBuffer(body);
  const payload = body === undefined || isText ? body : JSON.stringify(body);
  const lines = ['host', host ?? `127.0.0.1:${port}`, 'connection', 'close'];
  for (const [name, values] of Object.entries(headers)) for (const value of [values].flat()) lines.push(name, value);
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  if (body !== undefined && !isText && !names.has('content-type')) lines.push('content-type', 'application/json');
  if (payload !== undefined && !names.has('transfer-encoding')) {
    lines.push('content-length', String(Buffer.byteLength(payload)));
  }
  // Node's client would announce an empty body in chunks.
  if (payload === undefined && !/^(GET|HEAD|OPTIONS)$/.test(method ?? 'GET')) lines.push('content-length', '0');
  return new Promise((resolve, reject) => {
    const outgoing = open({
      host: '127.0.0.1',
      port,
      path,
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: lines,
      agent: false,
    });
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          names: incoming.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()),
          text,
          get body() {
            return JSON.parse(text) as Record<string, unknown>;
          },
        });
      });
    });
    outgoing.end(payload);
  });
}

export interface EdgeSetup extends ApplicationSetup {
  readonly imports?: ModuleMetadata['imports'];
  readonly providers?: readonly Provider[];
}

/** An application behind the edge, with everything that it published. */
export interface EdgeApplication {
  readonly app: INestApplication;
  readonly port: number;
  readonly clock: FakeClock;
  readonly events: SecurityEvent[];
  send(path: string, sent?: Sent): Promise<Answer>;
  /** The denials since they were last asked for. */
  takeDenials(): readonly DecisionEvent[];
  close(): Promise<void>;
}

export async function startEdge(
  adapter: AdapterName,
  options: SecurityOptions,
  controllers: readonly Type[],
  { imports = [], providers = [], ...setup }: EdgeSetup = {},
): Promise<EdgeApplication> {
  const running = await startApplication(
    adapter,
    {
      imports: [SecurityModule.forRoot(options), ...imports],
      controllers: [...controllers],
      providers: [...providers],
    },
    setup,
  );
  const { port } = running.client;
  const events: SecurityEvent[] = [];
  running.app.get(SecurityEvents).subscribe((event) => events.push(event));
  return {
    app: running.app,
    port,
    clock: running.clock,
    events,
    send: (path, sent) => send(port, path, sent),
    takeDenials: () =>
      events
        .splice(0)
        .filter((event) => event.type === 'decision')
        .filter(({ allowed }) => !allowed),
    close: running.close,
  };
}

/** As `main.ts` of an application does it: the adapter is there before any provider. */
export async function createWithFactory(
  adapter: AdapterName,
  metadata: ModuleMetadata,
  options: NestApplicationOptions = {},
  instance = adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
): Promise<INestApplication> {
  class Root {}
  return NestFactory.create({ module: Root, ...metadata }, instance, {
    logger: false,
    abortOnError: false,
    ...options,
  });
}

export async function listen(app: INestApplication): Promise<number> {
  await app.listen(0, '127.0.0.1');
  return (app.getHttpServer().address() as AddressInfo).port;
}

/** What a handler gets for `@Res()`: Express's response is Node's, Fastify's reply has it. */
export interface AnyResponse {
  readonly raw?: ServerResponse;
  hijack?(): void;
}

/** Node's response, taken over from the framework. */
export function takeOver(response: AnyResponse): ServerResponse {
  response.hijack?.();
  return response.raw ?? (response as unknown as ServerResponse);
}
