import { Logger, type ExecutionContext } from '@nestjs/common';
import { Call } from '../core/call.js';
import { denied } from '../core/decision.js';
import { SecurityException } from '../core/errors.js';
import type { LimitStanding, Passage, TakenUnits } from '../core/passage.js';
import type { Principal } from '../core/principal.js';
import { httpRequestOf, passageOf } from '../core/request.js';
import type { LimitDenial, LimitStep } from '../core/route-policy.js';
import { limitContextOf } from './limit-context.js';
import type { AskedCharge, LimitCharge, LimitRule } from './limit-rules.js';
import { NO_STEPS, type LimitSteps } from './limit-steps.js';
import { MemoryRateLimitStore } from './memory.store.js';
import { RateLimitException } from './rate-limit.exception.js';
import { retryFields, retryFieldsOf, type StandingFields } from './rate-limit.headers.js';
import type { RateLimitStore, Standing, TakenCharge } from './rate-limit.store.port.js';
import { rawResponseOf } from './request-end.js';
import { isTighter, unitsAfter } from './standing.policy.js';
import { StoreUnavailableError } from './store-unavailable.error.js';
import type { WaitingRoom } from './waiting-room.js';

const RATE_LIMITED = denied('rate_limited');
const UNAVAILABLE = denied('rate_limit_unavailable');
const CLIENT_GONE = denied('client_gone');
const KEY_REFUSED = denied('rate_limit_key_refused');
const FAILED = denied('rate_limit_failed');
const TOO_MANY_REQUESTS = 429;

const UNANSWERED = 'The store did not answer for each limit that it was asked for';

/** Milliseconds until a client may come back where it is not known when requests can be counted again. */
const RETRY_UNKNOWN = 1000;

/** What requests are charged with. */
export interface ChargingOptions {
  readonly store: RateLimitStore;
  readonly waiting: WaitingRoom;
  /** What clients are told of their standings. */
  readonly told: StandingFields | undefined;
  /** Whether who asks for too much is only recorded. */
  readonly records: boolean;
  /** Whether the store cannot give anything back. */
  readonly keepsWhatItCounts: boolean;
}

/** The rules that are asked together. */
interface Stage {
  readonly rules: readonly LimitRule[];
  /** Whether they are one of two stages, of which the second gives back what the first took where it denies. */
  readonly of: 'one' | 'first' | 'second';
}

/** What a request took of the limits of a stage; it is given back once, whichever comes first. */
class Taken implements TakenUnits {
  private isSettled = false;

  constructor(
    private readonly charging: LimitCharging,
    private readonly rules: readonly LimitRule[],
    private readonly charges: readonly LimitCharge[],
    private readonly standings: readonly Standing[],
  ) {}

  giveBack(): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.charging.giveBack(this.charges.map((_, index) => this.takenOf(index)));
  }

  restored(standing: LimitStanding): LimitStanding {
    const charge = this.charges.find(({ limit }) => limit === standing.limit);
    if (charge === undefined) return standing;
    const { limit, cost } = charge;
    const back = limit.algorithm === 'token-bucket' ? Math.floor((cost * limit.window) / limit.quota) : 0;
    const resetAfter = Math.max(0, standing.resetAfter - back);
    return { limit, remaining: standing.remaining + cost, resetAfter, isDenied: false, againAfter: 0 };
  }

  /** What does not count is given back. */
  judge(status: number): void {
    if (this.isSettled) return;
    this.isSettled = true;
    const given: TakenCharge[] = [];
    this.rules.forEach(({ counts }, index) => {
      if (counts !== undefined && !counts(status)) given.push(this.takenOf(index));
    });
    if (given.length > 0) this.charging.giveBack(given);
  }

  private takenOf(index: number): TakenCharge {
    const { limit, partition, cost } = this.charges[index] as LimitCharge;
    return { limit, partition, cost, takenAt: (this.standings[index] as Standing).takenAt };
  }
}

/** Takes what requests cost from the store, and says what becomes of them. */
export class LimitCharging {
  private readonly logger = new Logger('SecurityModule');
  /** Most routes have one limit, which all of them share. */
  private readonly ofOneRule = new Map<LimitRule, LimitSteps>();

  constructor(private readonly options: ChargingOptions) {}

