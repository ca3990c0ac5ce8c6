import { Controller, Get, Header, Post, Res } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ClearSiteData, Clock, CurrentUser, Public, SecurityModule, type Principal } from '@palisade/nest';
import type { Page } from 'playwright-core';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import type { FakeClock } from '../support/clock.js';
import { trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { inBrowser } from './browser.js';
import { fetchFrom } from './pages.js';
import { SecureServer } from './secure-server.js';

const HOST = 'app.example.test';

/** What is asked of the answer of either framework. */
interface SetsHeaders {
  header(name: string, value: string): unknown;
}

@Controller()
class Site {
  constructor(private readonly issuer: TokenIssuer) {}

  @Get(['', 'deep/path'])
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page() {
    return '<!doctype html><title>A page</title>';
  }

  @Post('login')
  @Public()
  login(@Res({ passthrough: true }) response: SetsHeaders) {
    response.header('Set-Cookie', `__Host-session=${this.issuer.issue()}; Path=/; HttpOnly; Secure; SameSite=Lax`);
  }

  @Get('me')
  me(@CurrentUser() { id }: Principal) {
    return { id };
  }

  @Post('logout')
  @ClearSiteData('cookies', 'storage')
  logout() {
    return { loggedOut: true };
  }
}

const key = signingKey('ES256');

inBrowser('A site that asks for TLS', (browser) => {
  describe.each(ADAPTERS)('on %s', (adapter) => {
    let secure: SecureServer;
    let running: RunningApplication;
    let page: Page;

    const plainly = (host: string, path = '') => `http://${host}:${running.client.port}${path}`;
    const securely = (host: string, path = '') => `https://${host}:${secure.port}${path}`;

    beforeAll(async () => {
      secure = await SecureServer.open(browser.certificate);
      running = await startApplication(adapter, {
        imports: [
          SecurityModule.forRoot({
            profile: 'web',
            hosts: [HOST, 'localhost'],
            https: { port: secure.port },
            authentication: { jwt: { ...trusting(key), from: [{ cookie: '__Host-session' }] } },
          }),
        ],
        controllers: [Site],
        providers: [
          { provide: TokenIssuer, inject: [Clock], useFactory: (clock: FakeClock) => new TokenIssuer(key, clock) },
        ],
      });
      secure.serve(running);
      page = await browser.open();
    });
    afterAll(async () => {
      await browser.forget();
      await secure.close();
      await running.close();
    });

    // First of all, as later the browser knows better than to ask without TLS.
    it('sends visitors there, with path and query as they came', async () => {
      const answer = await page.goto(plainly(HOST, '/deep/path?q=a%2Fb&q=2'));

      const redirected = await answer?.request().redirectedFrom()?.response();
      expect(redirected?.status()).toBe(308);
      expect(answer?.status()).toBe(200);
      expect(page.url()).toBe(securely(HOST, '/deep/path?q=a%2Fb&q=2'));
    });

    it('sends nobody to a host that is not its own', async () => {
      const answer = await page.goto(plainly('evil.example.org'));

      expect(answer?.status()).toBe(400);
      expect(answer?.headers()).not.toHaveProperty('location');
      expect(page.url()).toBe(plainly('evil.example.org', '/'));
    });

    it('has browsers use nothing but TLS from then on, for names below it as well', async () => {
      const visited = await page.goto(securely(HOST));
      expect(visited?.headers()['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');

      // To the port that speaks nothing but TLS: only a browser that heeds the field gets an answer.
      const again = await page.goto(`http://${HOST}:${secure.port}/deep/path`);
      expect(again?.status()).toBe(200);
      const below = await page.goto(`http://shop.${HOST}:${secure.port}/`);
      expect(below?.status()).toBe(400);
      expect(page.url()).toBe(securely(`shop.${HOST}`, '/'));
    });

    it('asks for no such thing on the machine of a developer', async () => {
      const local = await browser.open();
      const answer = await local.goto(securely('localhost'));

      expect(answer?.status()).toBe(200);
      expect(answer?.headers()).not.toHaveProperty('strict-transport-security');
      await expect(local.goto(`http://localhost:${secure.port}/`)).rejects.toThrow('net::ERR_EMPTY_RESPONSE');
    });

    it('has the browser forget cookies and storage when the visitor logs out', async () => {
      await page.goto(securely(HOST));
      await fetchFrom(page, '/login', { method: 'POST' });
      await page.evaluate(`localStorage.setItem('draft', 'a letter')`);
      const before = await fetchFrom(page, '/me');
      const kept = (await page.context().cookies()).map(({ name }) => name);

      const loggedOut = await fetchFrom(page, '/logout', { method: 'POST' });

      expect(before).toMatchObject({ status: 200, body: { id: 'alice' } });
      expect(kept).toEqual(['__Host-session']);
      expect(loggedOut).toMatchObject({ status: 201 });
      expect(await page.context().cookies()).toEqual([]);
      expect(await page.evaluate(`localStorage.length`)).toBe(0);
      expect(await fetchFrom(page, '/me')).toMatchObject({ status: 401 });
    });
  });
});
