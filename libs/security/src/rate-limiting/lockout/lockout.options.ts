import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, OptionalRule, Part, wholeNumber } from '../../core/options.rules.js';
import type { Enforcement } from '../../core/profile.js';
import { DURATION_FIX, parseDuration } from '../limit-text.js';
import { normalizedText } from '../key-text.policy.js';
import { atOnce, oneOf } from '../option-values.js';

/** How many failed attempts lock whom out, and for how long. */
export interface LockoutSettings {
  /** Failed attempts within `window`, from 1 to 10000. */
  maxFailures?: number | undefined;
  /**
   * In which the failures are counted, from the first one on: milliseconds, or text such as `'15 minutes'`.
   * @default '15 minutes'
   */
  window?: number | string | undefined;
  /**
   * How long the lock holds: milliseconds, or text such as `'15 minutes'`.
   * @default '15 minutes'
   */
  duration?: number | string | undefined;
}

/**
 * When failed attempts to sign in lock somebody out. Three counts hold beside each other: of one identifier from one
 * address, of one identifier from everywhere, and of one address for whatever identifiers (OWASP ASVS 5.0, 6.3.1).
 */
export interface LockoutOptions extends LockoutSettings {
  /**
   * Failed attempts for one identifier from one address, from 1 to 10000; the identifier is locked from there alone.
   * @default 5
   */
  maxFailures?: number | undefined;
  /**
   * Failed attempts for one identifier from all addresses together. The lock holds for all addresses but those from
   * which the identifier has signed in before, so that nobody is kept out of an account by somebody else.
   * @default 20 failures, with `window` and `duration` as above; `false` for none
   */
  account?: LockoutSettings | false | undefined;
  /**
   * Failed attempts from one address for whatever identifiers: somebody tries a list of stolen passwords. Identifiers
   * that have signed in from there before are left out, so that an office is not locked out by one who is in it.
   * @default 20 failures, with `window` and `duration` as above; `false` for none
   */
  address?: LockoutSettings | false | undefined;
  /**
   * Has whoever fails wait longer each time before the next attempt for that identifier from that address.
   * @default no delay
   */
  delay?: LockoutDelay | undefined;
  /**
   * How long an address is known for an identifier that signed in from there: milliseconds, or text such as
   * `'30 days'`. Ten addresses at most in that time, so that what is kept is bounded.
   * @default '30 days'; `false` knows none
   */
  familiar?: number | string | false | undefined;
  /**
   * What is one identifier, however it is typed. It must agree with how accounts are looked up: two spellings that find
   * one account and count apart give twice the guesses.
   * @default Unicode NFKC, without invisible characters and blanks around it, in lower case
   */
  normalize?: ((identifier: string) => string) | undefined;
  /**
   * What holds while a shared store does not answer: `closed` refuses every attempt with 503 `rate_limit_unavailable`,
   * `local` counts in this process, `open` lets everything through.
   * @default 'closed'
   */
  onStoreError?: 'local' | 'open' | 'closed' | undefined;
  /**
   * Whether who is locked out is denied, or only an event says so.
   * @default 'enforce'
   */
  enforcement?: Enforcement | undefined;
}

/** How long whoever failed waits; it doubles with each failure. */
export interface LockoutDelay {
  /**
   * The failure from which on there is a delay.
   * @default 1
   */
  after?: number | undefined;
  /**
   * The first delay: milliseconds, or text such as `'1 second'`.
   * @default '1 second'
   */
  first?: number | string | undefined;
  /**
   * The longest delay, up to an hour.
   * @default '1 minute'
   */
  longest?: number | string | undefined;
}

const MOST_FAILURES = 10_000;
const LONGEST_DELAY = 3_600_000;
const DEFAULT_DURATION = 15 * 60_000;
const DEFAULT_FAMILIAR = 30 * 24 * 3_600_000;

const failures = wholeNumber(1, MOST_FAILURES);

function durationProblem(value: unknown): string | undefined {
  return parseDuration(value) === undefined ? 'is no duration' : undefined;
}

class SettingsRules {
  @OptionalRule(failures, 'Leave it out for 20')
  maxFailures?: unknown;

  @OptionalRule(durationProblem, DURATION_FIX)
  window?: unknown;

  @OptionalRule(durationProblem, DURATION_FIX)
  duration?: unknown;
}

class DelayRules {
  @OptionalRule(failures, 'Leave it out for 1')
  after?: unknown;

  @OptionalRule(delayProblem, DURATION_FIX)
  first?: unknown;

