import { Controller, Get, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Public, Roles, SecurityEvents, SecurityGuard, SecurityModule, type SecurityEvent } from '@palisade/nest';
import { startApplication, type RunningApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';

@Controller()
class Handlers {
  @Get()
  @Roles('admin')
  guarded() {
    return 'guarded';
  }

  @Get('plain')
  plain() {
    return 'plain';
  }

  @Get('open')
  @Public()
  open() {
    return 'open';
  }
}

/** Not known to the application: what calls it has no policy. */
class Stranger {
  open() {
    return 'stranger';
  }
}

describe('A handler that is called over a transport that the module does not know', () => {
  let running: RunningApplication;
  const events: SecurityEvent[] = [];
  beforeAll(async () => {
    running = await startApplication('express', {
      imports: [SecurityModule.forRoot(securityWith(signingKey('ES256')))],
      controllers: [Handlers],
    });
    running.app.get(SecurityEvents).subscribe((event) => events.push(event));
  });
  afterAll(() => running.close());

  /** As gateways, resolvers and microservices do: Nest's own way of running the global guards for other contexts. */
  const call = (instance: object, method: string, type: string): Promise<unknown> => {
    const handler = (instance as Record<string, () => unknown>)[method] as () => unknown;
    const creator = running.app.get(ExternalContextCreator, { strict: false });
    const run = creator.create(instance, handler, method, undefined, undefined, undefined, undefined, undefined, type);
    return (run as (...parameters: unknown[]) => Promise<unknown>)({ user: { id: 'mallory', roles: ['admin'] } });
  };

  it.each(['ws', 'rpc', 'graphql', 'made-up'])('(%s) is denied, whatever it asks for', async (type) => {
    const handlers = running.app.get(Handlers);
    for (const method of ['guarded', 'plain']) {
      await expect(call(handlers, method, type)).rejects.toMatchObject({ code: 'transport_unsupported', status: 403 });
    }
    expect(events.at(-1)).toMatchObject({ allowed: false, reason: 'transport_unsupported', transport: type });
  });

  it('is run where it is public', async () => {
    expect(await call(running.app.get(Handlers), 'open', 'ws')).toBe('open');
  });

  it('is denied where it has no policy, over HTTP as well', async () => {
    for (const type of ['http', 'ws']) {
      await expect(call(new Stranger(), 'open', type)).rejects.toMatchObject({ code: 'route_unknown', status: 403 });
    }
  });

  it('is denied before the policies are compiled', async () => {
    const guard: CanActivate = running.app.get(SecurityGuard);
    const context = {
      getClass: () => Handlers,
      getHandler: () => () => undefined,
      getType: () => 'rpc',
    } as unknown as ExecutionContext;
    expect(() => guard.canActivate(context)).toThrow('No policy is known for the handler');
  });
});
