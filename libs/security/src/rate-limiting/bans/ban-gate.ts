import { Logger } from '@nestjs/common';
import type { AddressGate } from '../../core/address-gate.js';
import { ApplicationFunctionError } from '../../core/application-functions.js';
import type { Clock } from '../../core/clock.js';
import { denied, type DenialReason, type Denied } from '../../core/decision.js';
import type { SecurityEvents } from '../../core/events.js';
import { normalizedPath } from '../../core/request-target.js';
import { clientAddressOf, type HttpRequest } from '../../core/request.js';
import type { AddressPartition } from '../partition.js';
import type { RateLimitStore } from '../rate-limit.store.port.js';
import { StoreUnavailableError } from '../store-unavailable.error.js';
import { BanBook, banCount, type BanCount } from './ban-book.js';
import {
  banDurationOf,
  refreshOf,
  resolveThreshold,
  type BanContext,
  type BansOptions,
  type BanRule,
  type TrackRule,
} from './bans.options.js';
import { compileCondition, compileList, isCrossSite, type Condition } from './bans.policy.js';
import { compileHoneypots } from './honeypots.policy.js';
import { settle } from './settle.js';

const BLOCKED = denied('address_blocked');
const BANNED = denied('address_banned');
const MATCHED = denied('request_banned');
const UNAVAILABLE = denied('rate_limit_unavailable');
const FAILED = denied('edge_failed');

interface CompiledRule {
  readonly matches: Condition;
  /** Whether what matches is refused each time. */
  readonly refuses: boolean;
  readonly count: BanCount;
}

interface CompiledTrack {
  readonly name: string;
  readonly matches: Condition;
}

type Verdict = Denied | undefined;

/** Normalizes the path when a condition asks for it. */
class AskedContext implements BanContext {
  private normalized: string | undefined = undefined;

  constructor(
    readonly request: HttpRequest,
    readonly address: string | undefined,
  ) {}

  get path(): string {
    return (this.normalized ??= normalizedPath(this.request.url));
  }
}

/** What bans need of the application. */
export interface BanSurroundings {
  readonly store: RateLimitStore;
  readonly addressOf: AddressPartition;
  readonly clock: Pick<Clock, 'now'>;
  readonly events: SecurityEvents;
  /** Logs what goes wrong with a condition. */
  readonly report: (failure: ApplicationFunctionError) => void;
}

/** Decides on every request in rack-attack's order: safelist, blocklist, bans, rules; then tells of what is tracked. */
export class BanGate implements AddressGate {
  readonly records: boolean;
  /** Milliseconds, where nothing else is said. */
  readonly duration: number;
  readonly book: BanBook;
  private readonly logger = new Logger('SecurityModule');
  private readonly isSafe: Condition;
  private readonly isBlocked: Condition;
  private readonly isHoneypot: (target: string | undefined) => boolean;
  /** Whether a request may count against its address. */
  private readonly isCounted: (request: HttpRequest) => boolean;
  private readonly rules: readonly CompiledRule[];
  private readonly tracks: readonly CompiledTrack[];

  constructor(
    options: BansOptions,
    private readonly around: BanSurroundings,
  ) {
    const { safelist, blocklist, rules = [], denials, honeypots = [], track = [] } = options;
    this.records = options.enforcement === 'report';
    this.duration = banDurationOf(options);
    this.isSafe = compileList(safelist, 'bans.safelist');
    this.isBlocked = compileList(blocklist, 'bans.blocklist');
    this.isHoneypot = compileHoneypots(honeypots);
    this.isCounted = options.countCrossSite === true ? () => true : (request) => !isCrossSite(request);
    this.rules = rules.map((rule) => compileRule(rule, this.duration));
    this.tracks = track.map(compileTrack);
    const counts = this.rules.map(({ count }) => count);
    if (denials !== undefined) {
      const ofDenials = banCount('denials', 'denials', resolveThreshold(denials, this.duration));
      counts.push(ofDenials);
      this.watch(new Set(denials.reasons), ofDenials);
    }
    this.book = new BanBook(around.store, counts, refreshOf(options), around.clock);
  }

  admit(request: HttpRequest, address: string | undefined): Verdict | Promise<Verdict> {
    try {
      const verdict = this.decide(new AskedContext(request, address), address);
      return verdict instanceof Promise ? verdict.catch((error: unknown) => this.failed(error)) : verdict;
    } catch (error) {
      return this.failed(error);
    }
  }

