import { Body, Controller, Get, HttpCode, Post, Req, Res, UnauthorizedException } from '@nestjs/common';
import { ConcurrencyLimit, CurrentUser, Lockout, Public, RateLimit, type HttpRequest } from '@palisade/nest';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { sharedSecret, signingKey, TokenIssuer } from '../support/tokens.js';
import { securityWith } from '../support/security.js';
import { Gate, until } from '../support/waiting.js';
import { attackEdge, type AttackCall, type EdgeVictim } from './edge-victim.js';

// Everything that counts, bans or sheds is on at once: each alone may leave the owner in, and another one keep them out.

const key = signingKey('ES256');
const tokens = new TokenIssuer(key, { seconds: Math.floor(Date.now() / 1000) });
const gate = new Gate();

@Controller()
class Bank {
  constructor(private readonly lockout: Lockout) {}

  @Post('login')
  @Public()
  @RateLimit('login')
  @HttpCode(200)
  async login(
    @Body() { email, password }: { email: string; password: string },
    @Req() request: HttpRequest,
    @Res({ passthrough: true }) response: { header(name: string, value: string): void },
  ) {
    const user = await this.lockout.attempt(email, request, () => (password === 'right' ? email : undefined));
    if (user === undefined) throw new UnauthorizedException();
    response.header('Set-Cookie', '__Host-sid=1; Secure; HttpOnly; Path=/');
    return { user };
  }

  @Get('mine')
  @RateLimit({ limit: '60/minute', delay: { after: 50, step: '1 ms' } })
  mine(@CurrentUser('id') id: string) {
    return { id };
  }

  @Get('download')
  @Public()
  @ConcurrencyLimit({ max: 3, by: 'ip' })
  download() {
    return {};
  }

  @Get('held')
  @Public()
  @ConcurrencyLimit({ max: 3, by: 'ip' })
  async held() {
    await gate.pass();
    return {};
  }
}

const subject = {
  security: securityWith(key, {
    proxy: { trust: ['127.0.0.1'] },
    hosts: ['bank.example'],
    cors: { origins: ['https://app.bank.example'], credentials: true },
    csrf: { apply: 'always', token: { secret: sharedSecret() } },
    headers: { reporting: { path: '/reports', perMinute: { address: 5, total: 50 } } },
    rateLimit: {
      limits: { anonymous: { limit: '100/minute', by: 'ip' }, login: { limit: '30/minute', by: 'ip' } },
      global: ['anonymous'],
    },
    lockout: { delay: { after: 2, first: '1 minute' } },
    bans: {
      honeypots: ['/.env'],
      denials: { reasons: ['account_locked', 'rate_limited', 'target_not_normalized', 'host_refused'], maxRetry: 20 },
    },
    loadShedding: { probe: { lag: () => 0 } },
    authentication: {
      jwt: {
        ...securityWith(key).authentication?.jwt,
        from: ['header', { cookie: '__Host-sid' }],
      } as NonNullable<NonNullable<ReturnType<typeof securityWith>['authentication']>['jwt']>,
    },
  }),
  controllers: [Bank],
};

let round = 0;
beforeEach(() => {
  round++;
});

