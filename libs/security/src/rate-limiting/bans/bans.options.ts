import { rangeProblem, writtenRanges } from '../../core/address-ranges.js';
import type { DenialReason } from '../../core/decision.js';
import { isDenialReason, type ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, OptionalRule, Part, Rule, wholeNumber } from '../../core/options.rules.js';
import type { Enforcement } from '../../core/profile.js';
import type { HttpRequest } from '../../core/request.js';
import { DURATION_FIX, isLimitName, parseDuration } from '../limit-text.js';
import { compileHoneypots, normalizedHoneypot } from './honeypots.policy.js';
import { atOnce, oneOf } from '../option-values.js';

/**
 * Which clients are kept out. Asked first of all for every request, in the order of rack-attack: what is on the safelist
 * passes, what is on the blocklist is denied, then whoever is banned, then what a rule matches; limits come later, and
 * what is tracked is told of.
 */
export interface BansOptions {
  /**
   * Whom nothing here holds for: addresses, ranges (`10.0.0.0/8`) and the names `loopback`, `linklocal`, `uniquelocal`;
   * or a function. Rate limits and everything else still hold.
   * @default nobody
   */
  safelist?: readonly string[] | BanCondition | undefined;
  /**
   * Who is answered with 403 `address_blocked`; as `safelist`. `['0.0.0.0/0', '::/0']` beside a safelist lets nobody in
   * but those on it.
   * @default nobody
   */
  blocklist?: readonly string[] | BanCondition | undefined;
  /** Requests that ban the address they come from, when there are too many of them. */
  rules?: readonly BanRule[] | undefined;
  /** Denials that ban the address that they are given to, when there are too many of them. */
  denials?: BanDenials | undefined;
  /**
   * Paths that nobody has any business with; whoever asks for one is banned at once. In any spelling (RFC 3986,
   * section 6.2.2: `/%77p-login.php`, `//wp-login.php`, `/x/../wp-login.php`) and letter case, with or without a slash at
   * the end; `/wp-admin/*` is everything below. None may be a route of the application.
   * @default []
   */
  honeypots?: readonly string[] | undefined;
  /** Requests that an event tells of, and nothing else happens. */
  track?: readonly TrackRule[] | undefined;
  /**
   * Whether requests count against their address that another site had a browser send (Sec-Fetch-Site). They are refused
   * like any other; where they count, an image on any page can have its visitors banned, and where they do not, whoever
   * says so of itself is not banned. For an API that no browser calls.
   * @default false
   */
  countCrossSite?: boolean | undefined;
  /**
   * How long a ban holds where nothing else is said: milliseconds, or text such as `'1 hour'`.
   * @default '1 hour'
   */
  duration?: number | string | undefined;
  /**
   * How long this process believes what a shared store said of an address: milliseconds, or text such as `'5 seconds'`,
   * up to a minute. So long another process may still serve whom this one banned. The memory store is asked each time.
   * @default '5 seconds'
   */
  refresh?: number | string | undefined;
  /**
   * What holds while a shared store does not answer: `local` bans in this process, `open` bans nobody, `closed` answers
   * every request with 503 `rate_limit_unavailable`. The lists hold in any case.
   * @default 'local'
   */
  onStoreError?: 'local' | 'open' | 'closed' | undefined;
  /**
   * Whether who is kept out is denied, or only an event says so.
   * @default 'enforce'
   */
  enforcement?: Enforcement | undefined;
}

/** What a condition is told. It is asked before routing: there is no body, and nobody is known. */
export interface BanContext {
  readonly request: HttpRequest;
  /** The client's address, behind trusted proxies; `undefined` behind a Unix socket. */
  readonly address: string | undefined;
  /**
   * The path in the one form that rules compare (RFC 3986, section 6.2.2): without query, unreserved characters decoded,
   * dot segments resolved. `request.url` is what came: `/%77p-login.php` is not `/wp-login.php` there.
   */
  readonly path: string;
}

