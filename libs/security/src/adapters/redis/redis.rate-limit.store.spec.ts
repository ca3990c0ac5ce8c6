import { describe, expect, it } from '@jest/globals';
import { SecurityConfigurationError } from '../../core/errors.js';
import type { Charge, StoredLimit } from '../../rate-limiting/rate-limit.store.port.js';
import type { IoredisClient, NodeRedisClient, NodeRedisScriptOptions } from './redis.client.js';
import type { RedisRateLimitStoreOptions } from './redis.rate-limit.options.js';
import { RedisRateLimitStore } from './redis.rate-limit.store.js';

// What the script does is tried on a real server, in test/redis/; here, what is sent and what becomes of the answers.

const NOW = 1_700_000_000_000;
const ALLOWED = [4, 9000, 0];
const DENIED = [0, 9000, 2000];

interface Sent {
  readonly command: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** Answers what is prepared for it, in order, and remembers what it was sent. */
class PreparedIoredis implements IoredisClient {
  readonly sent: Sent[] = [];

  constructor(private readonly answers: unknown[]) {}

  evalsha(sha1: string, count: number, ...rest: string[]): Promise<unknown> {
    return this.answer(`evalsha ${sha1.length}`, rest.slice(0, count), rest.slice(count));
  }

  eval(script: string, count: number, ...rest: string[]): Promise<unknown> {
    return this.answer(`eval ${script.includes('redis.call')}`, rest.slice(0, count), rest.slice(count));
  }

  private async answer(command: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
    this.sent.push({ command, keys, args });
    const answer = this.answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  }
}

class PreparedNodeRedis implements NodeRedisClient {
  readonly sent: Sent[] = [];

  constructor(private readonly answers: unknown[]) {}

  async evalSha(sha1: string, { keys, arguments: args }: NodeRedisScriptOptions): Promise<unknown> {
    this.sent.push({ command: `evalsha ${sha1.length}`, keys, args });
    const answer = this.answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  }

