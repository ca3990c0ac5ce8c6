import { Controller, Get } from '@nestjs/common';
import { Public, type BansOptions, type SecurityOptions } from '@palisade/nest';
import { beforeEach, expect, it } from '@jest/globals';
import { attackEdge, type AttackCall } from './edge-victim.js';

@Controller()
@Public()
class Home {
  @Get()
  home() {
    return {};
  }
}

const bans: BansOptions = {
  honeypots: ['/wp-login.php', '/.git/*'],
  rules: [{ name: 'hax', matches: ({ request }) => request.url?.includes('hax'), maxRetry: 2 }],
  denials: { reasons: ['target_not_normalized', 'host_refused'], maxRetry: 2 },
};
const behindProxy: SecurityOptions = { proxy: { trust: ['127.0.0.1'] }, hosts: ['bank.example'], bans };

let round = 0;
beforeEach(() => {
  round++;
});

attackEdge('A client that is banned', { security: behindProxy, controllers: [Home] }, (victim) => {
  const attacker = () => `203.${round}.113.9`;
  const from = (address: string, more: AttackCall = {}): AttackCall => ({
    ...more,
    headers: [['X-Forwarded-For', address], ...(more.headers ?? [])],
  });
  const banned = async () => {
    await victim.call('/wp-login.php', from(attacker()));
    victim.expectRefused(await victim.call('/', from(attacker())), 'address_banned');
  };

  it.each<[string, (address: string) => AttackCall]>([
    ['that writes another address before its own', (address) => from(`198.51.100.7, ${address}`)],
    [
      'that writes one in a line of its own',
      (address) => ({
        headers: [
          ['X-Forwarded-For', '198.51.100.7'],
          ['X-Forwarded-For', address],
        ],
      }),
    ],
    ['in other fields', (address) => from(address, { headers: [['Forwarded', 'for=198.51.100.7']] })],
    ['in yet others', (address) => from(address, { headers: [['X-Real-IP', '198.51.100.7']] })],
    ['with the port', (address) => from(`${address}:4711`)],
    ['mapped into IPv6', (address) => from(`::ffff:${address}`)],
    ['with names in other letters', (address) => ({ headers: [['x-FORWARDED-for', address]] })],
    ['with another method', (address) => from(address, { method: 'POST' })],
    [
      'with a preflight',
      (address) => from(address, { method: 'OPTIONS', headers: [['Origin', 'https://bank.example']] }),
    ],
    ['as a page of another site', (address) => from(address, { headers: [['Sec-Fetch-Site', 'cross-site']] })],
    ['under another host', (address) => from(address, { host: 'evil.example' })],
    ['as a health check', (address) => from(address, { headers: [['User-Agent', 'ELB-HealthChecker/2.0']] })],
  ])('stays so %s', async (_, call) => {
    await banned();
    victim.expectRefused(await victim.call('/', call(attacker())), 'address_banned');
  });

  it('stays so for every path, and whatever else is wrong with the request', async () => {
    await banned();
    for (const path of ['/', '/missing', '/a//b', '/%zz', '/?x=1', '/.git/config', '//', '/%2e%2e']) {
      victim.expectRefused(await victim.call(path, from(attacker())), 'address_banned');
    }
  });

  it('stays so from anywhere in its subnet of IPv6', async () => {
    await victim.call('/wp-login.php', from(`2001:db8:${round}:1::1`));
    for (const host of ['2', 'ffff:ffff:ffff:ffff', 'a:b:c:d']) {
      const address = host.includes(':') ? `2001:db8:${round}:1:${host}` : `2001:db8:${round}:1::${host}`;
      victim.expectRefused(await victim.call('/', from(address)), 'address_banned');
    }
    expect((await victim.call('/', from(`2001:db8:${round}:2::1`))).status).toBe(200);
  });

  it('does not count itself free: what is denied to it while it is banned prolongs nothing, and lifts nothing', async () => {
    await banned();
    for (let i = 0; i < 20; i++) await victim.call('/?hax', from(attacker()));
    victim.expectRefused(await victim.call('/', from(attacker())), 'address_banned');
  });
});

