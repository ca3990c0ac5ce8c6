import { All, Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { expect, it } from '@jest/globals';
import { CsrfExempt, CurrentUser, Public } from '@palisade/nest';
import type { IncomingHttpHeaders } from 'node:http';
import { Strategy } from 'passport';
import { attackEdge, EVIL, type AttackCall } from './edge-victim.js';

/** The browser adds the cookie, whoever made it send the request. */
class SessionStrategy extends PassportStrategy(Strategy, 'session') {
  override authenticate(request: { readonly headers: IncomingHttpHeaders }): void {
    const passport = this as unknown as { success(user: object): void; fail(): void };
    if (/(?:^|; )session=alice(?:;|$)/.test(request.headers.cookie ?? '')) passport.success({ id: 'alice' });
    else passport.fail();
  }

  validate(): void {}
}

@Controller()
class Bank {
  @Get('transfers')
  list() {
    return { transfers: [] };
  }

  @Post('transfers')
  @HttpCode(200)
  transfer(@CurrentUser('id') id: string) {
    return { booked: id };
  }

  @All('settings')
  settings(@CurrentUser('id') id: string) {
    return { changed: id };
  }

  @Post('login')
  @HttpCode(200)
  @Public()
  login(@Body() body: object) {
    return { welcome: Object.keys(body).length };
  }

  @Post('webhook')
  @HttpCode(200)
  @Public()
  @CsrfExempt()
  webhook() {
    return { taken: true };
  }
}

const FORM = ['Content-Type', 'application/x-www-form-urlencoded'] as const;
const COOKIE = ['Cookie', 'session=alice'] as const;
const BODY = 'to=mallory&cents=1000000';

/** What browsers say of a request that the attacker's page made them send; each without what some of them leave out. */
const MARKS: readonly (readonly [string, NonNullable<AttackCall['headers']>])[] = [
  [
    'a browser of today',
    [
      ['Origin', `https://${EVIL}`],
      ['Sec-Fetch-Site', 'cross-site'],
      ['Sec-Fetch-Mode', 'navigate'],
    ],
  ],
  ['a browser without Sec-Fetch-Site', [['Origin', `https://${EVIL}`]]],
  [
    'a sibling subdomain',
    [
      ['Origin', 'https://blog.bank.example'],
      ['Sec-Fetch-Site', 'same-site'],
    ],
  ],
  ['a sibling that sends no Origin', [['Sec-Fetch-Site', 'same-site']]],
  [
    'a sandboxed frame',
    [
      ['Origin', 'null'],
      ['Sec-Fetch-Site', 'cross-site'],
    ],
  ],
  ['a sandboxed frame of an old browser', [['Origin', 'null']]],
  ['a page on another port', [['Origin', 'https://bank.example:8443']]],
  ['a name that begins alike', [['Origin', `https://bank.example.${EVIL}`]]],
  ['a name that ends alike', [['Origin', 'https://evilbank.example']]],
  ['a user name that is the host', [['Origin', `https://bank.example@${EVIL}`]]],
  ['an Origin of two', [['Origin', `https://bank.example https://${EVIL}`]]],
  ['an empty Origin', [['Origin', '']]],
  [
    'two lines of Sec-Fetch-Site',
    [
      ['Sec-Fetch-Site', 'same-origin'],
      ['Sec-Fetch-Site', 'cross-site'],
    ],
  ],
  ['a Sec-Fetch-Site that nobody knows', [['Sec-Fetch-Site', 'same-origin, none']]],
  ['a Sec-Fetch-Site in capitals', [['Sec-Fetch-Site', 'Same-Origin']]],
  ['an empty Sec-Fetch-Site', [['Sec-Fetch-Site', '']]],
];

const FORMS: readonly (readonly [string, string])[] = [
  ['application/x-www-form-urlencoded', BODY],
  ['multipart/form-data; boundary=x', '--x\r\nContent-Disposition: form-data; name="to"\r\n\r\nmallory\r\n--x--\r\n'],
  ['text/plain', '{"to":"mallory","cents":1000000}'],
  ['application/json', '{"to":"mallory","cents":1000000}'],
];

const bank = { controllers: [Bank], providers: [SessionStrategy] };
const security = { hosts: ['bank.example'], authentication: { passport: ['session'] } };

attackEdge('A form of another site', { ...bank, security }, (victim) => {
  it.each(MARKS.flatMap(([mark, headers]) => FORMS.map(([type, body]) => [mark, type, headers, body] as const)))(
    '(%s, %s) changes nothing for the user whose cookie comes along',
    async (_, type, headers, body) => {
      const answer = await victim.call('/transfers', {
        method: 'POST',
        headers: [COOKIE, ['Content-Type', type], ...headers],
        body,
      });
      expect(answer.text).not.toContain('booked');
      victim.expectRefused(answer, 'csrf_cross_origin', 'content_type_unsupported', ...unreadBy(victim.adapter, type));
    },
  );

  it.each(MARKS)('(%s) with no body at all changes nothing', async (_, headers) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY']) {
      const answer = await victim.call('/settings', { method, headers: [COOKIE, ...headers] });
      expect(answer.text).not.toContain('changed');
      // Node 20 and the frameworks know no QUERY of their own.
      if (method === 'QUERY') expect(answer.status).toBeGreaterThanOrEqual(400);
      else victim.expectRefused(answer, 'csrf_cross_origin');
    }
  });

  it.each([
    ['a Referer of the bank', ['Referer', 'https://bank.example/transfers']],
    ['a header that pretends to be a script', ['X-Requested-With', 'XMLHttpRequest']],
    ['a token of its own making', ['X-CSRF-Token', 'x'.repeat(64)]],
    ['a forwarded host that is its own', ['X-Forwarded-Host', EVIL]],
    ['a method that is said to be another', ['X-HTTP-Method-Override', 'GET']],
    ['a preflight that it never made', ['Access-Control-Request-Method', 'GET']],
  ] as const)('is not let in by %s', async (_, header) => {
    const headers = [COOKIE, FORM, ['Origin', `https://${EVIL}`], header] as const;
    const answer = await victim.call('/transfers', { method: 'POST', headers, body: BODY });
    victim.expectRefused(answer, 'csrf_cross_origin');
  });

  it.each(['/transfers?_method=POST', '/transfers?_method=DELETE', '/transfers'])(
    'does not turn a navigation to %s into more than reading',
    async (target) => {
      const headers = [COOKIE, ['Sec-Fetch-Site', 'cross-site'], ['X-HTTP-Method-Override', 'POST']] as const;
      const answer = await victim.call(target, { headers });
      expect(answer.body).toEqual({ transfers: [] });
    },
  );

  it.each([
    [
      'a page of the bank',
      [
        ['Origin', 'https://bank.example'],
        ['Sec-Fetch-Site', 'same-origin'],
      ],
    ],
    ['a page of the bank, in a browser without Sec-Fetch-Site', [['Origin', 'http://bank.example']]],
    ['the user alone', [['Sec-Fetch-Site', 'none']]],
    ['a program', []],
  ] as const)('while %s books', async (_, headers) => {
    const answer = await victim.call('/transfers', { method: 'POST', headers: [COOKIE, FORM, ...headers], body: BODY });
    expect(answer.body).toEqual({ booked: 'alice' });
  });
});

