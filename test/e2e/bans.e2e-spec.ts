import { All, Controller, Get, Post } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Bans,
  Public,
  SecurityConfigurationError,
  type BanEvent,
  type BansOptions,
  type SecurityOptions,
} from '@palisade/nest';
import { ADAPTERS } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';
import { startEdge, type Answer, type EdgeApplication, type Sent } from './edge.harness.js';

const key = signingKey('ES256');
const ATTACKER = '203.0.113.9';
const CLIENT = '198.51.100.7';

@Controller()
class Routes {
  @Get()
  @Public()
  home() {
    return {};
  }

  @Get('mine')
  mine() {
    return {};
  }

  @Post('login')
  @Public()
  login() {
    return {};
  }

  @All('safe_space')
  @Public()
  safe() {
    return {};
  }
}

describe.each(ADAPTERS)('Bans on %s', (adapter) => {
  let app: EdgeApplication;

  afterEach(() => app.close());

  async function start(bans: BansOptions | undefined, more: SecurityOptions = {}): Promise<EdgeApplication> {
    app = await startEdge(adapter, securityWith(key, { proxy: { trust: 1 }, bans, ...more }), [Routes]);
    return app;
  }

  function call(path: string, address = ATTACKER, { headers, ...sent }: Sent = {}): Promise<Answer> {
    return app.send(path, { ...sent, headers: { 'x-forwarded-for': address, ...headers } });
  }

  async function told(path: string, address = ATTACKER, sent: Sent = {}): Promise<unknown> {
    const { status, text } = await call(path, address, sent);
    return status < 400 ? status : (JSON.parse(text) as { code?: string }).code;
  }

  const banned = () => app.events.filter((event) => event.type === 'ban') as BanEvent[];

  const hax = {
    name: 'hax',
    matches: ({ request }) => request.url?.includes('OMGHAX'),
    maxRetry: 2,
    findTime: '1 minute',
    banTime: '1 minute',
  } satisfies NonNullable<BansOptions['rules']>[number];

  it('keep nobody out where there are none', async () => {
    await start({});
    expect(await told('/?foo=OMGHAX')).toBe(200);
  });

  describe('by lists', () => {
    it('deny whoever is on the blocklist, before anything else is looked at, with the headers of every answer', async () => {
      await start({ blocklist: ['203.0.113.0/24', '2001:db8::/32'] }, { hosts: ['bank.example'] });
      const answer = await call('/');
      expect(answer.status).toBe(403);
      expect(answer.body).toEqual({
        statusCode: 403,
        error: 'Forbidden',
        message: 'The address is blocked',
        code: 'address_blocked',
      });
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(await told('/', '2001:db8:7::1')).toBe('address_blocked');
      expect(await told('/', CLIENT)).toBe('host_refused');
      expect(app.takeDenials()[0]).toMatchObject({ reason: 'address_blocked', address: ATTACKER, transport: 'http' });
    });

    it('let pass whoever is on both, and whatever a function says', async () => {
      await start({
        safelist: ({ request }) => request.url === '/safe_space',
        blocklist: ({ address }) => address === ATTACKER,
      });
      expect(await told('/safe_space')).toBe(200);
      expect(await told('/')).toBe('address_blocked');
      expect(await told('/', CLIENT)).toBe(200);
    });

    it('let nobody in but those on the safelist, where all others are blocked', async () => {
      await start({ safelist: ['198.51.100.0/24'], blocklist: ['0.0.0.0/0', '::/0'] });
      expect(await told('/', CLIENT)).toBe(200);
      expect(await told('/', ATTACKER)).toBe('address_blocked');
      expect(await told('/', '2001:db8::1')).toBe('address_blocked');
    });

    it('lift no rate limit for the safelist', async () => {
      await start({ safelist: [CLIENT] }, { rateLimit: { limits: { few: '1/minute' }, global: ['few'] } });
      expect(await told('/', CLIENT)).toBe(200);
      expect(await told('/', CLIENT)).toBe('rate_limited');
    });
  });

  describe('by rules', () => {
    it('refuse each request that fail2ban matches, and everything of who sent too many', async () => {
      await start({ rules: [hax] });
      expect(await told('/?foo=OMGHAX')).toBe('request_banned');
      expect(await told('/')).toBe(200);
      expect(await told('/?foo=OMGHAX')).toBe('request_banned');
      expect(await told('/')).toBe('address_banned');
      expect(await told('/', CLIENT)).toBe(200);
      expect(banned()).toEqual([
        { type: 'ban', time: app.clock.now(), action: 'banned', address: ATTACKER, rule: 'hax', duration: 60_000 },
      ]);
    });

    it('end a ban with its time, and count anew', async () => {
      await start({ rules: [{ ...hax, findTime: '1 hour' }] });
      for (let i = 0; i < 2; i++) await call('/?foo=OMGHAX');
      app.clock.advance(59);
      expect(await told('/')).toBe('address_banned');
      app.clock.advance(1);
      expect(await told('/')).toBe(200);
      expect(await told('/?foo=OMGHAX')).toBe('request_banned');
      expect(await told('/')).toBe(200);
    });

    it('forget what is longer ago than the find time', async () => {
      await start({ rules: [hax] });
      await call('/?foo=OMGHAX');
      app.clock.advance(60);
      await call('/?foo=OMGHAX');
      expect(await told('/')).toBe(200);
    });

    it('let through what allow2ban matches, until there is too much of it', async () => {
      await start({
        rules: [
          { name: 'logins', matches: ({ request }) => request.method === 'POST', count: 'allow2ban', maxRetry: 3 },
        ],
      });
      const answers: unknown[] = [];
      for (let i = 0; i < 4; i++) answers.push(await told('/login', ATTACKER, { method: 'POST' }));
      expect(answers).toEqual([201, 201, 201, 'address_banned']);
      expect(await told('/')).toBe('address_banned');
      app.clock.advance(3600);
      expect(await told('/')).toBe(200);
    });

    it('ban at the first match where one is enough', async () => {
      await start({ rules: [{ ...hax, maxRetry: 1 }] });
      expect(await told('/?foo=OMGHAX')).toBe('request_banned');
      expect(await told('/')).toBe('address_banned');
    });

    it('count each rule for itself', async () => {
      await start({ rules: [hax, { ...hax, name: 'other', matches: ({ request }) => request.url === '/other' }] });
      await call('/?foo=OMGHAX');
      await call('/other');
      expect(await told('/')).toBe(200);
      await call('/other');
      expect(await told('/')).toBe('address_banned');
      expect(banned()).toMatchObject([{ rule: 'other' }]);
    });

    it('leave alone who is on the safelist, whatever it sends', async () => {
      await start({ safelist: [ATTACKER], rules: [hax], honeypots: ['/.env'] });
      for (let i = 0; i < 5; i++) await call('/?foo=OMGHAX');
      await call('/.env');
      expect(await told('/?foo=OMGHAX')).toBe(200);
      expect(banned()).toEqual([]);
    });

    it('ban IPv6 by the subnet of rate limits', async () => {
      await start({ rules: [hax] });
      await call('/?foo=OMGHAX', '2001:db8:0:1::a');
      await call('/?foo=OMGHAX', '2001:db8:0:1:ffff::b');
      expect(await told('/', '2001:db8:0:1:1:2:3:4')).toBe('address_banned');
      expect(await told('/', '2001:db8:0:2::a')).toBe(200);
    });

    it('answer with 500 where a condition fails, and let nothing pass', async () => {
      await start({
        rules: [{ name: 'broken', matches: (() => Promise.resolve(false)) as never }],
      });
      expect((await call('/')).status).toBe(500);
    });
  });

  it('come at once for a honeypot, however it is written', async () => {
    await start({ honeypots: ['/wp-login.php', '/.git/*'], duration: '1 day' });
    const paths = ['/wp-login.php', '/WP-Login.php?x=1', '/wp-login.php/', '/.git/config', '/.GIT/a/b'];
    for (const [index, path] of paths.entries()) {
      const address = `203.0.113.${index}`;
      expect(await told(path, address)).toBe('request_banned');
      expect(await told('/', address)).toBe('address_banned');
    }
    expect(await told('/wp-login.phpx', CLIENT)).not.toBe('request_banned');
    expect(await told('/.gitignore', CLIENT)).not.toBe('request_banned');
    expect(await told('/', CLIENT)).toBe(200);
    app.clock.advance(86_399);
    expect(await told('/', '203.0.113.0')).toBe('address_banned');
    app.clock.advance(1);
    expect(await told('/', '203.0.113.0')).toBe(200);
    expect(banned().map(({ rule }) => rule)).toEqual(Array(5).fill('honeypot'));
  });

  it('count what another site had a browser send only where that is said', async () => {
    const image: Sent = { headers: { 'sec-fetch-site': 'cross-site' } };
    await start({ honeypots: ['/.env'] });
    expect(await told('/.env', ATTACKER, image)).toBe('request_banned');
    expect(await told('/')).toBe(200);
    await app.close();
    await start({ honeypots: ['/.env'], countCrossSite: true });
    expect(await told('/.env', ATTACKER, image)).toBe('request_banned');
    expect(await told('/')).toBe('address_banned');
  });

  it.each(['/login', '/LOGIN/', '/safe_space', '/mine'])('take no route for a honeypot: %s', async (path) => {
    await start({ honeypots: ['/nothing'] });
    const options = securityWith(key, { bans: { honeypots: ['/.env', path.replace(/\/$/, '')] } });
    await expect(startEdge(adapter, options, [Routes])).rejects.toMatchObject({
      problems: [{ where: 'bans.honeypots[1]', problem: expect.stringContaining('a route of the application') }],
    });
  });

  describe('for denials', () => {
    const denials = { reasons: ['token_malformed', 'target_not_normalized'], maxRetry: 3 } as const;

    it('count those of the guard and those of the edge together', async () => {
      await start({ denials });
      const guess = { headers: { authorization: 'Bearer guess' } };
      expect(await told('/mine', ATTACKER, guess)).toBe('token_malformed');
      expect(await told('/a//b')).toBe('target_not_normalized');
      expect(await told('/')).toBe(200);
      expect(await told('/mine', ATTACKER, guess)).toBe('token_malformed');
      expect(await told('/')).toBe('address_banned');
      expect(banned()).toMatchObject([{ rule: 'denials', address: ATTACKER }]);
    });

    it('count no others, and none that are only recorded', async () => {
      await start({ denials }, { firewall: { enforcement: 'report' } });
      for (let i = 0; i < 5; i++) {
        expect(await told('/mine')).toBe('credentials_missing');
        await call('/a//b');
      }
      expect(await told('/')).toBe(200);
    });

    it('count none of who is on the safelist', async () => {
      await start({ denials, safelist: [ATTACKER] });
      for (let i = 0; i < 5; i++) await call('/a//b');
      expect(await told('/a//b')).toBe('target_not_normalized');
      expect(banned()).toEqual([]);
    });
  });

  describe('by hand', () => {
    it('hold at once, for as long as they say, and are lifted', async () => {
      await start({});
      const bans = app.app.get(Bans);
      expect(await bans.isBanned(ATTACKER)).toBe(false);
      await bans.ban(ATTACKER, { duration: '1 day' });
      expect(await bans.isBanned(ATTACKER)).toBe(true);
      expect(await told('/')).toBe('address_banned');
      app.clock.advance(86_399);
      expect(await told('/')).toBe('address_banned');
      await bans.unban(ATTACKER);
      expect(await told('/')).toBe(200);
      expect(banned()).toMatchObject([
        { action: 'banned', rule: 'manual', duration: 86_400_000 },
        { action: 'unbanned', rule: 'manual' },
      ]);
    });

    it('replace a ban that is there, be it longer or shorter', async () => {
      await start({ duration: '10 minutes' });
      const bans = app.app.get(Bans);
      await bans.ban(ATTACKER);
      await bans.ban(ATTACKER, { duration: 1000 });
      app.clock.advance(1);
      expect(await bans.isBanned(ATTACKER)).toBe(false);
      await bans.ban(ATTACKER);
      await bans.ban(ATTACKER, { duration: '1 hour' });
      app.clock.advance(600);
      expect(await bans.isBanned(ATTACKER)).toBe(true);
    });

    it('forget with unban what was counted as well', async () => {
      await start({ rules: [hax], denials: { reasons: ['target_not_normalized'], maxRetry: 2 } });
      await call('/?foo=OMGHAX');
      await call('/a//b');
      await app.app.get(Bans).unban(ATTACKER);
      await call('/?foo=OMGHAX');
      await call('/a//b');
      expect(await told('/')).toBe(200);
    });

    it('mean one client, however the address is written', async () => {
      await start({});
      const bans = app.app.get(Bans);
      await bans.ban('::ffff:203.0.113.9');
      expect(await told('/')).toBe('address_banned');
      await bans.ban('2001:0DB8:0000:0001::1');
      expect(await told('/', '2001:db8:0:1::2')).toBe('address_banned');
    });

    it.each(['', 'localhost', '203.0.113', '203.0.113.0/24', 'fe80::1%eth0', undefined])(
      'are refused for what is no address: %j',
      async (address) => {
        await start({});
        await expect(app.app.get(Bans).ban(address as string)).rejects.toThrow(TypeError);
      },
    );

    it('are refused for what is no duration, and where nobody would ask for them', async () => {
      await start({});
      for (const duration of [0, -1, 1.5, 'forever', '10 years', Number.NaN]) {
        await expect(app.app.get(Bans).ban(ATTACKER, { duration })).rejects.toThrow(RangeError);
      }
      await app.close();
      await start(undefined);
      await expect(app.app.get(Bans).ban(ATTACKER)).rejects.toThrow(SecurityConfigurationError);
    });
  });

  it('tell of what is tracked, and do nothing about it', async () => {
    await start({
      blocklist: [ATTACKER],
      track: [{ name: 'robots', matches: ({ request }) => /bot/.test(request.headers['user-agent'] ?? '') }],
    });
    const robot = { headers: { 'user-agent': 'a bot' } };
    expect(await told('/', CLIENT, robot)).toBe(200);
    expect(await told('/', CLIENT)).toBe(200);
    expect(await told('/', ATTACKER, robot)).toBe('address_blocked');
    expect(app.events.filter(({ type }) => type === 'tracked')).toEqual([
      { type: 'tracked', time: app.clock.now(), rule: 'robots', method: 'GET', address: CLIENT },
    ]);
  });

  it('only record under report', async () => {
    await start({ enforcement: 'report', blocklist: [CLIENT], rules: [{ ...hax, maxRetry: 1 }] });
    expect(await told('/', CLIENT)).toBe(200);
    expect(await told('/?foo=OMGHAX')).toBe(200);
    expect(await told('/')).toBe(200);
    expect(app.takeDenials()).toMatchObject([
      { reason: 'address_blocked', enforced: false },
      { reason: 'request_banned', enforced: false },
      { reason: 'address_banned', enforced: false },
    ]);
  });

  it('answer with 503 where the store is away and everything is to be closed', async () => {
    const away = () => Promise.reject(new Error('away'));
    const store = { consume: away, peek: away, refund: away, reset: away };
    await start({ onStoreError: 'closed', safelist: [CLIENT] }, { rateLimit: { store, onStoreError: 'closed' } });
    const answer = await call('/');
    expect([answer.status, answer.body['code']]).toEqual([503, 'rate_limit_unavailable']);
    expect(await told('/', CLIENT)).toBe(200);
  });

  it('do not say that somebody is banned whom no store keeps', async () => {
    const away = () => Promise.reject(new Error('away'));
    const store = { consume: away, peek: away, refund: away, reset: away };
    await start({ onStoreError: 'open' }, { rateLimit: { store } });
    await expect(app.app.get(Bans).ban(ATTACKER)).rejects.toThrow('does not answer');
    expect(app.events.filter(({ type }) => type === 'ban')).toEqual([]);
  });
});
