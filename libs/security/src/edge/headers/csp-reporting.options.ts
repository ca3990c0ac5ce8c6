import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, OptionalRule, Part, Rule, wholeNumber } from '../../core/options.rules.js';

/** How many requests with reports are taken in a minute; others are answered with 429. */
export interface CspReportLimits {
  /**
   * From one client address, or one /64 network of IPv6; 1 to 10,000.
   * @default 60
   */
  address?: number | undefined;
  /**
   * From everybody together, and the number of addresses that are kept in memory; 1 to 100,000.
   * @default 600
   */
  total?: number | undefined;
}

/** Where browsers report what broke a Content-Security-Policy; each violation becomes an event. */
export interface CspReportingOptions {
  /** The path that reports are posted to, such as `/.well-known/csp-reports`; no route is asked there. */
  path: string;
  /**
   * Bytes of one request; 1,024 to 1,048,576. Larger ones are answered with 413. Browsers send several reports at once.
   * @default 65536
   */
  maxBytes?: number | undefined;
  /** How many requests are taken. */
  perMinute?: CspReportLimits | undefined;
}

/** The options with their defaults. */
export interface CompiledCspReporting {
  readonly path: string;
  readonly maxBytes: number;
  readonly addressPerMinute: number;
  readonly totalPerMinute: number;
}

const MAX_BYTES = 65_536;
const ADDRESS_PER_MINUTE = 60;
const TOTAL_PER_MINUTE = 600;

class LimitRules {
  @OptionalRule(wholeNumber(1, 10_000), `Leave it out for ${ADDRESS_PER_MINUTE}`)
  @OptionalRule(
    (address, options) =>
      Number(address) > Number((options as CspReportLimits).total ?? TOTAL_PER_MINUTE)
        ? 'is more than everybody together may send'
        : undefined,
    'Raise `total`, or lower it',
    'contradiction',
  )
  address?: unknown;

  @OptionalRule(wholeNumber(1, 100_000), `Leave it out for ${TOTAL_PER_MINUTE}`)
  total?: unknown;
}

class ReportingRules {
  @Rule(pathProblem, "Write a path such as '/.well-known/csp-reports'")
  path?: unknown;

  @OptionalRule(wholeNumber(1024, 1_048_576), `Leave it out for ${MAX_BYTES}`)
  maxBytes?: unknown;

  @Part(() => LimitRules)
  perMinute?: unknown;
}

/** Adds what is wrong with the options to `problems`. */
export function checkCspReporting(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(ReportingRules, options, path, problems);
  // A part may be left out by `false` in general; limits may not.
  if (isRecord(options) && options['perMinute'] === false) {
    problems.push({ where: `${path}.perMinute`, problem: 'must be an object, not false', fix: 'Leave it out' });
  }
}

/** The options have been checked. */
export function compileCspReporting(options: CspReportingOptions): CompiledCspReporting {
  const { path, maxBytes = MAX_BYTES, perMinute: { address, total = TOTAL_PER_MINUTE } = {} } = options;
  return Object.freeze({
    path,
    maxBytes,
    addressPerMinute: address ?? Math.min(ADDRESS_PER_MINUTE, total),
    totalPerMinute: total,
  });
}

// It stands in three headers, where anything else could end the text or the directive.
const PATH = /^(?:\/[A-Za-z0-9._~-]+)+$/;

function pathProblem(value: unknown): string | undefined {
  if (value === undefined) return 'is missing';
  if (typeof value !== 'string') return `must be a path, not ${describe(value)}`;
  if (value.length > 200) return 'is longer than 200 characters';
  if (!PATH.test(value)) return 'must be a path of letters, digits and . _ ~ - that neither is / nor ends in it';
  return value.split('/').some((segment) => segment === '.' || segment === '..')
    ? 'has a segment that browsers resolve'
    : undefined;
}