attackEdge('An attacker who wants others banned', { security: behindProxy, controllers: [Home] }, (victim) => {
  it('cannot write their address', async () => {
    for (const path of ['/wp-login.php', '/?hax', '/?hax', '/a//b', '/a//b', '/a//b']) {
      await victim.call(path, { headers: [['X-Forwarded-For', `198.51.100.7, 203.${round}.113.10`]] });
    }
    expect((await victim.call('/', { headers: [['X-Forwarded-For', '198.51.100.7']] })).status).toBe(200);
  });

  it('has their browsers ask for a honeypot, by images, forms and scripts on a page of his, which bans nobody', async () => {
    const visitor = [
      ['X-Forwarded-For', '198.51.100.8'],
      ['Sec-Fetch-Site', 'cross-site'],
      ['Sec-Fetch-Dest', 'image'],
    ] as const;
    for (const path of ['/wp-login.php', '/.git/config', '/?hax', '/?hax', '/?hax']) {
      victim.expectRefused(await victim.call(path, { headers: visitor }), 'request_banned');
    }
    victim.expectRefused(await victim.call('/.git/config', { method: 'POST', headers: visitor }), 'request_banned');
    const preflight = [
      visitor[0],
      ['Origin', 'https://evil.example'],
      ['Access-Control-Request-Method', 'PUT'],
    ] as const;
    await victim.call('/.git/config', { method: 'OPTIONS', headers: preflight });
    for (let i = 0; i < 3; i++) {
      victim.expectRefused(await victim.call('/a//b', { headers: visitor }), 'target_not_normalized');
    }
    expect((await victim.call('/', { headers: [['X-Forwarded-For', '198.51.100.8']] })).status).toBe(200);
  });
});

attackEdge(
  'A client whose addresses are not told by a proxy that is trusted',
  { security: { bans }, controllers: [Home] },
  (victim) => {
    it('is banned by the address that it connects from, whatever it writes', async () => {
      const peer = `127.0.${round}.7`;
      await victim.call('/wp-login.php', { from: peer, headers: [['X-Forwarded-For', '198.51.100.7']] });
      for (let i = 0; i < 5; i++) {
        const headers = [['X-Forwarded-For', `198.51.100.${i}`]] as const;
        victim.expectRefused(await victim.call('/', { from: peer, headers }), 'address_banned');
      }
      expect((await victim.call('/', { from: `127.0.${round}.8` })).status).toBe(200);
    });
  },
);

attackEdge(
  'A flood from many addresses',
  { security: { ...behindProxy, bans: { ...bans, safelist: ['198.51.100.0/24'] } }, controllers: [Home] },
  (victim) => {
    it('does not have a ban forgotten', async () => {
      const attacker = `203.${round}.113.9`;
      await victim.call('/wp-login.php', { headers: [['X-Forwarded-For', attacker]] });
      for (let i = 0; i < 500; i++) {
        await victim.call('/?hax', { headers: [['X-Forwarded-For', `203.${round}.${i >> 8}.${i & 0xff || 1}`]] });
      }
      const answer = await victim.call('/', { headers: [['X-Forwarded-For', attacker]] });
      victim.expectRefused(answer, 'address_banned');
    });

    it('of somebody behind a shared address that is safe bans nobody there', async () => {
      for (const path of ['/wp-login.php', '/?hax', '/?hax', '/?hax', '/a//b', '/a//b', '/a//b']) {
        await victim.call(path, { headers: [['X-Forwarded-For', '198.51.100.77']] });
      }
      expect((await victim.call('/', { headers: [['X-Forwarded-For', '198.51.100.77']] })).status).toBe(200);
    });
  },
);
