import type { Clock } from '../../core/clock.js';
import type { RateLimitStore, Standing, StoredLimit } from '../rate-limit.store.port.js';
import type { ResolvedThreshold } from './bans.options.js';
import { KnownAddresses } from './known-addresses.js';
import { settle } from './settle.js';

/** Any ban is a block on one count, whatever it was for: to ask whether there is one is one question. */
const BANS = 'bans:banned';
/** What the first of two units is kept for; the second begins the block. */
const BAN_WINDOW = 1000;

/** A count of what bans, and for how long. */
export interface BanCount {
  readonly name: string;
  readonly limit: StoredLimit;
  /** Milliseconds. */
  readonly banTime: number;
}

// No name of a rate limit has a colon.
export function banCount(kind: 'rule' | 'denials', name: string, threshold: ResolvedThreshold): BanCount {
  const { maxRetry, findTime, banTime } = threshold;
  const id = kind === 'rule' ? `bans:rule:${name}` : 'bans:denials';
  return { name, banTime, limit: fixedWindow(id, maxRetry, findTime) };
}

function fixedWindow(id: string, quota: number, window: number, block = 0): StoredLimit {
  return Object.freeze({ id, algorithm: 'fixed-window', quota, window, burst: quota, block });
}

/**
 * Who is banned, in the store of rate limits, and what this process knows of it. With a store that answers at once
 * nothing is remembered; one that is shared is asked about an address every few seconds.
 */
export class BanBook {
  private readonly banned = fixedWindow(BANS, 1, BAN_WINDOW);
  private readonly known = new KnownAddresses();
  private readonly asking = new Map<string, Promise<boolean>>();

  /** @param refresh milliseconds for which this process believes what the store said */
  constructor(
    private readonly store: RateLimitStore,
    private readonly counts: readonly BanCount[],
    private readonly refresh: number,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  isBanned(partition: string): boolean | Promise<boolean> {
    if (this.known.size > 0) {
      const known = this.known.isBanned(partition, this.clock.now());
      if (known !== undefined) return known;
    }
    return this.asking.get(partition) ?? this.ask(partition);
  }

  /** Asks the store, whatever is known. */
  ask(partition: string): boolean | Promise<boolean> {
    const standings = this.store.peek([{ limit: this.banned, partition, cost: 0 }]);
    if (!(standings instanceof Promise)) return isDenied(standings);
    const asked: Promise<boolean> = standings.then(
      (settled) => {
        const isBanned = isDenied(settled);
        // Of what was banned or lifted meanwhile more is known than this.
        if (this.asking.get(partition) !== asked) return this.known.isBanned(partition, this.clock.now()) ?? isBanned;
        this.asking.delete(partition);
        this.remember(partition, isBanned, settled[0]?.retryAfter);
        return isBanned;
      },
      (error: unknown) => {
        if (this.asking.get(partition) === asked) this.asking.delete(partition);
        throw error;
      },
    );
    this.asking.set(partition, asked);
    return asked;
  }

  /**
   * Bans; one who is banned already is not banned for longer.
   *
   * @param duration milliseconds
   * @returns whether the ban began with this
   */
  ban(partition: string, duration: number): boolean | Promise<boolean> {
    const charges = [{ limit: fixedWindow(BANS, 1, BAN_WINDOW, duration), partition, cost: 1 }];
    const consumed = this.store.consume(charges);
    const isShared = consumed instanceof Promise;
    return settle(
      settle(consumed, (first) => (isDenied(first) ? first : this.store.consume(charges))),
      (standings) => {
        // A store that is away lets everything through where the application chose that.
        if (!isDenied(standings)) return false;
        const rest = standings[0]?.resetAfter ?? 0;
        if (isShared) this.remember(partition, true, rest);
        return rest === duration;
      },
    );
  }

  /** Lifts a ban, and forgets what was counted towards the next. */
  unban(partition: string): void | Promise<void> {
    this.forget(partition);
    const limits = [this.banned, ...this.counts.map(({ limit }) => limit)];
    return settle(this.store.reset(limits.map((limit) => ({ limit, partition }))), () => this.forget(partition));
  }

  /** Counts once more, and answers whether that is too much; the next is then the first again. */
  count({ limit }: BanCount, partition: string): boolean | Promise<boolean> {
    return settle(this.store.consume([{ limit, partition, cost: 1 }]), ([standing]) => {
      if (standing === undefined || (standing.allowed && standing.remaining > 0)) return false;
      return settle(this.store.reset([{ limit, partition }]), () => true);
    });
  }

  private remember(partition: string, isBanned: boolean, rest = Infinity): void {
    this.asking.delete(partition);
    const lasts = isBanned ? Math.min(this.refresh, rest) : this.refresh;
    this.known.set(partition, isBanned, this.clock.now(), lasts);
  }

  private forget(partition: string): void {
    this.asking.delete(partition);
    this.known.delete(partition);
  }
}

function isDenied(standings: readonly Standing[]): boolean {
  return standings[0]?.allowed === false;
}
