import { SecurityConfigurationError, type ConfigurationProblem } from '../../core/errors.js';
import type {
  Charge,
  CountedPartition,
  RateLimitStore,
  Standing,
  StoredLimit,
  TakenCharge,
} from '../../rate-limiting/rate-limit.store.port.js';
import { countHit, type ThrottlerRecord } from '../../rate-limiting/throttler-storage.port.js';
import { DenialMemory } from './denial.memory.js';
import { inTime } from './in-time.js';
import type { RedisClient } from './redis.client.js';
import { countKey, FORMS } from './redis.keys.js';
import { checkRedisRateLimitStoreOptions, type RedisRateLimitStoreOptions } from './redis.rate-limit.options.js';
import { NUMBERS_OF_A_STANDING, SCRIPT, type ScriptOperation } from './redis.script.js';
import { TimedScript } from './timed.script.js';

/** Charges that one script call takes. */
interface Question {
  readonly charges: readonly (Charge | TakenCharge)[];
  readonly keys: readonly string[];
  /** Milliseconds for which somebody waits for the answer. */
  readonly within: number | undefined;
}

/** Charges of one partition, whose keys a cluster keeps on one node. */
interface Group extends Question {
  /** Where they stand among all charges. */
  readonly places: number[];
  readonly charges: (Charge | TakenCharge)[];
  readonly keys: string[];
}

/**
 * Keeps the counts in Redis or Valkey, for all processes that share it. One script call and one round trip for the
 * charges of a request, by the clock of the server; none for whoever is denied until that is over.
 *
 * The client is passed in and stays the caller's, who connects and closes it: `ioredis` (`Redis`, `Cluster`, Sentinel)
 * or node-redis (`createClient`, `createCluster`, `createSentinel`). What it queues does nothing once the time is over that the
 * caller waits; have it fail at once while it is not connected all the same, rather than keep that:
 *
 * - ioredis: `enableOfflineQueue: false`, `maxRetriesPerRequest: 0`, and a `retryStrategy` that tries at least every
 *   second, as `(times) => Math.min(times * 50, 1000)`; with Sentinel `failoverDetector: true` as well, without which it
 *   stays with a master that only stands still
 * - node-redis: `disableOfflineQueue: true`, and `socket: { reconnectStrategy }` likewise
 *
 * On a cluster, charges of several partitions take a script call each, sent at once; where one denies, the others are
 * given back. Until that is done they count, so that others may be denied that would just have fitted.
 *
 * A `reset` or `refund` ends the denials that this process remembers; others keep theirs until they are over, or for
 * `denialTtl`. A master that fails over loses what it had not handed to its replica.
 *
 * @example
 * const redis = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
 * const store = new RedisRateLimitStore(redis);
 */
export class RedisRateLimitStore implements RateLimitStore {
  private readonly script: TimedScript;
  private readonly prefix: string;
  private readonly denials: DenialMemory;
  /** Whether keys of several partitions may lie on different nodes; a cluster says so when it is asked for the first. */
  private isCluster = false;

  /**
   * @param now milliseconds of a monotonic clock: one that is set must not lengthen a denial
   * @throws SecurityConfigurationError where an option is wrong
   */
  constructor(
    client: RedisClient,
    options: RedisRateLimitStoreOptions = {},
    private readonly now: () => number = () => performance.now(),
  ) {
    const problems: ConfigurationProblem[] = [];
    checkRedisRateLimitStoreOptions(options, 'RedisRateLimitStore', problems);
    if (problems.length > 0) throw new SecurityConfigurationError(problems);
    const { prefix = 'palisade', denials = 10_000, denialTtl = Infinity } = options;
    this.script = new TimedScript(client, SCRIPT, now);
    this.prefix = prefix;
    this.denials = new DenialMemory(denials, denialTtl, now);
  }

  consume(charges: readonly Charge[], within?: number): readonly Standing[] | Promise<readonly Standing[]> {
    const keys = this.keysOf(charges);
    return this.denials.recall(charges, keys) ?? this.judge('consume', { charges, keys, within });
  }

