import { HttpException, Logger } from '@nestjs/common';
import { ApplicationFunctionError } from '../../core/application-functions.js';
import type { Clock } from '../../core/clock.js';
import { denied, type Denied } from '../../core/decision.js';
import { SecurityConfigurationError, SecurityException } from '../../core/errors.js';
import type { LockoutEvent, SecurityEvents } from '../../core/events.js';
import { clientAddressOf, passageOf, type HttpRequest } from '../../core/request.js';
import { retryFields } from '../rate-limit.headers.js';
import type { RateLimitStore } from '../rate-limit.store.port.js';
import type { RateLimiting } from '../rate-limiting.js';
import { StoreUnavailableError } from '../store-unavailable.error.js';
import { LockoutCounts, type Taken, type Verdict } from './lockout.counts.js';
import { LockoutException } from './lockout.exception.js';
import { resolveLockout, type LockoutOptions, type ResolvedLockout } from './lockout.options.js';
import { partitionsOf, type LockPartitions } from './lockout.policy.js';
import { LoginAttempt } from './login-attempt.js';

const LOCKED = denied('account_locked');
const UNAVAILABLE = denied('rate_limit_unavailable');
const FAILED = denied('rate_limit_failed');

/** A client that is told to come back while nothing can be counted. */
const RETRY_UNAVAILABLE = 1000;

const LONGEST_TOLD = 256;

/** One who tries to sign in. */
interface Candidate {
  readonly identifier: string;
  readonly address: string | undefined;
  readonly partitions: LockPartitions;
}

/**
 * Locks out whoever fails to sign in too often, in three ways: the identifier from that address, the identifier from all
 * addresses that it has not signed in from before, and the address for other identifiers. It never looks at accounts, so
 * that one that does not exist is locked like any other.
 *
 * ```ts
 * @Post('login')
 * @Public()
 * async login(@Body() { email, password }: SignIn, @Req() request: Request) {
 *   const user = await this.lockout.attempt(email, request, () => this.users.verify(email, password));
 *   if (user === undefined) throw new UnauthorizedException();
 *   return this.tokens.issue(user);
 * }
 * ```
 */
export class Lockout {
  private readonly logger = new Logger('SecurityModule');
  private readonly options: ResolvedLockout;
  private readonly normalize: ResolvedLockout['normalize'];
  private readonly counts: LockoutCounts;
  private opened: RateLimitStore | undefined;

  /** @internal */
  constructor(
    options: LockoutOptions | undefined,
    private readonly limiting: Pick<RateLimiting, 'storeFor' | 'addressOf' | 'functions'>,
    private readonly clock: Pick<Clock, 'now'>,
    private readonly events: SecurityEvents,
  ) {
    this.options = resolveLockout(options);
    this.normalize = limiting.functions.normalization(this.options.normalize, 'lockout.normalize');
    this.counts = new LockoutCounts(this.options, () => this.store);
  }

  /**
   * Has credentials looked at, unless the caller is locked out, and counts what comes of it. What answers with nothing
   * (`undefined`, `null`, `false`) failed, and so did what throws; an `HttpException` of 500 or more does not count.
   *
   * @param identifier what was typed in: a name, an e-mail address; whether there is such an account does not matter
   * @param request as Express or Fastify has it; the address is the client's, behind trusted proxies
   * @returns what `verify` answered with
   * @throws LockoutException where `verify` is not asked
   */
  async attempt<T>(identifier: string, request: HttpRequest, verify: () => T | Promise<T>): Promise<T> {
    const attempt = await this.begin(identifier, request);
    let answer: T;
    try {
      answer = await verify();
    } catch (error) {
      const isOurs = error instanceof HttpException && error.getStatus() >= 500;
      await (isOurs ? attempt.abandon() : attempt.fail());
      throw error;
    }
    await (answer === undefined || answer === null || answer === false ? attempt.fail() : attempt.succeed());
    return answer;
  }

  /**
   * As `attempt`, for what cannot be waited for in one function. It counts as failed until it is told otherwise.
   *
   * @throws LockoutException where nothing may be looked at
   * @throws SecurityException 500 `rate_limit_failed` where `lockout.normalize` fails
   */
  async begin(identifier: string, request: HttpRequest): Promise<LoginAttempt> {
    let candidate: Candidate;
    let verdict: Verdict;
    try {
      candidate = this.candidateOf(identifier, request);
      verdict = await this.counts.take(candidate.partitions);
    } catch (error) {
      if (error instanceof SecurityConfigurationError) throw error;
      if (error instanceof ApplicationFunctionError) return this.fail(error, request);
      this.report(error);
      return this.refuse(UNAVAILABLE, RETRY_UNAVAILABLE, request);
    }
    if ('retryAfter' in verdict) return this.refuse(LOCKED, verdict.retryAfter, request);
    return this.attemptOf(candidate, verdict.taken);
  }

