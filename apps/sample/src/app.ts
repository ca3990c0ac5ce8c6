import type { INestApplication, LogLevel } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AppModule } from './app.module.js';
import { AccessTokenIssuer } from './auth/access-token.issuer.js';
import type { Configuration } from './configuration.js';

/** The bank, ready to listen. */
export interface Ledger {
  readonly app: INestApplication;
  /** Signs the tokens that `/auth/token` hands out. */
  readonly tokens: AccessTokenIssuer;
}

export interface LedgerOptions {
  /** What is logged. @default everything */
  readonly logger?: false | LogLevel[];
}

/** Builds Ledger, with its schema up to date and its demo users in place. */
export async function createLedger(configuration: Configuration, { logger }: LedgerOptions = {}): Promise<Ledger> {
  const app = await NestFactory.create(AppModule.with(configuration), adapterOf(configuration), {
    abortOnError: false,
    ...(logger === undefined ? {} : { logger }),
  });
  try {
    await app.init();
  } catch (error) {
    await app.close();
    throw error;
  }
  return { app, tokens: app.get(AccessTokenIssuer, { strict: false }) };
}

function adapterOf({ adapter }: Configuration): ExpressAdapter | FastifyAdapter {
  return adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter();
}