/** Answers `true` or `false` at once; a failure ends the request with 500. */
export type BanCondition = (context: BanContext) => boolean | undefined;

/** How many times within which time ban for how long. */
export interface BanThreshold {
  /**
   * So many times ban, from 1 to 1000000.
   * @default 5
   */
  maxRetry?: number | undefined;
  /**
   * In which they are counted, from the first one on: milliseconds, or text such as `'10 minutes'`.
   * @default '10 minutes'
   */
  findTime?: number | string | undefined;
  /**
   * How long the ban holds.
   * @default that of `bans.duration`
   */
  banTime?: number | string | undefined;
}

/** Requests that ban. */
export interface BanRule extends BanThreshold {
  /** Tells the rule from others, in events and in the store: letters, digits, `_`, `-` and `.`. */
  name: string;
  matches: BanCondition;
  /**
   * `fail2ban`: what matches is refused with 403 `request_banned`, each time. `allow2ban`: it passes, until there are too
   * many.
   * @default 'fail2ban'
   */
  count?: 'fail2ban' | 'allow2ban' | undefined;
}

/** Denials that ban, as `credentials_invalid`, `account_locked` or `target_not_normalized`. */
export interface BanDenials extends BanThreshold {
  /** The codes that count. What honest clients get every day, as `token_expired`, has no place here. */
  reasons: readonly DenialReason[];
}

/** Requests that an event tells of. */
export interface TrackRule {
  name: string;
  matches: BanCondition;
}

const MOST_RETRIES = 1_000_000;
const LONGEST_REFRESH = 60_000;

const HOUR = 3_600_000;
const TEN_MINUTES = 600_000;

const NAME_FIX = 'Use letters, digits, "_", "-" and ".", at most 64, a letter first';

function durationProblem(value: unknown): string | undefined {
  return parseDuration(value) === undefined ? 'is no duration' : undefined;
}

function nameProblem(value: unknown): string | undefined {
  return typeof value === 'string' && isLimitName(value) ? undefined : 'is not a name';
}

function list(of: string): (value: unknown) => string | undefined {
  return (value) => (Array.isArray(value) ? undefined : `must be a list of ${of}, not ${describe(value)}`);
}

const CONDITION_FIX = 'Give ({ request, address }) => true or false';
const LIST_FIX = "Give ['192.0.2.0/24', '2001:db8::/32'], or ({ request, address }) => true";

function listProblem(value: unknown): string | undefined {
  return Array.isArray(value) ? undefined : atOnce(value);
}

class ThresholdRules {
  @OptionalRule(wholeNumber(1, MOST_RETRIES), 'Leave it out for 5')
  maxRetry?: unknown;

  @OptionalRule(durationProblem, DURATION_FIX)
  findTime?: unknown;

  @OptionalRule(durationProblem, DURATION_FIX)
  banTime?: unknown;
}

class RuleRules extends ThresholdRules {
  @Rule(nameProblem, NAME_FIX)
  name?: unknown;

  @Rule(atOnce, CONDITION_FIX)
  matches?: unknown;

  @OptionalRule(oneOf(['fail2ban', 'allow2ban']), "Leave it out for 'fail2ban'")
  count?: unknown;
}

class DenialRules extends ThresholdRules {
  @Rule(list('codes'), "Give ['credentials_invalid']")
  reasons?: unknown;
}

class TrackRules {
  @Rule(nameProblem, NAME_FIX)
  name?: unknown;

  @Rule(atOnce, CONDITION_FIX)
  matches?: unknown;
}

class BansRules {
  @OptionalRule(listProblem, LIST_FIX)
  safelist?: unknown;

  @OptionalRule(listProblem, LIST_FIX)
  blocklist?: unknown;

  @Part(() => RuleRules)
  @OptionalRule(list('rules'), 'Give [{ name, matches }]')
  rules?: unknown;

