import { All, Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import {
  Authenticated,
  CsrfExempt,
  CsrfTokens,
  Public,
  type CsrfOptions,
  type HttpRequest,
  type SecurityOptions,
} from '@palisade/nest';
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { Strategy } from 'passport';
import { trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup, type Sending } from './edge.js';

const key = signingKey('ES256');

@Controller()
@Public()
class Routes {
  @All()
  @HttpCode(200)
  home() {
    return {};
  }

  @Post('bypass')
  @HttpCode(200)
  @CsrfExempt()
  webhook() {
    return {};
  }

  @Post('api')
  api() {
    return {};
  }
}

@Controller()
@Authenticated()
class Account {
  constructor(private readonly tokens: CsrfTokens) {}

  @Get('token')
  token(@Req() request: HttpRequest) {
    return { token: this.tokens.issue(request) };
  }

  @Post()
  @HttpCode(200)
  act() {
    return {};
  }
}

/** Stands for a session of a browser: whoever has the cookie is its user. */
class SessionStrategy extends PassportStrategy(Strategy, 'session') {
  override authenticate(request: { readonly headers: IncomingHttpHeaders }): void {
    const passport = this as unknown as { success(user: object): void; fail(): void };
    if (request.headers.cookie === 'session=x') passport.success({ id: 'alice' });
    else passport.fail();
  }

  validate(): void {}
}

/** Go's protection asks nobody who they are: it is for every unsafe request. */
function under(csrf: CsrfOptions): CaseSetup {
  const security: SecurityOptions = { csrf: { apply: 'always', ...csrf } };
  return { subject: { security, controllers: [Routes], router: { ignoreTrailingSlash: true } } };
}

/** As a page of the application is given it. */
async function tokenOf({ subject }: Sending): Promise<string> {
  const answer = await subject.wire.send({
    method: 'GET',
    target: '/token',
    headers: [
      ['Host', `127.0.0.1:${subject.port}`],
      ['Cookie', 'session=x'],
      ['Connection', 'close'],
    ],
  });
  return String(answer.body['token']);
}

describeConformance('CSRF', COVERED.csrf, {
  protection: under({}),
  trusting: under({ trustedOrigins: ['https://trusted.example'] }),
  exempting: under({}),
  tokens: {
    subject: {
      security: {
        csrf: { token: { secret: randomBytes(32) } },
        authentication: { jwt: trusting(key), passport: ['session'] },
      },
      controllers: [Account],
      providers: [SessionStrategy],
    },
    prepare: async (request, sending) => {
      const bearer = new TokenIssuer(key, { seconds: Math.floor(Date.now() / 1000) }).issue();
      const right = await tokenOf(sending);
      const headers = request.headers.map(
        ([name, value]) => [name, value.replace('<valid>', bearer).replace('<right>', right)] as const,
      );
      const form = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
      return { ...request, headers: request.body === undefined ? headers : [...headers, form] };
    },
  },
});
