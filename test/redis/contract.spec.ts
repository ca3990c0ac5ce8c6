import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Charge, Standing, StoredLimit } from '@palisade/nest';
import { RedisRateLimitStore } from '@palisade/nest/redis';
import { CLIENTS, type Connection } from './clients.js';
import { redisDeployments } from './deployments.js';
import { ALGORITHMS, chargeOf, limitOf, newcomer, THIRTY_DAYS } from './limits.js';
import { until, withRedis } from './redis-server.js';

async function one(standings: readonly Standing[] | Promise<readonly Standing[]>): Promise<Standing> {
  const [standing] = await standings;
  return standing as Standing;
}

/** Longer than any test. */
const HOUR = 3_600_000;

/** How often something is tried that has to be over before a short while is. */
const ATTEMPTS = 100;

/**
 * Returns what came of the first attempt that took less than so many milliseconds from the one answer to the other, by the
 * clock of the server: a machine that is busy may need several.
 */
async function inLessThan<T extends readonly [Standing, Standing]>(
  longest: number,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let i = 0; i < ATTEMPTS; i++) {
    const answers = await attempt();
    if (answers[1].takenAt - answers[0].takenAt < longest) return answers;
  }
  throw new Error(`No attempt in ${ATTEMPTS} took less than ${longest} ms`);
}

