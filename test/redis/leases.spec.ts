import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SecurityConfigurationError, type Lease, type LeaseClaim, type LeasedLimit } from '@palisade/nest';
import { RedisLeaseStore } from '@palisade/nest/redis';
import { CLIENTS, connectIoredis, type Connection } from './clients.js';
import { redisDeployments } from './deployments.js';
import { newcomer } from './limits.js';
import { until, withRedis, type RedisServer } from './redis-server.js';

const exports: LeasedLimit = { id: 'exports', max: 2 };
const all: LeasedLimit = { id: 'all', max: 3 };
let leases = 0;

const lease = (...claims: LeaseClaim[]): Lease => ({ id: `test.${leases++}`, claims });
const claim = (limit: LeasedLimit, partition: string): LeaseClaim => ({ limit, partition });

withRedis('the store of leases in Redis', () => {
  const deployment = redisDeployments();

  describe.each(CLIENTS)('over $name', ({ topology, connect }) => {
    let connection: Connection;
    let store: RedisLeaseStore;

    beforeAll(async () => {
      connection = await connect(deployment(topology).ports);
      store = new RedisLeaseStore(connection.client);
    });
    afterAll(() => connection.close());

    it('has as many places as there are, for each partition of each limit', async () => {
      const who = newcomer();
      const first = lease(claim(exports, who));
      expect(await store.acquire(first)).toBeUndefined();
      expect(await store.acquire(lease(claim(exports, who)))).toBeUndefined();
      expect(await store.acquire(lease(claim(exports, who)))).toEqual(claim(exports, who));
      expect(await store.acquire(lease(claim(exports, newcomer())))).toBeUndefined();
      expect(await store.acquire(lease(claim(all, who)))).toBeUndefined();
      await store.release(first);
      await store.release(first);
      expect(await store.acquire(lease(claim(exports, who)))).toBeUndefined();
      expect(await store.acquire(lease(claim(exports, who)))).toEqual(claim(exports, who));
    });

    it('takes nothing of the others where one has no place, of the same partition and of another', async () => {
      const [who, other] = [newcomer(), newcomer()];
      for (let i = 0; i < exports.max; i++) await store.acquire(lease(claim(exports, who)));
      for (const partition of [who, other]) {
        for (let i = 0; i < 5; i++) {
          const refused = await store.acquire(lease(claim(all, partition), claim(exports, who)));
          expect(refused).toEqual(claim(exports, who));
        }
        for (let i = 0; i < all.max; i++) expect(await store.acquire(lease(claim(all, partition)))).toBeUndefined();
      }
    });

    it('lets no more through that come at once', async () => {
      const who = newcomer();
      const answers = await Promise.all(Array.from({ length: 200 }, () => store.acquire(lease(claim(all, who)))));
      expect(answers.filter((refused) => refused === undefined)).toHaveLength(all.max);
    });

    it('frees the places of whoever does not renew them, and only these', async () => {
      const short = new RedisLeaseStore(connection.client, { ttl: 3000 });
      const who = newcomer();
      const [crashed, renewed] = [lease(claim(exports, who)), lease(claim(exports, who))];
      await short.acquire(crashed);
      await short.acquire(renewed);
      const next = lease(claim(exports, who));
      await until('a place is free', async () => {
        await short.renew([renewed]);
        return (await short.acquire(next)) === undefined;
      });
      expect(await short.acquire(lease(claim(exports, who)))).toEqual(claim(exports, who));
    });

    it('takes a lease again that has ended, when it is renewed', async () => {
      const who = newcomer();
      const long = lease(claim(exports, who));
      await store.renew([long]);
      expect(await store.acquire(lease(claim(exports, who)))).toBeUndefined();
      expect(await store.acquire(lease(claim(exports, who)))).toEqual(claim(exports, who));
    });
  });

  it('leaves no key behind', async () => {
    const { ports, masters } = deployment('single');
    const [server] = masters as [RedisServer];
    const connection = await connectIoredis(ports[0] as number);
    await server.command('FLUSHALL');
    const store = new RedisLeaseStore(connection.client);
    const taken = Array.from({ length: 50 }, () => lease(claim(exports, newcomer()), claim(all, newcomer())));
    for (const one of taken) await store.acquire(one);
    expect(await server.command('DBSIZE')).toBe(100);
    await Promise.all(taken.map((one) => store.release(one)));
    expect(await server.command('DBSIZE')).toBe(0);
    connection.close();
  });

  it('takes no other answer for a place', async () => {
    for (const answer of [null, [], [0], 'OK', '', -1, 2, 0.5, {}]) {
      const client = { evalsha: async () => answer, eval: async () => answer };
      const store = new RedisLeaseStore(client);
      await expect(store.acquire(lease(claim(exports, 'alice')))).rejects.toThrow('did not answer');
    }
  });

  it.each([{ ttl: 999 }, { ttl: Number.NaN }, { prefix: '{}' }, { ttls: 5000 }])('refuses %j', (options) => {
    const client = { evalsha: async () => 0, eval: async () => 0 };
    expect(() => new RedisLeaseStore(client, options)).toThrow(SecurityConfigurationError);
  });
});