  @Part(() => DenialRules) denials?: unknown;

  @OptionalRule(list('paths'), "Give ['/wp-login.php', '/.env']")
  honeypots?: unknown;

  @Part(() => TrackRules)
  @OptionalRule(list('rules'), 'Give [{ name, matches }]')
  track?: unknown;

  @OptionalRule(
    (value) => (typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`),
    'Leave it out where browsers call',
  )
  countCrossSite?: unknown;

  @OptionalRule(durationProblem, DURATION_FIX)
  duration?: unknown;

  @OptionalRule(
    (value) => durationProblem(value) ?? ((parseDuration(value) ?? 0) > LONGEST_REFRESH ? 'is too long' : undefined),
    "Leave it out for '5 seconds'; a minute is the most",
  )
  refresh?: unknown;

  @OptionalRule(oneOf(['local', 'open', 'closed']), "Leave it out for 'local'")
  onStoreError?: unknown;

  @OptionalRule(oneOf(['enforce', 'report']), "Leave it out to deny; 'report' only records")
  enforcement?: unknown;
}

/** What bans themselves answer with: to count it would make a ban that never ends. */
const OF_BANS: ReadonlySet<unknown> = new Set(['address_blocked', 'address_banned', 'request_banned']);

/** What is answered where the application itself fails. */
const OF_OUTAGES: ReadonlySet<unknown> = new Set([
  'rate_limit_unavailable',
  'rate_limit_failed',
  'authentication_failed',
  'policy_failed',
  'edge_failed',
]);

/** Adds what is wrong with `bans` to `problems`. */
export function checkBansOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(BansRules, options, path, problems);
  if (!isRecord(options)) return;
  checkRanges(options['safelist'], `${path}.safelist`, problems);
  checkRanges(options['blocklist'], `${path}.blocklist`, problems);
  if (Array.isArray(options['safelist'])) checkWidth(options['safelist'], `${path}.safelist`, problems);
  for (const name of ['rules', 'track'] as const) checkNames(options[name], `${path}.${name}`, problems);
  checkReasons(options['denials'], `${path}.denials`, problems);
  checkHoneypots(options['honeypots'], `${path}.honeypots`, problems);
}

function checkRanges(entries: unknown, path: string, problems: ConfigurationProblem[]): void {
  if (!Array.isArray(entries)) return;
  entries.forEach((entry: unknown, index) => {
    const wrong = rangeProblem(entry);
    if (wrong !== undefined) problems.push({ where: `${path}[${index}]`, ...wrong });
  });
}

function checkWidth(entries: readonly unknown[], path: string, problems: ConfigurationProblem[]): void {
  entries.forEach((entry, index) => {
    if (rangeProblem(entry) !== undefined || !writtenRanges(entry as string).some(([, prefix]) => prefix === 0)) return;
    problems.push({
      where: `${path}[${index}]`,
      problem: 'is everybody: nothing of bans would hold for anybody',
      fix: 'Name the addresses that are yours, or leave bans out',
    });
  });
}

function checkNames(rules: unknown, path: string, problems: ConfigurationProblem[]): void {
  if (!Array.isArray(rules)) return;
  const names = new Set<unknown>();
  rules.forEach((rule: unknown, index) => {
    const name = isRecord(rule) ? rule['name'] : undefined;
    if (name !== undefined && names.has(name)) {
      problems.push({
        where: `${path}[${index}].name`,
        problem: 'is the name of another rule',
        fix: 'Give each its own name',
      });
    }
    names.add(name);
  });
}

function checkReasons(denials: unknown, path: string, problems: ConfigurationProblem[]): void {
  if (denials === false || Array.isArray(denials)) {
    problems.push({ where: path, problem: `must be an object, not ${describe(denials)}`, fix: 'Give { reasons }' });
  }
  if (!isRecord(denials) || !Array.isArray(denials['reasons'])) return;
  denials['reasons'].forEach((reason: unknown, index) => {
    const where = `${path}.reasons[${index}]`;
    if (!isDenialReason(reason)) {
      problems.push({ where, problem: 'is no reason of a denial', fix: 'Give the code of an error of the library' });
    } else if (OF_BANS.has(reason)) {
      problems.push({ where, problem: 'is what a ban itself answers with', fix: 'Leave it out' });
    } else if (OF_OUTAGES.has(reason)) {
      problems.push({
        where,
        problem: 'is an outage of yours: it would ban whoever comes meanwhile',
        fix: 'Leave it out',
      });
    }
  });
}

const HONEYPOT = /^\/[^?#\s]*[^?#\s/*](?:\/\*)?$/;

function honeypotProblem(path: unknown): string | undefined {
  if (typeof path !== 'string' || !HONEYPOT.test(path)) return 'is no path';
  const own = path.endsWith('/*') ? path.slice(0, -2) : path;
  if (own.includes('*')) return 'is no path';
  // What is left out would make another path of it: `/a/..` is every path there is.
  const isWhole = normalizedHoneypot(own).split('/').length === own.split('/').length && !own.includes(';');
  return isWhole ? undefined : 'has a segment that is left out when paths are compared: one of //, /./, /../ or ;';
}

function checkHoneypots(paths: unknown, path: string, problems: ConfigurationProblem[]): void {
  if (!Array.isArray(paths)) return;
  paths.forEach((honeypot: unknown, index) => {
    const problem = honeypotProblem(honeypot);
    if (problem === undefined) return;
    problems.push({
      where: `${path}[${index}]`,
      problem,
      fix: "Write '/wp-login.php', or '/wp-admin/*' for everything below",
    });
  });
}

/** A threshold with all durations in milliseconds. */
export interface ResolvedThreshold {
  readonly maxRetry: number;
  readonly findTime: number;
  readonly banTime: number;
}

/** Fills in the defaults of fail2ban; the options must have been checked. */
export function resolveThreshold(
  { maxRetry = 5, findTime, banTime }: BanThreshold,
  duration: number,
): ResolvedThreshold {
  return {
    maxRetry,
    findTime: parseDuration(findTime) ?? TEN_MINUTES,
    banTime: parseDuration(banTime) ?? duration,
  };
}

/** Milliseconds. */
export function banDurationOf({ duration }: BansOptions): number {
  return parseDuration(duration) ?? HOUR;
}

/** Milliseconds. */
export function refreshOf({ refresh }: BansOptions): number {
  return parseDuration(refresh) ?? 5000;
}

/** Adds a problem for each honeypot that leads to a route: its callers would be banned. */
export function checkHoneypotRoutes(
  { honeypots = [] }: BansOptions,
  routes: readonly { readonly path: string }[],
  problems: ConfigurationProblem[],
): void {
  honeypots.forEach((honeypot, index) => {
    const isHoneypot = compileHoneypots([honeypot]);
    const route = routes.find(({ path }) => isHoneypot(path));
    if (route === undefined) return;
    problems.push({
      where: `bans.honeypots[${index}]`,
      problem: `is ${route.path}, a route of the application: whoever calls it would be banned`,
      fix: 'Name paths that nobody has any business with',
    });
  });
}

/** What weakens bans, in words for the log. */
export function bansWarnings(
  { bans, proxy }: { readonly bans?: BansOptions | undefined; readonly proxy?: object | undefined },
  isProduction: boolean,
): readonly string[] {
  if (bans === undefined) return [];
  const isRecording = bans.enforcement === 'report';
  const keeps = isRecording ? 'would keep' : 'keeps';
  return [
    ...(isRecording ? ['bans only records what it would deny'] : []),
    ...(isProduction && proxy === undefined
      ? [
          `bans is given without proxy: behind a proxy all clients have its address, and one ban ${keeps} all of them out`,
        ]
      : []),
  ];
}
