import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { expect } from '@jest/globals';
import { Bans, Public, type BansOptions } from '@palisade/nest';
import { COVERED } from './coverage.js';
import { describeConformance, type CaseSetup, type Sending } from './edge.js';
import type { WireRequest } from './wire.js';

@Controller()
@Public()
class Routes {
  @Get()
  home() {
    return {};
  }

  @Get('safe_space')
  safe() {
    return {};
  }

  @Post('login')
  @HttpCode(200)
  login() {
    return {};
  }
}

const CLIENT = '1.2.3.4';

const BAD: BansOptions = {
  rules: [
    {
      name: 'bad',
      matches: ({ request }) => request.url?.includes('OMGHAX'),
      maxRetry: 2,
      findTime: '60 seconds',
      banTime: '60 seconds',
    },
  ],
};

/** The client of a case that names none is the one that sent the requests before. */
function asClient(request: WireRequest): WireRequest {
  const isNamed = request.headers.some(([name]) => name === 'X-Forwarded-For');
  return isNamed ? request : { ...request, headers: [...request.headers, ['X-Forwarded-For', CLIENT]] };
}

async function send({ subject }: Sending, method: string, target: string): Promise<number> {
  const answer = await subject.wire.send({
    method,
    target,
    headers: [
      ['Host', `127.0.0.1:${subject.port}`],
      ['X-Forwarded-For', CLIENT],
      ...(method === 'POST' ? [['Content-Length', '0'] as const] : []),
      ['Connection', 'close'],
    ],
  });
  return answer.status;
}

function under(bans: BansOptions, more: Omit<CaseSetup, 'subject'> = {}): CaseSetup {
  return { subject: { security: { proxy: { trust: 1 }, bans }, controllers: [Routes] }, prepare: asClient, ...more };
}

describeConformance('bans', COVERED.abuse, {
  first: under(BAD),
  banned: under(BAD, {
    before: async (sending) => {
      for (let i = 0; i < 2; i++) expect(await send(sending, 'GET', '/?foo=OMGHAX')).toBe(403);
    },
  }),
  reset: under(BAD, {
    before: async (sending) => {
      const bans = sending.subject.app.get(Bans);
      await send(sending, 'GET', '/?foo=OMGHAX');
      await bans.unban(CLIENT);
      // The next one is the first again.
      await send(sending, 'GET', '/?foo=OMGHAX');
      expect(await send(sending, 'GET', '/')).toBe(200);
      await send(sending, 'GET', '/?foo=OMGHAX');
      expect(await send(sending, 'GET', '/')).toBe(403);
      await bans.unban(CLIENT);
    },
  }),
  counting: under(
    {
      rules: [
        {
          name: 'logins',
          matches: ({ request }) => request.method === 'POST' && request.url === '/login',
          count: 'allow2ban',
          maxRetry: 20,
          findTime: '60 seconds',
        },
      ],
    },
    {
      before: async (sending) => {
        for (let i = 0; i < 4; i++) expect(await send(sending, 'POST', '/login')).toBe(200);
      },
      check: async (_, sending) => {
        for (let i = 5; i < 20; i++) expect(await send(sending, 'POST', '/login')).toBe(200);
        expect(await send(sending, 'POST', '/login')).toBe(403);
      },
    },
  ),
  safe: under({ blocklist: [CLIENT], safelist: ({ request }) => request.url === '/safe_space' }),
});
