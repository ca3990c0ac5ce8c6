import { NestFactory } from '@nestjs/core';
import type { INestApplication, LoggerService, ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { SecurityModule, type SecurityOptions } from '@palisade/nest';
import { generate } from 'selfsigned';
import type { AdapterName } from '../support/application.js';
import { Wire } from './wire.js';

/** An application that cases or attacks are run against. */
export interface Subject extends Pick<ModuleMetadata, 'controllers' | 'providers'> {
  readonly security: SecurityOptions;
  /** Listens with TLS, with a certificate made for the run. */
  readonly tls?: boolean | undefined;
  /** Options of Fastify's router. */
  readonly router?: Readonly<Record<string, boolean>> | undefined;
  readonly configure?: ((app: INestApplication) => void) | undefined;
  /** Silent, where it is left out. */
  readonly logger?: LoggerService | undefined;
}

export interface RunningSubject {
  readonly app: INestApplication;
  readonly port: number;
  readonly wire: Wire;
  close(): Promise<void>;
}

interface Certificate {
  readonly key: string;
  readonly cert: string;
}

let certificate: Promise<Certificate> | undefined;

/** One for the run: nothing that looks like a key is stored. */
function certificateOfRun(): Promise<Certificate> {
  certificate ??= generate([{ name: 'commonName', value: 'palisade.test' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
  }).then((pems) => ({ key: pems.private, cert: pems.cert }));
  return certificate;
}

/** Starts it as an application starts: by `NestFactory`, on a free port of the loopback interface. */
export async function startSubject(adapter: AdapterName, subject: Subject): Promise<RunningSubject> {
  const { security, controllers = [], providers = [], tls = false, router, configure, logger } = subject;
  const https = tls ? await certificateOfRun() : undefined;
  class Root {}
  const app = await NestFactory.create(
    { module: Root, imports: [SecurityModule.forRoot(security)], controllers, providers },
    adapter === 'express'
      ? new ExpressAdapter()
      : new FastifyAdapter({ ...(https && { https }), ...(router && { routerOptions: router }) } as object),
    { logger: logger ?? false, abortOnError: false, ...(https && adapter === 'express' && { httpsOptions: https }) },
  );
  configure?.(app);
  try {
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  const { port } = app.getHttpServer().address() as { port: number };
  return { app, port, wire: new Wire(port, { tls }), close: () => app.close() };
}
