import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { Clock } from '@palisade/nest';
import { FakeClock } from './clock.js';
import { HttpClient } from './http-client.js';

/** Both HTTP adapters: behaviour is described once and holds on each. */
export const ADAPTERS = ['express', 'fastify'] as const;
export type AdapterName = (typeof ADAPTERS)[number];

export interface RunningApplication {
  readonly app: INestApplication;
  readonly client: HttpClient;
  readonly clock: FakeClock;
  close(): Promise<void>;
}

export interface ApplicationSetup {
  readonly customize?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  readonly configure?: (app: INestApplication) => void;
  /** Silent, where it is left out. */
  readonly logger?: LoggerService;
}

/** Starts an application on a free port of the loopback interface, with a clock that stands still. */
export async function startApplication(
  adapter: AdapterName,
  metadata: ModuleMetadata,
  { customize = (builder) => builder, configure, logger }: ApplicationSetup = {},
): Promise<RunningApplication> {
  const clock = new FakeClock();
  const builder = Test.createTestingModule(metadata).overrideProvider(Clock).useValue(clock);
  const module = await customize(builder).compile();
  const app = module.createNestApplication(adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(), {
    logger: logger ?? false,
  });
  configure?.(app);
  try {
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = app.getHttpServer().address() as { port: number };
  return { app, client: new HttpClient(port), clock, close: () => app.close() };
}

/** What a start is refused with. */
export async function startFailure(metadata: ModuleMetadata): Promise<unknown> {
  try {
    const running = await startApplication('express', metadata);
    await running.close();
  } catch (error) {
    return error;
  }
  throw new Error('The application started');
}
