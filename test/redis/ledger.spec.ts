import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RunningLedger } from '../e2e/ledger.harness.js';
import { readConfiguration } from '../../apps/sample/src/configuration.js';
import { redisServer, withRedis } from './redis-server.js';

withRedis('two Ledgers with one REDIS_URL', () => {
  const server = redisServer();
  let ledgers: readonly RunningLedger[];

  beforeAll(async () => {
    const { quotas } = readConfiguration({});
    ledgers = await Promise.all(
      (['express', 'fastify'] as const).map((adapter) =>
        RunningLedger.start(
          { ADAPTER: adapter, REDIS_URL: `redis://127.0.0.1:${server().port}`, TRUST_PROXY: '127.0.0.1' },
          { quotas },
        ),
      ),
    );
  });

  afterAll(() => Promise.all(ledgers.map((ledger) => ledger.stop())));

  const guess = (ledger: RunningLedger, address: string) =>
    ledger.post('/auth/token', {
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'x-forwarded-for': address },
      body: new URLSearchParams({ grant_type: 'password', username: 'bob', password: 'a guess' }).toString(),
    });

  it('count the guesses at one account together', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 23; i++) {
      statuses.push((await guess(ledgers[i % 2] as RunningLedger, `203.0.113.${i}`)).status);
    }
    expect(statuses.filter((status) => status === 400)).toHaveLength(20);
    expect(statuses.slice(20)).toEqual([429, 429, 429]);
  });

  it('go on where Redis is gone, each for itself', async () => {
    await server().kill();
    for (let i = 0; i < 10; i++) {
      const { status } = await (ledgers[i % 2] as RunningLedger).get('/health');
      expect(status).toBe(200);
    }
    await server().restart();
  });
});
