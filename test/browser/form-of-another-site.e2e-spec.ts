import { Body, Controller, Get, Header, Injectable, Post, Req, Res } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Clock,
  CsrfTokens,
  CurrentUser,
  Public,
  SecurityModule,
  type CsrfOptions,
  type HttpRequest,
  type Principal,
} from '@palisade/nest';
import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import type { FakeClock } from '../support/clock.js';
import { trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { inBrowser } from './browser.js';
import { fetchFrom, sendForm, startPages } from './pages.js';

@Injectable()
class Account {
  readonly transfers: string[] = [];
}

/** What is asked of the answer of either framework. */
interface SetsHeaders {
  header(name: string, value: string): unknown;
}

// The site of a bank as attackers like it: its cookie goes along with whatever other sites send.
@Controller()
class Bank {
  constructor(
    private readonly account: Account,
    private readonly tokens: CsrfTokens,
    private readonly issuer: TokenIssuer,
  ) {}

  @Get()
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page() {
    return formWith('');
  }

  @Get('with-token')
  @Header('Content-Type', 'text/html; charset=utf-8')
  pageWithToken(@Req() request: HttpRequest) {
    return formWith(this.tokens.issue(request));
  }

  @Post('login')
  @Public()
  login(@Body() { to }: Record<string, string>, @Res({ passthrough: true }) response: SetsHeaders) {
    const token = this.issuer.issue({ sub: to });
    response.header('Set-Cookie', `session=${token}; Path=/; HttpOnly; Secure; SameSite=None`);
  }

  @Post('transfers')
  transfer(@CurrentUser() { id }: Principal, @Body() { to }: Record<string, string>) {
    this.account.transfers.push(`${id} to ${to}`);
    return { booked: true };
  }
}

function formWith(token: string): string {
  return `<!doctype html>
<title>The bank</title>
<form method="post"><input name="to" value="shop"><input name="_csrf" value="${token}"><button>Send</button></form>`;
}

const key = signingKey('ES256');

function startBank(adapter: AdapterName, csrf: CsrfOptions | false | undefined): Promise<RunningApplication> {
  return startApplication(adapter, {
    imports: [
      SecurityModule.forRoot({
        profile: 'web',
        authentication: { jwt: { ...trusting(key), from: [{ cookie: 'session' }] } },
        headers: {
          contentSecurityPolicy: { directives: { upgradeInsecureRequests: false } },
          // With the default, no-referrer, browsers send `Origin: null` with the bank's own forms; where they send no
          // Sec-Fetch-Site either, as without TLS, these would be refused.
          referrerPolicy: 'same-origin',
        },
        csrf,
      }),
    ],
    controllers: [Bank],
    providers: [
      Account,
      { provide: TokenIssuer, inject: [Clock], useFactory: (clock: FakeClock) => new TokenIssuer(key, clock) },
    ],
  });
}

const FORM = 'application/x-www-form-urlencoded';

inBrowser('A form that another site sends', (browser) => {
  let pages: RunningApplication;
  beforeAll(async () => {
    pages = await startPages();
  });
  afterAll(() => pages.close());

  const pageOf = (host: string) => `http://${host}:${pages.client.port}`;
  const addressOf = ({ client }: RunningApplication, host = 'localhost') => `http://${host}:${client.port}`;
  const transfersOf = ({ app }: RunningApplication) => app.get(Account).transfers;

  /** The bank's own page, seen by a customer who has logged in by it. */
  async function loggedIn(bank: RunningApplication): Promise<Page> {
    const page = await browser.open(addressOf(bank));
    const { status } = (await fetchFrom(page, '/login', {
      method: 'POST',
      headers: { 'content-type': FORM },
      body: 'to=alice',
    })) as { status: number };
    expect(status).toBe(201);
    return page;
  }

  describe.each(ADAPTERS)('to a bank on %s', (adapter) => {
    let bank: RunningApplication;
    let transfers: string[];
    let page: Page;

    beforeAll(async () => {
      bank = await startBank(adapter, { trustedOrigins: [pageOf('partner.localhost')] });
      transfers = transfersOf(bank);
      page = await loggedIn(bank);
    });
    afterAll(async () => {
      await browser.forget();
      await bank.close();
    });
    beforeEach(() => void transfers.splice(0));

    it("is not needed: the bank's own form does what it says", async () => {
      await page.goto(addressOf(bank));

      const answer = await sendForm(page, `${addressOf(bank)}/transfers`);

      expect(answer.status()).toBe(201);
      expect(transfers).toEqual(['alice to shop']);
    });

    it("is not needed: a script of the bank's own page does what it says", async () => {
      await page.goto(addressOf(bank));

      const answer = await fetchFrom(page, '/transfers', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"to":"shop"}',
      });

      expect(answer).toMatchObject({ status: 201 });
      expect(transfers).toEqual(['alice to shop']);
    });

    it.each([
      ['another site', 'evil.localhost'],
      ['another port, which is the same site', 'localhost'],
    ])('is refused and changes nothing where it comes from %s', async (_, host) => {
      await page.goto(pageOf(host));

      const answer = await sendForm(page, `${addressOf(bank)}/transfers`);

      expect(answer.status()).toBe(403);
      expect(await answer.json()).toMatchObject({ statusCode: 403, code: 'csrf_cross_origin' });
      expect(transfers).toEqual([]);
    });

    it('is let through where it comes from a trusted origin', async () => {
      await page.goto(pageOf('partner.localhost'));

      const answer = await sendForm(page, `${addressOf(bank)}/transfers`);

      expect(answer.status()).toBe(201);
      expect(transfers).toEqual(['alice to mallory']);
    });

    it('logs nobody in as somebody else', async () => {
      const before = await page.context().cookies();
      await page.goto(pageOf('evil.localhost'));

      const answer = await sendForm(page, `${addressOf(bank)}/login`);

      expect(answer.status()).toBe(403);
      expect(await page.context().cookies()).toEqual(before);
    });

    it('is refused from a script as well, which needs no preflight for it', async () => {
      await page.goto(pageOf('localhost'));

      await fetchFrom(page, `${addressOf(bank)}/transfers`, {
        method: 'POST',
        mode: 'no-cors',
        credentials: 'include',
        headers: { 'content-type': FORM },
        body: 'to=mallory',
      });

      expect(transfers).toEqual([]);
    });

    it('is told by its origin where the browser sends no Sec-Fetch-Site', async () => {
      // A name that is no machine's own, without TLS: the browser says less there.
      await page.goto(addressOf(bank, 'bank.test'));
      const allowed = await sendForm(page, `${addressOf(bank, 'bank.test')}/login`);
      await page.goto(pageOf('evil.test'));
      const refused = await sendForm(page, `${addressOf(bank, 'bank.test')}/login`);

      expect(allowed.status()).toBe(201);
      expect(refused.status()).toBe(403);
      for (const answer of [allowed, refused]) {
        expect(await answer.request().headerValue('sec-fetch-site')).toBeNull();
      }
    });
  });

  // The attack as it goes: without this, a browser that keeps the cookie to itself would pass every test above.
  it.each(ADAPTERS)('robs a customer of an unprotected bank on %s', async (adapter) => {
    const bank = await startBank(adapter, false);
    try {
      const page = await loggedIn(bank);
      await page.goto(pageOf('evil.localhost'));

      const answer = await sendForm(page, `${addressOf(bank)}/transfers`);

      expect(answer.status()).toBe(201);
      expect(transfersOf(bank)).toEqual(['alice to mallory']);
    } finally {
      await browser.forget();
      await bank.close();
    }
  });

  it.each(ADAPTERS)('needs the token of the page where one is asked for, on %s', async (adapter) => {
    const bank = await startBank(adapter, { token: { secret: randomBytes(32) } });
    try {
      const page = await loggedIn(bank);
      const without = await sendForm(page, `${addressOf(bank)}/transfers`);
      await page.goto(`${addressOf(bank)}/with-token`);
      const withToken = await sendForm(page, `${addressOf(bank)}/transfers`);

      expect(without.status()).toBe(403);
      expect(withToken.status()).toBe(201);
      expect(transfersOf(bank)).toEqual(['alice to shop']);
    } finally {
      await browser.forget();
      await bank.close();
    }
  });
});