  private decide(context: BanContext, address: string | undefined): Verdict | Promise<Verdict> {
    if (this.isSafe(context)) return undefined;
    if (this.isBlocked(context)) return BLOCKED;
    // Whoever has no address, behind a Unix socket without proxies, is everybody: nobody is banned by it.
    if (address === undefined) return this.judge(context, undefined);
    const partition = this.around.addressOf({ address });
    let isBanned: boolean | Promise<boolean>;
    try {
      isBanned = this.book.isBanned(partition);
    } catch (error) {
      return this.unavailable(error);
    }
    if (typeof isBanned === 'boolean') return isBanned ? BANNED : this.judge(context, partition);
    return isBanned.then(
      (settled) => (settled ? BANNED : this.judge(context, partition)),
      (error: unknown) => this.unavailable(error),
    );
  }

  /** Of somebody who is not banned. */
  private judge(context: BanContext, partition: string | undefined): Verdict | Promise<Verdict> {
    const counts = partition !== undefined && this.isCounted(context.request);
    if (this.isHoneypot(context.request.url)) {
      const banned = counts ? this.ban(context, partition, 'honeypot', this.duration) : undefined;
      return settle(banned, () => MATCHED);
    }
    let verdict: Verdict;
    let counted: Promise<void> | undefined;
    for (const rule of this.rules) {
      if (!rule.matches(context)) continue;
      if (counts) {
        const done = this.count(rule.count, context, partition);
        if (done instanceof Promise) counted = counted === undefined ? done : counted.then(() => done);
      }
      if (!rule.refuses) continue;
      verdict = MATCHED;
      break;
    }
    if (verdict === undefined) this.track(context);
    return counted === undefined ? verdict : counted.then(() => verdict);
  }

  private track(context: BanContext): void {
    const { events, clock } = this.around;
    if (this.tracks.length === 0 || !events.observed) return;
    for (const { name, matches } of this.tracks) {
      if (!matches(context)) continue;
      const { method } = context.request;
      events.emit({ type: 'tracked', time: clock.now(), rule: name, method, address: context.address });
    }
  }

  private watch(reasons: ReadonlySet<DenialReason>, count: BanCount): void {
    this.around.events.watchDenials((reason, request) => {
      if (!reasons.has(reason)) return;
      const address = clientAddressOf(request);
      const context = new AskedContext(request, address);
      if (address === undefined || !this.isCounted(request)) return;
      const partition = this.around.addressOf({ address });
      // The denial is on its way already: nobody waits for this, and a safelist that fails must not change it.
      void this.guarded(() => (this.isSafe(context) ? undefined : this.count(count, context, partition)));
    });
  }

  private count(count: BanCount, context: BanContext, partition: string): void | Promise<void> {
    return this.guarded(() =>
      settle(this.book.count(count, partition), (isTooMuch) =>
        isTooMuch ? this.ban(context, partition, count.name, count.banTime) : undefined,
      ),
    );
  }

  private ban({ address }: BanContext, partition: string, rule: string, duration: number): void | Promise<void> {
    const { events, clock } = this.around;
    return this.guarded(() =>
      settle(this.book.ban(partition, duration), (began) => {
        if (!began || address === undefined || !events.observed) return;
        events.emit({ type: 'ban', time: clock.now(), action: 'banned', address, rule, duration });
      }),
    );
  }

  /** A store that fails to count, or to ban, lets the request meet what it would meet anyway. */
  private guarded(act: () => void | Promise<void>): void | Promise<void> {
    try {
      const done = act();
      return done instanceof Promise ? done.catch((error: unknown) => this.report(error)) : undefined;
    } catch (error) {
      return this.report(error);
    }
  }

  /** Where a store that is away closes everything, or breaks (fails closed). */
  private unavailable(error: unknown): Verdict {
    this.report(error);
    return this.records ? undefined : UNAVAILABLE;
  }

  /** A condition that breaks is an error of the server (fails closed). */
  private failed(error: unknown): Verdict {
    if (!(error instanceof ApplicationFunctionError)) throw error;
    this.around.report(error);
    return FAILED;
  }

  /** What the application chose for a store that is away is no news; anything else is a defect. */
  private report(error: unknown): void {
    if (error instanceof StoreUnavailableError) return;
    if (error instanceof ApplicationFunctionError) return this.around.report(error);
    this.logger.error('A ban could not be asked for or kept', error instanceof Error ? error.stack : undefined);
  }
}

function compileRule({ name, matches, count = 'fail2ban', ...threshold }: BanRule, duration: number): CompiledRule {
  return {
    matches: compileCondition(matches, `The rule "${name}" of bans`),
    refuses: count === 'fail2ban',
    count: banCount('rule', name, resolveThreshold(threshold, duration)),
  };
}

function compileTrack({ name, matches }: TrackRule): CompiledTrack {
  return { name, matches: compileCondition(matches, `"${name}" of bans.track`) };
}