  @OptionalRule(delayProblem, DURATION_FIX)
  longest?: unknown;
}

class LockoutRules {
  @OptionalRule(failures, 'Leave it out for 5')
  maxFailures?: unknown;

  @OptionalRule(durationProblem, DURATION_FIX)
  window?: unknown;

  @OptionalRule(durationProblem, DURATION_FIX)
  duration?: unknown;

  @Part(() => SettingsRules) account?: unknown;
  @Part(() => SettingsRules) address?: unknown;
  @Part(() => DelayRules) delay?: unknown;

  @OptionalRule((value) => (value === false ? undefined : durationProblem(value)), DURATION_FIX)
  familiar?: unknown;

  @OptionalRule(atOnce, 'Give (identifier) => text')
  normalize?: unknown;

  @OptionalRule(oneOf(['local', 'open', 'closed']), "Leave it out for 'closed'")
  onStoreError?: unknown;

  @OptionalRule(oneOf(['enforce', 'report']), "Leave it out to deny; 'report' only records")
  enforcement?: unknown;
}

function delayProblem(value: unknown): string | undefined {
  const duration = parseDuration(value);
  if (duration === undefined) return 'is no duration';
  return duration > LONGEST_DELAY ? 'is longer than an hour' : undefined;
}

/** Adds what is wrong with `lockout` to `problems`. */
export function checkLockoutOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(LockoutRules, options, path, problems);
  if (!isRecord(options)) return;
  const { maxFailures = 5, account } = options;
  for (const name of ['account', 'address', 'delay'] as const) {
    const part = options[name];
    if (!Array.isArray(part) && !(name === 'delay' && part === false)) continue;
    problems.push({
      where: `${path}.${name}`,
      problem: `must be an object, not ${describe(part)}`,
      fix: 'Leave it out for the default',
    });
  }
  const ofAccount = isRecord(account) ? (account['maxFailures'] ?? 20) : 20;
  if (account !== false && Number(ofAccount) <= Number(maxFailures)) {
    problems.push({
      where: `${path}.account.maxFailures`,
      problem: 'is not more than maxFailures: one address alone could lock an account for everybody else',
      fix: 'Give some times maxFailures, or account: false',
    });
  }
}

/** Failures that lock, with all durations in milliseconds. */
export interface LockThreshold {
  readonly maxFailures: number;
  readonly window: number;
  readonly duration: number;
}

/** The options with their defaults, all durations in milliseconds. */
export interface ResolvedLockout {
  readonly pair: LockThreshold;
  readonly account: LockThreshold | undefined;
  readonly address: LockThreshold | undefined;
  readonly delay: { readonly after: number; readonly first: number; readonly longest: number } | undefined;
  /** How long an address is known; 0 where none is. */
  readonly familiar: number;
  readonly normalize: (identifier: string) => string;
  readonly onStoreError: 'local' | 'open' | 'closed';
  readonly records: boolean;
}

/** Fills in the defaults; the options must have been checked. */
export function resolveLockout(options: LockoutOptions = {}): ResolvedLockout {
  const { account = {}, address = {}, delay, familiar = DEFAULT_FAMILIAR, normalize = normalizedIdentifier } = options;
  const { onStoreError = 'closed', enforcement = 'enforce' } = options;
  const pair = thresholdOf(options, 5, { window: DEFAULT_DURATION, duration: DEFAULT_DURATION });
  return {
    pair,
    account: account === false ? undefined : thresholdOf(account, 20, pair),
    address: address === false ? undefined : thresholdOf(address, 20, pair),
    delay: delay && {
      after: delay.after ?? 1,
      first: parseDuration(delay.first) ?? 1000,
      longest: parseDuration(delay.longest) ?? 60_000,
    },
    familiar: familiar === false ? 0 : (parseDuration(familiar) ?? DEFAULT_FAMILIAR),
    normalize,
    onStoreError,
    records: enforcement === 'report',
  };
}

function thresholdOf(
  { maxFailures, window, duration }: LockoutSettings,
  defaultFailures: number,
  otherwise: Pick<LockThreshold, 'window' | 'duration'>,
): LockThreshold {
  return {
    maxFailures: maxFailures ?? defaultFailures,
    window: parseDuration(window) ?? otherwise.window,
    duration: parseDuration(duration) ?? otherwise.duration,
  };
}

/** What is too long to be a name is one identifier, which is locked as any other. */
function normalizedIdentifier(identifier: string): string {
  return normalizedText(identifier) ?? '';
}
