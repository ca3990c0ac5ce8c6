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
import { scriptRunner, type RedisClient, type ScriptRunner } from './redis.client.js';
import { countKey, FORMS } from './redis.keys.js';
import { checkRedisRateLimitStoreOptions, type RedisRateLimitStoreOptions } from './redis.rate-limit.options.js';
import { NUMBERS_OF_A_STANDING, SCRIPT, type ScriptOperation } from './redis.script.js';

/** Charges of one partition, whose keys one script may touch. */
interface OnePartition {
  readonly charges: readonly (Charge | TakenCharge)[];
  readonly keys: readonly string[];
}

interface Group extends OnePartition {
  /** Where they stand among all charges. */
  readonly places: number[];
  readonly charges: (Charge | TakenCharge)[];
  readonly keys: string[];
}

/**
 * Keeps the counts in Redis or Valkey, for all processes that share it. One script call and one round trip for the
 * charges of a partition, by the clock of the server; none for whoever is denied until that is over.
 *
 * The client is passed in and stays the caller's, who connects and closes it: `ioredis` (`Redis`, `Cluster`, Sentinel)
 * or node-redis (`createClient`, `createCluster`, `createSentinel`). Have it fail at once while it is not connected,
 * rather than queue what nobody waits for any more:
 *
 * - ioredis: `enableOfflineQueue: false`, `maxRetriesPerRequest: 0`, and a `retryStrategy` that tries at least every
 *   second, as `(times) => Math.min(times * 50, 1000)`
 * - node-redis: `disableOfflineQueue: true`, and `socket: { reconnectStrategy }` likewise
 *
 * Charges of several partitions take a script call each, sent at once; where one denies, the others are given back.
 * Until that is done they count, so that others may be denied that would just have fitted.
 *
 * A `reset` or `refund` ends the denials that this process remembers; others keep theirs until they are over, or for
 * `denialTtl`. A master that fails over loses what it had not handed to its replica.
 *
 * @example
 * const redis = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 0 });
 * const store = new RedisRateLimitStore(redis);
 */
export class RedisRateLimitStore implements RateLimitStore {
  private readonly run: ScriptRunner;
  private readonly prefix: string;
  private readonly denials: DenialMemory;

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
    this.run = scriptRunner(client, SCRIPT);
    this.prefix = prefix;
    this.denials = new DenialMemory(denials, denialTtl, now);
  }

  consume(charges: readonly Charge[]): Promise<readonly Standing[]> {
    return this.judge('consume', charges);
  }

  peek(charges: readonly Charge[]): Promise<readonly Standing[]> {
    return this.judge('peek', charges);
  }

  async refund(charges: readonly TakenCharge[]): Promise<void> {
    await this.change('refund', this.groupsOf(charges));
  }

  async reset(counted: readonly CountedPartition[]): Promise<void> {
    await this.change('reset', this.groupsOf(counted.map((one) => ({ ...one, cost: 0 }))));
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

  private async judge(operation: 'consume' | 'peek', charges: readonly Charge[]): Promise<readonly Standing[]> {
    if (charges.length === 0) return [];
    const keys = charges.map((charge) => countKey(this.prefix, charge));
    // Whoever only asks wants to know what holds now: another process may have forgotten the denial.
    const recalled = operation === 'peek' ? undefined : this.denials.recall(charges, keys);
    if (recalled !== undefined) return recalled;
    const askedAt = this.now();
    const standings = isOnePartition(charges)
      ? await this.ask(operation, { charges, keys })
      : await this.askEach(operation, grouped(charges, keys), charges.length);
    this.denials.remember(charges, keys, standings, askedAt);
    return standings;
  }

  /** Sends all groups at once. Where one denies or fails, what the others took is given back. */
  private async askEach(
    operation: 'consume' | 'peek',
    groups: readonly Group[],
    size: number,
  ): Promise<readonly Standing[]> {
    const answers = await Promise.allSettled(groups.map((group) => this.ask(operation, group)));
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

  private async change(operation: 'refund' | 'reset', groups: readonly Group[]): Promise<void> {
    try {
      await Promise.all(groups.map((group) => this.send(operation, group)));
    } finally {
      // Afterwards: the answer to a charge that was under way may have been a denial.
      for (const { keys } of groups) for (const key of keys) this.denials.forget(key);
    }
  }

  private groupsOf(charges: readonly (Charge | TakenCharge)[]): readonly Group[] {
    return grouped(
      charges,
      charges.map((charge) => countKey(this.prefix, charge)),
    );
  }

  private async ask(operation: ScriptOperation, group: OnePartition): Promise<readonly Standing[]> {
    return readStandings(await this.send(operation, group), group.charges.length);
  }

  private send(operation: ScriptOperation, { charges, keys }: OnePartition): Promise<unknown> {
    const args: string[] = [operation];
    if (operation !== 'reset') for (const charge of charges) args.push(argumentOf(charge));
    return this.run(keys, args);
  }
}

function grouped(charges: readonly (Charge | TakenCharge)[], keys: readonly string[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const [place, charge] of charges.entries()) {
    let group = groups.get(charge.partition);
    if (group === undefined) {
      group = { places: [], charges: [], keys: [] };
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

/** What the script is told of limits, written once for each: they are frozen, and few. */
const written = new WeakMap<StoredLimit, string>();

/** One text for each charge: a client takes longer for seven. */
function argumentOf(charge: Charge | TakenCharge): string {
  const { limit, cost } = charge;
  let text = written.get(limit);
  if (text === undefined) {
    text = `${FORMS[limit.algorithm]} ${limit.quota} ${limit.window} ${limit.burst} ${limit.block}`;
    if (Object.isFrozen(limit)) written.set(limit, text);
  }
  return `${text} ${cost} ${'takenAt' in charge ? charge.takenAt : 0}`;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number(String(value));
}

/** Whatever else answers than the script is a failure of the store: never a number by chance. */
function readStandings(answer: unknown, size: number): readonly Standing[] {
  // Numbers come as text, as bytes or as numbers, by the protocol and the settings of the client.
  const numbers = Array.isArray(answer) ? answer.map(numberOf) : [];
  if (numbers.length !== 1 + size * NUMBERS_OF_A_STANDING || !numbers.every(Number.isFinite)) {
    throw new Error('Redis did not answer what the script of RedisRateLimitStore answers');
  }
  const [takenAt, ...rest] = numbers as [number, ...number[]];
  return Array.from({ length: size }, (_, index) => {
    const [allowed, remaining, resetAfter, retryAfter] = rest.slice(index * NUMBERS_OF_A_STANDING) as [
      number,
      number,
      number,
      number,
    ];
    return {
      allowed: allowed === 1,
      remaining,
      resetAfter,
      retryAfter: retryAfter === -1 ? Infinity : retryAfter,
      takenAt,
    };
  });
}
