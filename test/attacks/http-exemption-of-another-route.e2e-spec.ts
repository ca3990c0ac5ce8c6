import { All, Controller, Version, VersioningType, type INestApplication } from '@nestjs/common';
import { beforeEach, expect, it } from '@jest/globals';
import { AllowHttp, Public } from '@palisade/nest';
import { attackEdge } from './edge-victim.js';

/** Handlers that nobody may reach in the clear. */
const secrets: string[] = [];

const secret = (name: string) => {
  secrets.push(name);
  return { secret: name };
};

@Controller()
@Public()
class Routes {
  @All('health')
  @AllowHttp()
  health() {
    return { healthy: true };
  }

  @All('account')
  account() {
    return secret('account');
  }

  @All('health/details')
  details() {
    return secret('details');
  }

  @All('versioned')
  @Version('1')
  @AllowHttp()
  first() {
    return { healthy: true };
  }

  @All('versioned')
  @Version('2')
  second() {
    return secret('second');
  }

  @All('probes/live')
  @AllowHttp()
  live() {
    return { healthy: true };
  }

  @All('probes/:name')
  probe() {
    return secret('probe');
  }

  @All('checks/:name')
  @AllowHttp()
  check() {
    return { healthy: true };
  }

  @All('checks/:name/log')
  log() {
    return secret('log');
  }

  @All('checks/keys')
  keys() {
    return secret('keys');
  }

  @All('wild/*')
  @AllowHttp()
  wild() {
    return { healthy: true };
  }

  @All('wild/vault')
  vault() {
    return secret('vault');
  }

  @All(':anything')
  anything() {
    return secret('anything');
  }
}

const TARGETS = [
  '/health',
  '/HEALTH',
  '/Health/',
  '/health/',
  '/%68ealth',
  '/health%20',
  '/health.',
  '/health;x',
  '/health/details',
  '/health/%64etails',
  '/account',
  '/account?/health',
  '/account/../health',
  '/health/../account',
  '/health/%2e%2e/account',
  '/health%2f..%2faccount',
  '/health;/../account',
  '//account',
  'http://bank.example/account',
  'http://bank.example/health/details',
  'https://bank.example/account',
  '/versioned',
  '/VERSIONED',
  '/versioned/',
  '/probes/live',
  '/probes/LIVE',
  '/probes/live/',
  '/probes/%6cive',
  '/probes/other',
  '/PROBES/live',
  '/checks/one',
  '/checks/keys',
  '/checks/KEYS',
  '/checks/%6beys',
  '/checks/one/log',
  '/checks/one/LOG',
  '/checks/log/log',
  '/wild/one',
  '/wild/vault',
  '/wild/VAULT',
  '/wild/%76ault',
  '/other',
];

const configure = (app: INestApplication) =>
  void app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' });

for (const [mode, https] of [
  ['rejects', { mode: 'reject' }],
  ['redirects', { mode: 'redirect' }],
] as const) {
  for (const [setting, router] of [
    ['', undefined],
    [
      ', under a lenient router',
      { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true, useSemicolonDelimiter: true },
    ],
  ] as const) {
    const security = { https, hosts: ['bank.example'] };
    const subject = { security, controllers: [Routes], configure, router };
    attackEdge(`A route that takes plain HTTP, where the rest ${mode}${setting},`, subject, (victim) => {
      beforeEach(() => {
        secrets.length = 0;
      });

      it.each(TARGETS)('opens no other by way of %s', async (target) => {
        for (const version of /versioned/i.test(target) ? ['1', '2', '3'] : ['1']) {
          for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS']) {
            const headers = [
              ['X-Version', version],
              ['X-Forwarded-Proto', 'https'],
            ] as const;
            const { text } = await victim.call(target, { method, headers });
            expect(text).not.toContain('secret');
          }
        }
        expect(secrets).toEqual([]);
      });

      it('opens no other to a preflight that names its method', async () => {
        for (const target of ['/account', '/health/details', '/probes/other']) {
          const headers = [
            ['Origin', 'https://app.bank.example'],
            ['Access-Control-Request-Method', 'GET'],
          ] as const;
          const { status } = await victim.call(target, { method: 'OPTIONS', headers });
          expect([308, 403]).toContain(status);
        }
        expect(secrets).toEqual([]);
      });

      it.each(['/health', '/probes/live', '/checks/one', '/wild/one'])('while %s answers', async (target) => {
        expect((await victim.call(target)).body).toEqual({ healthy: true });
      });
    });
  }
}
