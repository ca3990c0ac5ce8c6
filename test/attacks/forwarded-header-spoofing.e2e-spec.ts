import { Controller, Get } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { ClientIp, Public, SecurityConfigurationError, SecurityModule, type SecurityOptions } from '@palisade/nest';
import { attackEdge, EVIL, type AttackCall } from './edge-victim.js';

@Controller()
@Public()
class Echo {
  @Get('ip')
  ip(@ClientIp() address: string) {
    return { address };
  }
}

type Lines = NonNullable<AttackCall['headers']>;

const SPOOFS: readonly (readonly [string, Lines])[] = [
  ['X-Forwarded-For', [['X-Forwarded-For', '203.0.113.9']]],
  ['a list of them', [['X-Forwarded-For', '203.0.113.9, 127.0.0.1, 10.0.0.1']]],
  [
    'two lines',
    [
      ['X-Forwarded-For', '203.0.113.9'],
      ['X-Forwarded-For', '203.0.113.10'],
    ],
  ],
  ['Forwarded', [['Forwarded', 'for=203.0.113.9;proto=https;host=bank.example']]],
  ['X-Real-IP', [['X-Real-IP', '203.0.113.9']]],
  [
    'X-Client-IP',
    [
      ['X-Client-IP', '203.0.113.9'],
      ['Client-IP', '203.0.113.9'],
      ['True-Client-IP', '203.0.113.9'],
    ],
  ],
  [
    'CF-Connecting-IP',
    [
      ['CF-Connecting-IP', '203.0.113.9'],
      ['Fastly-Client-IP', '203.0.113.9'],
    ],
  ],
  ['X-Forwarded-Proto', [['X-Forwarded-Proto', 'https']]],
  [
    'its relatives',
    [
      ['X-Forwarded-Protocol', 'https'],
      ['X-Forwarded-Ssl', 'on'],
      ['Front-End-Https', 'on'],
      ['X-Url-Scheme', 'https'],
    ],
  ],
  [
    'X-Forwarded-Host',
    [
      ['X-Forwarded-Host', 'bank.example'],
      ['X-Forwarded-Port', '443'],
    ],
  ],
  [
    'everything at once',
    [
      ['X-Forwarded-For', '203.0.113.9'],
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Host', 'bank.example'],
      ['Forwarded', 'for=203.0.113.9;proto=https;host=bank.example'],
    ],
  ],
];

/** Who is believed; never the one that connects, or not in what is sent. */
const DISBELIEVERS: readonly (readonly [string, SecurityOptions['proxy']])[] = [
  ['that trusts no proxy', undefined],
  ['whose proxy is another one', { trust: ['10.0.0.1', '192.168.0.0/16'] }],
  ['whose proxy, which uses Forwarded, is another one', { trust: ['10.0.0.1'], headers: 'forwarded' }],
];

for (const [who, proxy] of DISBELIEVERS) {
  attackEdge(
    `A forwarded header, against an application ${who},`,
    { security: { proxy }, controllers: [Echo] },
    (victim) => {
      it.each(SPOOFS)('(%s) changes no address', async (_, headers) => {
        const answer = await victim.call('/ip', { headers });
        expect(answer.body).toEqual({ address: '127.0.0.1' });
        expect(answer.headers).not.toHaveProperty('strict-transport-security');
      });

      it.each(SPOOFS)('(%s) does not spread one client over many', async (_, headers) => {
        const answer = await victim.call('/ip', { headers, from: '127.0.0.7' });
        expect(answer.body).toEqual({ address: '127.0.0.7' });
      });
    },
  );

  const strict: SecurityOptions = { proxy, hosts: ['bank.example'], https: { mode: 'reject' } };
  attackEdge(
    `A forwarded header, against HTTPS and hosts ${who},`,
    { security: strict, controllers: [Echo] },
    (victim) => {
      it.each(SPOOFS)('(%s) makes no connection secure', async (_, headers) => {
        victim.expectRefused(await victim.call('/ip', { headers }), 'https_required');
      });

      it.each(SPOOFS)('(%s) makes no host a known one', async (_, headers) => {
        victim.expectRefused(await victim.call('/ip', { host: EVIL, headers }), 'host_refused');
      });
    },
  );
}