  async eval(script: string, { keys, arguments: args }: NodeRedisScriptOptions): Promise<unknown> {
    this.sent.push({ command: `eval ${script.includes('redis.call')}`, keys, args });
    return this.answers.shift();
  }
}

function limit(id: string, rest: Partial<StoredLimit> = {}): StoredLimit {
  return { id, algorithm: 'token-bucket', quota: 5, window: 9000, burst: 7, block: 30, ...rest };
}

function charge(partition: string, id = 'a', cost = 1): Charge {
  return { limit: limit(id), partition, cost };
}

function setUp(answers: unknown[], options?: RedisRateLimitStoreOptions) {
  const client = new PreparedIoredis(answers);
  const clock = { now: 500 };
  const store = new RedisRateLimitStore(client, options, () => clock.now);
  return { client, clock, store };
}

describe('RedisRateLimitStore', () => {
  it('asks for all charges of a partition at once', async () => {
    const { client, store } = setUp([[NOW, ...ALLOWED, ...ALLOWED]], { prefix: 'shop' });
    const charges = [charge('somebody', 'a'), { ...charge('somebody', 'b', 2), limit: limit('b', { window: 60 }) }];
    expect(await store.consume(charges)).toEqual(
      [0, 1].map(() => ({ allowed: true, remaining: 4, resetAfter: 9000, retryAfter: 0, takenAt: NOW })),
    );
    expect(client.sent).toEqual([
      {
        command: 'evalsha 40',
        keys: ['shop:{somebody}:t:a', 'shop:{somebody}:t:b'],
        args: ['consume', 't 5 9000 1 7 30 0', 't 5 60 2 7 30 0'],
      },
    ]);
  });

  it.each([
    ['ioredis', (answers: unknown[]) => new PreparedIoredis(answers)],
    ['node-redis', (answers: unknown[]) => new PreparedNodeRedis(answers)],
  ])('hands the whole script to a server that does not know it, over %s', async (_, create) => {
    const client = create([new Error('NOSCRIPT No matching script.'), [NOW, ...ALLOWED]]);
    const store = new RedisRateLimitStore(client);
    expect(await store.consume([charge('somebody')])).toMatchObject([{ allowed: true }]);
    expect(client.sent.map(({ command }) => command)).toEqual(['evalsha 40', 'eval true']);
    expect(client.sent[1]).toEqual({ ...client.sent[0], command: 'eval true' });
  });

  it.each([
    ['as text', ['1700000000000', '3', '9000', '-1']],
    ['as bytes', ['1700000000000', '3', '9000', '-1'].map((text) => Buffer.from(text))],
    ['as big integers', [1_700_000_000_000n, 3n, 9000n, -1n]],
  ])('reads numbers that come %s', async (_, answer) => {
    const { store } = setUp([answer]);
    expect(await store.consume([charge('somebody')])).toEqual([
      { allowed: false, remaining: 3, resetAfter: 9000, retryAfter: Infinity, takenAt: NOW },
    ]);
  });

  it.each([
    ['nothing', null],
    ['a word', 'OK'],
    ['too few numbers', [NOW, 4]],
    ['what is no number', [NOW, 4, 'nan', 0]],
    ['an error', new Error('LOADING Redis is loading the dataset in memory')],
  ])('fails where the server answers %s', async (_, answer) => {
    const { store } = setUp([answer]);
    await expect(store.consume([charge('somebody')])).rejects.toThrow(/did not answer what|LOADING/);
  });

  it('says no more of a limit than it has to', async () => {
    const { client, store } = setUp([[NOW, ...ALLOWED], [NOW]]);
    const plain = { ...charge('somebody'), limit: limit('a', { burst: 5, block: 0 }) };
    await store.consume([plain]);
    await store.refund([{ ...plain, takenAt: NOW }]);
    expect(client.sent.map(({ args }) => args[1])).toEqual(['t 5 9000 1', `t 5 9000 1 5 0 ${NOW}`]);
  });

  describe('with charges of several partitions', () => {
    const charges = [charge('a', 'x'), charge('b', 'x', 3), charge('a', 'y')];
    const keys = ['palisade:{a}:t:x', 'palisade:{b}:t:x', 'palisade:{a}:t:y'];

    it('asks for all of them at once', async () => {
      const { client, store } = setUp([[NOW, ...ALLOWED, ...DENIED, ...ALLOWED], [NOW], []]);
      expect((await store.consume(charges)).map(({ allowed }) => allowed)).toEqual([true, false, true]);
      await store.refund(charges.map((one) => ({ ...one, takenAt: NOW })));
      await store.reset(charges);
      expect(client.sent.map((sent) => [sent.args[0], sent.keys])).toEqual([
        ['consume', keys],
        ['refund', keys],
        ['reset', keys],
      ]);
    });

    it('asks nothing at all where there are none', async () => {
      const { client, store } = setUp([]);
      expect([await store.consume([]), await store.peek([])]).toEqual([[], []]);
      await store.refund([]);
      await store.reset([]);
      expect(client.sent).toEqual([]);
    });
  });

  describe('with charges of several partitions on a cluster', () => {
    const charges = [charge('a', 'x'), charge('b', 'x', 3), charge('a', 'y')];
    const setUpCluster = (answers: unknown[]) => {
      const { client, store } = setUp([
        new Error("CROSSSLOT Keys in request don't hash to the same slot"),
        [NOW],
        [NOW],
        ...answers,
      ]);
      // It was told once that there are several nodes.
      return store.refund(charges.map((one) => ({ ...one, takenAt: NOW }))).then(() => {
        client.sent.length = 0;
        return { client, store };
      });
    };

    it('sends each partition its own once it was refused, without taking anything twice', async () => {
      const crossSlot = new Error("CROSSSLOT Keys in request don't hash to the same slot");
      const { client, store } = setUp([crossSlot, [NOW, ...ALLOWED, ...ALLOWED], [NOW, ...ALLOWED]]);
      expect((await store.consume(charges)).map(({ allowed }) => allowed)).toEqual([true, true, true]);
      expect(client.sent.map(({ keys }) => keys.length)).toEqual([3, 2, 1]);
    });

    it('sends each partition its own, before any has answered', async () => {
      const { client, store } = await setUpCluster([
        [NOW, ...ALLOWED, ...ALLOWED],
        [NOW, 2, 9000, 0],
      ]);
      const answer = store.consume(charges);
      expect(client.sent.map(({ keys }) => keys)).toEqual([
        ['palisade:{a}:t:x', 'palisade:{a}:t:y'],
        ['palisade:{b}:t:x'],
      ]);
      expect((await answer).map(({ remaining }) => remaining)).toEqual([4, 2, 4]);
    });

    it('gives back what was taken where one denies, and says what is left then', async () => {
      const { client, store } = await setUpCluster([
        [NOW, ...ALLOWED, ...ALLOWED],
        [NOW + 1, ...DENIED],
        [NOW + 2, 5, 0, 0, 5, 0, 0],
      ]);
      const standings = await store.consume(charges);
      expect(standings.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
        [true, 5],
        [false, 0],
        [true, 5],
      ]);
      expect(client.sent[2]).toMatchObject({
        keys: ['palisade:{a}:t:x', 'palisade:{a}:t:y'],
        args: ['refund', `t 5 9000 1 7 30 ${NOW}`, `t 5 9000 1 7 30 ${NOW}`],
      });
    });

    it('denies all the same where nothing can be given back', async () => {
      const { store } = await setUpCluster([[NOW, ...ALLOWED, ...ALLOWED], [NOW, ...DENIED], new Error('ECONNRESET')]);
      expect((await store.consume(charges)).map(({ allowed }) => allowed)).toEqual([true, false, true]);
    });

    it('gives back what was taken where one fails, and fails', async () => {
      const { client, store } = await setUpCluster([[NOW, ...ALLOWED, ...ALLOWED], new Error('ECONNRESET'), [NOW]]);
      await expect(store.consume(charges)).rejects.toThrow('ECONNRESET');
      expect(client.sent.map(({ args }) => args[0])).toEqual(['consume', 'consume', 'refund']);
    });

    it('looks at what is left for a peek where one denies, and gives nothing back', async () => {
      const { client, store } = await setUpCluster([
        [NOW, ...ALLOWED, ...ALLOWED],
        [NOW, ...DENIED],
        [NOW, 5, 0, 0, 5, 0, 0],
      ]);
      expect((await store.peek(charges)).map(({ remaining }) => remaining)).toEqual([5, 0, 5]);
      expect(client.sent[2]?.args.slice(0, 2)).toEqual(['peek', 't 5 9000 0 7 30 0']);
    });
  });

  describe('to whoever was denied', () => {
    it('answers without asking until it is over', async () => {
      const { client, clock, store } = setUp([
        [NOW, ...DENIED],
        [NOW, ...ALLOWED],
      ]);
      await store.consume([charge('somebody')]);
      clock.now += 1999;
      const again = { allowed: false, remaining: 0, resetAfter: 7001, retryAfter: 1, takenAt: NOW + 1999 };
      expect(await store.consume([charge('somebody')])).toEqual([again]);
      expect(await store.consume([charge('somebody', 'a', 2)])).toEqual([again]);
      expect(client.sent).toHaveLength(1);
      clock.now += 1;
      expect(await store.consume([charge('somebody')])).toMatchObject([{ allowed: true }]);
    });

    it('asks for whoever only wants to know, and believes the answer', async () => {
      const { client, store } = setUp([[NOW, ...DENIED], ...Array.from({ length: 2 }, () => [NOW, ...ALLOWED])]);
      await store.consume([charge('somebody')]);
      expect(await store.peek([charge('somebody')])).toMatchObject([{ allowed: true }]);
      expect(await store.consume([charge('somebody')])).toMatchObject([{ allowed: true }]);
      expect(client.sent).toHaveLength(3);
    });

    it('asks for others, for other limits, and for less', async () => {
      const { client, store } = setUp([[NOW, ...DENIED], ...Array.from({ length: 3 }, () => [NOW, ...ALLOWED])]);
      await store.consume([charge('somebody', 'a', 2)]);
      for (const other of [charge('somebody else', 'a', 2), charge('somebody', 'b', 2), charge('somebody', 'a', 1)]) {
        expect(await store.consume([other])).toMatchObject([{ allowed: true }]);
      }
      expect(client.sent).toHaveLength(4);
    });

    it.each([
      ['reset', (store: RedisRateLimitStore) => store.reset([charge('somebody')])],
      ['refund', (store: RedisRateLimitStore) => store.refund([{ ...charge('somebody'), takenAt: NOW }])],
    ])('asks again after a %s, even one that failed', async (_, change) => {
      const { client, store } = setUp([
        [NOW, ...DENIED],
        [NOW],
        [NOW, ...DENIED],
        new Error('ECONNRESET'),
        [NOW, ...DENIED],
      ]);
      await store.consume([charge('somebody')]);
      await change(store);
      await store.consume([charge('somebody')]);
      await expect(change(store)).rejects.toThrow('ECONNRESET');
      await store.consume([charge('somebody')]);
      expect(client.sent).toHaveLength(5);
    });

    it('answers no longer from memory than it may', async () => {
      const { client, clock, store } = setUp(
        [
          [NOW, ...DENIED],
          [NOW, ...DENIED],
        ],
        { denialTtl: 100 },
      );
      await store.consume([charge('somebody')]);
      clock.now += 100;
      await store.consume([charge('somebody')]);
      expect(client.sent).toHaveLength(2);
    });
  });

  it.each<[RedisRateLimitStoreOptions, string]>([
    [{ prefix: '{all}' }, 'RedisRateLimitStore.prefix'],
    [{ prefix: '' }, 'RedisRateLimitStore.prefix'],
    [{ prefix: 'x'.repeat(65) }, 'RedisRateLimitStore.prefix'],
    [{ denials: -1 }, 'RedisRateLimitStore.denials'],
    [{ denials: 1.5 }, 'RedisRateLimitStore.denials'],
    [{ denialTtl: 0 }, 'RedisRateLimitStore.denialTtl'],
    [{ denialTtl: NaN }, 'RedisRateLimitStore.denialTtl'],
    [{ prefx: 'a' } as RedisRateLimitStoreOptions, 'Did you mean "prefix"?'],
  ])('refuses %j', (options, message) => {
    const create = () => new RedisRateLimitStore(new PreparedIoredis([]), options);
    expect(create).toThrow(SecurityConfigurationError);
    expect(create).toThrow(message);
  });
});
