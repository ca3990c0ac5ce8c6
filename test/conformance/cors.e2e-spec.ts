import { Controller, Get, Header } from '@nestjs/common';
import { Authenticated, Bans, Public, type CorsOptions } from '@palisade/nest';
import { expect } from '@jest/globals';
import { trusting } from '../support/security.js';
import { signingKey } from '../support/tokens.js';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup, type Sending } from './edge.js';

@Controller()
@Public()
class Home {
  @Get()
  home() {
    return {};
  }
}

@Controller()
@Public()
class VaryingHome {
  @Get()
  @Header('Vary', 'Accept-Encoding')
  home() {
    return {};
  }
}

@Controller()
class ProtectedHome {
  @Get()
  @Authenticated()
  home() {
    return {};
  }
}

const EXAMPLE = 'https://example.org';

function under(cors: CorsOptions, controller: new () => object = Home): CaseSetup {
  return { subject: { security: { cors }, controllers: [controller] } };
}

/** As the case has it: each of the options is a mistake of its own. */
function insteadOf(cors: CorsOptions, setup: CaseSetup): CaseSetup {
  return { ...setup, refused: { cors } };
}

const everything = { methods: '*', headers: '*' } as const;

/** No state of one answer may show in the next. */
async function callFrom(origin: string, { subject }: Sending) {
  const { port, wire } = subject;
  return wire.send({
    method: 'GET',
    target: '/',
    headers: [
      ['Host', `127.0.0.1:${port}`],
      ['Origin', origin],
      ['Connection', 'close'],
    ],
  });
}

const exampleIsServed = async (sending: Sending) => {
  const answer = await callFrom(EXAMPLE, sending);
  expect(answer.headers['access-control-allow-origin']).toBe(EXAMPLE);
};

describeConformance('CORS', COVERED.cors, {
  credentials: insteadOf(
    { origins: '*', ...everything, exposed: ['X-Status'], credentials: true },
    under({ origins: [EXAMPLE], methods: '*', headers: ['X-Example'], exposed: ['X-Status'], credentials: true }),
  ),
  wildcard: under({ origins: '*', ...everything, exposed: ['X-Status'] }),
  listed: {
    ...under({ origins: [EXAMPLE], headers: ['X-Example', 'Content-Type'] }),
    before: async (sending) => (sending.id === 'cors-28' ? exampleIsServed(sending) : undefined),
    check: async (answer, sending) => {
      if (sending.id === 'cors-28') await exampleIsServed(sending);
      // Neither of the two frameworks routes OPTIONS to a handler of GET, and nobody may mistake the answer for leave.
      if (sending.id === 'cors-35') expect([404, 405]).toContain(answer.status);
    },
  },
  getOnly: under({ origins: [EXAMPLE], methods: ['GET'], headers: ['X-Example'] }),
  expression: insteadOf(
    { origins: [/https:\/\/.*/], headers: ['X-Example'], credentials: true },
    under({ origins: [/^https:\/\/.*$/], headers: ['X-Example'], credentials: true }),
  ),
  subdomains: insteadOf(
    { origins: [/https:\/\/.*\.example.org/] },
    under({ origins: [/^https:\/\/.*\.example\.org$/] }),
  ),
  varyingWithCredentials: insteadOf(
    { origins: '*', credentials: true },
    under({ origins: ['https://someplace.org'], credentials: true }, VaryingHome),
  ),
  varying: under({ origins: [EXAMPLE] }, VaryingHome),
  privateNetwork: under({ origins: '*', privateNetwork: true }),
  publicNetwork: under({ origins: '*' }),
  banned: {
    subject: { security: { cors: { origins: [EXAMPLE] }, bans: {} }, controllers: [Home] },
    before: async ({ subject }) => subject.app.get(Bans).ban('127.0.0.1'),
  },
  protected: {
    subject: {
      security: { cors: { origins: [EXAMPLE] }, authentication: { jwt: trusting(signingKey('ES256')) } },
      controllers: [ProtectedHome],
    },
  },
});