const behindOne: SecurityOptions = {
  proxy: { trust: ['127.0.0.1'] },
  hosts: ['bank.example'],
  https: { mode: 'reject' },
};

attackEdge(
  'What a client writes before a trusted proxy does',
  { security: behindOne, controllers: [Echo] },
  (victim) => {
    const secure = ['X-Forwarded-Proto', 'https'] as const;

    it.each([
      ['an address before the proxy wrote its own', '203.0.113.9, 198.51.100.7', '198.51.100.7'],
      ['a trusted address before it', '127.0.0.1, 198.51.100.7', '198.51.100.7'],
      ['garbage before it', 'unknown, <script>, 198.51.100.7', '198.51.100.7'],
      ['a flood before it', `${'203.0.113.9, '.repeat(300)}198.51.100.7`, '198.51.100.7'],
      ['trusted addresses all the way', '203.0.113.9, 127.0.0.1', '203.0.113.9'],
      ['an address mapped into IPv6', '203.0.113.9, ::ffff:198.51.100.7', '198.51.100.7'],
    ])('(%s) counts for nothing', async (_, value, address) => {
      const answer = await victim.call('/ip', { headers: [secure, ['X-Forwarded-For', value]] });
      expect(answer.body).toEqual({ address });
    });

    it('(in a line of its own) counts for nothing', async () => {
      const lines = [
        ['X-Forwarded-For', '203.0.113.9'],
        ['X-Forwarded-For', '198.51.100.7'],
      ] as const;
      expect((await victim.call('/ip', { headers: [secure, ...lines] })).body).toEqual({ address: '198.51.100.7' });
    });

    it.each([
      '198.51.100.7:0x50',
      '198.51.100',
      '0x7f.1',
      '2130706433',
      '198.51.100.7%00',
      '[::1',
      '',
      ',',
      '"198.51.100.7"',
    ])('is not taken for an address where it is none (%j)', async (value) => {
      const answer = await victim.call('/ip', { headers: [secure, ['X-Forwarded-For', value]] });
      expect(answer.body).toEqual({ address: '127.0.0.1' });
    });

    it.each(['http', 'https, http', 'https,http', 'HTTPSX', 'https http', 'on', '', 'wss', 'javascript', ', '])(
      'makes nothing secure by the scheme %j',
      async (scheme) => {
        const answer = await victim.call('/ip', { headers: [['X-Forwarded-Proto', scheme]] });
        victim.expectRefused(answer, 'https_required');
      },
    );

    it('counts for nothing in the other family of fields', async () => {
      const forwarded = ['Forwarded', 'for=203.0.113.9;proto=https;host=bank.example'] as const;
      victim.expectRefused(await victim.call('/ip', { headers: [forwarded] }), 'https_required');
      expect((await victim.call('/ip', { headers: [secure, forwarded] })).body).toEqual({ address: '127.0.0.1' });
    });

    it('makes no foreign host a known one', async () => {
      victim.expectRefused(await victim.call('/ip', { headers: [secure, ['X-Forwarded-Host', EVIL]] }), 'host_refused');
    });

    it('is not believed from anywhere else', async () => {
      const headers = [secure, ['X-Forwarded-For', '198.51.100.7']] as const;
      victim.expectRefused(await victim.call('/ip', { headers, from: '127.0.0.7' }), 'https_required');
    });
  },
);

it.each([true, '*', ['0.0.0.0/0'], ['::/0'], ['*'], 0, 1000])('To trust %j stops the start', (trust) => {
  const security = { proxy: { trust } } as unknown as SecurityOptions;
  expect(() => SecurityModule.forRoot(security)).toThrow(SecurityConfigurationError);
});
