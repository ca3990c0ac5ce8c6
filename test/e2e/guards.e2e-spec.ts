import { Controller, Get, UseGuards } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuthenticationGuard, AuthorizationGuard, Public, Roles, SecurityModule } from '@palisade/nest';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

const key = signingKey('ES256');

@Controller('legacy')
class LegacyRoutes {
  @Get()
  open() {
    return {};
  }
}

@Controller('moved')
@UseGuards(AuthenticationGuard, AuthorizationGuard)
@Roles('teller')
class MovedRoutes {
  @Get()
  list() {
    return {};
  }

  @Get('public')
  @Public()
  open() {
    return {};
  }
}

@Controller('half')
@UseGuards(AuthorizationGuard)
class HalfMovedRoutes {
  @Get()
  list() {
    return {};
  }
}

describe.each(ADAPTERS)('The parts of the guard, without the global one, on %s', (adapter) => {
  let running: RunningApplication;
  let tokens: TokenIssuer;
  beforeAll(async () => {
    running = await startApplication(adapter, {
      imports: [SecurityModule.forRoot(securityWith(key, { dangerouslyWithoutGlobalGuard: true }))],
      controllers: [LegacyRoutes, MovedRoutes, HalfMovedRoutes],
    });
    tokens = new TokenIssuer(key, running.clock);
  });
  afterAll(() => running.close());

  it('leave controllers alone that do not use them', async () => {
    expect((await running.client.get('/legacy')).status).toBe(200);
  });

  it('protect those that do', async () => {
    expect((await running.client.get('/moved')).status).toBe(401);
    expect((await running.client.withToken('/moved', tokens.issue())).status).toBe(403);
    expect((await running.client.withToken('/moved', tokens.issue({ roles: ['admin'] }))).status).toBe(200);
    expect((await running.client.get('/moved/public')).status).toBe(200);
  });

  it('deny where authorization stands alone and nobody was authenticated', async () => {
    const answer = await running.client.withToken('/half', tokens.issue());
    expect(answer.status).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });
});

describe.each(ADAPTERS)('The parts beside the global guard on %s', (adapter) => {
  it('change nothing', async () => {
    const running = await startApplication(adapter, {
      imports: [SecurityModule.forRoot(securityWith(key))],
      controllers: [MovedRoutes, HalfMovedRoutes],
    });
    const token = new TokenIssuer(key, running.clock).issue({ roles: ['teller'] });
    expect((await running.client.withToken('/moved', token)).status).toBe(200);
    expect((await running.client.withToken('/half', token)).status).toBe(200);
    expect((await running.client.get('/moved/public')).status).toBe(200);
    await running.close();
  });
});
