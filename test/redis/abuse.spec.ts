import { Body, Controller, Get, HttpCode, Post, Req, UnauthorizedException } from '@nestjs/common';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Bans, Lockout, Public, type HttpRequest } from '@palisade/nest';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import { Redis } from 'ioredis';
import { startEdge, type EdgeApplication } from '../e2e/edge.harness.js';
import { redisServer, withRedis } from './redis-server.js';

@Controller()
@Public()
class Routes {
  constructor(private readonly lockout: Lockout) {}

  @Get()
  home() {
    return {};
  }

  @Post('login')
  @HttpCode(200)
  async login(@Body() { name, password }: { name: string; password: string }, @Req() request: HttpRequest) {
    const user = await this.lockout.attempt(name, request, () => (password === 'right' ? name : undefined));
    if (user === undefined) throw new UnauthorizedException();
    return {};
  }
}

/** Seconds for which an application does not ask again about an address. */
const REFRESH = 5;

withRedis('two applications with one Redis', () => {
  const server = redisServer();
  let clients: readonly Redis[];
  let apps: readonly [EdgeApplication, EdgeApplication];

  beforeAll(async () => {
    clients = [0, 1].map(() => new Redis(server().port, '127.0.0.1', { maxRetriesPerRequest: 1 }));
    const [one, other] = await Promise.all(
      clients.map((client) =>
        startEdge(
          'express',
          {
            proxy: { trust: 1 },
            // A busy machine must not make a difference.
            rateLimit: { store: new RedisRateLimitStore(client), storeTimeout: 10_000 },
            bans: { refresh: REFRESH * 1000, honeypots: ['/.env'] },
          },
          [Routes],
        ),
      ),
    );
    apps = [one as EdgeApplication, other as EdgeApplication];
  });

  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    for (const client of clients) client.disconnect();
  });

  const from = (address: string) => ({ 'x-forwarded-for': address });
  const visit = async (app: EdgeApplication, address: string) =>
    (await app.send('/', { headers: from(address) })).status;
  const login = async (app: EdgeApplication, name: string, password: string, address: string) =>
    (await app.send('/login', { body: { name, password }, headers: from(address) })).status;

  it('share bans, and what lifts them', async () => {
    const [one, other] = apps;
    expect(await visit(other, '192.0.2.1')).toBe(200);
    await one.app.get(Bans).ban('192.0.2.1', { duration: '1 hour' });
    expect(await visit(one, '192.0.2.1')).toBe(403);
    other.clock.advance(REFRESH);
    expect(await visit(other, '192.0.2.1')).toBe(403);
    expect(await visit(other, '192.0.2.2')).toBe(200);
    await other.app.get(Bans).unban('192.0.2.1');
    expect(await visit(other, '192.0.2.1')).toBe(200);
    one.clock.advance(REFRESH);
    expect(await visit(one, '192.0.2.1')).toBe(200);
  });

  it('ban again whom one of them has banned and the other let go', async () => {
    const [one, other] = apps;
    const trapped = async () => (await one.send('/.env', { headers: from('192.0.2.9') })).body['code'];
    expect([await trapped(), await trapped()]).toEqual(['request_banned', 'address_banned']);
    await other.app.get(Bans).unban('192.0.2.9');
    one.clock.advance(REFRESH);
    expect([await trapped(), await trapped()]).toEqual(['request_banned', 'address_banned']);
    one.clock.advance(REFRESH);
    expect(await visit(one, '192.0.2.9')).toBe(403);
  });

  it('lock out together, and let in again', async () => {
    const [one, other] = apps;
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) {
      statuses.push(await login(apps[i % 2] as EdgeApplication, 'alice', 'wrong', '192.0.2.3'));
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    for (const app of apps) expect(await login(app, 'alice', 'right', '192.0.2.3')).toBe(429);
    await one.app.get(Lockout).unlock('alice');
    expect(await login(other, 'alice', 'right', '192.0.2.3')).toBe(200);
  });

  it('let no more guesses through that come to both at the same time', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 40 }, (_, i) => login(apps[i % 2] as EdgeApplication, 'bob', 'wrong', '192.0.2.4')),
    );
    expect(statuses.filter((status) => status === 401)).toHaveLength(5);
  });
});
