import { Controller, Get, Post } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { AllowHttp, Public, type HttpsOptions, type SecurityOptions } from '@palisade/nest';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { startEdge, type Answer, type EdgeApplication, type Sent } from './edge.harness.js';

@Controller()
@Public()
class Routes {
  @Get('page')
  page() {
    return { reached: true };
  }

  @Post('page')
  post() {
    return { reached: true };
  }

  @Get('health')
  @AllowHttp()
  health() {
    return { reached: true };
  }

  @Get('items/:id')
  item() {
    return { reached: true };
  }

  @Get('items/:id/probe')
  @AllowHttp()
  probe() {
    return { reached: true };
  }
}

@Controller('probes')
@Public()
@AllowHttp()
class Probes {
  @Get('live')
  live() {
    return { reached: true };
  }
}

const HOST = 'app.example.com';
const SECURE = { 'x-forwarded-proto': 'https' };

async function withEdge(
  adapter: AdapterName,
  options: SecurityOptions,
  use: (edge: EdgeApplication, ask: (path: string, sent?: Sent) => Promise<Answer>) => Promise<void>,
): Promise<void> {
  const edge = await startEdge(
    adapter,
    { hosts: [HOST, '127.0.0.1', 'old.example.com'], proxy: { trust: 1 }, ...options },
    [Routes, Probes],
  );
  try {
    await use(edge, (path, sent) => edge.send(path, { host: HOST, ...sent }));
  } finally {
    await edge.close();
  }
}

describe.each(ADAPTERS)('https on %s', (adapter) => {
  it.each<[string, SecurityOptions]>([
    ['mode reject', { https: { mode: 'reject' } }],
    ['the profile api', { https: {} }],
  ])('refuses what came without TLS with 403 (%s)', (_, options) =>
    withEdge(adapter, options, async (edge, ask) => {
      for (const path of ['/page', '/nowhere']) {
        const answer = await ask(path);
        expect([answer.status, answer.body['code']]).toEqual([403, 'https_required']);
        expect(answer.headers).not.toHaveProperty('location');
      }
      expect(edge.takeDenials()[0]).toMatchObject({ reason: 'https_required', address: '127.0.0.1', route: undefined });
      expect((await ask('/page', { headers: SECURE })).status).toBe(200);
    }),
  );

  it.each<[string, SecurityOptions, number, string]>([
    ['308 by default', { profile: 'web', https: {} }, 308, 'https://app.example.com/page?a=1&b=%20'],
    [
      'by option',
      { https: { mode: 'redirect', status: 307, port: 8443 } },
      307,
      'https://app.example.com:8443/page?a=1&b=%20',
    ],
  ])('redirects to the same path and query: %s', (_, options, status, location) =>
    withEdge(adapter, options, async (_edge, ask) => {
      for (const method of ['GET', 'POST', 'HEAD']) {
        const answer = await ask('/page?a=1&b=%20', { method });
        expect([answer.status, answer.headers.location]).toEqual([status, location]);
      }
      expect((await ask('/nowhere')).headers.location).toMatch(/\/nowhere$/);
      expect((await ask('/page', { headers: SECURE })).status).toBe(200);
    }),
  );

  it('never redirects to a host that is not listed', () =>
    withEdge(adapter, { https: { mode: 'redirect' } }, async (edge) => {
      const answer = await edge.send('/page', { host: 'evil.example' });
      expect([answer.status, answer.headers.location]).toEqual([400, undefined]);
    }));

  it.each([
    ['nobody is trusted', undefined],
    ['another proxy is trusted', { trust: ['10.0.0.0/8'] }],
  ])('does not believe X-Forwarded-Proto where %s', (_, proxy) =>
    withEdge(adapter, { https: { mode: 'reject' }, proxy }, async (_edge, ask) => {
      expect((await ask('/page', { headers: { ...SECURE, forwarded: 'proto=https' } })).status).toBe(403);
    }),
  );

  it('lets the pages of origins that are allowed read why it refused, and no others', () => {
    const options = { https: { mode: 'reject' }, cors: { origins: ['https://app.example'] } } as const;
    return withEdge(adapter, options, async (_edge, ask) => {
      for (const [origin, allowed] of [
        ['https://app.example', 'https://app.example'],
        ['https://evil.example', undefined],
      ] as const) {
        const { status, headers } = await ask('/page', { headers: { origin } });
        expect([status, headers['access-control-allow-origin'], headers.vary]).toEqual([403, allowed, 'Origin']);
      }
    });
  });

  it('lets @AllowHttp through, of a handler and of a class, and no other route', () =>
    withEdge(adapter, { https: { mode: 'reject' } }, async (_edge, ask) => {
      for (const path of ['/health', '/probes/live', '/items/1/probe', '/health?x=1'])
        expect([path, (await ask(path)).status]).toEqual([path, 200]);
      for (const path of ['/page', '/items/1', '/items/probe', '/probes', '/probes/other', '/health/x']) {
        expect([path, (await ask(path)).status]).toEqual([path, 403]);
      }
      expect((await ask('/health', { method: 'POST' })).status).toBe(403);
    }));

  it('lets everything through where it is left out', () =>
    withEdge(adapter, {}, async (_edge, ask) => {
      expect((await ask('/page')).status).toBe(200);
    }));

  it('records what it would have stopped, and leaves HSTS out meanwhile', () =>
    withEdge(adapter, { https: { enforcement: 'report' } }, async (edge, ask) => {
      expect((await ask('/page')).status).toBe(200);
      expect(edge.takeDenials()).toEqual([expect.objectContaining({ reason: 'https_required', enforced: false })]);
      expect((await ask('/page', { headers: SECURE })).headers).not.toHaveProperty('strict-transport-security');
    }));

  const YEAR = 'max-age=31536000; includeSubDomains';
  it.each<[string, HttpsOptions | false | undefined, string, Record<string, string>, string | undefined]>([
    ['a year with subdomains', undefined, HOST, SECURE, YEAR],
    ['by option', { hsts: { maxAge: 60, includeSubDomains: false } }, HOST, SECURE, 'max-age=60'],
    ['with preload', { hsts: { preload: true } }, HOST, SECURE, `${YEAR}; preload`],
    ['not without TLS', undefined, HOST, {}, undefined],
    ['not for an address', undefined, '127.0.0.1', SECURE, undefined],
    ['not for an excluded name', { hsts: { exclude: ['old.example.com'] } }, 'old.example.com', SECURE, undefined],
    ['not where it is off', { hsts: false }, HOST, SECURE, undefined],
    ['not where all of it is off', false, HOST, SECURE, undefined],
  ])('sends HSTS: %s', (_, https, host, headers, expected) =>
    withEdge(adapter, { https }, async (edge) => {
      for (const path of ['/page', '/nowhere']) {
        const answer = await edge.send(path, { host, headers });
        expect(answer.headers['strict-transport-security']).toBe(expected);
      }
    }),
  );
});