attackEdge(
  'A form of another site, against pages,',
  { ...bank, security: { ...security, profile: 'web', https: false } },
  (victim) => {
    it.each(MARKS)('(%s) logs nobody in as somebody else', async (_, headers) => {
      const answer = await victim.call('/login', {
        method: 'POST',
        headers: [FORM, ...headers],
        body: 'user=mallory&password=x',
      });
      victim.expectRefused(answer, 'csrf_cross_origin');
    });

    it('reaches what was exempted, and nothing else', async () => {
      const headers = [COOKIE, FORM, ['Origin', `https://${EVIL}`], ['Sec-Fetch-Site', 'cross-site']] as const;
      const call = (target: string) => victim.call(target, { method: 'POST', headers, body: BODY });
      expect((await call('/webhook')).body).toEqual({ taken: true });
      for (const target of [
        '/transfers',
        '/transfers?/webhook',
        '/transfers/',
        '/TRANSFERS',
        '/webhook/../transfers',
      ]) {
        expect((await call(target)).text).not.toContain('booked');
      }
    });
  },
);

/** Fastify has no parser of multipart forms, and says so before anybody looks at who sent it. */
function unreadBy(adapter: string, type: string): readonly string[] {
  return adapter === 'fastify' && type.startsWith('multipart/') ? ['content_type_unsupported'] : [];
}
