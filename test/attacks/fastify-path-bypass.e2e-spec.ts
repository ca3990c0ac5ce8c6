import { Controller, Get, Param } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Public, Roles, type SecurityOptions } from '@palisade/nest';
import { trusting } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { attackEdge } from './edge-victim.js';

const key = signingKey('ES256');

@Controller()
class Routes {
  @Get('admin/vault')
  @Roles('admin')
  vault() {
    return { vault: 'open' };
  }

  @Get('open/:name')
  @Public()
  open(@Param('name') name: string) {
    return { name };
  }
}

/**
 * CVE-2025-69211: middleware for `admin` did not see `/%61dmin`, which the router decodes. CVE-2026-2293: nor what the
 * router makes of the path under ignoreDuplicateSlashes, ignoreTrailingSlash, useSemicolonDelimiter.
 */
const VARIANTS = [
  '/admin/vault',
  '/%61dmin/vault',
  '/%61%64%6d%69%6e/vault',
  '/admin/%76ault',
  '/%61dmin/%76ault',
  '/%2561dmin/vault',
  '/admin%2fvault',
  '/admin%2Fvault',
  '/admin%5cvault',
  '/admin\\vault',
  '//admin/vault',
  '///admin///vault',
  '/admin//vault',
  '//%61dmin//vault//',
  '/admin/vault/',
  '/admin/vault//',
  '/admin/vault;',
  '/admin/vault;x=1',
  '/admin/vault;/x',
  '/admin;x/vault',
  '/;/admin/vault',
  '/admin/vault%3b',
  '/admin/vault%3bx=1',
  '/admin/vault%3Fx',
  '/admin/vault?x',
  '/admin/vault;?x',
  '/admin/vault#x',
  '/admin/vault%23x',
  '/admin/vault%20',
  '/admin/vault%09',
  '/admin/vault%00',
  '/admin/vault.',
  '/admin/./vault',
  '/admin/../admin/vault',
  '/open/../admin/vault',
  '/open/%2e%2e/admin/vault',
  '/open/..;/admin/vault',
  '/open/..%2fadmin/vault',
  '/ADMIN/VAULT',
  '/Admin/Vault/',
  '/%41DMIN/vault',
  'http://bank.example/admin/vault',
  'http://bank.example/%61dmin/vault',
  'http://bank.example//admin/vault',
  'http://bank.example/admin/vault;x',
  'HTTP://bank.example/admin/vault',
  'http://bank.example:80/admin/vault',
  'https://bank.example/admin/vault',
  'http://bank.example?/admin/vault',
  'http://bank.example;/admin/vault',
  'bank.example/admin/vault',
  'admin/vault',
  '*/admin/vault',
  '?/admin/vault',
  '/?/admin/vault',
];

const SETTINGS: readonly (readonly [string, Readonly<Record<string, boolean>> | undefined])[] = [
  ['', undefined],
  [
    ' with every lenience of its router',
    { ignoreDuplicateSlashes: true, ignoreTrailingSlash: true, useSemicolonDelimiter: true, caseSensitive: false },
  ],
];

const FIREWALLS: readonly (readonly [string, SecurityOptions['firewall']])[] = [
  ['behind the firewall', {}],
  [
    'behind a firewall that lets every form through',
    {
      dangerouslyAllow: [
        'semicolon',
        'doubleSlash',
        'encodedSlash',
        'encodedPeriod',
        'encodedPercent',
        'backslash',
        'encodedNull',
      ],
    },
  ],
  ['without a firewall', false],
];

const security: SecurityOptions = {
  hosts: ['bank.example'],
  authentication: { jwt: trusting(key) },
  authorization: { roles: ['admin', 'customer'] },
};

for (const [setting, router] of SETTINGS) {
  for (const [wall, firewall] of FIREWALLS) {
    const subject = { security: { ...security, firewall }, controllers: [Routes], router };
    attackEdge(`A path that middleware reads otherwise than the router${setting}, ${wall},`, subject, (victim) => {
      const statusOf = async (method: string, target: string, roles?: string[]) => {
        const tokens = new TokenIssuer(key, { seconds: Math.floor(Date.now() / 1000) });
        const headers = roles === undefined ? [] : [['Authorization', `Bearer ${tokens.issue({ roles })}`] as const];
        const answer = await victim.call(target, { method, headers });
        // To what Node's parser cannot read there is no request, and no edge: Node answers, or Fastify in its place.
        if (answer.text !== '' && !answer.text.includes('"Client Error"')) {
          expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
        }
        const isPublic = answer.status === 200 && (method === 'HEAD' || 'name' in answer.body);
        return { status: isPublic ? 404 : answer.status, opened: answer.text.includes('vault":"open') };
      };

      it.each(VARIANTS)('(%s) opens nothing to anybody, and passes the edge', async (target) => {
        for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
          const anonymous = await statusOf(method, target);
          expect(anonymous).toEqual({ status: expect.any(Number), opened: false });
          expect(anonymous.status).toBeLessThan(500);
          expect([400, 401, 404, 405]).toContain(anonymous.status);
          const customer = await statusOf(method, target, ['customer']);
          expect([400, 403, 404, 405]).toContain(customer.status);
          expect(customer.opened).toBe(false);
        }
      });

      it('while the path itself opens to whom it is meant for', async () => {
        expect(await statusOf('GET', '/admin/vault', ['admin'])).toEqual({ status: 200, opened: true });
      });
    });
  }
}
