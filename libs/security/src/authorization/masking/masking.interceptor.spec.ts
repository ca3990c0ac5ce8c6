import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, type INestApplication, type NestInterceptor, type Provider } from '@nestjs/common';
import { APP_INTERCEPTOR, ApplicationConfig, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { VisibleTo } from './masking.decorators.js';
import { hasMaskedClasses, MASKING_VIEWER, maskingInterceptorProvider } from './masking.interceptor.js';

// No class of this file has a rule until the last describe declares one: the order of the tests matters.

class Account {
  id = 'a1';
  balance = 'balance-value';
}

@Controller()
class AccountsController {
  @Get('observed')
  observed(): object {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 200;
    const { stack } = new Error('where am I');
    Error.stackTraceLimit = stackTraceLimit;
    return { byObservables: String(stack).includes('rxjs') };
  }

  @Get('account')
  account(): Account {
    return new Account();
  }
}

const everyRole: Provider = { provide: MASKING_VIEWER, useValue: () => ({ hasRole: () => true }) };
const passing: NestInterceptor = { intercept: (_, next) => next.handle() };
const apps: INestApplication[] = [];

async function start(adapter: string, ...providers: Provider[]): Promise<(path: string) => Promise<unknown>> {
  @Module({ controllers: [AccountsController], providers: [everyRole, ...providers] })
  class TestModule {}
  const app = await NestFactory.create(
    TestModule,
    adapter === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
    {
      logger: false,
    },
  );
  apps.push(app);
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as { port: number };
  return async (path) => (await fetch(`http://127.0.0.1:${port}/${path}`)).json();
}

afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())));

describe.each(['express', 'fastify'])('without masked classes, on %s', (adapter) => {
  it('no interceptor is installed and no observable runs', async () => {
    const get = await start(adapter, maskingInterceptorProvider);
    expect(hasMaskedClasses()).toBe(false);
    expect(apps[0]?.get(ApplicationConfig).getGlobalInterceptors().filter(Boolean)).toEqual([]);
    expect(await get('observed')).toEqual({ byObservables: false });
  });

  it('another interceptor of the application runs as before', async () => {
    const get = await start(adapter, maskingInterceptorProvider, { provide: APP_INTERCEPTOR, useValue: passing });
    expect(await get('observed')).toEqual({ byObservables: true });
    expect(await get('account')).toEqual({ id: 'a1', balance: 'balance-value' });
  });
});

describe('a class that gets its first rule after the start', () => {
  it('answers without the field, whoever asks, until an application starts that knows of it', async () => {
    const early = [
      await start('express', maskingInterceptorProvider),
      await start('fastify', maskingInterceptorProvider),
    ];
    VisibleTo('auditor')(Account.prototype, 'balance');
    for (const get of early) expect(await get('account')).toEqual({ id: 'a1' });
    const get = await start('express', maskingInterceptorProvider);
    expect(await get('account')).toEqual({ id: 'a1', balance: 'balance-value' });
  });
});
