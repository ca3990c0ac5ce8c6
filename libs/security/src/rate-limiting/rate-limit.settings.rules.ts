import type { ConfigurationProblem } from '../core/errors.js';
import { checkOptions, describe, isRecord, Known, OptionalRule, wholeNumber } from '../core/options.rules.js';
import { DURATION_FIX, LIMIT_FIX, parseDuration, parseLimit } from './limit-text.js';
import {
  atOnce,
  atOnceOr,
  checkNormalization,
  NORMALIZATION_FIX,
  normalizationProblem,
  oneOf,
} from './option-values.js';
import { checkSlowDown } from './slow-down.options.js';

export const ALGORITHMS = ['token-bucket', 'sliding-window', 'fixed-window'] as const;
const BIGGEST = 1_000_000_000;

const ONLY_COUNTS = 'a ThrottlerStorage counts in its own way, in windows';
const OWN_STORE = 'Use a store of the library';

class SettingsRules {
  @OptionalRule(
    (value) =>
      typeof value === 'string'
        ? parseLimit(value) === undefined
          ? 'is not the text of a limit'
          : undefined
        : wholeNumber(0, BIGGEST)(value),
    LIMIT_FIX,
  )
  limit?: unknown;

  @OptionalRule((value) => (parseDuration(value) === undefined ? 'is no duration' : undefined), DURATION_FIX)
  window?: unknown;

  @OptionalRule(wholeNumber(1, BIGGEST), 'Leave it out for as many as there are in a window')
  burst?: unknown;

  @OptionalRule(oneOf(ALGORITHMS), "Leave it out for 'token-bucket'")
  algorithm?: unknown;

  @OptionalRule(
    atOnceOr(oneOf(['ip', 'user', 'tenant', 'api-key'])),
    "Name one of them, or give (context) => 'whatever is counted together'",
  )
  by?: unknown;

  @OptionalRule(normalizationProblem, NORMALIZATION_FIX)
  normalize?: unknown;

  @OptionalRule(atOnceOr(wholeNumber(0, BIGGEST)), 'Leave it out for 1, or give (context) => units')
  cost?: unknown;

  @OptionalRule(atOnceOr(oneOf(['all', 'failure', 'success'])), "Leave it out for 'all', or give (status) => true")
  countOn?: unknown;

  @OptionalRule((value) => (parseDuration(value) === undefined ? 'is no duration' : undefined), DURATION_FIX)
  block?: unknown;

  @Known()
  delay?: unknown;

  @OptionalRule(
    (value) =>
      isRecord(value) &&
      Object.values(value).every((plan) => typeof plan === 'string' && parseLimit(plan) !== undefined)
        ? undefined
        : 'must be an object from plans to the text of limits',
    "Write { pro: '1000/minute' }",
  )
  plans?: unknown;

  @OptionalRule(atOnce, 'Give (context) => name, or leave it out for the claim `plan`')
  plan?: unknown;

  @OptionalRule(oneOf(['shared', 'route']), "Use 'shared' or 'route'")
  scope?: unknown;
}

/**
 * Adds to `problems` what one limit, of `limits` or of a decorator, asks of a `ThrottlerStorage`, which counts in its own
 * way and keeps what it has counted.
 */
export function checkForOnlyCounting(limit: unknown, where: string, problems: ConfigurationProblem[]): void {
  const { algorithm, burst, countOn = 'all', limit: quota, plans } = isRecord(limit) ? limit : { limit };
  checkAlgorithmForOnlyCounting(algorithm, where, problems);
  const texts = [quota, ...Object.values(isRecord(plans) ? plans : {})];
  const bursts = texts.map((text) => (typeof text === 'string' ? parseLimit(text)?.burst : undefined));
  if ([burst, ...bursts].some((one) => one !== undefined)) {
    problems.push({ where, problem: `has a burst, and ${ONLY_COUNTS}`, fix: `${OWN_STORE}, or leave the burst out` });
  }
  if (countOn !== 'all') {
    problems.push({
      where,
      problem: 'counts on the outcome, and a ThrottlerStorage gives nothing back',
      fix: `${OWN_STORE}, or leave countOn out`,
    });
  }
}

/** The same for an `algorithm`, of one limit or of all. */
export function checkAlgorithmForOnlyCounting(
  algorithm: unknown,
  where: string,
  problems: ConfigurationProblem[],
): void {
  if (algorithm !== 'token-bucket' && algorithm !== 'sliding-window') return;
  problems.push({
    where: `${where}.algorithm`,
    problem: `is '${algorithm}', and ${ONLY_COUNTS}`,
    fix: `${OWN_STORE}, or leave it out`,
  });
}

/** Adds what is wrong with one limit, of `limits` or of a decorator, to `problems`. */
export function checkLimit(limit: unknown, where: string, problems: ConfigurationProblem[]): void {
  if (typeof limit === 'string') {
    const text = parseLimit(limit);
    if (text === undefined) problems.push({ where, problem: 'is not the text of a limit', fix: LIMIT_FIX });
    else if (text.burst === 0) problems.push({ where, problem: 'has a burst of 0', fix: 'Let at least 1 through' });
    return;
  }
  checkOptions(SettingsRules, limit, where, problems);
  if (!isRecord(limit)) return;
  checkNormalization(limit, where, problems);
  const { limit: quota, window, burst, algorithm } = limit;
  const text = typeof quota === 'string' ? parseLimit(quota) : undefined;
  if (quota === undefined) problems.push({ where, problem: 'has no limit', fix: LIMIT_FIX });
  if (typeof quota === 'number' && window === undefined) {
    problems.push({ where, problem: 'has no window', fix: DURATION_FIX });
  }
  if (text?.burst === 0) problems.push({ where, problem: 'has a burst of 0', fix: 'Let at least 1 through' });
  if (text !== undefined && window !== undefined) {
    problems.push({ where: `${where}.window`, problem: 'is said by the limit as well', fix: 'Keep one of them' });
  }
  const hasBurst = burst !== undefined || text?.burst !== undefined;
  if (hasBurst && algorithm !== undefined && algorithm !== 'token-bucket') {
    problems.push({
      where: `${where}.burst`,
      problem: `means nothing to the algorithm ${describe(algorithm) === 'a string' ? String(algorithm) : 'given'}`,
      fix: "Use 'token-bucket', or leave it out",
    });
  }
  if (limit['delay'] !== undefined) {
    const units = burst ?? text?.burst ?? text?.quota ?? quota;
    checkSlowDown(limit['delay'], typeof units === 'number' ? units : undefined, `${where}.delay`, problems);
  }
  const { plans } = limit;
  for (const [plan, definition] of Object.entries(isRecord(plans) ? plans : {})) {
    const inPlan = typeof definition === 'string' ? parseLimit(definition)?.burst : undefined;
    if (inPlan === undefined) continue;
    if (inPlan > 0 && (algorithm === undefined || algorithm === 'token-bucket')) continue;
    problems.push({
      where: `${where}.plans.${plan}`,
      problem: inPlan === 0 ? 'has a burst of 0' : 'has a burst, which means nothing to the algorithm of the limit',
      fix: "Let at least 1 through, with 'token-bucket', or leave it out",
    });
  }
  if (limit['plan'] !== undefined && limit['plans'] === undefined) {
    problems.push({ where: `${where}.plan`, problem: 'names plans that are not there', fix: 'Add plans' });
  }
}
