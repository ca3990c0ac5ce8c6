import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { inBrowser } from '../browser/browser.js';
import { ADAPTERS } from '../support/application.js';
import { aliceSignsIn, RunningLedger } from './ledger.harness.js';

inBrowser('the page of Ledger', (browser) => {
  describe.each(ADAPTERS)('on %s', (adapter) => {
    let bank: RunningLedger;

    beforeAll(async () => {
      bank = await RunningLedger.start({ ADAPTER: adapter });
    });

    afterEach(() => browser.forget());
    afterAll(() => bank.stop());

    it('signs in, sends money with its CSRF token, knows who comes back, and signs out', async () => {
      const page = await browser.open(bank.address);
      await page.fill('[name=username]', aliceSignsIn.username);
      await page.fill('[name=password]', aliceSignsIn.password);
      await page.click('#sign-in button');
      const accounts = page.locator('#accounts');
      await accounts.filter({ hasText: '1000.00' }).waitFor();
      expect(await page.context().cookies()).toEqual([
        expect.objectContaining({ httpOnly: true, secure: true, sameSite: 'Strict', path: '/' }),
      ]);

      await page.fill('[name=from]', await bank.accountOf('alice'));
      await page.fill('[name=to]', await bank.accountOf('bob'));
      await page.fill('[name=amount]', '12.34');
      await page.click('#transfer button');
      await accounts.filter({ hasText: '987.66' }).waitFor();

      await page.reload();
      await accounts.filter({ hasText: '987.66' }).waitFor();
      await page.click('#sign-out button');
      await page.locator('#sign-in').waitFor();
      expect(await page.context().cookies()).toEqual([]);
    });

    it('says why somebody is not let in', async () => {
      const page = await browser.open(bank.address);
      await page.fill('[name=username]', 'alice');
      await page.fill('[name=password]', 'wrong');
      await page.click('#sign-in button');
      await page.locator('#message').filter({ hasText: 'The username or the password is wrong' }).waitFor();
      expect(await page.context().cookies()).toEqual([]);
    });
  });
});
