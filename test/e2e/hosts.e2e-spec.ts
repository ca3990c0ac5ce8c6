import { Controller, Get } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Public } from '@palisade/nest';
import { ADAPTERS } from '../support/application.js';
import { HttpClient } from '../support/http-client.js';
import { startEdge, type EdgeApplication } from './edge.harness.js';

@Controller()
@Public()
class Routes {
  @Get('page')
  page() {
    return { reached: true };
  }
}

describe.each(ADAPTERS)('hosts on %s', (adapter) => {
  let edge: EdgeApplication;
  beforeAll(async () => {
    edge = await startEdge(
      adapter,
      { hosts: ['example.com', '*.apps.example.com', 'bücher.example', 'admin.example.com:8443', '[2001:db8::1]'] },
      [Routes],
    );
  });
  afterAll(() => edge.close());

  it.each([
    'example.com',
    'EXAMPLE.com',
    'example.com:8080',
    'one.apps.example.com',
    'a.b.apps.example.com',
    'xn--bcher-kva.example',
    'admin.example.com:8443',
    '[2001:db8::1]',
    '[2001:DB8:0::1]:3000',
  ])('are served: %s', async (host) => {
    expect((await edge.send('/page', { host })).body).toEqual({ reached: true });
  });

  it.each([
    ['evil.example', 'host_refused'],
    ['example.com.evil.test', 'host_refused'],
    ['notexample.com', 'host_refused'],
    ['apps.example.com', 'host_refused'],
    ['admin.example.com', 'host_refused'],
    ['admin.example.com:8444', 'host_refused'],
    ['127.0.0.1', 'host_refused'],
    ['example.com:port', 'host_malformed'],
    ['user@example.com', 'host_malformed'],
    ['example.com/', 'host_malformed'],
    ['example.com,evil.example', 'host_malformed'],
    ['', 'host_missing'],
  ])('are refused with 400 where no route is asked: %s (%s)', async (host, code) => {
    edge.takeDenials();
    for (const path of ['/page', '/nowhere']) {
      const answer = await edge.send(path, { host });
      expect([answer.status, answer.body['code']]).toEqual([400, code]);
    }
    const [denial] = edge.takeDenials();
    expect(denial).toMatchObject({ reason: code, transport: 'http', method: 'GET', address: '127.0.0.1' });
    expect(denial?.route).toBeUndefined();
    expect(denial?.enforced).toBeUndefined();
  });

  it.each([
    ['two Host lines', 'GET /page HTTP/1.1\r\nHost: example.com\r\nHost: evil.example', 'host_repeated'],
    ['no Host line in HTTP/1.0', 'GET /page HTTP/1.0', 'host_missing'],
    ['a target for another host', 'GET http://evil.example/page HTTP/1.1\r\nHost: example.com', 'host_malformed'],
  ])('are refused: %s', async (_, head, code) => {
    const answer = await new HttpClient(edge.port).raw(`${head}\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(`"code":"${code}"`);
  });

  it('are not taken from X-Forwarded-Host that nobody trusted wrote', async () => {
    const headers = { 'x-forwarded-host': 'example.com', forwarded: 'host=example.com' };
    expect((await edge.send('/page', { host: 'evil.example', headers })).status).toBe(400);
    expect(
      (await edge.send('/page', { host: 'example.com', headers: { 'x-forwarded-host': 'evil.example' } })).status,
    ).toBe(200);
  });
});

describe.each(ADAPTERS)('hosts behind a trusted proxy on %s', (adapter) => {
  it('are those that the proxy tells', async () => {
    const edge = await startEdge(adapter, { hosts: ['example.com'], proxy: { trust: ['127.0.0.1'] } }, [Routes]);
    const asked = async (forwarded: string) =>
      (await edge.send('/page', { host: 'internal', headers: { 'x-forwarded-host': forwarded } })).status;
    expect(await asked('example.com')).toBe(200);
    expect(await asked('evil.example')).toBe(400);
    await edge.close();
  });
});

describe.each(ADAPTERS)('hosts that are only recorded on %s', (adapter) => {
  it('let the request go on, and publish what would have been denied', async () => {
    const edge = await startEdge(adapter, { hosts: { allowed: ['example.com'], enforcement: 'report' } }, [Routes]);
    expect((await edge.send('/page', { host: 'evil.example' })).status).toBe(200);
    expect(edge.takeDenials()).toEqual([
      expect.objectContaining({ reason: 'host_refused', enforced: false, address: '127.0.0.1' }),
    ]);
    expect((await edge.send('/page', { host: 'example.com' })).status).toBe(200);
    expect(edge.takeDenials()).toEqual([]);
    await edge.close();
  });
});

describe.each(ADAPTERS)('Without a list of hosts on %s', (adapter) => {
  it('every well-formed one is served, and no other', async () => {
    const edge = await startEdge(adapter, {}, [Routes]);
    expect((await edge.send('/page', { host: 'anything.example' })).status).toBe(200);
    expect((await edge.send('/page', { host: 'any thing' })).status).toBe(400);
    await edge.close();
  });
});