attackEdge('An attacker who wants somebody else denied', subject, (victim) => {
  const email = () => `owner${round}@bank.example`;
  const home = () => `192.0.2.${round}`;
  const strangerAt = (index: number) => `203.${round}.${index >> 8}.${index & 255}`;

  const from = (address: string, { headers = [], ...call }: AttackCall = {}): AttackCall => ({
    ...call,
    headers: [['X-Forwarded-For', address], ...headers],
  });
  const attempt = (who: string, password: string, address: string, headers: AttackCall['headers'] = []) =>
    victim.call(
      '/login',
      from(address, {
        method: 'POST',
        headers: [['Content-Type', 'application/json'], ...headers],
        body: JSON.stringify({ email: who, password }),
      }),
    );

  /** All that an owner does, from where they have signed in before. */
  async function expectServed(): Promise<void> {
    const token = tokens.issue({ sub: email() });
    const authorization = [['Authorization', `Bearer ${token}`]] as const;
    const preflight = from(home(), {
      method: 'OPTIONS',
      headers: [
        ['Origin', 'https://app.bank.example'],
        ['Access-Control-Request-Method', 'GET'],
      ],
    });
    const statuses = {
      login: (await attempt(email(), 'right', home())).status,
      again: (await attempt(email(), 'right', home())).status,
      mine: (await victim.call('/mine', from(home(), { headers: authorization }))).status,
      cookie: (await victim.call('/mine', from(home(), { headers: [['Cookie', `__Host-sid=${token}`]] }))).status,
      download: (await victim.call('/download', from(home()))).status,
      preflight: (await victim.call('/mine', preflight)).status,
    };
    expect(statuses).toEqual({ login: 200, again: 200, mine: 200, cookie: 200, download: 200, preflight: 204 });
  }

  const many = async (count: number, act: (index: number) => Promise<unknown>) => {
    for (let i = 0; i < count; i++) await act(i);
  };

  const weapons: readonly (readonly [string, (victim: EdgeVictim) => Promise<unknown>])[] = [
    ['guesses from one address', () => many(40, () => attempt(email(), 'wrong', strangerAt(1)))],
    ['guesses from a hundred addresses', () => many(100, (index) => attempt(email(), 'wrong', strangerAt(index)))],
    [
      'guesses under other spellings of the name',
      () =>
        many(60, (index) => {
          const spelling = [email().toUpperCase(), ` ${email()} `, email().replace('o', '\uff4f')][index % 3] as string;
          return attempt(spelling, 'wrong', strangerAt(index));
        }),
    ],
    [
      'goes on after the account is locked',
      async () => {
        await many(30, (index) => attempt(email(), 'wrong', strangerAt(index)));
        await many(40, (index) => attempt(email(), 'right', strangerAt(100 + index)));
      },
    ],
    [
      'tries other accounts',
      () => many(60, (index) => attempt(`o${index}@bank.example`, 'wrong', strangerAt(index % 9))),
    ],
    [
      "writes the owner's address before its own",
      () => many(40, () => attempt(email(), 'wrong', `${home()}, ${strangerAt(1)}`)),
    ],
    ["asks for a honeypot in the owner's name", () => victim.call('/.env', from(`${home()}, ${strangerAt(1)}`))],
    [
      "has the owner's browser ask for a honeypot",
      () => victim.call('/.env', from(home(), { headers: [['Sec-Fetch-Site', 'cross-site']] })),
    ],
    [
      "has the owner's browser send wrong passwords",
      () => many(12, () => attempt(email(), 'wrong', home(), [['Sec-Fetch-Site', 'cross-site']])),
    ],
    ['asks for too much', () => many(130, () => victim.call('/download', from(strangerAt(1))))],
    [
      'sends what is refused, again and again',
      () =>
        many(30, (index) =>
          victim.call(index % 2 === 0 ? '/a/../b' : '/mine', from(strangerAt(1), { host: 'x.example' })),
        ),
    ],
    [
      'reports what nobody saw',
      () =>
        many(60, (index) =>
          victim.call(
            '/reports',
            from(strangerAt(index), {
              method: 'POST',
              headers: [['Content-Type', 'application/csp-report']],
              body: '{"csp-report":{}}',
            }),
          ),
        ),
    ],
  ];

  it.each(weapons)('%s, and the owner is served where they have signed in before', async (_, act) => {
    expect((await attempt(email(), 'right', home())).status).toBe(200);
    await act(victim);
    await expectServed();
  });

  it('holds its places, and the owner has their own', async () => {
    expect((await attempt(email(), 'right', home())).status).toBe(200);
    const held = Array.from({ length: 6 }, () => victim.call('/held', from(strangerAt(1))));
    await until(() => gate.count === 3);
    await expectServed();
    gate.open();
    await Promise.all(held);
  });

  describe('by the address that they share', () => {
    it('locks the name that it guesses for, there alone', async () => {
      await attempt(email(), 'right', home());
      await attempt(email(), 'right', strangerAt(7));
      await many(6, () => attempt(email(), 'wrong', home()));
      expect((await attempt(email(), 'right', home())).body).toMatchObject({ code: 'account_locked' });
      expect((await attempt(email(), 'right', strangerAt(7))).status).toBe(200);
    });
  });
});
