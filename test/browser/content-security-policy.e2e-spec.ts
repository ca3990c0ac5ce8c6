import { Controller, Get, Header } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ContentSecurityPolicy,
  CspNonce,
  Public,
  SecurityEvents,
  SecurityModule,
  type CspViolation,
} from '@palisade/nest';
import type { Frame, Page } from 'playwright-core';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';
import { inBrowser } from './browser.js';
import { SecureServer } from './secure-server.js';

const HOST = 'app.example.test';
const HTML = ['Content-Type', 'text/html; charset=utf-8'] as const;

// A page that somebody could write a script into: each script that runs adds its name to the list.
function pageWith(nonce: string | undefined): string {
  return `<!doctype html>
<title>A page</title>
<script nonce="${nonce}">globalThis.ran = ['with the nonce of the answer']</script>
<script>(globalThis.ran ??= []).push('without a nonce')</script>
<script nonce="${STALE}">(globalThis.ran ??= []).push('with a nonce of another answer')</script>
<img src="data:," onerror="(globalThis.ran ??= []).push('of an attribute')">`;
}

const STALE = 'c3RhbGUgc3RhbGUgc3RhbA==';

@Controller()
@Public()
class Pages {
  @Get(['', 'scripts', 'attributes'])
  @Header(...HTML)
  page(@CspNonce() nonce: string | undefined) {
    return pageWith(nonce);
  }

  @Get('tried-out')
  @ContentSecurityPolicy({ reportOnly: true })
  @Header(...HTML)
  triedOut(@CspNonce() nonce: string | undefined) {
    return pageWith(nonce);
  }

  @Get('framing')
  @ContentSecurityPolicy({ directives: { frameSrc: ['https:'] } })
  @Header(...HTML)
  framing() {
    return '<!doctype html><title>A page with a frame</title>';
  }
}

/** What a frame shows before it has been anywhere. */
function isBlank(frame: Frame): boolean {
  return frame.url() === '' || frame.url() === 'about:blank';
}

inBrowser('A content security policy', (browser) => {
  describe.each(ADAPTERS)('sent by %s', (adapter) => {
    let secure: SecureServer;
    let running: RunningApplication;
    let page: Page;

    const addressOf = (path: string, host = HOST) => `https://${host}:${secure.port}${path}`;
    const scriptsThatRan = () => page.evaluate(() => (globalThis as { ran?: readonly string[] }).ran);

    beforeAll(async () => {
      secure = await SecureServer.open(browser.certificate);
      running = await startApplication(adapter, {
        imports: [
          SecurityModule.forRoot({
            profile: 'web',
            headers: {
              contentSecurityPolicy: { directives: { scriptSrc: ["'self'", "'nonce'"] } },
              reporting: { path: '/csp-reports' },
            },
          }),
        ],
        controllers: [Pages],
      });
      secure.serve(running);
      page = await browser.open();
    });
    afterAll(async () => {
      await browser.forget();
      await secure.close();
      await running.close();
    });

    /** The first violation of a page that is published; the browser reports when it sees fit. */
    function violation(address: string, directive: string): Promise<CspViolation> {
      return new Promise((resolve) => {
        const end = running.app.get(SecurityEvents).subscribe((event) => {
          if (event.type !== 'csp_violation') return;
          const { documentUri, effectiveDirective } = event.violation;
          if (!documentUri.startsWith(address) || effectiveDirective !== directive) return;
          end();
          resolve(event.violation);
        });
      });
    }

    it('lets scripts with the nonce of the answer run, and no others', async () => {
      await page.goto(addressOf('/'));

      expect(await scriptsThatRan()).toEqual(['with the nonce of the answer']);
    });

    it('has a blocked script reported, which becomes an event', async () => {
      const reported = violation(addressOf('/scripts'), 'script-src-elem');

      await page.goto(addressOf('/scripts?token=secret#part'));

      expect(await reported).toMatchObject({
        blockedUri: 'inline',
        documentUri: addressOf('/scripts'),
        disposition: 'enforce',
        statusCode: 200,
      });
    });

    it('has a blocked attribute reported, which becomes an event', async () => {
      const reported = violation(addressOf('/attributes'), 'script-src-attr');

      await page.goto(addressOf('/attributes'));

      expect(await reported).toMatchObject({ blockedUri: 'inline', disposition: 'enforce' });
    });

    it('that is tried out lets everything run and has it reported', async () => {
      const reported = violation(addressOf('/tried-out'), 'script-src-elem');

      await page.goto(addressOf('/tried-out'));

      expect(await scriptsThatRan()).toEqual(
        expect.arrayContaining(['without a nonce', 'with a nonce of another answer']),
      );
      expect(await reported).toMatchObject({ blockedUri: 'inline', disposition: 'report' });
    });

    it.each([
      ['refuses to be framed by another origin', 'evil.example.test', () => 'chrome-error://chromewebdata/'],
      ['lets its own pages frame it', HOST, () => addressOf('/')],
    ])('%s', async (_, host, expected) => {
      await page.goto(addressOf('/framing', host));
      const framed = page.waitForEvent('framenavigated', (frame) => frame.parentFrame() !== null && !isBlank(frame));
      await page.evaluate(`(() => {
        const frame = document.createElement('iframe');
        frame.src = ${JSON.stringify(addressOf('/'))};
        document.body.append(frame);
      })()`);

      expect((await framed).url()).toBe(expected());
    });
  });
});