  /** Whoever only asks wants to know what holds now: another process may have forgotten a denial. */
  peek(charges: readonly Charge[]): Promise<readonly Standing[]> {
    return this.judge('peek', { charges, keys: this.keysOf(charges), within: undefined });
  }

  async refund(charges: readonly TakenCharge[], within?: number): Promise<void> {
    await this.change('refund', { charges, keys: this.keysOf(charges), within });
  }

  async reset(counted: readonly CountedPartition[], within?: number): Promise<void> {
    const charges = counted.map((one) => ({ ...one, cost: 0 }));
    await this.change('reset', { charges, keys: this.keysOf(charges), within });
  }

  /** `ThrottlerStorage` of @nestjs/throttler: `ThrottlerModule.forRoot({ throttlers, storage: store })`. */
  increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<ThrottlerRecord> {
    return countHit(this, key, ttl, limit, blockDuration, throttlerName);
  }

  private judge(operation: 'consume' | 'peek', question: Question): Promise<readonly Standing[]> {
    const { charges, keys } = question;
    if (charges.length === 0) return Promise.resolve([]);
    const askedAt = this.now();
    const answered = (standings: readonly Standing[]) => {
      this.denials.remember(charges, keys, standings, askedAt);
      return standings;
    };
    return this.together(
      question,
      () => this.send(operation, question).then((answer) => answered(readStandings(answer, charges.length))),
      (groups) => this.askEach(operation, groups, charges.length).then(answered),
    );
  }

  /** Whatever a cluster keeps on several nodes is asked of each: a script call that it refuses has done nothing. */
  private together<T>(
    { charges, keys, within }: Question,
    whole: () => Promise<T>,
    split: (groups: readonly Group[]) => Promise<T>,
  ): Promise<T> {
    if (isOnePartition(charges)) return whole();
    if (this.isCluster) return split(grouped(charges, keys, within));
    return whole().catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('CROSSSLOT')) throw error;
      this.isCluster = true;
      return split(grouped(charges, keys, within));
    });
  }

  /** Sends all groups at once. Where one denies or fails, what the others took is given back. */
  private async askEach(
    operation: 'consume' | 'peek',
    groups: readonly Group[],
    size: number,
  ): Promise<readonly Standing[]> {
    const answers = await Promise.allSettled(groups.map((group) => inTime(this.ask(operation, group), group.within)));
    const failed = answers.find((answer) => answer.status === 'rejected');
    const denied = (standings: readonly Standing[]) => standings.some(({ allowed }) => !allowed);
    const anyDenied = answers.some((answer) => answer.status === 'fulfilled' && denied(answer.value));
    const all = Array.from<Standing>({ length: size });
    await Promise.all(
      groups.map(async (group, index) => {
        const answer = answers[index];
        if (answer?.status !== 'fulfilled') return;
        const isTaken = (anyDenied || failed !== undefined) && !denied(answer.value);
        const standings = isTaken ? await this.untaken(operation, group, answer.value) : answer.value;
        for (const [place, standing] of standings.entries()) all[group.places[place] as number] = standing;
      }),
    );
    if (failed !== undefined) throw failed.reason;
    return all;
  }

  /** How the charges of a group stand where those of another one are denied. */
  private async untaken(
    operation: 'consume' | 'peek',
    group: Group,
    taken: readonly Standing[],
  ): Promise<readonly Standing[]> {
    const charges = group.charges.map((charge, index) =>
      operation === 'peek' ? { ...charge, cost: 0 } : { ...charge, takenAt: (taken[index] as Standing).takenAt },
    );
    try {
      return await this.ask(operation === 'peek' ? 'peek' : 'refund', { ...group, charges });
    } catch {
      // The denial stands, whatever becomes of the others; what could not be given back comes back with time.
      return taken;
    }
  }

  private async change(operation: 'refund' | 'reset', question: Question): Promise<void> {
    if (question.charges.length === 0) return;
    try {
      await this.together(
        question,
        () => this.send(operation, question),
        (groups) => Promise.all(groups.map((group) => this.send(operation, group))),
      );
    } finally {
      // Afterwards: the answer to a charge that was under way may have been a denial.
      for (const key of question.keys) this.denials.forget(key);
    }
  }

  private keysOf(charges: readonly Charge[]): readonly string[] {
    const keys: string[] = [];
    for (const charge of charges) keys.push(countKey(this.prefix, charge));
    return keys;
  }

  private ask(operation: ScriptOperation, question: Question): Promise<readonly Standing[]> {
    return this.send(operation, question).then((answer) => readStandings(answer, question.charges.length));
  }

  private send(operation: ScriptOperation, { charges, keys, within }: Question): Promise<unknown> {
    const args: string[] = [];
    if (operation !== 'reset') for (const charge of charges) args.push(argumentOf(charge));
    return this.script.run(operation, keys, args, within);
  }
}

