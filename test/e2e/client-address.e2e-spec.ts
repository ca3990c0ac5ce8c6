import { Controller, Get } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { ClientIp, Public, SecurityModule, type ProxyOptions } from '@palisade/nest';
import { ADAPTERS } from '../support/application.js';
import { securityWith } from '../support/security.js';
import { signingKey } from '../support/tokens.js';
import { createWithFactory, listen, send, startEdge } from './edge.harness.js';

@Controller()
class Routes {
  @Get('address')
  @Public()
  address(@ClientIp() address: string) {
    return { address };
  }

  @Get('mine')
  mine() {
    return {};
  }
}

type Case = [string, ProxyOptions | undefined, Record<string, string>, string];

describe.each(ADAPTERS)('The address of the client on %s', (adapter) => {
  it.each<Case>([
    [
      'is that of the peer where nobody is trusted',
      undefined,
      { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1', 'x-real-ip': '192.0.2.1' },
      '127.0.0.1',
    ],
    ['is what the one proxy tells', { trust: 1 }, { 'x-forwarded-for': '192.0.2.1' }, '192.0.2.1'],
    [
      'is not what the client wrote before it',
      { trust: 1 },
      { 'x-forwarded-for': '203.0.113.9, 192.0.2.1' },
      '192.0.2.1',
    ],
    [
      'is behind as many proxies as there are',
      { trust: 2 },
      { 'x-forwarded-for': '203.0.113.9, 192.0.2.1, 10.0.0.1' },
      '192.0.2.1',
    ],
    [
      'is behind all ranges of proxies',
      { trust: ['loopback', '10.0.0.0/8'] },
      { 'x-forwarded-for': '192.0.2.1, 10.1.1.1, 10.2.2.2' },
      '192.0.2.1',
    ],
    [
      'is that of the peer where other proxies are trusted',
      { trust: ['10.0.0.0/8'] },
      { 'x-forwarded-for': '192.0.2.1' },
      '127.0.0.1',
    ],
    ['is the last that can be read', { trust: 3 }, { 'x-forwarded-for': '192.0.2.1, garbage, 10.0.0.1' }, '10.0.0.1'],
    [
      'is an IPv4 one where it comes mapped into IPv6',
      { trust: 1 },
      { 'x-forwarded-for': '::ffff:192.0.2.1' },
      '192.0.2.1',
    ],
    ['comes without its port', { trust: 1 }, { 'x-forwarded-for': '[2001:DB8::1]:4711' }, '2001:db8::1'],
    [
      'is in the field of RFC 7239 by option',
      { trust: 1, headers: 'forwarded' },
      { forwarded: 'for="[2001:db8::1]:80";proto=https' },
      '2001:db8::1',
    ],
    [
      'is not in the fields of the other family',
      { trust: 1, headers: 'forwarded' },
      { 'x-forwarded-for': '192.0.2.1' },
      '127.0.0.1',
    ],
    ['is not in the other field either', { trust: 1 }, { forwarded: 'for=192.0.2.1' }, '127.0.0.1'],
  ])('%s', async (_, proxy, headers, expected) => {
    const edge = await startEdge(adapter, { proxy }, [Routes]);
    expect((await edge.send('/address', { headers })).body['address']).toBe(expected);
    await edge.close();
  });

  it('is the same in events, of the edge and of the guard', async () => {
    const edge = await startEdge(adapter, securityWith(signingKey('ES256'), { proxy: { trust: 1 } }), [Routes]);
    const headers = { 'x-forwarded-for': '192.0.2.77' };
    await edge.send('/mine', { headers });
    await edge.send('/a//b', { headers });
    expect(edge.takeDenials()).toEqual([
      expect.objectContaining({ reason: 'credentials_missing', address: '192.0.2.77', route: 'Routes.mine' }),
      expect.objectContaining({ reason: 'target_not_normalized', address: '192.0.2.77', route: undefined }),
    ]);
    await edge.close();
  });

  it('is found under NestFactory.create as well', async () => {
    const app = await createWithFactory(adapter, {
      imports: [SecurityModule.forRoot({ proxy: { trust: 1 } })],
      controllers: [Routes],
    });
    const port = await listen(app);
    const answer = await send(port, '/address', { headers: { 'x-forwarded-for': '192.0.2.1' } });
    expect(answer.body['address']).toBe('192.0.2.1');
    await app.close();
  });
});
