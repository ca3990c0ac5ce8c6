import type { AnswerField, LimitStanding } from '../core/passage.js';
import type { CountedLimit } from './counted-limit.js';
import type { RateLimitHeaders } from './rate-limiting.options.js';
import { isTighter, moreAfter } from './standing.policy.js';

/** How somebody stands with a limit, as clients are told. */
export interface ToldStanding extends LimitStanding {
  readonly limit: CountedLimit;
}

/** The fields of an answer to whom these limits were asked for. */
export type StandingFields = (standings: readonly LimitStanding[]) => readonly AnswerField[];

const NO_FIELDS: readonly AnswerField[] = Object.freeze([]);

/** Compiles what clients are told; `undefined` where that is nothing. */
export function compileStandingFields(styles: readonly RateLimitHeaders[]): StandingFields | undefined {
  const writers = [...new Set(styles)].map((style) => WRITERS[style]);
  const [only] = writers;
  if (only === undefined) return undefined;
  if (writers.length === 1) {
    return (standings) => (standings.length === 0 ? NO_FIELDS : only(standings as readonly ToldStanding[]));
  }
  return (standings) => {
    if (standings.length === 0) return NO_FIELDS;
    const fields = writers.flatMap((write) => write(standings as readonly ToldStanding[]));
    // The drafts share names: the first style that was named has the word.
    return fields.filter(({ key }, index) => fields.findIndex((other) => other.key === key) === index);
  };
}

/** `Retry-After` of a denial (RFC 9110, section 10.2.3), in whole seconds; nothing where waiting does not help. */
export function retryFields(retryAfter: number, suffix: string): AnswerField[] {
  if (!Number.isFinite(retryAfter)) return [];
  const seconds = secondsToWait(retryAfter);
  const field = { name: 'Retry-After', key: 'retry-after', value: seconds };
  return suffix === '' ? [field] : [field, fieldOf(`Retry-After${suffix}`, seconds)];
}

/**
 * The fields of a denial by several limits at once: `Retry-After` is when the last of them allows the request, and each
 * that has a name of its own for the field says its own.
 */
export function retryFieldsOf(
  denying: readonly { readonly suffix: string; readonly retryAfter: number }[],
): AnswerField[] {
  const fields = retryFields(Math.max(...denying.map(({ retryAfter }) => retryAfter)), '');
  for (const { suffix, retryAfter } of denying) {
    if (suffix !== '' && Number.isFinite(retryAfter))
      fields.push(fieldOf(`Retry-After${suffix}`, secondsToWait(retryAfter)));
  }
  return fields;
}

/**
 * The fields of a denial, whatever denies: whoever comes back at `Retry-After` finds as many units as the request takes.
 *
 * @param againAfter milliseconds until none of the limits that were asked denies the same request
 */
export function notBefore(fields: readonly AnswerField[], againAfter: number): readonly AnswerField[] {
  if (againAfter === 0 || !Number.isFinite(againAfter)) return fields;
  const seconds = Math.ceil(againAfter / 1000);
  return fields.map((field) =>
    field.key === 'retry-after' && Number(field.value) < seconds ? { ...field, value: String(seconds) } : field,
  );
}

type Writer = (standings: readonly ToldStanding[]) => readonly AnswerField[];

const WRITERS: Readonly<Record<RateLimitHeaders, Writer>> = {
  draft: writeDraft,
  'draft-7': (standings) => {
    const closest = tightest(standings);
    const policies = fieldOf('RateLimit-Policy', standings.map(oldPolicy).join(', '));
    const reset = secondsUntilMore(closest);
    // Draft 7 requires a reset with every limit: of one that never allows the request nothing can be said.
    if (reset === undefined) return [policies];
    const { limit, remaining } = closest;
    return [policies, fieldOf('RateLimit', `limit=${limit.quota}, remaining=${remaining}, reset=${reset}`)];
  },
  'draft-6': (standings) => {
    const closest = tightest(standings);
    const policies = fieldOf('RateLimit-Policy', standings.map(oldPolicy).join(', '));
    return secondsUntilMore(closest) === undefined ? [policies] : [policies, ...threeFields('RateLimit', '', closest)];
  },
  legacy: (standings) => {
    const suffixes = new Set(standings.map(({ limit }) => limit.suffix));
    return [...suffixes].flatMap((suffix) =>
      threeFields('X-RateLimit', suffix, tightest(standings.filter(({ limit }) => limit.suffix === suffix))),
    );
  },
};

/** Structured fields (RFC 9651): lists of strings, whose names need no escaping. */
function writeDraft(standings: readonly ToldStanding[]): readonly AnswerField[] {
  let policies = '';
  let told = '';
  for (const standing of standings) {
    const { limit, remaining } = standing;
    const separator = policies === '' ? '' : ', ';
    policies += separator + limit.policy;
    told += `${separator}"${limit.name}";r=${remaining}`;
    const seconds = secondsUntilMore(standing);
    if (seconds !== undefined) told += `;t=${seconds}`;
  }
  return [
    { name: 'RateLimit-Policy', key: 'ratelimit-policy', value: policies },
    { name: 'RateLimit', key: 'ratelimit', value: told },
  ];
}

function oldPolicy({ limit: { quota, window } }: ToldStanding): string {
  return `${quota};w=${Math.ceil(window / 1000)}`;
}

function threeFields(prefix: string, suffix: string, standing: ToldStanding): AnswerField[] {
  const { limit, remaining } = standing;
  const fields = [
    fieldOf(`${prefix}-Limit${suffix}`, String(limit.quota)),
    fieldOf(`${prefix}-Remaining${suffix}`, String(remaining)),
  ];
  const seconds = secondsUntilMore(standing);
  if (seconds !== undefined) fields.push(fieldOf(`${prefix}-Reset${suffix}`, String(seconds)));
  return fields;
}

/** The limit that denies for longest, or will be the first to deny. */
function tightest(standings: readonly ToldStanding[]): ToldStanding {
  return standings.reduce((one, other) => (isTighter(other, one) ? other : one));
}

/**
 * Seconds until more units are available (draft-ietf-httpapi-ratelimit-headers, section 4.1.2), rounded up; in a denial,
 * until there are enough for the request, as `Retry-After` says. `undefined` where there never are.
 */
function secondsUntilMore(standing: ToldStanding): number | undefined {
  const { limit, remaining, resetAfter, isDenied, againAfter } = standing;
  if (!isDenied) return Math.ceil(moreAfter(limit, remaining, resetAfter) / 1000);
  return Number.isFinite(againAfter) ? Number(secondsToWait(againAfter)) : undefined;
}

function secondsToWait(milliseconds: number): string {
  return String(Math.max(1, Math.ceil(milliseconds / 1000)));
}

function fieldOf(name: string, value: string): AnswerField {
  return { name, key: name.toLowerCase(), value };
}
