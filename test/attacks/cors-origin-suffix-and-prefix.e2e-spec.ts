import { Controller, Delete, Get } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Public, SecurityConfigurationError, SecurityModule, type CorsOptions } from '@palisade/nest';
import { attackEdge } from './edge-victim.js';

@Controller()
@Public()
class Accounts {
  @Get('accounts')
  read() {
    return { balance: 1 };
  }

  @Delete('accounts')
  close() {
    return { closed: true };
  }
}

const cors: CorsOptions = {
  origins: ['https://app.bank.example', 'https://*.partner.example', /^https:\/\/[a-z]{1,20}\.shop\.example$/],
  methods: ['GET', 'DELETE'],
  credentials: true,
};

const FOREIGN = [
  'https://app.bank.example.evil.example',
  'https://evil.example/app.bank.example',
  'https://evil.example?https://app.bank.example',
  'https://evil.example#https://app.bank.example',
  'https://evilapp.bank.example',
  'https://evil-app.bank.example',
  'https://app.bank.exampleevil',
  'https://app.bank.example.',
  'https://app.bank.example:8443',
  'https://app.bank.example:443',
  'https://app.bank.example/',
  'https://app.bank.example@evil.example',
  'https://app.bank.example:x@evil.example',
  'https://app_bank.example',
  'https://appXbank.example',
  'https://APP.bank.example',
  'HTTPS://app.bank.example',
  'http://app.bank.example',
  'ws://app.bank.example',
  'file://app.bank.example',
  '//app.bank.example',
  'app.bank.example',
  'https://bank.example',
  'https://partner.example',
  'https://evilpartner.example',
  'https://evil.partner.example.evil.example',
  'https://evil.example/.partner.example',
  'https://evil.example#.partner.example',
  'https://evil.example?.partner.example',
  'https://evil.example\\.partner.example',
  'https://evil.example:80.partner.example',
  'https://evil.example@.partner.example',
  'https://.partner.example',
  'https://a..partner.example',
  'https://*.partner.example',
  'http://a.partner.example',
  'https://a.partner.example:444',
  'https://evil.example_.partner.example`',
  'https://evil.example%.partner.example',
  "https://evil.example'.partner.example",
  'https://a.shop.example.evil.example',
  'https://a.shopXexample',
  'https://a.b.shop.example',
  'xhttps://a.shop.example',
  'https://a.shop.example\u00e9',
  'https://app.bank.example https://evil.example',
  'https://app.bank.example,https://evil.example',
  'https://evil.example, https://app.bank.example',
  '*',
  '',
];

attackEdge(
  'An origin that looks like one that is allowed',
  { security: { cors }, controllers: [Accounts] },
  (victim) => {
    it.each(FOREIGN)('(%j) reads no answer, and gets no leave to change anything', async (origin) => {
      const read = await victim.call('/accounts', { headers: [['Origin', origin]] });
      expect(read.headers).not.toHaveProperty('access-control-allow-origin');
      expect(read.headers).not.toHaveProperty('access-control-allow-credentials');
      expect(read.headers['vary']).toMatch(/\bOrigin\b/);
      const preflight = await victim.call('/accounts', {
        method: 'OPTIONS',
        headers: [
          ['Origin', origin],
          ['Access-Control-Request-Method', 'DELETE'],
        ],
      });
      victim.expectRefused(preflight, 'cors_origin_refused');
      expect(Object.keys(preflight.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    });

    it('that comes in two lines reads no answer', async () => {
      const lines = [
        ['Origin', 'https://app.bank.example'],
        ['Origin', 'https://evil.example'],
      ] as const;
      for (const headers of [lines, lines.toReversed()]) {
        const answer = await victim.call('/accounts', { headers });
        // Node keeps the first of them: whatever it is, the second one's page never sees the answer.
        expect(answer.headers['access-control-allow-origin']).not.toBe('https://evil.example');
      }
    });

    it.each([
      'https://app.bank.example',
      'https://a.partner.example',
      'https://a.b.partner.example',
      'https://a.shop.example',
    ])('while %s reads it', async (origin) => {
      const answer = await victim.call('/accounts', { headers: [['Origin', origin]] });
      expect(answer.headers['access-control-allow-origin']).toBe(origin);
    });
  },
);

it.each([
  ['without anchors', /https:\/\/app\.bank\.example/],
  ['without its end', /^https:\/\/app\.bank\.example/],
  ['without its beginning', /https:\/\/app\.bank\.example$/],
  ['with an anchor in one branch alone', /^https:\/\/app\.bank\.example|https:\/\/b\.bank\.example$/],
  ['with an anchor at every line', /^https:\/\/app\.bank\.example$/m],
  ['with a dot that is any character', /^https:\/\/app.bank.example$/],
])('A regular expression %s stops the start', (_, expression) => {
  expect(() => SecurityModule.forRoot({ cors: { origins: [expression] } })).toThrow(SecurityConfigurationError);
});