function grouped(
  charges: readonly (Charge | TakenCharge)[],
  keys: readonly string[],
  within: number | undefined,
): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const [place, charge] of charges.entries()) {
    let group = groups.get(charge.partition);
    if (group === undefined) {
      group = { places: [], charges: [], keys: [], within };
      groups.set(charge.partition, group);
    }
    group.places.push(place);
    group.charges.push(charge);
    group.keys.push(keys[place] as string);
  }
  return [...groups.values()];
}

function isOnePartition(charges: readonly Charge[]): boolean {
  const [first] = charges;
  for (let i = 1; i < charges.length; i++) if (charges[i]?.partition !== first?.partition) return false;
  return true;
}

/** What the script is told of a limit, before and behind the cost. */
interface WrittenLimit {
  readonly before: string;
  readonly behind: string;
  /** Whether the script takes what is behind for granted. */
  readonly isPlain: boolean;
}

/** Written once for each: they are frozen, and few. */
const written = new WeakMap<StoredLimit, WrittenLimit>();

/** One text for each charge: a client takes longer for seven. */
function argumentOf(charge: Charge | TakenCharge): string {
  const { limit, cost } = charge;
  let text = written.get(limit);
  if (text === undefined) {
    const { algorithm, quota, window, burst, block } = limit;
    const isPlain = burst === quota && block === 0;
    text = { before: `${FORMS[algorithm]} ${quota} ${window}`, behind: `${burst} ${block}`, isPlain };
    if (Object.isFrozen(limit)) written.set(limit, text);
  }
  const takenAt = 'takenAt' in charge ? charge.takenAt : 0;
  return text.isPlain && takenAt === 0 ? `${text.before} ${cost}` : `${text.before} ${cost} ${text.behind} ${takenAt}`;
}

/** Whatever else answers than the script is a failure of the store: never a number by chance. */
function readStandings(answer: unknown, size: number): readonly Standing[] {
  if (!Array.isArray(answer) || answer.length !== 1 + size * NUMBERS_OF_A_STANDING) throw unexpected();
  const takenAt = numberOf(answer[0]);
  const standings: Standing[] = [];
  for (let at = 1; at < answer.length; at += NUMBERS_OF_A_STANDING) {
    const retryAfter = numberOf(answer[at + 2]);
    standings.push({
      allowed: retryAfter === 0,
      remaining: numberOf(answer[at]),
      resetAfter: numberOf(answer[at + 1]),
      retryAfter: retryAfter === -1 ? Infinity : retryAfter,
      takenAt,
    });
  }
  return standings;
}

/** Numbers come as text, as bytes or as numbers, by the protocol and the settings of the client. */
function numberOf(value: unknown): number {
  const number = typeof value === 'number' ? value : Number(String(value));
  if (!Number.isFinite(number)) throw unexpected();
  return number;
}

function unexpected(): Error {
  return new Error('Redis did not answer what the script of RedisRateLimitStore answers');
}