  /** The steps that ask for the rules of a route. */
  compile(rules: readonly LimitRule[]): LimitSteps {
    const [first] = rules;
    if (first === undefined) return NO_STEPS;
    if (rules.length > 1) return this.stepsOf(rules);
    const steps = this.ofOneRule.get(first) ?? this.stepsOf(rules);
    this.ofOneRule.set(first, steps);
    return steps;
  }

  private stepsOf(rules: readonly LimitRule[]): LimitSteps {
    const byAddress = rules.filter((rule) => rule.byAddress);
    const byPrincipal = rules.filter((rule) => !rule.byAddress);
    const { store, keepsWhatItCounts } = this.options;
    const areTwo = byAddress.length > 0 && byPrincipal.length > 0 && !keepsWhatItCounts;
    // A store that lives in the process is asked twice in less time than it takes to find out whether once would do.
    const isFar = !(store instanceof MemoryRateLimitStore);
    return {
      limitAddress: this.stepOf({ rules: byAddress, of: areTwo ? 'first' : 'one' }),
      limitPrincipal: this.stepOf({ rules: byPrincipal, of: areTwo ? 'second' : 'one' }),
      limitBoth: areTwo && isFar ? this.stepOf({ rules: [...byAddress, ...byPrincipal], of: 'one' }) : undefined,
    };
  }

  /** What was counted is given back; a store that fails here keeps it (fails closed). */
  giveBack(charges: readonly TakenCharge[]): void {
    try {
      const given = this.options.store.refund(charges);
      if (given instanceof Promise) given.catch((error: unknown) => this.refundFailed(error));
    } catch (error) {
      this.refundFailed(error);
    }
  }

  /** How it is answered that nobody could be counted. */
  unavailable(error: unknown, charges: readonly LimitCharge[] = []): LimitDenial {
    // What the application chose for a store that is away is no news; anything else is a defect (fails closed).
    const isAway = error instanceof StoreUnavailableError;
    if (!isAway) this.logger.error('A rate limit could not be asked', error instanceof Error ? error.stack : undefined);
    return {
      denial: UNAVAILABLE,
      limit: charges[0]?.limit.name,
      exception: new RateLimitException(UNAVAILABLE),
      fields: retryFields(isAway ? error.retryAfter : RETRY_UNKNOWN, ''),
    };
  }

  private stepOf(stage: Stage): LimitStep | undefined {
    const { rules } = stage;
    const [only] = rules;
    if (only === undefined) return undefined;
    if (rules.length > 1) return (execution, principal) => this.takeAll(stage, execution, principal);
    return (execution, principal) => {
      const passage = passageOf(httpRequestOf(execution)) as Passage;
      const charge = only.chargeOf(limitContextOf(execution, principal, passage), execution);
      if (charge instanceof Promise) return charge.then((settled) => this.take(stage, [settled], execution, passage));
      return this.take(stage, [charge], execution, passage);
    };
  }

  private takeAll(stage: Stage, execution: ExecutionContext, principal: Principal | undefined): ReturnType<LimitStep> {
    const passage = passageOf(httpRequestOf(execution)) as Passage;
    const context = limitContextOf(execution, principal, passage);
    const charges = stage.rules.map((rule) => rule.chargeOf(context, execution));
    if (!charges.some((charge) => charge instanceof Promise)) {
      return this.take(stage, charges as AskedCharge[], execution, passage);
    }
    return Promise.all(charges).then(
      (settled) => this.take(stage, settled, execution, passage),
      (error: unknown) => this.takeByAddress(stage, execution, error),
    );
  }

  /** What a function of the application throws on is charged by address all the same, as it is before the other stage. */
  private async takeByAddress(stage: Stage, execution: ExecutionContext, error: unknown): Promise<LimitDenial> {
    const rules = stage.rules.filter(({ byAddress }) => byAddress);
    const isBoth = rules.length > 0 && rules.length < stage.rules.length;
    const denial = isBoth ? await this.takeAll({ rules, of: 'one' }, execution, undefined) : undefined;
    if (denial === undefined) throw error;
    return denial;
  }

