import type { AnswerField, LimitStanding } from '../core/passage.js';
import type { CountedLimit } from './counted-limit.js';
import type { RateLimitHeaders } from './rate-limiting.options.js';

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
  const seconds = String(Math.max(1, Math.ceil(retryAfter / 1000)));
  const field = { name: 'Retry-After', key: 'retry-after', value: seconds };
  return suffix === '' ? [field] : [field, fieldOf(`Retry-After${suffix}`, seconds)];
}

type Writer = (standings: readonly ToldStanding[]) => readonly AnswerField[];

const WRITERS: Readonly<Record<RateLimitHeaders, Writer>> = {
  draft: writeDraft,
  'draft-7': (standings) => {
    const { limit, remaining, resetAfter } = tightest(standings);
    const reset = secondsUntil(resetAfter, limit);
    return [
      fieldOf('RateLimit-Policy', standings.map(oldPolicy).join(', ')),
      fieldOf('RateLimit', `limit=${limit.quota}, remaining=${remaining}, reset=${reset}`),
    ];
  },
  'draft-6': (standings) => [
    fieldOf('RateLimit-Policy', standings.map(oldPolicy).join(', ')),
    ...threeFields('RateLimit', '', tightest(standings)),
  ],
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
  for (const { limit, remaining, resetAfter } of standings) {
    const separator = policies === '' ? '' : ', ';
    policies += separator + limit.policy;
    told += `${separator}"${limit.name}";r=${remaining};t=${secondsUntil(resetAfter, limit)}`;
  }
  return [
    { name: 'RateLimit-Policy', key: 'ratelimit-policy', value: policies },
    { name: 'RateLimit', key: 'ratelimit', value: told },
  ];
}

function oldPolicy({ limit: { quota, window } }: ToldStanding): string {
  return `${quota};w=${Math.ceil(window / 1000)}`;
}

function threeFields(prefix: string, suffix: string, { limit, remaining, resetAfter }: ToldStanding): AnswerField[] {
  return [
    fieldOf(`${prefix}-Limit${suffix}`, String(limit.quota)),
    fieldOf(`${prefix}-Remaining${suffix}`, String(remaining)),
    fieldOf(`${prefix}-Reset${suffix}`, String(secondsUntil(resetAfter, limit))),
  ];
}

/** The limit that will be the first to deny. */
function tightest(standings: readonly ToldStanding[]): ToldStanding {
  return standings.reduce((one, other) => (other.remaining < one.remaining ? other : one));
}

/** A sliding window forgets the last unit only when the next window is over; some are back after one. */
function secondsUntil(resetAfter: number, { window, block }: CountedLimit): number {
  return Math.ceil(Math.min(resetAfter, Math.max(window, block)) / 1000);
}

function fieldOf(name: string, value: string): AnswerField {
  return { name, key: name.toLowerCase(), value };
}
