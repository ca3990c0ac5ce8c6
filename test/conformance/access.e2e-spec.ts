import { All, Controller, Get, Module, VersioningType } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport';
import {
  CurrentUser,
  Roles,
  Scopes,
  SecurityModule,
  VisibleTo,
  type JwtOptions,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import { trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { callOf, caseNamed, expectAnswer } from './cases.js';
import { COVERED } from './coverage.js';

const key = signingKey('RS256', 'known');
const stranger = signingKey('RS256', 'known');
const [keyA, keyB, keyC] = [signingKey('ES256'), signingKey('ES256'), signingKey('ES256')];
const ISSUERS = { A: 'https://a.palisade.test', B: 'https://b.palisade.test', C: 'https://c.palisade.test' };

class Card {
  readonly owner = 'alice';
  @VisibleTo({ roles: ['ADMIN'], otherwise: 'mask' })
  readonly card = '4111111111111111';
}

@Controller()
class Routes {
  @All('me')
  me(@CurrentUser('id') id: string) {
    return { id };
  }

  @Get('messages')
  @Scopes('message:read')
  messages() {
    return {};
  }

  @Get('admin')
  @Roles('ADMIN')
  admin() {
    return {};
  }

  @Get('user')
  @Roles('USER')
  user() {
    return {};
  }

  @Get('user/1')
  @Roles('USER')
  card() {
    return new Card();
  }
}

@Controller()
class DeniedRoutes {
  @Get('deny')
  deny() {
    return {};
  }
}

@Controller({ path: 'secret', version: '1' })
class NestedRoutes {
  @Get()
  secret() {
    return {};
  }
}

@Module({ controllers: [NestedRoutes] })
class NestedModule {}

/** Stands for a caller who came without a token. */
class SessionStrategy extends PassportStrategy(Strategy, 'session') {
  override authenticate(): void {
    (this as unknown as { success(user: object): void }).success({ id: 'alice' });
  }

  validate(): void {}
}

const jwt: JwtOptions = {
  ...trusting(key),
  key: { keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: 'known' }] },
};
const authorization = { roles: 'ADMIN > USER' };

/** The applications that the cases are given. */
const SETUPS = {
  protected: { authentication: { jwt }, authorization },
  realm: { authentication: { jwt: { ...jwt, realm: 'example' } }, authorization },
  query: { authentication: { jwt: { ...jwt, from: ['header', { query: 'access_token' }] } }, authorization },
  form: { authentication: { jwt: { ...jwt, from: ['header', { form: 'access_token' }] } }, authorization },
  accessTokensOnly: { authentication: { jwt: { ...jwt, types: ['at+jwt'] } }, authorization },
  tolerant: { authentication: { jwt: { ...jwt, clockTolerance: 60 } }, authorization },
  issuers: {
    authentication: {
      jwt: {
        issuers: [
          { ...trusting(keyA), issuer: ISSUERS.A },
          { ...trusting(keyB), issuer: ISSUERS.B },
        ],
      },
    },
    authorization,
  },
  denyAll: { authentication: { jwt }, authorization: { ...authorization, fallback: 'deny' } },
  session: { authentication: { passport: ['session'] }, authorization: { ...authorization, fallback: 'deny' } },
  nested: { authentication: { jwt }, authorization },
} as const satisfies Record<keyof typeof COVERED.access, SecurityOptions>;

type SetupName = keyof typeof COVERED.access;

function start(adapter: AdapterName, setup: SetupName): Promise<RunningApplication> {
  const nested = setup === 'nested';
  const denying = setup === 'denyAll' || setup === 'session';
  return startApplication(
    adapter,
    {
      imports: [
        SecurityModule.forRoot(SETUPS[setup]),
        ...(nested ? [NestedModule, RouterModule.register([{ path: 'nested', module: NestedModule }])] : []),
      ],
      controllers: denying ? [DeniedRoutes] : [Routes],
      providers: setup === 'session' ? [SessionStrategy] : [],
    },
    {
      configure: (app) => {
        if (nested) app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI });
        if (setup === 'form' && adapter === 'fastify') {
          // Without a parser Fastify refuses the type before anything else looks at the request.
          const fastify = app.getHttpAdapter().getInstance() as {
            addContentTypeParser(
              type: string,
              parser: (request: object, body: object, done: (error: null) => void) => void,
            ): void;
          };
          fastify.addContentTypeParser('multipart/form-data', (_request, _body, done) => done(null));
        }
      },
    },
  );
}

function tokenFor(placeholder: string, now: number): string {
  const clock = { seconds: now };
  const tokens = new TokenIssuer(key, clock);
  const made: Record<string, () => string> = {
    valid: () => tokens.issue(),
    expired: () => tokens.issue({ exp: now - 3600 }),
    'nbf-future': () => tokens.issue({ nbf: now + 3600 }),
    'bad-signature': () => new TokenIssuer(stranger, clock).issue(),
    'unknown-kid': () => tokens.issue({}, { kid: 'unknown' }),
    id_token: () => tokens.issue({}, { typ: 'JWT' }),
    'exp=-30s': () => tokens.issue({ exp: now - 30 }),
    'scope=other': () => tokens.issue({ scope: 'other' }),
    'scope="message:read other"': () => tokens.issue({ scope: 'message:read other' }),
    'scp=["message:read"]': () => tokens.issue({ scp: ['message:read'] }),
    'iss=B': () => new TokenIssuer(keyB, clock, ISSUERS.B).issue(),
    'iss=C': () => new TokenIssuer(keyC, clock, ISSUERS.C).issue(),
    USER: () => tokens.issue({ roles: ['USER'] }),
    ADMIN: () => tokens.issue({ roles: ['ADMIN'] }),
  };
  const make = made[placeholder];
  if (make === undefined) throw new Error(`No token is known for <${placeholder}>`);
  return make();
}

describe.each(ADAPTERS)('Conformance of access on %s', (adapter) => {
  for (const [setup, ids] of Object.entries(COVERED.access) as [SetupName, readonly string[]][]) {
    describe(`${setup}`, () => {
      let running: RunningApplication;
      beforeAll(async () => {
        running = await start(adapter, setup);
      });
      afterAll(() => running.close());

      it.each(ids.map((id) => [id, caseNamed(id).given]))('%s: %s', async (id) => {
        const conformance = caseNamed(id);
        const call = callOf(conformance, (placeholder) => tokenFor(placeholder, running.clock.seconds));
        const answer = await running.client.call(conformance.request.path, call);
        expectAnswer(answer, conformance);
        if (id === 'authz-10') expect(answer.body).toEqual({ owner: 'alice', card: '***' });
      });
    });
  }
});
