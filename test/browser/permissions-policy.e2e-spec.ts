import { Controller, Get, Header } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Public, SecurityModule, type PermissionsPolicyOptions } from '@palisade/nest';
import { ADAPTERS, startApplication, type AdapterName, type RunningApplication } from '../support/application.js';
import { inBrowser, type TestBrowser } from './browser.js';

@Controller()
class Site {
  @Get()
  @Public()
  @Header('Content-Type', 'text/html; charset=utf-8')
  page() {
    return '<!doctype html><title>A page</title>';
  }
}

function startSite(adapter: AdapterName, permissionsPolicy?: PermissionsPolicyOptions): Promise<RunningApplication> {
  return startApplication(adapter, {
    imports: [SecurityModule.forRoot({ profile: 'web', headers: { permissionsPolicy } })],
    controllers: [Site],
  });
}

const WHERE_IS_THE_VISITOR = `new Promise((resolve) => {
  navigator.geolocation.getCurrentPosition(() => resolve('found'), ({ code }) => resolve(code === 1 ? 'denied' : 'lost'));
})`;

const WHO_IS_IN_FRONT_OF_THE_CAMERA = `navigator.mediaDevices.getUserMedia({ video: true })
  .then(() => 'seen', ({ name }) => name)`;

/** What a page can find out about a visitor who has agreed to everything. */
async function discoveries(browser: TestBrowser, { client }: RunningApplication): Promise<readonly unknown[]> {
  const page = await browser.open(`http://localhost:${client.port}`, {
    permissions: ['geolocation', 'camera'],
    geolocation: { latitude: 52.5, longitude: 13.4 },
  });
  return [await page.evaluate(WHERE_IS_THE_VISITOR), await page.evaluate(WHO_IS_IN_FRONT_OF_THE_CAMERA)];
}

inBrowser('A page that a visitor has allowed location and camera', (browser) => {
  describe.each(ADAPTERS)('on %s', (adapter) => {
    let closed: RunningApplication;
    let opened: RunningApplication;
    beforeAll(async () => {
      closed = await startSite(adapter);
      opened = await startSite(adapter, { geolocation: ['self'], camera: ['self'] });
    });
    afterAll(async () => {
      await browser.forget();
      await closed.close();
      await opened.close();
    });

    it('may use neither where the site has not asked for them', async () => {
      expect(await discoveries(browser, closed)).toEqual(['denied', 'NotAllowedError']);
    });

    it('may use both where the site has', async () => {
      expect(await discoveries(browser, opened)).toEqual(['found', 'seen']);
    });
  });
});
