import { Controller, Get, UseGuards, type CanActivate, type LoggerService, type Type } from '@nestjs/common';
import { Query, Resolver } from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AuthenticationGuard,
  AuthorizationGuard,
  OptionalAuth,
  Permissions,
  Public,
  RateLimitGuard,
  SecurityGuard,
  SecurityModule,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName } from '../support/application.js';
import type { HttpClient } from '../support/http-client.js';
import { ROLES, trusting } from '../support/security.js';
import { sharedSecret, signingKey } from '../support/tokens.js';

const key = signingKey('ES256');
const jwt = trusting(key);

class OwnGuard implements CanActivate {
  canActivate() {
    return true;
  }
}

@Controller('plain')
class Plain {
  @Get()
  list() {
    return {};
  }
}

@Controller('own')
@UseGuards(OwnGuard)
class Own {
  @Get()
  list() {
    return {};
  }
}

@Controller('open')
@Public()
class Open {
  @Get()
  list() {
    return {};
  }
}

@Controller('optional')
@UseGuards(SecurityGuard)
@OptionalAuth()
class Optional {
  @Get()
  list() {
    return {};
  }
}

@Controller('guarded')
@UseGuards(SecurityGuard)
class Guarded {
  @Get()
  list() {
    return {};
  }
}

@Controller('shut')
@UseGuards(AuthorizationGuard)
class Shut {
  @Get()
  list() {
    return {};
  }
}

@Controller('limited')
@UseGuards(RateLimitGuard)
class Limited {
  @Get()
  list() {
    return {};
  }
}

@Controller('permitted')
@UseGuards(AuthenticationGuard, AuthorizationGuard)
class Permitted {
  @Get()
  @Permissions({ any: ['account:read', 'account:audit'] })
  list() {
    return {};
  }
}

@Controller()
class OpenMessages {
  @MessagePattern('open')
  open() {
    return {};
  }
}

@Controller()
@UseGuards(SecurityGuard)
class GuardedMessages {
  @MessagePattern('guarded')
  guarded() {
    return {};
  }
}

@Resolver()
class Unserved {
  @Query(() => String)
  unserved() {
    return '';
  }
}

async function warningsOf(
  adapter: AdapterName,
  options: SecurityOptions,
  controllers: readonly Type[],
  ask: (client: HttpClient) => Promise<void> = () => Promise.resolve(),
): Promise<readonly string[]> {
  const warnings: string[] = [];
  const silent = () => undefined;
  const logger: LoggerService = { log: silent, error: silent, warn: (message: string) => warnings.push(message) };
  const running = await startApplication(
    adapter,
    {
      imports: [SecurityModule.forRoot(options)],
      controllers: controllers.filter((type) => type !== Unserved),
      providers: controllers.filter((type) => type === Unserved),
    },
    { logger },
  );
  await ask(running.client);
  await running.close();
  return warnings;
}

const NO_SCHEMES = 'No authentication scheme is configured: ';
const OFF = 'The global guard is switched off: ';
const withoutGuard: SecurityOptions = { dangerouslyWithoutGlobalGuard: true };

interface Case {
  readonly options: SecurityOptions;
  readonly controllers: readonly Type[];
  readonly warnings: readonly string[];
  /** What the warnings say, as answers show it: status by path. */
  readonly answers?: Readonly<Record<string, number>>;
}

