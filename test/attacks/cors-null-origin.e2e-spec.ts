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

const asked: string[] = [];
const ANYBODY = (origin: string) => {
  asked.push(origin);
  return true;
};

const RULES: readonly (readonly [string, CorsOptions])[] = [
  ['a list', { origins: ['https://app.bank.example'], methods: ['GET', 'DELETE'], credentials: true }],
  ['a pattern', { origins: ['https://*.bank.example'], methods: ['GET', 'DELETE'], credentials: true }],
  ['an expression', { origins: [/^https:\/\/.*$/], methods: ['GET', 'DELETE'], credentials: true }],
  [
    'an expression that matches it',
    { origins: [/^(?:null|https:\/\/app\.bank\.example)$/], methods: ['GET', 'DELETE'], credentials: true },
  ],
  ['a function that lets in everybody', { origins: ANYBODY, methods: ['GET', 'DELETE'], credentials: true }],
  [
    'a function that answers later',
    { origins: async (origin) => ANYBODY(origin), methods: ['GET', 'DELETE'], credentials: true },
  ],
  [
    'a list that only reports',
    { origins: ['https://app.bank.example'], methods: ['GET', 'DELETE'], enforcement: 'report' },
  ],
];

for (const [rule, cors] of RULES) {
  attackEdge(`The origin null, against ${rule},`, { security: { cors }, controllers: [Accounts] }, (victim) => {
    it.each([
      'null',
      'NULL',
      'Null',
      '"null"',
      'null,null',
      'https://null, null',
      'undefined',
      'about:blank',
      'data:',
      '',
    ])('(%j) reads no answer and is never asked about', async (origin) => {
      asked.length = 0;
      const headers = [['Origin', origin]] as const;
      const read = await victim.call('/accounts', { headers });
      expect(read.headers).not.toHaveProperty('access-control-allow-origin');
      expect(read.headers).not.toHaveProperty('access-control-allow-credentials');
      const preflight = await victim.call('/accounts', {
        method: 'OPTIONS',
        headers: [...headers, ['Access-Control-Request-Method', 'DELETE']],
      });
      expect(preflight.headers).not.toHaveProperty('access-control-allow-origin');
      expect(asked).toEqual([]);
    });

    it('while an origin that is allowed reads it', async () => {
      const answer = await victim.call('/accounts', { headers: [['Origin', 'https://app.bank.example']] });
      expect(answer.headers['access-control-allow-origin']).toBe('https://app.bank.example');
    });
  });
}

it.each([
  ['the word', { origins: ['null'] }],
  ['the word in other letters', { origins: ['NULL'] }],
  ['the answer of always', { origins: { resolve: () => false, always: ['null'] } }],
] satisfies [string, CorsOptions][])('null as %s stops the start', (_, cors) => {
  expect(() => SecurityModule.forRoot({ cors })).toThrow(SecurityConfigurationError);
});
