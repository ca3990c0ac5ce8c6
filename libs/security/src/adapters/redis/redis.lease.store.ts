import { SecurityConfigurationError, type ConfigurationProblem } from '../../core/errors.js';
import type { Lease, LeaseClaim, LeaseStore } from '../../rate-limiting/concurrency/lease.store.port.js';
import type { RedisClient } from './redis.client.js';
import { leaseKey } from './redis.keys.js';
import { checkRedisLeaseStoreOptions, type RedisLeaseStoreOptions } from './redis.lease.options.js';
import { LEASE_SCRIPT, type LeaseOperation } from './redis.lease.script.js';
import { inTime } from './in-time.js';
import { TimedScript } from './timed.script.js';

/** Claims of one partition, whose keys one script may touch. */
interface ClaimGroup {
  readonly claims: LeaseClaim[];
  readonly keys: string[];
}

/**
 * Keeps who holds the places of concurrency limits in Redis or Valkey, for all processes that share it: one round trip to
 * take them and one to give them back, by the clock of the server. The client is the caller's, as that of
 * `RedisRateLimitStore` is.
 *
 * A place that nobody renews for `ttl` is free. Claims of several partitions take a script call each, sent at once; where
 * one has no place, the others are given back. Whatever fails half-way ends with its time to live.
 *
 * @example
 * rateLimit: { concurrency: { store: new RedisLeaseStore(redis) } }
 */
export class RedisLeaseStore implements LeaseStore {
  readonly ttl: number;
  private readonly script: TimedScript;
  private readonly prefix: string;

  /**
   * @param now milliseconds of a monotonic clock
   * @throws SecurityConfigurationError where an option is wrong
   */
  constructor(client: RedisClient, options: RedisLeaseStoreOptions = {}, now: () => number = () => performance.now()) {
    const problems: ConfigurationProblem[] = [];
    checkRedisLeaseStoreOptions(options, 'RedisLeaseStore', problems);
    if (problems.length > 0) throw new SecurityConfigurationError(problems);
    this.ttl = options.ttl ?? 30_000;
    this.prefix = options.prefix ?? 'palisade';
    this.script = new TimedScript(client, LEASE_SCRIPT, now);
  }

  async acquire(lease: Lease, within?: number): Promise<LeaseClaim | undefined> {
    const groups = this.groupsOf(lease.claims);
    const answers = await Promise.allSettled(groups.map((group) => inTime(this.take(group, lease.id, within), within)));
    const failure = answers.find((answer) => answer.status === 'rejected');
    const refused = answers.find((answer) => answer.status === 'fulfilled' && answer.value !== undefined);
    if (failure === undefined && refused === undefined) return undefined;
    const taken = groups.filter((_, index) => {
      const answer = answers[index];
      return answer?.status === 'fulfilled' && answer.value === undefined;
    });
    await this.giveBack(taken, lease.id);
    if (failure !== undefined) throw failure.reason;
    return refused?.status === 'fulfilled' ? refused.value : undefined;
  }

  async renew(leases: readonly Lease[], within?: number): Promise<void> {
    const held = new Map<string, string[]>();
    for (const { id, claims } of leases) {
      for (const claim of claims) {
        const key = leaseKey(this.prefix, claim);
        const ids = held.get(key);
        if (ids === undefined) held.set(key, [id]);
        else ids.push(id);
      }
    }
    await Promise.all([...held].map(([key, ids]) => this.send('renew', [key], ids, [], within)));
  }

  /** Whenever the server comes to it: a place that is free too late is better than one that is not. */
  async release({ id, claims }: Lease): Promise<void> {
    await Promise.all(this.groupsOf(claims).map(({ keys }) => this.send('release', keys, [id])));
  }

  private async take(
    { claims, keys }: ClaimGroup,
    id: string,
    within: number | undefined,
  ): Promise<LeaseClaim | undefined> {
    const places = claims.map(({ limit }) => String(limit.max));
    const answer = await this.send('acquire', keys, [id], places, within);
    // Whatever else answers than the script is a failure of the store: never a place by chance.
    if (!(answer <= claims.length)) {
      throw new Error('Redis did not answer what the script of RedisLeaseStore answers');
    }
    return answer === 0 ? undefined : claims[answer - 1];
  }

  /** The refusal stands, whatever becomes of the others. */
  private async giveBack(groups: readonly ClaimGroup[], id: string): Promise<void> {
    await Promise.allSettled(groups.map(({ keys }) => this.send('release', keys, [id])));
  }

  private async send(
    operation: LeaseOperation,
    keys: readonly string[],
    ids: readonly string[],
    places: readonly string[] = [],
    within?: number,
  ): Promise<number> {
    const args = [String(this.ttl), ...places, ...ids];
    return numberAt(await this.script.run(operation, keys, args, within), 1);
  }

  private groupsOf(claims: readonly LeaseClaim[]): readonly ClaimGroup[] {
    const groups = new Map<string, ClaimGroup>();
    for (const claim of claims) {
      let group = groups.get(claim.partition);
      if (group === undefined) {
        group = { claims: [], keys: [] };
        groups.set(claim.partition, group);
      }
      group.claims.push(claim);
      group.keys.push(leaseKey(this.prefix, claim));
    }
    return [...groups.values()];
  }
}

/** Numbers come as numbers, as text or as bytes, by the protocol and the settings of the client. */
function numberAt(answer: unknown, index: number): number {
  const text = Array.isArray(answer) && answer.length === 2 ? String(answer[index]) : '';
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}