  /** @param charges one a rule, `undefined` where it does not hold */
  private take(
    whole: Stage,
    charges: readonly AskedCharge[],
    execution: ExecutionContext,
    passage: Passage,
  ): ReturnType<LimitStep> {
    // Another route may have handed the request on.
    if (whole.of === 'first') slotOf(execution, passage).takenFirst = undefined;
    const isWhole = charges.every(isCharge);
    if (!isWhole && charges.some((charge) => charge === 'refused' || charge === 'failed'))
      return this.refuse(whole, charges, execution, passage);
    const stage = isWhole ? whole : partOf(whole, charges);
    const taken = isWhole ? charges : charges.filter(isCharge);
    if (taken.length === 0) return undefined;
    let standings: readonly Standing[] | Promise<readonly Standing[]>;
    try {
      standings = this.options.store.consume(taken);
    } catch (error) {
      return this.unavailable(error, taken);
    }
    return standings instanceof Promise
      ? standings.then(
          (settled) => this.settle(stage, taken, settled, execution, passage),
          (error: unknown) => this.unavailable(error, taken),
        )
      : this.settle(stage, taken, standings, execution, passage);
  }

  /** The other limits are charged all the same: a request that is refused is no cheaper than one that is not. */
  private refuse(
    stage: Stage,
    charges: readonly AskedCharge[],
    execution: ExecutionContext,
    passage: Passage,
  ): ReturnType<LimitStep> {
    // An error of the server is not blamed on the key of the client.
    const cause = charges.includes('failed') ? 'failed' : 'refused';
    const denial = cause === 'failed' ? FAILED : KEY_REFUSED;
    const refusal: LimitDenial = {
      denial,
      limit: stage.rules[charges.indexOf(cause)]?.name,
      exception: new SecurityException(denial),
      fields: [],
    };
    // Where the server fails, that the address is charged is enough.
    const others = charges.map((charge, index) =>
      typeof charge === 'string' || (cause === 'failed' && stage.rules[index]?.byAddress !== true) ? undefined : charge,
    );
    const first = this.take(stage, others, execution, passage);
    return first instanceof Promise ? first.then((settled) => settled ?? refusal) : (first ?? refusal);
  }

  private settle(
    { rules, of }: Stage,
    charges: readonly LimitCharge[],
    standings: readonly Standing[],
    execution: ExecutionContext,
    passage: Passage,
  ): ReturnType<LimitStep> {
    // Whoever is not answered for was not counted (fails closed).
    if (standings.length !== charges.length) return this.unavailable(new Error(UNANSWERED), charges);
    this.tell(rules, charges, standings, passage, execution instanceof Call);
    const denying = standings.findIndex(({ allowed }) => !allowed);
    if (denying === -1) {
      const isJudged = rules.some(({ counts }) => counts !== undefined);
      if (isJudged || of === 'first') {
        const taken = new Taken(this, rules, charges, standings);
        if (of === 'first') slotOf(execution, passage).takenFirst = taken;
        if (isJudged) awaitOutcome(taken, execution);
      }
      return this.options.records ? undefined : this.slowDown(rules, charges, standings, execution);
    }
    if (of === 'second') this.giveFirstBack(execution, passage);
    const charge = charges[denying] as LimitCharge;
    const violated: string[] = [];
    const denials: { readonly suffix: string; readonly retryAfter: number }[] = [];
    for (let i = 0; i < charges.length; i++) {
      const { allowed, retryAfter } = standings[i] as Standing;
      if (allowed) continue;
      const { limit } = charges[i] as LimitCharge;
      violated.push(limit.name);
      denials.push({ suffix: limit.suffix, retryAfter });
    }
    const message = rules[denying]?.message?.(execution, charge, standings[denying] as Standing);
    const answer = (text: string | undefined): LimitDenial => ({
      denial: RATE_LIMITED,
      limit: charge.limit.name,
      exception: new RateLimitException(RATE_LIMITED, text, violated),
      fields: retryFieldsOf(denials),
    });
    return message instanceof Promise ? message.then(answer) : answer(message);
  }

  /** The answer says how the client stands with what it has back; that of several calls may stand for others too. */
  private giveFirstBack(execution: ExecutionContext, passage: Passage): void {
    const { takenFirst } = slotOf(execution, passage);
    if (takenFirst === undefined) return;
    takenFirst.giveBack();
    if (execution instanceof Call) return;
    passage.againAfter = 0;
    passage.standings = passage.standings.map((standing) => takenFirst.restored(standing));
  }