withRedis('the store in Redis', () => {
  const deployment = redisDeployments();

  describe.each(CLIENTS)('over $name', ({ topology, connect }) => {
    let connection: Connection;
    // Every answer is that of the server.
    let store: RedisRateLimitStore;

    beforeAll(async () => {
      connection = await connect(deployment(topology).ports);
      store = new RedisRateLimitStore(connection.client, { denials: 0 });
    });
    afterAll(() => connection.close());

    const consume = (limit: StoredLimit, partition: string, cost = 1) =>
      one(store.consume([chargeOf(limit, partition, cost)]));
    const peek = (limit: StoredLimit, partition: string, cost = 1) =>
      one(store.peek([chargeOf(limit, partition, cost)]));

    describe.each(ALGORITHMS)('a %s', (algorithm) => {
      it('allows the quota, and then no more', async () => {
        const [limit, who] = [limitOf(algorithm, 3), newcomer()];
        const answers: Standing[] = [];
        for (let request = 0; request < 5; request++) answers.push(await consume(limit, who));
        expect(answers.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
          [true, 2],
          [true, 1],
          [true, 0],
          [false, 0],
          [false, 0],
        ]);
      });

      it('counts by the cost, and leaves what does not fit', async () => {
        const [limit, who] = [limitOf(algorithm, 10), newcomer()];
        expect(await consume(limit, who, 7)).toMatchObject({ allowed: true, remaining: 3, retryAfter: 0 });
        expect(await consume(limit, who, 4)).toMatchObject({ allowed: false, remaining: 3 });
        expect(await consume(limit, who, 3)).toMatchObject({ allowed: true, remaining: 0 });
      });

      it('counts each partition and each limit for itself', async () => {
        const [limit, who] = [limitOf(algorithm, 1), newcomer()];
        await consume(limit, who);
        expect(await consume(limit, newcomer())).toMatchObject({ allowed: true });
        expect(await consume({ ...limit, id: 'other' }, who)).toMatchObject({ allowed: true });
        expect(await consume(limit, who)).toMatchObject({ allowed: false });
      });

      it('says by the clock of the server when it was taken, and when all is there again', async () => {
        const before = Date.now();
        const standing = await consume(limitOf(algorithm, 1), newcomer());
        expect(standing.takenAt).toBeGreaterThanOrEqual(before - 2);
        expect(standing.takenAt).toBeLessThanOrEqual(Date.now() + 2);
        expect(standing.resetAfter).toBeGreaterThan(0);
        expect(standing.resetAfter).toBeLessThanOrEqual(2 * THIRTY_DAYS);
      });

      it('gives back in time, and says when', async () => {
        const limit = limitOf(algorithm, 2, { window: 400 });
        let who = '';
        const [, { retryAfter }] = await inLessThan(limit.window / 4, async () => {
          who = newcomer();
          return [await consume(limit, who, 2), await consume(limit, who, 2)];
        });
        expect(retryAfter).toBeGreaterThan(0);
        expect(retryAfter).toBeLessThanOrEqual(2 * limit.window);
        await until('the window is over', async () => (await peek(limit, who, 2)).allowed);
        expect(await consume(limit, who, 2)).toMatchObject({ allowed: true, remaining: 0 });
      });

      it('never allows more than there ever is', async () => {
        const [limit, who] = [limitOf(algorithm, 5), newcomer()];
        expect(await consume(limit, who, 6)).toMatchObject({ allowed: false, remaining: 5, retryAfter: Infinity });
        const nothing = limitOf(algorithm, 0, { burst: 1 });
        for (const cost of [0, 1]) {
          const standing = await consume(nothing, who, cost);
          expect(standing).toMatchObject({ allowed: false, remaining: 0, resetAfter: 0, retryAfter: Infinity });
        }
      });

      it('takes nothing for a cost of 0', async () => {
        const [limit, who] = [limitOf(algorithm, 1), newcomer()];
        expect(await consume(limit, who, 0)).toMatchObject({ allowed: true, remaining: 1, resetAfter: 0 });
        await consume(limit, who);
        expect(await consume(limit, who, 0)).toMatchObject({ allowed: true, remaining: 0 });
      });

      it('answers to a peek what it would to a consumption, and takes nothing', async () => {
        const [limit, who] = [limitOf(algorithm, 2), newcomer()];
        const peeked = await peek(limit, who);
        expect(peeked).toMatchObject({ allowed: true, remaining: 1 });
        expect(await peek(limit, who)).toMatchObject({ allowed: true, remaining: 1 });
        const consumed = await consume(limit, who);
        expect({ ...consumed, resetAfter: 0, takenAt: 0 }).toEqual({ ...peeked, resetAfter: 0, takenAt: 0 });
        await consume(limit, who);
        expect(await peek(limit, who)).toMatchObject({ allowed: false, remaining: 0 });
      });

      it('blocks whoever asks for more, even for nothing, and then starts anew', async () => {
        const limit = limitOf(algorithm, 1, { block: 250 });
        let who = '';
        const [, blocked] = await inLessThan(limit.block, async () => {
          who = newcomer();
          await consume(limit, who);
          expect(await peek(limit, who)).toMatchObject({ allowed: false, remaining: 0, resetAfter: 250 });
          const begun = await consume(limit, who);
          expect(begun).toMatchObject({ allowed: false, resetAfter: 250, retryAfter: 250 });
          return [begun, await consume(limit, who, 0)];
        });
        expect(blocked).toMatchObject({ allowed: false, remaining: 0 });
        expect(blocked.retryAfter).toBeLessThanOrEqual(250);
        await until('the block is over', async () => (await peek(limit, who)).allowed);
        expect(await consume(limit, who)).toMatchObject({ allowed: true, remaining: 0 });
      });

      it('does not lengthen a block, and a peek does not begin one', async () => {
        const [limit, who] = [limitOf(algorithm, 1, { block: HOUR }), newcomer()];
        await consume(limit, who);
        await peek(limit, who);
        expect(await consume(limit, who, 0)).toMatchObject({ allowed: true });
        const { takenAt } = await consume(limit, who);
        const again = await consume(limit, who);
        expect(again.takenAt + again.retryAfter).toBe(takenAt + HOUR);
      });

      it('gives back what was taken, and no more than is missing', async () => {
        const [limit, who] = [limitOf(algorithm, 3), newcomer()];
        const { takenAt } = await consume(limit, who, 2);
        await store.refund([{ ...chargeOf(limit, who, 1), takenAt }]);
        expect(await peek(limit, who, 0)).toMatchObject({ remaining: 2 });
        await store.refund([{ ...chargeOf(limit, who, 3), takenAt }]);
        expect(await peek(limit, who, 0)).toMatchObject({ remaining: 3, resetAfter: 0 });
      });

      it('gives nothing back to somebody who is blocked', async () => {
        const [limit, who] = [limitOf(algorithm, 1, { block: HOUR }), newcomer()];
        const { takenAt } = await consume(limit, who);
        await consume(limit, who);
        await store.refund([{ ...chargeOf(limit, who), takenAt }]);
        expect(await consume(limit, who)).toMatchObject({ allowed: false });
      });

      it('forgets at a reset what was counted, blocks included', async () => {
        const [limit, who] = [limitOf(algorithm, 1, { block: HOUR }), newcomer()];
        await consume(limit, who);
        await consume(limit, who);
        await store.reset([{ limit, partition: who }]);
        expect(await consume(limit, who)).toMatchObject({ allowed: true });
      });

      it('keeps no key longer than it counts', async () => {
        const { masters } = deployment(topology);
        const endings = async (who: string) => {
          const ofNodes = masters.map(async (node) => {
            const keys = (await node.command('keys', `*${who}*`)) as string[];
            return Promise.all(keys.map((key) => node.command('pttl', key)));
          });
          return (await Promise.all(ofNodes)).flat().map(Number);
        };
        const [long, short] = [newcomer(), newcomer()];
        const { resetAfter } = await consume(limitOf(algorithm, 1), long);
        const [ending, ...others] = await endings(long);
        expect(others).toEqual([]);
        expect(ending).toBeGreaterThan(0);
        // A bucket is read for as long as its last window once more.
        expect(ending).toBeLessThanOrEqual(resetAfter + THIRTY_DAYS);
        await consume(limitOf(algorithm, 1, { window: 100 }), short);
        await until('the key is gone', async () => (await endings(short)).length === 0);
      });
    });

    it('gives back to a fixed window only what was taken in it', async () => {
      const [limit, who] = [limitOf('fixed-window', 2, { window: 100 }), newcomer()];
      const { takenAt } = await consume(limit, who);
      await until('the window is over', async () => (await peek(limit, who, 0)).remaining === 2);
      await consume({ ...limit, window: THIRTY_DAYS }, who);
      await store.refund([{ ...chargeOf({ ...limit, window: THIRTY_DAYS }, who), takenAt }]);
      expect(await peek({ ...limit, window: THIRTY_DAYS }, who, 0)).toMatchObject({ remaining: 1 });
    });

    it('lets as much through at once as the burst, and then at the rate of the quota', async () => {
      const [limit, who] = [limitOf('token-bucket', 10, { burst: 2 }), newcomer()];
      expect(await consume(limit, who, 2)).toMatchObject({ allowed: true, resetAfter: (2 * THIRTY_DAYS) / 10 });
      const { allowed, retryAfter } = await consume(limit, who);
      expect(allowed).toBe(false);
      expect(retryAfter).toBeGreaterThan(THIRTY_DAYS / 10 - 10_000);
      expect(retryAfter).toBeLessThanOrEqual(THIRTY_DAYS / 10);
    });

    it('loses no unit of a rate of a thousand million in a millisecond', async () => {
      const [limit, who] = [limitOf('token-bucket', 1e9, { window: 3_600_000, burst: 1e9 }), newcomer()];
      expect(await consume(limit, who, 1e9 - 1)).toMatchObject({ allowed: true, remaining: 1 });
      expect(await consume(limit, who, 1e9)).toMatchObject({ allowed: false });
    });

    describe('with several charges', () => {
      const many = (who: readonly string[]): Charge[] => [
        chargeOf(limitOf('token-bucket', 5, { id: 'a' }), who[0] as string),
        chargeOf(limitOf('sliding-window', 2, { id: 'b' }), who[1] as string),
        chargeOf(limitOf('fixed-window', 9, { id: 'c' }), who[2] as string),
      ];
      const same = () => {
        const who = newcomer();
        return [who, who, who];
      };
      const different = () => [newcomer(), newcomer(), newcomer()];

      it.each([
        ['one partition', same],
        ['several partitions', different],
      ])('of %s takes all or none, in their order', async (_, partitions) => {
        const charges = many(partitions());
        const answers = [
          await store.consume(charges),
          await store.consume(charges),
          await store.consume(charges),
          await store.peek(charges),
        ];
        expect(answers.map((standings) => standings.map(({ allowed, remaining }) => [allowed, remaining]))).toEqual([
          [
            [true, 4],
            [true, 1],
            [true, 8],
          ],
          [
            [true, 3],
            [true, 0],
            [true, 7],
          ],
          [
            [true, 3],
            [false, 0],
            [true, 7],
          ],
          [
            [true, 3],
            [false, 0],
            [true, 7],
          ],
        ]);
      });

      it('blocks only whoever asked for more of the limit', async () => {
        const who = newcomer();
        const blocking = [
          chargeOf(limitOf('fixed-window', 1, { id: 'a', block: HOUR }), who),
          chargeOf(limitOf('fixed-window', 9, { id: 'b', block: HOUR }), who),
        ];
        await store.consume(blocking);
        const denied = await store.consume(blocking);
        expect(denied.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
          [false, 0],
          [true, 8],
        ]);
      });

      it('gives back and forgets many at once', async () => {
        const charges = many(different());
        const standings = await store.consume(charges);
        await store.refund(charges.map((charge, index) => ({ ...charge, takenAt: standings[index]?.takenAt ?? 0 })));
        expect((await store.peek(charges)).map(({ remaining }) => remaining)).toEqual([4, 1, 8]);
        await store.consume(charges);
        await store.reset(charges);
        expect((await store.peek(charges)).map(({ remaining }) => remaining)).toEqual([4, 1, 8]);
      });

      it('answers nothing for none', async () => {
        expect(await store.consume([])).toEqual([]);
        expect(await store.peek([])).toEqual([]);
        await store.refund([]);
        await store.reset([]);
      });
    });

    it.each([
      ['braces', 'a}:b{c', 'a}:b'],
      ['colons', 'a:f:api', 'a'],
      ['nothing', '', ' '],
      ['what is long', 'x'.repeat(256), 'x'.repeat(255)],
      ['lone surrogates', '\ud800', '\ud801'],
      ['other writing', 'München', 'Munchen'],
      ['zero bytes', 'a\0b', 'a'],
    ])('tells partitions with %s apart', async (_, first, second) => {
      const limit = limitOf('fixed-window', 1, { id: newcomer() });
      expect(await consume(limit, first)).toMatchObject({ allowed: true });
      expect(await consume(limit, second)).toMatchObject({ allowed: true });
      expect(await consume(limit, first)).toMatchObject({ allowed: false });
    });

    it('asks one server once for several partitions, and the nodes of a cluster once for each', async () => {
      const nodes = deployment(topology).masters;
      const charges = Array.from({ length: 3 }, () => chargeOf(limitOf('sliding-window', 5), newcomer()));
      await store.consume(charges);
      for (const node of nodes) await node.command('config', 'resetstat');
      await store.consume(charges);
      const stats = await Promise.all(nodes.map((node) => node.command('info', 'commandstats')));
      const calls = stats.map((text) => Number(/cmdstat_evalsha:calls=(\d+)/.exec(String(text))?.[1] ?? 0));
      expect(calls.reduce((sum, count) => sum + count)).toBe(topology === 'cluster' ? 3 : 1);
    });

    it('works on after the server has forgotten the script', async () => {
      const [limit, who] = [limitOf('fixed-window', 2), newcomer()];
      await consume(limit, who);
      for (const node of deployment(topology).masters) await node.command('script', 'flush');
      expect(await consume(limit, who)).toMatchObject({ allowed: true, remaining: 0 });
      expect(await consume(limit, who)).toMatchObject({ allowed: false });
    });

    it("counts hits as @nestjs/throttler's storages do", async () => {
      const hit = (key: string) => store.increment(key, 60_000, 2, 30_000, 'default');
      const key = newcomer();
      expect(await hit(key)).toEqual({ totalHits: 1, timeToExpire: 60, isBlocked: false, timeToBlockExpire: 0 });
      expect(await hit(key)).toMatchObject({ totalHits: 2, isBlocked: false });
      expect(await hit(key)).toMatchObject({ totalHits: 3, isBlocked: true, timeToBlockExpire: 30 });
    });
  });
});
