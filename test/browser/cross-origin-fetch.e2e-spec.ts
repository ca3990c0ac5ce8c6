import { Body, Controller, Delete, Get, Header, Injectable, Put } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Cors, CurrentUser, SecurityModule, type Principal } from '@palisade/nest';
import type { Page } from 'playwright-core';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { inBrowser } from './browser.js';
import { fetchFrom, startPages } from './pages.js';

@Injectable()
class Calls {
  readonly seen: string[] = [];
}

@Controller('profile')
class Profile {
  constructor(private readonly calls: Calls) {}

  @Get()
  @Header('X-Version', '7')
  @Header('X-Internal', 'shelf 3')
  read(@CurrentUser() { id }: Principal) {
    this.calls.seen.push(`read by ${id}`);
    return { id };
  }

  @Put()
  write(@CurrentUser() { id }: Principal, @Body() { name }: Record<string, unknown>) {
    this.calls.seen.push(`written by ${id}`);
    return { name };
  }

  @Delete()
  remove(@CurrentUser() { id }: Principal) {
    this.calls.seen.push(`removed by ${id}`);
  }

  @Get('notes')
  @Cors(false)
  notes(@CurrentUser() { id }: Principal) {
    this.calls.seen.push(`notes read by ${id}`);
    return { id };
  }
}

const WITH_CREDENTIALS = { credentials: 'include' } as const;
const REFUSED = { refused: 'TypeError' };

inBrowser('A page of another origin', (browser) => {
  let friend: RunningApplication;
  let foe: RunningApplication;
  beforeAll(async () => {
    friend = await startPages();
    foe = await startPages();
  });
  afterAll(async () => {
    await friend.close();
    await foe.close();
  });

  describe.each(ADAPTERS)('that calls an API on %s', (adapter) => {
    const key = signingKey('ES256');
    let running: RunningApplication;
    let api: string;
    let calls: string[];
    /** Both as somebody sees them who has logged in to the API; of one site with it, so that its cookie goes along. */
    let friendly: Page;
    let hostile: Page;
    /** The friendly page as somebody sees it who has not. */
    let stranger: Page;

    beforeAll(async () => {
      const friendOrigin = `http://localhost:${friend.client.port}`;
      running = await startApplication(adapter, {
        imports: [
          SecurityModule.forRoot({
            authentication: { jwt: { ...trusting(key), from: ['header', { cookie: 'session' }] } },
            cors: {
              origins: [friendOrigin],
              methods: ['GET', 'PUT'],
              headers: ['Authorization'],
              exposed: ['X-Version'],
              credentials: true,
            },
            csrf: { trustedOrigins: [friendOrigin] },
          }),
        ],
        controllers: [Profile],
        providers: [Calls],
      });
      api = `http://localhost:${running.client.port}`;
      calls = running.app.get(Calls).seen;
      friendly = await browser.open();
      const value = new TokenIssuer(key, running.clock).issue();
      await friendly.context().addCookies([{ name: 'session', value, url: api, httpOnly: true, sameSite: 'Lax' }]);
      hostile = await friendly.context().newPage();
      await friendly.goto(friendOrigin);
      await hostile.goto(`http://localhost:${foe.client.port}`);
      stranger = await browser.open(friendOrigin);
    });
    afterAll(async () => {
      await browser.forget();
      await running.close();
    });
    beforeEach(() => void calls.splice(0));

    it('reads with credentials what an allowed origin may read', async () => {
      const answer = await fetchFrom(friendly, `${api}/profile`, WITH_CREDENTIALS);

      expect(answer).toMatchObject({ status: 200, body: { id: 'alice' } });
    });

    it('sees the header fields that are exposed, and no others', async () => {
      const answer = await fetchFrom(friendly, `${api}/profile`, WITH_CREDENTIALS);

      expect(answer).toMatchObject({ status: 200, headers: { 'x-version': '7' } });
      expect(answer).not.toHaveProperty(['headers', 'x-internal']);
    });

    it('reads nothing where its origin is refused, although the credentials were sent', async () => {
      expect(await fetchFrom(hostile, `${api}/profile`, WITH_CREDENTIALS)).toEqual(REFUSED);

      expect(calls).toEqual(['read by alice']);
    });

    it('gets no answer without CORS either', async () => {
      const answer = await fetchFrom(hostile, `${api}/profile`, { ...WITH_CREDENTIALS, mode: 'no-cors' });

      expect(answer).toEqual(REFUSED);
      expect(calls).toEqual(['read by alice']);
    });

    it('reads nothing from within a sandboxed frame, whose origin is null', async () => {
      await friendly.evaluate(`(() => {
        const frame = document.createElement('iframe');
        frame.sandbox = 'allow-scripts';
        document.body.append(frame);
      })()`);
      const frame = await (await friendly.waitForSelector('iframe')).contentFrame();

      const answer = await frame?.evaluate(async (url) => {
        try {
          return await (await fetch(url, { credentials: 'include' })).text();
        } catch (error) {
          return `${(error as Error).name} in ${(globalThis as { origin?: string }).origin}`;
        }
      }, `${api}/profile`);

      expect(answer).toBe('TypeError in null');
    });

    it('changes what an allowed origin may change, after a preflight', async () => {
      const answer = await fetchFrom(friendly, `${api}/profile`, {
        ...WITH_CREDENTIALS,
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: '{"name":"Al"}',
      });

      expect(answer).toMatchObject({ status: 200, body: { name: 'Al' } });
      expect(calls).toEqual(['written by alice']);
    });

    it('sends a token in a header field that is allowed', async () => {
      const token = new TokenIssuer(key, running.clock).issue({ sub: 'bob' });

      const answer = await fetchFrom(stranger, `${api}/profile`, { headers: { authorization: `Bearer ${token}` } });

      expect(answer).toMatchObject({ status: 200, body: { id: 'bob' } });
    });

    it.each([
      ['a method that is not allowed', () => friendly, { method: 'DELETE' }],
      ['a header field that is not allowed', () => friendly, { headers: { 'x-tenant': 'acme' } }],
      ['any change from a refused origin', () => hostile, { method: 'PUT' }],
    ])('is kept by the preflight from sending %s', async (_, page, init) => {
      expect(await fetchFrom(page(), `${api}/profile`, { ...WITH_CREDENTIALS, ...init })).toEqual(REFUSED);

      expect(calls).toEqual([]);
    });

    it('reads nothing of a route without CORS, whatever its origin', async () => {
      expect(await fetchFrom(friendly, `${api}/profile/notes`, WITH_CREDENTIALS)).toEqual(REFUSED);

      expect(calls).toEqual(['notes read by alice']);
    });

    it.each([
      ['401 without credentials', '/profile', { status: 401, body: { code: 'credentials_missing' } }],
      ['404 for a route that is not there', '/nowhere', { status: 404, body: { error: 'Not Found' } }],
      [
        '400 for a target that the firewall refuses',
        '/a%2fb',
        { status: 400, body: { code: 'target_not_normalized' } },
      ],
    ])('can read errors of an allowed origin: %s', async (_, path, expected) => {
      expect(await fetchFrom(stranger, `${api}${path}`)).toMatchObject(expected);
    });

    it('cannot read errors of a refused origin', async () => {
      expect(await fetchFrom(hostile, `${api}/nowhere`)).toEqual(REFUSED);
    });
  });
});