  /** Of several delays the longest. */
  private slowDown(
    rules: readonly LimitRule[],
    charges: readonly LimitCharge[],
    standings: readonly Standing[],
    execution: ExecutionContext,
  ): Promise<LimitDenial | undefined> | LimitDenial | undefined {
    let longest = 0;
    let slowest = 0;
    for (let i = 0; i < rules.length; i++) {
      const delayFor = rules[i]?.delayOf;
      if (delayFor === undefined) continue;
      const delay = delayFor((charges[i] as LimitCharge).limit, (standings[i] as Standing).remaining);
      if (delay > longest) [longest, slowest] = [delay, i];
    }
    if (longest === 0) return undefined;
    const { name, suffix } = (charges[slowest] as LimitCharge).limit;
    const denial = (retryAfter: number): LimitDenial => ({
      denial: RATE_LIMITED,
      limit: name,
      exception: new RateLimitException(RATE_LIMITED, undefined, [name]),
      fields: retryFields(retryAfter, suffix),
    });
    const waited = this.options.waiting.wait(execution, longest);
    if (waited === undefined) return denial(longest);
    return waited.then((how) => {
      if (how === 'whole') return undefined;
      if (how === 'closed') return denial(RETRY_UNKNOWN);
      // Whatever the handler did would be done for nobody.
      return { denial: CLIENT_GONE, limit: name, exception: new SecurityException(CLIENT_GONE), fields: [] };
    });
  }

  /** What the client is told is written with the head of the answer, whoever gives it. */
  private tell(
    rules: readonly LimitRule[],
    charges: readonly LimitCharge[],
    standings: readonly Standing[],
    passage: Passage,
    isShared: boolean,
  ): void {
    const { told: tell, records } = this.options;
    // A handler that hands the request on has it asked for some limits again: the last answer holds.
    const told: LimitStanding[] =
      passage.standings.length === 0
        ? []
        : passage.standings.filter(({ limit: { name } }) => !charges.some(({ limit }) => limit.name === name));
    for (let i = 0; i < charges.length; i++) {
      const rule = rules[i] as LimitRule;
      const standing = standingOf(rule, charges[i] as LimitCharge, standings[i] as Standing);
      if (standing.againAfter > passage.againAfter && !records) passage.againAfter = standing.againAfter;
      if (tell === undefined || !rule.told) continue;
      // Of the calls that share an answer, it says what the one with the least left is told.
      const earlier = isShared ? passage.standings.find(({ limit }) => limit.name === standing.limit.name) : undefined;
      told.push(earlier !== undefined && isTighter(earlier, standing) ? earlier : standing);
    }
    passage.standings = told;
    passage.standingFields = tell;
  }

  private refundFailed(error: unknown): void {
    if (error instanceof StoreUnavailableError) return;
    this.logger.error('What a request took could not be given back', error instanceof Error ? error.stack : undefined);
  }
}

/** How a client stands with a limit that was asked. */
function standingOf(
  { counts }: LimitRule,
  { limit, cost }: LimitCharge,
  { allowed, remaining, resetAfter, retryAfter }: Standing,
): LimitStanding {
  let againAfter = allowed ? unitsAfter(limit, remaining, resetAfter, cost) : retryAfter;
  // Where a denial by something else does not count, the units are given back.
  if (allowed && againAfter > 0 && counts !== undefined && !counts(TOO_MANY_REQUESTS)) againAfter = 0;
  return { limit, remaining, resetAfter, isDenied: !allowed, againAfter };
}

/** Where it is kept what was taken in the first of two stages: the calls of one request are asked side by side. */
function slotOf(execution: ExecutionContext, passage: Passage): Call | Passage {
  return execution instanceof Call ? execution : passage;
}

function isCharge(charge: AskedCharge): charge is LimitCharge {
  return typeof charge === 'object';
}

function partOf({ rules, of }: Stage, charges: readonly AskedCharge[]): Stage {
  return { rules: rules.filter((_, index) => isCharge(charges[index])), of };
}

/** An answer that never ends counts (fails closed). */
function awaitOutcome(taken: Taken, execution: ExecutionContext): void {
  // The answer that calls share says nothing of any of them.
  if (execution instanceof Call) return execution.onOutcome((status) => taken.judge(status));
  const response = rawResponseOf(execution);
  response.once('finish', () => {
    // Over HTTP/2 Node says so of a stream that was called off as well, whatever the status is by then.
    if (response.writableEnded) taken.judge(response.statusCode);
  });
}
