import { Controller, Get } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Public, SecurityConfigurationError, SecurityModule } from '@palisade/nest';
import { attackEdge, EVIL, type EdgeVictim } from './edge-victim.js';

@Controller()
@Public()
class Home {
  @Get(['', '*'])
  home() {
    return { reached: true };
  }
}

const redirecting = { hosts: ['bank.example', '*.branch.example'], https: { mode: 'redirect' } } as const;
const TRUSTED = ['bank.example', 'a.branch.example'];

const HOSTS = [
  EVIL,
  `bank.example.${EVIL}`,
  `bank.example@${EVIL}`,
  `bank.example:80@${EVIL}`,
  `bank.example:80#@${EVIL}`,
  `bank.example\\.${EVIL}`,
  `bank.example/.${EVIL}`,
  `bank.example\t${EVIL}`,
  `a.branch.example@${EVIL}`,
  `${EVIL}#.branch.example`,
  `${EVIL}/.branch.example`,
  `${EVIL}?.branch.example`,
  `${EVIL}\\.branch.example`,
];

const TARGETS = [
  '/',
  `//${EVIL}`,
  `//${EVIL}/%2e%2e`,
  `///${EVIL}`,
  `/\\${EVIL}`,
  `\\\\${EVIL}`,
  `/%5c${EVIL}`,
  `/%2f${EVIL}`,
  `/.${EVIL}`,
  `/@${EVIL}`,
  `/:@${EVIL}`,
  `@${EVIL}`,
  `.${EVIL}`,
  `:@${EVIL}`,
  `/?next=//${EVIL}`,
  `/#@${EVIL}`,
  `/%0d%0aLocation:%20https://${EVIL}`,
  `/%E5%98%8A%E5%98%8DLocation:%20https://${EVIL}`,
  `http://${EVIL}/`,
  `https://${EVIL}/`,
  `http://bank.example@${EVIL}/`,
  `http://bank.example\\@${EVIL}/`,
  'http://bank.example//x',
  `http:${EVIL}`,
  `javascript:alert(1)//${EVIL}`,
  '*',
];

/** Nothing was reached, and whoever is sent elsewhere is sent to the application's own hosts. */
async function expectNoWayOut(victim: EdgeVictim, target: string, call: Parameters<EdgeVictim['call']>[1]) {
  for (const method of ['GET', 'OPTIONS']) {
    const answer = await victim.call(target, { method, ...call });
    expect(answer.text).not.toContain('reached');
    const { location } = answer.headers;
    if (location === undefined) {
      expect(answer.status).toBe(400);
    } else {
      const { protocol, hostname, username, password, port } = new URL(location);
      expect(protocol).toBe('https:');
      expect(TRUSTED).toContain(hostname);
      expect([username, password, port]).toEqual(['', '', '']);
      expect(location).toMatch(/^https:\/\/[a-z.]+\//);
    }
  }
}

attackEdge('A redirect to HTTPS', { security: redirecting, controllers: [Home] }, (victim) => {
  it.each(HOSTS.flatMap((host) => ['/', '//x', `/@${EVIL}`].map((target) => [host, target])))(
    'for Host %j and target %s leads to no other host',
    async (host, target) => {
      const answer = await victim.call(target as string, { host: host as string });
      victim.expectRefused(answer, 'host_malformed', 'host_refused');
      expect(answer.headers).not.toHaveProperty('location');
    },
  );

  it.each(TARGETS)('for target %s leads to no other host', async (target) => {
    await expectNoWayOut(victim, target, {});
    await expectNoWayOut(victim, target, { host: 'a.branch.example' });
    await expectNoWayOut(victim, target, { headers: [['X-Forwarded-Host', EVIL]] });
    await expectNoWayOut(victim, target, { headers: [['Forwarded', `host=${EVIL}`]] });
  });

  it('leads to the same path of the host, whatever port the request came to', async () => {
    const answer = await victim.call('/a/b?x=%2F', { host: 'BANK.example:8080' });
    expect(answer.status).toBe(308);
    expect(answer.headers['location']).toBe('https://bank.example/a/b?x=%2F');
  });
});

const proxied = { ...redirecting, proxy: { trust: ['loopback'] } };

attackEdge('A redirect to HTTPS behind a proxy', { security: proxied, controllers: [Home] }, (victim) => {
  it.each(HOSTS)('leads to no other host that the proxy passes on (%j)', async (host) => {
    victim.expectRefused(await victim.call('/', { headers: [['X-Forwarded-Host', host]] }));
    victim.expectRefused(await victim.call('/', { headers: [['X-Forwarded-Host', `${host}, ${host}`]] }));
  });

  it.each(TARGETS)('leads to no other host for target %s', async (target) => {
    await expectNoWayOut(victim, target, { headers: [['X-Forwarded-Host', 'a.branch.example']] });
  });
});

it('A redirect to a host that nobody listed stops the start', () => {
  expect(() => SecurityModule.forRoot({ https: { mode: 'redirect' } })).toThrow(SecurityConfigurationError);
  expect(() => SecurityModule.forRoot({ profile: 'web', https: {} })).toThrow(SecurityConfigurationError);
});
