import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { expect } from '@jest/globals';
import { Authenticated, ClearSiteData, Public, Roles, type SecurityOptions } from '@palisade/nest';
import type { HttpAnswer } from '../support/http-client.js';
import { trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup, type Sending } from './edge.js';

const key = signingKey('ES256');

@Controller()
@Public()
class Site {
  @Get(['', 'api'])
  home() {
    return {};
  }

  @Get('boom')
  boom() {
    throw new Error('The handler failed');
  }

  @Get('me')
  @Authenticated()
  me() {
    return {};
  }

  @Get('admin')
  @Roles('admin')
  admin() {
    return {};
  }

  @Post('logout')
  @HttpCode(204)
  @ClearSiteData()
  logout() {}
}

const known: SecurityOptions = {
  authentication: { jwt: trusting(key) },
  authorization: { roles: ['admin'] },
};

function under(security: SecurityOptions, tls = false): CaseSetup {
  return { subject: { security: { ...known, ...security }, controllers: [Site], tls } };
}

async function answerTo(
  { subject }: Sending,
  method: string,
  target: string,
  headers: readonly (readonly [string, string])[] = [],
): Promise<HttpAnswer> {
  const host = ['Host', `127.0.0.1:${subject.port}`] as const;
  return subject.wire.send({ method, target, headers: [host, ...headers, ['Connection', 'close']] });
}

/** The other ways in which an answer is an error: by the library, the framework, Nest. */
async function expectOnEveryError(answer: HttpAnswer, sending: Sending): Promise<void> {
  expect(answer.status).toBe(500);
  const token = new TokenIssuer(key, { seconds: Math.floor(Date.now() / 1000) }).issue();
  const others = {
    404: await answerTo(sending, 'GET', '/nowhere'),
    401: await answerTo(sending, 'GET', '/me'),
    403: await answerTo(sending, 'GET', '/admin', [['Authorization', `Bearer ${token}`]]),
    400: await answerTo(sending, 'GET', '/%2e%2e/me'),
    413: await answerTo(sending, 'POST', '/logout', [['Content-Length', '1000000']]),
  };
  for (const [status, { status: given, headers }] of Object.entries(others)) {
    expect(String(given)).toBe(status);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
    expect(headers).toHaveProperty('content-security-policy');
  }
}

describeConformance('headers', COVERED.headers, {
  web: under({ profile: 'web' }),
  api: {
    ...under({}),
    check: async (answer, sending) => {
      if (sending.id === 'hdr-16') await expectOnEveryError(answer, sending);
    },
  },
  logout: under({}, true),
  hsts: under({}, true),
  forgetting: under({ https: { hsts: { maxAge: 0, includeSubDomains: true } } }, true),
  preloading: {
    ...under({ https: { hsts: { preload: true } } }, true),
    refused: { https: { hsts: { maxAge: 50_000, includeSubDomains: false, preload: true } } },
  },
  excluding: under({ https: { hsts: { exclude: ['example.com'] } } }, true),
});
