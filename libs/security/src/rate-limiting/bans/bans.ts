import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import type { ApplicationFunctionError } from '../../core/application-functions.js';
import type { Clock } from '../../core/clock.js';
import { SecurityConfigurationError } from '../../core/errors.js';
import type { BanEvent, SecurityEvents } from '../../core/events.js';
import { DURATION_FIX, parseDuration } from '../limit-text.js';
import type { RateLimiting } from '../rate-limiting.js';
import { StoreUnavailableError } from '../store-unavailable.error.js';
import { BanGate } from './ban-gate.js';
import type { BansOptions } from './bans.options.js';

/** Milliseconds after which to try again. */
const RETRY_UNAVAILABLE = 1000;

/**
 * Bans addresses by hand, beside the rules of `bans`. IPv6 addresses are banned by the subnet that rate limits count by.
 *
 * ```ts
 * await bans.ban('203.0.113.9', { duration: '1 day' });
 * ```
 */
export class Bans {
  /** @internal `undefined` where `bans` is left out. */
  readonly gate: BanGate | undefined;

  /** @internal */
  constructor(
    options: BansOptions | undefined,
    private readonly limiting: Pick<RateLimiting, 'storeFor' | 'addressOf' | 'functions'>,
    private readonly clock: Pick<Clock, 'now'>,
    private readonly events: SecurityEvents,
  ) {
    if (options === undefined) return;
    const store = limiting.storeFor('bans', options.onStoreError ?? 'local');
    if (store === undefined) {
      throw new SecurityConfigurationError([
        {
          where: 'rateLimit.store',
          problem: 'is a ThrottlerStorage, which only counts: nobody could be banned by it',
          fix: 'Give a MemoryRateLimitStore or a RedisRateLimitStore',
        },
      ]);
    }
    const { addressOf, functions } = limiting;
    const report = (failure: ApplicationFunctionError) => functions.report(failure);
    this.gate = new BanGate(options, { store, addressOf, clock, events, report });
  }

  /**
   * Bans an address from now on, whatever it was banned for before. Whoever is on the safelist is served all the same.
   *
   * @param duration milliseconds, or text such as `'1 day'`, up to a year; without it that of `bans.duration`
   * @throws TypeError where it is no address, RangeError where that is no duration, SecurityConfigurationError where
   *   `bans` is left out, StoreUnavailableError where no store keeps it
   */
  async ban(address: string, { duration }: { readonly duration?: number | string } = {}): Promise<void> {
    const gate = this.required();
    const partition = this.partitionOf(address);
    const milliseconds = duration === undefined ? gate.duration : parseDuration(duration);
    if (milliseconds === undefined) throw new RangeError(`The duration of a ban is none. ${DURATION_FIX}`);
    // A ban that is there would not be prolonged.
    await gate.book.unban(partition);
    const began = await gate.book.ban(partition, milliseconds);
    // A store that is away keeps nothing where the application chose `open`.
    if (!began && !(await gate.book.ask(partition))) throw new StoreUnavailableError(RETRY_UNAVAILABLE);
    this.publish({ action: 'banned', address, rule: 'manual', duration: milliseconds });
  }

  /**
   * Lifts a ban, and forgets what was counted towards the next.
   *
   * @throws as `ban`
   */
  async unban(address: string): Promise<void> {
    await this.required().book.unban(this.partitionOf(address));
    this.publish({ action: 'unbanned', address, rule: 'manual' });
  }

  /**
   * Whether an address is banned, as the store has it; the lists are not asked.
   *
   * @throws as `ban`
   */
  async isBanned(address: string): Promise<boolean> {
    return this.required().book.ask(this.partitionOf(address));
  }

  /** What nobody asks would keep nobody out (fails closed). */
  private required(): BanGate {
    if (this.gate !== undefined) return this.gate;
    throw new SecurityConfigurationError([
      { where: 'bans', problem: 'is left out, so that no ban would hold', fix: 'Give bans: {}' },
    ]);
  }

  private partitionOf(address: unknown): string {
    // A zone tells interfaces of one machine apart, not clients.
    if (typeof address !== 'string' || isIP(address) === 0 || address.includes('%')) {
      throw new TypeError('Only an IPv4 or IPv6 address can be banned');
    }
    return this.limiting.addressOf({ address: ipaddr.process(address).toString() });
  }

  private publish(event: Omit<BanEvent, 'type' | 'time'>): void {
    if (this.events.observed) this.events.emit({ type: 'ban', time: this.clock.now(), ...event });
  }
}
