import { afterAll, beforeAll, describe } from '@jest/globals';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { certificate, type Certificate } from './certificate.js';
import { CHROMIUM } from './chromium.js';

// Less than a test may take, so that what did not happen is named.
const TIMEOUT = 30_000;

/** A browser that trusts one certificate as if it were a real one. */
export class TestBrowser {
  private browser: Browser | undefined;
  private contexts: BrowserContext[] = [];
  private issued: Certificate | undefined;

  get certificate(): Certificate {
    if (this.issued === undefined) throw new Error('The browser was not started');
    return this.issued;
  }

  async start(): Promise<void> {
    this.issued = await certificate();
    const args = [
      // Every name is this machine: nothing leaves it.
      '--host-resolver-rules=MAP * 127.0.0.1',
      // Unlike errors that are ignored, a certificate that is trusted has HSTS and Clear-Site-Data heeded.
      `--ignore-certificate-errors-spki-list=${this.issued.fingerprint}`,
      // Reports are sent at once; otherwise after a minute.
      '--short-reporting-delay',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
    ];
    this.browser = await chromium.launch({
      executablePath: CHROMIUM as string,
      // Chromium's sandbox does not work for root.
      chromiumSandbox: process.getuid?.() !== 0,
      args,
      timeout: TIMEOUT,
    });
  }

  /** A page of a visitor without a past; it costs a quarter of a second, so tests of one visitor share theirs. */
  async open(address?: string, options: BrowserContextOptions = {}): Promise<Page> {
    if (this.browser === undefined) throw new Error('The browser was not started');
    const context = await this.browser.newContext(options);
    this.contexts.push(context);
    context.setDefaultTimeout(TIMEOUT);
    const page = await context.newPage();
    if (address !== undefined) await page.goto(address);
    return page;
  }

  /** Closes every page; with them go the connections that would keep a server from closing. */
  async forget(): Promise<void> {
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
  }

  async close(): Promise<void> {
    await this.browser?.close();
  }
}

/** Behaviour as a browser sees it; skipped where there is none. */
export function inBrowser(name: string, specify: (browser: TestBrowser) => void): void {
  const describeIfInstalled = CHROMIUM === undefined ? describe.skip : describe;
  describeIfInstalled(name, () => {
    const browser = new TestBrowser();
    beforeAll(() => browser.start());
    afterAll(() => browser.close());
    specify(browser);
  });
}
