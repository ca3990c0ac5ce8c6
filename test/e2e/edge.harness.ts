import type { INestApplication, ModuleMetadata, NestApplicationOptions, Provider, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach } from '@jest/globals';
import {
  SecurityEvents,
  SecurityModule,
  type DecisionEvent,
  type SecurityEvent,
  type SecurityOptions,
} from '@palisade/nest';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startApplication, type AdapterName, type ApplicationSetup } from '../support/application.js';
import type { FakeClock } from '../support/clock.js';
import { HttpClient, type HttpAnswer, type HttpCall } from '../support/http-client.js';

export type Answer = HttpAnswer;

export type Sent = HttpCall;

/** Sends one request to the loopback interface, under whatever host it is told. */
export function send(port: number, path: string, { headers = {}, ...sent }: Sent = {}): Promise<Answer> {
  const method = sent.method ?? (sent.body === undefined ? 'GET' : 'POST');
  const isEmpty = sent.body === undefined && !/^(GET|HEAD|OPTIONS)$/.test(method);
  // Node's client would announce an empty body in chunks.
  return new HttpClient(port).call(path, {
    ...sent,
    method,
    headers: isEmpty ? { 'content-length': '0', ...headers } : headers,
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
  /** Once, however often it is called. */
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
  let closed: Promise<void> | undefined;
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
    close: () => (closed ??= running.close()),
  };
}

/** As {@link startEdge}, for the tests of this block: each closes what it has started. */
export function edgeOfEachTest(adapter: AdapterName) {
  const started: EdgeApplication[] = [];
  afterEach(async () => {
    for (const app of started.splice(0)) await app.close();
  });
  return async (
    options: SecurityOptions,
    controllers: readonly Type[],
    setup: EdgeSetup = {},
  ): Promise<EdgeApplication> => {
    const app = await startEdge(adapter, options, controllers, setup);
    started.push(app);
    return app;
  };
}

/** What the answers to calls are, one after the other. */
export async function statusesOf(count: number, call: () => Promise<Answer>): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) statuses.push((await call()).status);
  return statuses;
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