const CASES: Readonly<Record<string, Case>> = {
  'nothing is wrong': { options: { authentication: { jwt } }, controllers: [Plain, Open], warnings: [] },
  'no scheme is configured': {
    options: {},
    controllers: [Plain, Open, Optional],
    warnings: [`${NO_SCHEMES}every handler that asks for a caller and names no scheme answers 401`],
    answers: { '/plain': 401, '/open': 200, '/optional': 200 },
  },
  'no scheme is configured, and every handler takes the anonymous': {
    options: {},
    controllers: [Open, Optional],
    warnings: [],
    answers: { '/open': 200, '/optional': 200 },
  },
  'no scheme is configured and the global guard is off': {
    options: withoutGuard,
    controllers: [Plain, Guarded, Open],
    warnings: [
      `${OFF}1 handler is open to anybody, as no guard asks who calls: Plain.list`,
      `${NO_SCHEMES}every handler that is behind AuthenticationGuard or SecurityGuard, asks for a caller and names no scheme answers 401`,
    ],
    answers: { '/plain': 200, '/guarded': 401, '/open': 200 },
  },
  'no scheme is configured, the global guard is off, and no handler has a guard': {
    options: withoutGuard,
    controllers: [Plain, Limited],
    warnings: [`${OFF}2 handlers are open to anybody, as no guard asks who calls: Plain.list, Limited.list`],
    answers: { '/plain': 200, '/limited': 200 },
  },
  'the global guard is off and all have guards': {
    options: { ...withoutGuard, authentication: { jwt } },
    controllers: [Guarded, Open],
    warnings: [`${OFF}each handler is @Public() or has a guard of the package`],
    answers: { '/guarded': 401, '/open': 200 },
  },
  'the global guard is off beside guards of the application': {
    options: { ...withoutGuard, authentication: { jwt } },
    controllers: [Own],
    warnings: [
      `${OFF}1 handler is left to guards of the application, as no guard of the package asks who calls: Own.list (OwnGuard)`,
    ],
    answers: { '/own': 200 },
  },
  'authorization stands alone': {
    options: { ...withoutGuard, authentication: { jwt } },
    controllers: [Shut],
    warnings: [
      `${OFF}each handler is @Public() or has a guard of the package`,
      '1 handler is denied to everybody, as AuthorizationGuard runs and no AuthenticationGuard before it: Shut.list. ' +
        'Write @UseGuards(AuthenticationGuard, AuthorizationGuard), or @UseGuards(SecurityGuard)',
    ],
    answers: { '/shut': 401 },
  },
  'a permission is nobody’s, beside another that suffices': {
    options: { authentication: { jwt }, authorization: { roles: ROLES, permissions: { teller: ['account:read'] } } },
    controllers: [Permitted],
    warnings: ['No role carries the permission "account:audit": only callers who are given it themselves have it'],
  },
  'a transport is missing': {
    options: { authentication: { jwt } },
    controllers: [Unserved],
    warnings: [
      'Unserved is called over a transport that is not in SecurityModule.forRoot({ transports }): its handlers are denied, but for those with @Public()',
    ],
  },
  'a transport is missing and the global guard is off': {
    options: { ...withoutGuard, authentication: { jwt } },
    controllers: [Unserved],
    warnings: [
      `${OFF}each handler is @Public() or has a guard of the package`,
      'Unserved is called over a transport that is not in SecurityModule.forRoot({ transports }): its handlers are denied where a guard of the package is in front of them, and open where none is',
    ],
  },
  'handlers of messages are denied': {
    options: { authentication: { jwt } },
    controllers: [OpenMessages],
    warnings: [
      'OpenMessages: open is denied to everybody who calls over a WebSocket or a microservice, as credentials are read from HTTP requests only; @Public() opens a handler',
    ],
  },
  'handlers of messages are left to guards of their own': {
    options: { ...withoutGuard, authentication: { jwt } },
    controllers: [OpenMessages, GuardedMessages],
    warnings: [
      `${OFF}1 handler is open to anybody, as no guard asks who calls: OpenMessages.open`,
      'GuardedMessages: guarded is denied to everybody who calls over a WebSocket or a microservice, as credentials are read from HTTP requests only; @Public() opens a handler',
    ],
  },
  'parts only record': {
    options: {
      authentication: { jwt },
      hosts: { allowed: ['bank.example'], enforcement: 'report' },
      firewall: { enforcement: 'report' },
      csrf: { enforcement: 'report' },
      cors: { origins: ['https://app.example'], enforcement: 'report' },
      rateLimit: { limits: { all: '5/minute' }, enforcement: 'report' },
      lockout: { enforcement: 'report' },
      loadShedding: { enforcement: 'report' },
      bans: { enforcement: 'report' },
    },
    controllers: [Plain],
    warnings: [
      'rateLimit only records who asks for too much',
      'lockout only records whom it would lock out',
      'loadShedding only records what it would shed',
      'hosts only records what it would deny',
      'firewall only records what it would deny',
      'cors only records what it would deny',
      'csrf only records what it would deny',
      'bans only records what it would deny',
    ],
  },
  'parts are switched off': {
    options: { authentication: { jwt }, firewall: false, headers: false, csrf: false },
    controllers: [Plain],
    warnings: ['firewall is switched off', 'headers is switched off', 'csrf is switched off'],
  },
  'dangerous options are on': {
    options: {
      authentication: {
        jwt: {
          dangerouslyAllowMissingExpiry: true,
          issuers: [
            jwt,
            {
              ...jwt,
              issuer: 'https://other.example',
              audience: undefined,
              dangerouslyAcceptAnyAudience: true,
            } as never,
          ],
        },
      },
      firewall: { dangerouslyAllow: ['encodedSlash'] },
      headers: {
        contentSecurityPolicy: {
          dangerouslyAllowScripts: ["'unsafe-eval'"],
          dangerouslyWithoutDefaultSrc: true,
        },
      },
    },
    controllers: [Plain],
    warnings: [
      'authentication.jwt.dangerouslyAllowMissingExpiry is switched on',
      'authentication.jwt.issuers[1].dangerouslyAcceptAnyAudience is switched on',
      'firewall.dangerouslyAllow has "encodedSlash"',
      'headers.contentSecurityPolicy.dangerouslyAllowScripts has "\'unsafe-eval\'"',
      'headers.contentSecurityPolicy.dangerouslyWithoutDefaultSrc is switched on',
    ],
  },
};