  /**
   * Lifts what an identifier is locked by, from every address: after a reset of the password, or by hand. Addresses that
   * are locked for all identifiers stay so.
   *
   * @throws ApplicationFunctionError where `lockout.normalize` fails
   */
  async unlock(identifier: string): Promise<void> {
    const normal = this.normalized(identifier);
    await this.counts.unlockAccount(partitionsOf(normal, '').account);
    this.publish({ action: 'unlocked', scope: 'account', identifier: normal.slice(0, LONGEST_TOLD) });
  }

  /** Lifts the lock of an address for all identifiers. */
  async unlockAddress(address: string): Promise<void> {
    await this.counts.unlockAddress(this.addressOf(address));
    this.publish({ action: 'unlocked', scope: 'address', address });
  }

  private get store(): RateLimitStore {
    this.opened ??= this.limiting.storeFor('lockout', this.options.onStoreError);
    if (this.opened !== undefined) return this.opened;
    // It would count, and never lock (fails closed).
    throw new SecurityConfigurationError([
      {
        where: 'rateLimit.store',
        problem: 'is a ThrottlerStorage, which only counts: Lockout could not lock by it',
        fix: 'Give a MemoryRateLimitStore or a RedisRateLimitStore',
      },
    ]);
  }

  private candidateOf(identifier: unknown, request: HttpRequest): Candidate {
    const address = clientAddressOf(request);
    const normal = this.normalized(identifier);
    return { identifier: normal, address, partitions: partitionsOf(normal, this.addressOf(address)) };
  }

  /** Whatever is no text is one identifier, which is locked as any other. */
  private normalized(identifier: unknown): string {
    return typeof identifier === 'string' ? this.normalize(identifier) : '';
  }

  private addressOf(address: string | undefined): string {
    return this.limiting.addressOf({ address });
  }

  private attemptOf({ identifier, address, partitions }: Candidate, taken: readonly Taken[]): LoginAttempt {
    return new LoginAttempt({
      succeeded: () => this.settle(() => this.counts.succeed(partitions, taken)),
      failed: () =>
        this.settle(async () => {
          for (const { scope, locking } of await this.counts.fail(partitions, taken)) {
            // An address is locked for all that was tried from it, whatever the last was.
            const who = scope === 'address' ? undefined : identifier.slice(0, LONGEST_TOLD);
            this.publish({ action: 'locked', scope, identifier: who, address, duration: locking.block });
          }
        }),
      abandoned: () => this.settle(() => this.counts.giveBack(taken)),
    });
  }

  /** Credentials were right or wrong whatever the store says to it; what was taken stays taken (fails closed). */
  private async settle(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.report(error);
    }
  }

  /** What the application chose for a store that is away is no news; anything else is a defect. */
  private report(error: unknown): void {
    if (error instanceof StoreUnavailableError) return;
    this.logger.error('The lockout could not be counted', error instanceof Error ? error.stack : undefined);
  }

  /** The server fails, not the client (fails closed). */
  private fail(failure: ApplicationFunctionError, request: HttpRequest): LoginAttempt {
    this.limiting.functions.report(failure);
    if (this.isOnlyRecorded(FAILED, request)) return LoginAttempt.UNCOUNTED;
    throw new SecurityException(FAILED);
  }

  private refuse(denial: Denied, retryAfter: number, request: HttpRequest): LoginAttempt {
    if (this.isOnlyRecorded(denial, request)) return LoginAttempt.UNCOUNTED;
    const passage = passageOf(request);
    // A handler that has caught one may ask for another: the last one says when.
    const others = passage?.fields.filter(({ key }) => key !== 'retry-after') ?? [];
    // Whoever comes back must not find a limit of the route used up.
    const wait = Math.max(retryAfter, passage?.againAfter ?? 0);
    if (passage !== undefined) passage.fields = [...others, ...retryFields(wait, '')];
    throw new LockoutException(denial, wait);
  }

  /** Publishes that an attempt is denied, and tells whether it goes on all the same. */
  private isOnlyRecorded(denial: Denied, request: HttpRequest): boolean {
    const { records } = this.options;
    if (!records) this.events.onDenial(denial.reason, request);
    if (this.events.observed) {
      this.events.emit({
        type: 'decision',
        time: this.clock.now(),
        allowed: false,
        reason: denial.reason,
        enforced: records ? false : undefined,
        transport: 'http',
        method: request.method,
        address: clientAddressOf(request),
      });
    }
    return records;
  }

  private publish(event: Omit<LockoutEvent, 'type' | 'time'>): void {
    if (this.events.observed) this.events.emit({ type: 'lockout', time: this.clock.now(), ...event });
  }
}
