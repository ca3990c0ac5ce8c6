import type { INestApplication } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Adapter } from '../settings.js';
import { stack as bare } from './bare.js';
import { ORIGIN, type Stack } from './stack.js';

/** helmet and cors as their documentation says, and nothing else. */
export const stack: Stack = { ...bare, configure: configureHelmetAndCors };

export async function configureHelmetAndCors(app: INestApplication, adapter: Adapter): Promise<void> {
  if (adapter === 'express') {
    const [{ default: helmet }, { default: cors }] = await Promise.all([import('helmet'), import('cors')]);
    app.use(helmet());
    app.use(cors({ origin: [ORIGIN] }));
  } else {
    const [{ default: helmet }, { default: cors }] = await Promise.all([
      import('@fastify/helmet'),
      import('@fastify/cors'),
    ]);
    const fastify = app as NestFastifyApplication;
    await fastify.register(helmet);
    await fastify.register(cors, { origin: [ORIGIN] });
  }
}