describe.each(ADAPTERS)('The log of the start on %s says what is so, where', (adapter) => {
  it.each(Object.keys(CASES))('%s', async (name) => {
    const { options, controllers, warnings, answers = {} } = CASES[name] as Case;
    const answered: Record<string, number> = {};
    const found = await warningsOf(adapter, options, controllers, async (client) => {
      for (const path of Object.keys(answers)) answered[path] = (await client.get(path)).status;
    });
    expect([...found].toSorted()).toEqual([...warnings].toSorted());
    expect(answered).toEqual(answers);
  });
});

describe('The log of the start in production', () => {
  const environment = process.env['NODE_ENV'];
  beforeEach(() => {
    process.env['NODE_ENV'] = 'production';
  });
  afterEach(() => {
    if (environment === undefined) delete process.env['NODE_ENV'];
    else process.env['NODE_ENV'] = environment;
  });

  const edge = { hosts: ['bank.example'], https: false } as const;
  const secret = sharedSecret();

  it.each<[string, SecurityOptions, readonly string[]]>([
    [
      'hosts and https are left out',
      {},
      ['hosts is left out: a request may name any host', 'https is left out: requests without TLS are answered'],
    ],
    [
      'bans stand without proxy',
      { ...edge, bans: {} },
      ['bans is given without proxy: behind a proxy all clients have its address, and one ban keeps all of them out'],
    ],
    [
      'bans that only record stand without proxy',
      { ...edge, bans: { enforcement: 'report' } },
      [
        'bans only records what it would deny',
        'bans is given without proxy: behind a proxy all clients have its address, and one ban would keep all of them out',
      ],
    ],
    ['all is given', { ...edge, bans: {}, proxy: { trust: 1 } }, []],
  ])('says what is so, where %s', async (_, options, expected) => {
    const authentication = { jwt: { issuer: 'i', audience: 'a', algorithms: ['HS256'] as const, secret } };
    expect(await warningsOf('express', { authentication, ...options }, [Open])).toEqual(expected);
  });
});

describe('The list of what is open', () => {
  it('is cut, and says how much of it is missing', async () => {
    const many = Array.from({ length: 33 }, (_, index) => {
      class Routes {
        @Get()
        list() {
          return {};
        }
      }
      Object.defineProperty(Routes, 'name', { value: `Routes${index}` });
      Controller(`r${index}`)(Routes);
      return Routes;
    });
    const [warning] = await warningsOf('express', { ...withoutGuard, authentication: { jwt } }, many);
    expect(warning).toMatch(/^The global guard is switched off: 33 handlers are open to anybody, .*: Routes0\.list, /);
    expect(warning).toMatch(/Routes29\.list, and 3 more$/);
  });
});
