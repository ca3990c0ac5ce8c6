import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { attack } from './victim.js';

attack('An Authorization header', (victim) => {
  it.each([
    ['of two tokens', (token: string) => `Bearer ${token} ${token}`],
    ['with a token and a comma', (token: string) => `Bearer ${token},`],
    ['of two credentials', (token: string) => `Bearer ${token}, Basic eDp5`],
    ['in quotes', (token: string) => `Bearer "${token}"`],
    ['without a scheme', (token: string) => token],
    ['under another scheme', (token: string) => `DPoP ${token}`],
    ['with a colon', (token: string) => `Bearer: ${token}`],
    ['with a tab', (token: string) => `Bearer\t${token}`],
    ['with padding', (token: string) => `Bearer ${token}=`],
    ['with a dot more', (token: string) => `Bearer ${token}.`],
    ['with encryption', (token: string) => `Bearer ${token}.x.y`],
    ['with a byte beyond ASCII', (token: string) => `Bearer ${token}\u00e9`],
  ])('%s lets nobody in', async (_, make) => {
    const answer = await victim.client.get('/me', { authorization: make(victim.tokens.issue()) });
    victim.expectClearRefusal(answer);
  });

  it('that comes twice lets nobody in, in whatever case and order', async () => {
    const good = `Bearer ${victim.tokens.issue()}`;
    for (const pair of [
      [good, good],
      [good, 'Bearer x'],
      ['Basic eDp5', good],
    ]) {
      const answer = await victim.client.get('/me', {
        Authorization: pair[0] as string,
        AUTHORIZATION: pair[1] as string,
      });
      victim.expectClearRefusal(answer);
    }
  });

  it('that is oversized is refused', async () => {
    const answer = await victim.client.get('/me', { authorization: `Bearer ${'a'.repeat(12_000)}` });
    victim.expectClearRefusal(answer);
    const tooMuch = await victim.client.raw(
      `GET /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${'a'.repeat(40_000)}\r\n\r\n`,
    );
    expect(tooMuch).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it('of any printable bytes is a clear 4xx, and never echoed', async () => {
    const printable = fc.string({
      unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
      maxLength: 200,
    });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('', 'Bearer ', 'bearer ', 'Bearer a.b.'), printable, async (scheme, garbage) => {
        const answer = await victim.client.get('/me', { authorization: `${scheme}${garbage}` });
        victim.expectClearRefusal(answer);
        if (garbage.length > 12) expect(answer.text + JSON.stringify(answer.headers)).not.toContain(garbage);
      }),
      { numRuns: 150 },
    );
  });

  it('of a good token with any one character changed lets nobody in', async () => {
    const token = victim.tokens.issue();
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 2), fc.constantFrom(...alphabet), async (position, character) => {
        // The last character of each part may hold bits that mean nothing.
        fc.pre(token[position] !== character && token[position + 1] !== '.');
        const changed = token.slice(0, position) + character + token.slice(position + 1);
        expect((await victim.present(changed)).status).toBe(401);
      }),
      { numRuns: 150 },
    );
  });
});
