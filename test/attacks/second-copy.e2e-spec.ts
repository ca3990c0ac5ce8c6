import * as common from '@nestjs/common';
import { Catch, Controller, Get, Injectable, Post, UseGuards, type Type } from '@nestjs/common';
import * as core from '@nestjs/core';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import * as throttler from '@nestjs/throttler';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import * as one from '@palisade/nest';
import { JwtKeySet, SecurityConfigurationError, SecurityModule } from '@palisade/nest';
import { ADAPTERS, startApplication, startFailure, type RunningApplication } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';

const key = signingKey('ES256');

/** Really loaded a second time, over the same Nest, as two versions in `node_modules` are. */
function loadedAgain(): typeof one {
  let copy: typeof one | undefined;
  jest.isolateModules(() => {
    jest.doMock('@nestjs/common', () => common);
    jest.doMock('@nestjs/core', () => core);
    jest.doMock('@nestjs/throttler', () => throttler);
    copy = jest.requireActual<typeof one>('@palisade/nest');
  });
  if (copy === undefined || copy.SecurityModule === SecurityModule) throw new Error('The copy is the same');
  return copy;
}

const two = loadedAgain();

class Account {
  id = 'a-1';
  @two.Sensitive()
  secret = 's3cret';
  @two.VisibleTo('admin')
  balance = 100;
}

@Controller('accounts')
class Accounts {
  @Get('me')
  me(@two.CurrentUser('id') id: string, @two.ClientIp() address: string, @two.CspNonce() nonce: string) {
    return { id, address, hasNonce: typeof nonce === 'string' };
  }

  @Get('admin')
  @two.Roles('admin')
  admin() {
    return {};
  }

  @Get('public')
  @two.Public()
  open(@two.CurrentUser() caller: one.Principal) {
    return { isAnonymous: caller === one.ANONYMOUS && caller === two.ANONYMOUS };
  }

  @Get('limited')
  @two.RateLimit('1/minute')
  limited() {
    return {};
  }

  @Get('account')
  account() {
    return new Account();
  }

  @Post('small')
  @two.BodyLimit('10b')
  small() {
    return {};
  }

  @Post('large')
  @two.BodyLimit('2mb')
  large() {
    return {};
  }
}

let running: RunningApplication | undefined;
const warnings: string[] = [];
afterEach(async () => {
  await running?.close();
  running = undefined;
  warnings.length = 0;
});

const logger = {
  log: () => undefined,
  error: () => undefined,
  warn: (message: unknown) => void warnings.push(String(message)),
};

describe.each(ADAPTERS)('Decorators of a second copy of the package, on %s,', (adapter) => {
  it('hold as those of the first', async () => {
    const options = securityWith(key, { proxy: { trust: ['127.0.0.1'] } });
    running = await startApplication(
      adapter,
      { imports: [SecurityModule.forRoot(options)], controllers: [Accounts] },
      { logger },
    );
    const { client, clock } = running;
    const tokens = new TokenIssuer(key, clock);
    const teller = tokens.issue({ sub: 'u-1', roles: ['teller'] });
    const admin = tokens.issue({ sub: 'u-2', roles: ['admin'] });
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    expect((await client.withToken('/accounts/me', teller, { headers })).body).toEqual({
      id: 'u-1',
      address: '198.51.100.7',
      hasNonce: true,
    });
    expect((await client.get('/accounts/me')).status).toBe(401);
    expect((await client.withToken('/accounts/admin', teller)).status).toBe(403);
    expect((await client.withToken('/accounts/admin', admin)).status).toBe(200);
    expect((await client.get('/accounts/public')).body).toEqual({ isAnonymous: true });
    expect((await client.withToken('/accounts/limited', teller)).status).toBe(200);
    expect((await client.withToken('/accounts/limited', teller)).status).toBe(429);
    expect((await client.withToken('/accounts/account', teller)).body).toEqual({ id: 'a-1' });
    expect((await client.withToken('/accounts/account', admin)).body).toEqual({ id: 'a-1', balance: 100 });
    const body = { text: 'x'.repeat(20) };
    expect((await client.withToken('/accounts/small', teller, { method: 'POST', body })).status).toBe(413);
    const large = { text: 'x'.repeat(1_500_000) };
    expect((await client.withToken('/accounts/large', teller, { method: 'POST', body: large })).status).not.toBe(413);
  });

  it('hold for a module whose defaults it gives', async () => {
    @Controller('feature')
    class FeatureController {
      @Get()
      list() {
        return {};
      }
    }
    @common.Module({ imports: [two.SecurityModule.forFeature({ roles: ['admin'] })], controllers: [FeatureController] })
    class Feature {}
    running = await startApplication(adapter, { imports: [SecurityModule.forRoot(securityWith(key)), Feature] });
    const token = new TokenIssuer(key, running.clock).issue({ roles: ['teller'] });
    expect((await running.client.withToken('/feature', token)).status).toBe(403);
  });

  it('fail loudly where no guard that they know has seen the request', async () => {
    @Controller('bare')
    class Bare {
      @Get('user')
      user(@two.CurrentUser() caller: one.Principal) {
        return { kind: caller.kind };
      }

      @Get('address')
      address(@two.ClientIp() address: string) {
        return { address };
      }
    }
    running = await startApplication(adapter, { controllers: [Bare] });
    for (const path of ['/bare/user', '/bare/address']) expect((await running.client.get(path)).status).toBe(500);
  });
});

