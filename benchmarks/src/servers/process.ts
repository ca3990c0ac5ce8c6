import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Duration, FromServer, ToServer } from '../server.js';
import type { ServerSpec, Stack, StackName } from './stack.js';

// Each process loads the modules of its own stack and no others.
const stacks: Readonly<Record<StackName, () => Promise<{ readonly stack: Stack }>>> = {
  bare: () => import('./bare.js'),
  assembled: () => import('./assembled.js'),
  palisade: () => import('./palisade.js'),
  'palisade-masking': () => import('./palisade-masking.js'),
  'helmet-cors': () => import('./helmet-cors.js'),
  'palisade-edge': () => import('./palisade-edge.js'),
};

const spec = JSON.parse(process.argv[2] as string) as ServerSpec;

const app = await createApplication(spec);
process.on('message', (message: ToServer) => {
  if (message === 'cpu') report({ type: 'cpu', cpu: process.cpuUsage() });
  else void stop();
});
// Without its parent a server has nothing to do.
process.on('disconnect', () => process.exit());

async function createApplication({ stack: name, adapter }: ServerSpec): Promise<INestApplication> {
  // The platform is no part of what a stack costs: it is loaded before the clock starts.
  const platform = adapter === 'express' ? await expressAdapter() : await fastifyAdapter();
  const sincePlatform = stopwatch();
  const { stack } = await stacks[name]();
  const loading = sincePlatform();
  const sinceStack = stopwatch();
  const module = stack.createModule(spec);
  const created = await NestFactory.create(module, platform, { logger: ['error', 'warn'], abortOnError: false });
  await stack.configure?.(created, adapter);
  await created.listen(0, '127.0.0.1');
  const starting = sinceStack();
  const address: unknown = created.getHttpServer().address();
  report({
    type: 'listening',
    port: (address as { port: number }).port,
    loading,
    starting,
  });
  return created;
}

/** Measures from its call to that of what it answers with. */
function stopwatch(): () => Duration {
  const begun = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return { cpu: (user + system) / 1000, wall: performance.now() - begun };
  };
}

async function expressAdapter() {
  const { ExpressAdapter } = await import('@nestjs/platform-express');
  return new ExpressAdapter();
}

async function fastifyAdapter() {
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  return new FastifyAdapter();
}

async function stop(): Promise<void> {
  await app.close();
  process.exit();
}

function report(message: FromServer): void {
  process.send?.(message);
}
