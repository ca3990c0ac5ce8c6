/** What the text of a limit says. */
export interface LimitText {
  readonly quota: number;
  /** Milliseconds. */
  readonly window: number;
  readonly burst: number | undefined;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: SECOND,
  sec: SECOND,
  second: SECOND,
  seconds: SECOND,
  m: MINUTE,
  min: MINUTE,
  minute: MINUTE,
  minutes: MINUTE,
  h: HOUR,
  hour: HOUR,
  hours: HOUR,
  d: DAY,
  day: DAY,
  days: DAY,
};

const LIMIT = /^(\d{1,9}) ?\/ ?((?:\d{1,9} ?)?[a-z]{1,7})(?: burst (\d{1,9}))?$/;
const DURATION = /^(\d{1,9})? ?([a-z]{1,7})$/;

/** A limit's name is text of the `RateLimit` field, and part of keys: nothing in it has to be escaped. */
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

export function isLimitName(name: string): boolean {
  return NAME.test(name);
}

export const LIMIT_NAME_FIX = 'Use letters, digits, "_", "-" and ".", at most 64, a letter first';

/** How the text of a limit is written, for messages. */
export const LIMIT_FIX = "Write it as '100/minute', '5/15 minutes' or '10/second burst 20'";

/** How a duration is written, for messages. */
export const DURATION_FIX = "Give milliseconds, or text such as '30 seconds', '15 minutes', '1 hour'";

/** Years are beyond every window, and what is added to the time of day must stay exact. */
export const LONGEST_DURATION = 366 * DAY;

/** Reads `'100/minute'`, `'5/15 minutes'`, `'10/second burst 20'`; `undefined` for anything else. */
export function parseLimit(text: string): LimitText | undefined {
  const [, quota, duration, burst] = LIMIT.exec(text) ?? [];
  const window = duration === undefined ? undefined : parseDuration(duration);
  if (quota === undefined || window === undefined) return undefined;
  return { quota: Number(quota), window, burst: burst === undefined ? undefined : Number(burst) };
}

/** Milliseconds of `1000`, `'30 seconds'`, `'minute'`, from 1 to a year; `undefined` for anything else. */
export function parseDuration(value: unknown): number | undefined {
  const milliseconds = typeof value === 'string' ? ofText(value) : value;
  if (typeof milliseconds !== 'number' || !Number.isInteger(milliseconds)) return undefined;
  return milliseconds >= 1 && milliseconds <= LONGEST_DURATION ? milliseconds : undefined;
}

function ofText(text: string): number | undefined {
  const [, count = '1', unit = ''] = DURATION.exec(text) ?? [];
  return Object.hasOwn(UNITS, unit) ? Number(count) * (UNITS[unit] as number) : undefined;
}