describe('Exceptions of a second copy', () => {
  it('are known by those of the first, and their subclasses are told apart', () => {
    const denial = one.denied('role_missing');
    expect(new two.SecurityException(denial)).toBeInstanceOf(one.SecurityException);
    expect(new one.SecurityException(denial)).toBeInstanceOf(two.SecurityException);
    expect(new two.StoreUnavailableError(1)).toBeInstanceOf(one.StoreUnavailableError);
    expect(new two.SecurityConfigurationError([])).toBeInstanceOf(SecurityConfigurationError);
    expect(new Error('other')).not.toBeInstanceOf(one.SecurityException);
    class Own extends one.SecurityException {}
    expect(new two.SecurityException(denial)).not.toBeInstanceOf(Own);
    expect(new Own(denial)).toBeInstanceOf(Own);
    expect(new Own(denial)).toBeInstanceOf(two.SecurityException);
  });

  it('are caught by filters of the other', async () => {
    @Catch(two.SecurityException)
    class Teapot extends core.BaseExceptionFilter {
      override catch(_exception: unknown, host: common.ArgumentsHost): void {
        super.catch(new common.HttpException('told', 418), host);
      }
    }
    running = await startApplication('express', {
      imports: [SecurityModule.forRoot(securityWith(key))],
      controllers: [Accounts],
      providers: [{ provide: APP_FILTER, useClass: Teapot }],
    });
    expect((await running.client.get('/accounts/me')).status).toBe(418);
  });

  it('and its key sets serve the verifier of the first', async () => {
    const keys = new two.JwtKeySet([{ kid: 'k', key: key.publicKey, algorithm: 'ES256' } as never]);
    expect(keys).toBeInstanceOf(JwtKeySet);
  });
});

describe('The start says that there are two copies', () => {
  it('in a warning that names both', async () => {
    running = await startApplication(
      'express',
      { imports: [SecurityModule.forRoot(securityWith(key))], controllers: [Accounts] },
      { logger },
    );
    const told = warnings.filter((message) => message.includes('several copies of @palisade/nest'));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/0\.0\.0 in .*libs\/security and 0\.0\.0 in .*libs\/security/);
    expect(told[0]).toContain('npm dedupe');
  });

  const refusal = async (providers: common.Provider[], controllers: Type[] = [], imports: Type[] = []) => {
    const error = await startFailure({
      imports: [SecurityModule.forRoot(securityWith(key)), ...imports],
      controllers,
      providers,
    });
    expect(error).toBeInstanceOf(SecurityConfigurationError);
    return (error as Error).message;
  };

  it.each(['RateLimiter', 'Lockout', 'Bans', 'SecurityEvents', 'Clock', 'Authorizer', 'CsrfTokens'] as const)(
    'and stops where its %s is injected',
    async (name) => {
      const token = two[name] as Type;
      class Asking {
        constructor(readonly dependency: unknown) {}
      }
      Injectable()(Asking);
      common.Inject(token)(Asking, undefined, 0);
      const message = await refusal([Asking]);
      expect(message).toContain(`Asking injects ${name}: is of another copy of @palisade/nest`);
      expect(message).toContain('npm dedupe');
    },
  );

  it.each(['AuthenticationGuard', 'AuthorizationGuard', 'RateLimitGuard', 'SecurityGuard'] as const)(
    'and stops where its %s guards a controller',
    async (name) => {
      @Controller('guarded')
      @UseGuards(two[name])
      class Guarded {
        @Get()
        list() {
          return {};
        }
      }
      expect(await refusal([], [Guarded])).toContain('another copy of @palisade/nest');
    },
  );

  it('and stops where a guard that extends one of its own is global', async () => {
    @Injectable()
    class Own extends two.RateLimitGuard {}
    expect(await refusal([{ provide: APP_GUARD, useClass: Own }])).toContain('another copy of @palisade/nest');
  });

  it.each([
    { kind: 'tenancy', decorator: '@Tenant()' },
    { kind: 'edge', part: 'quarantine', value: true, decorator: '@Quarantine()' },
  ])('and stops where a rule is of a version that this one does not know: $decorator', async (rule) => {
    @Controller('later')
    class Later {
      @Get()
      list() {
        return {};
      }
    }
    const rules = new Map([[undefined, [rule]]]);
    Reflect.defineMetadata(Symbol.for('@palisade/nest:declarations'), rules, Later);
    expect(await refusal([], [Later])).toContain(`${rule.decorator} is of another version of @palisade/nest`);
  });

  it('and stops where both have forRoot', async () => {
    @common.Module({ imports: [two.SecurityModule.forRoot(securityWith(key))] })
    class Other {}
    expect(await refusal([], [], [Other])).toContain('is imported with forRoot from two copies of @palisade/nest');
  });
});
