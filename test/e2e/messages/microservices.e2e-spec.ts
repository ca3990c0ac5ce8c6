import { Controller, Module, Scope, UseGuards, type Type } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Public,
  RateLimit,
  Roles,
  SecurityEvents,
  SecurityGuard,
  SecurityModule,
  type FeatureSecurityOptions,
} from '@palisade/nest';
import { firstValueFrom } from 'rxjs';
import { CONNECTIONS, startMicroservice, type RunningMicroservice } from '../../support/messages.js';
import { securityWith } from '../../support/security.js';
import { signingKey } from '../../support/tokens.js';

const key = signingKey('ES256');
const called: string[] = [];

function Handlers(...decorators: MethodDecorator[]) {
  return (target: Type) => {
    for (const method of ['ask', 'hear']) {
      const descriptor = Object.getOwnPropertyDescriptor(target.prototype, method) as PropertyDescriptor;
      for (const decorate of decorators) decorate(target.prototype as object, method, descriptor);
    }
  };
}

/** A class of its own for each case: what is put on it must not come from another. */
function controller(
  decorators: { onClass?: ClassDecorator[]; onMethods?: MethodDecorator[]; scope?: Scope } = {},
): Type {
  @Controller({ ...(decorators.scope !== undefined && { scope: decorators.scope }) })
  class Accounts {
    @MessagePattern('ask')
    ask() {
      called.push('ask');
      return 'balance';
    }

    @EventPattern('hear')
    hear(_payload: object) {
      called.push('hear');
    }
  }
  Handlers(...(decorators.onMethods ?? []))(Accounts);
  for (const decorate of decorators.onClass ?? []) decorate(Accounts);
  return Accounts;
}

function inherited(): Type {
  class Base {
    @MessagePattern('ask')
    @Roles('admin')
    ask() {
      called.push('ask');
      return 'balance';
    }

    @EventPattern('hear')
    @Roles('admin')
    hear(_payload: object) {
      called.push('hear');
    }
  }
  @Controller()
  class Accounts extends Base {}
  return Accounts;
}

function bound(): Type {
  const Base = controller();
  @Controller()
  class Accounts extends (Base as new () => { ask: () => string; hear: (payload: object) => void }) {
    constructor() {
      super();
      this.ask = this.ask.bind(this);
      this.hear = this.hear.bind(this);
    }
  }
  return Accounts;
}

function table(rows: readonly (readonly [string, () => Type, FeatureSecurityOptions?])[]) {
  return rows.map(([name, accounts, feature]) => ({ name, accounts, feature }));
}

const DENIED = table([
  ['without any rule', () => controller()],
  ['with @Roles', () => controller({ onMethods: [Roles('admin')] })],
  ['with @Roles on the class', () => controller({ onClass: [Roles('admin')] })],
  ['with rules that are inherited', inherited],
  ['in a module with forFeature', () => controller(), { roles: ['admin'] }],
  ['of a request-scoped controller', () => controller({ scope: Scope.REQUEST })],
  ['that the constructor binds', bound],
  ['behind @UseGuards(SecurityGuard)', () => controller({ onClass: [UseGuards(SecurityGuard)] })],
  ['that is public and has a limit', () => controller({ onMethods: [Public(), RateLimit('1/minute')] })],
]);

const OPEN = table([
  ['with @Public', () => controller({ onMethods: [Public()] })],
  ['with @Public on the class', () => controller({ onClass: [Public()] })],
  ['in a module whose forFeature says so', () => controller(), { access: 'public' }],
  ['with @Public, of a request-scoped controller', () => controller({ onClass: [Public()], scope: Scope.REQUEST })],
  [
    'with @Public behind @UseGuards(SecurityGuard)',
    () => controller({ onClass: [Public(), UseGuards(SecurityGuard)] }),
  ],
]);

describe.each(CONNECTIONS)('Handlers of messages (microservice: %s)', (connection) => {
  let service: RunningMicroservice | undefined;

  afterEach(async () => {
    await service?.close();
    service = undefined;
    called.length = 0;
  });

  async function start(accounts: Type, feature?: FeatureSecurityOptions): Promise<RunningMicroservice> {
    @Module({ imports: feature === undefined ? [] : [SecurityModule.forFeature(feature)], controllers: [accounts] })
    class AccountsModule {}
    service = await startMicroservice(connection, {
      imports: [SecurityModule.forRoot(securityWith(key)), AccountsModule],
    });
    return service;
  }

  it.each(DENIED)('$name are denied with a code', async ({ accounts, feature }) => {
    const { clients, app } = await start(accounts(), feature);
    const denied: string[] = [];
    app.get(SecurityEvents).subscribe((event) => {
      if (event.type === 'decision' && !event.allowed) denied.push(`${event.transport} ${event.reason}`);
    });
    for (const client of clients) {
      denied.length = 0;
      await expect(firstValueFrom(client.send('ask', {}))).rejects.toEqual({
        status: 'error',
        statusCode: 403,
        code: expect.stringMatching(/^(?:transport_unsupported|route_unknown)$/),
        message: expect.not.stringContaining('Internal'),
      });
      await firstValueFrom(client.emit('hear', {}), { defaultValue: undefined });
      // Answered after the event, as one connection is read in turn.
      await expect(firstValueFrom(client.send('ask', {}))).rejects.toMatchObject({ status: 'error' });
      expect(denied).toHaveLength(3);
    }
    expect(called).toEqual([]);
  });

  it.each(OPEN)('$name are served, and decided on once', async ({ accounts, feature }) => {
    const { clients, app } = await start(accounts(), feature);
    let decisions = 0;
    app.get(SecurityEvents).subscribe((event) => void (event.type === 'decision' && decisions++));
    for (const client of clients) {
      expect(await firstValueFrom(client.send('ask', {}))).toBe('balance');
      await firstValueFrom(client.emit('hear', {}), { defaultValue: undefined });
      await firstValueFrom(client.send('ask', {}));
    }
    expect(called).toEqual(clients.flatMap(() => ['ask', 'hear', 'ask']));
    expect(decisions).toBe(called.length);
  });
});
