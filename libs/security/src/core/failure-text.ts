/** The longest message that is written of an error, in characters. */
const LONGEST = 300;

/** The lines of a stack that are kept: enough to find the function of the application. */
const FRAMES = 6;

/** The values of an input that are looked for in a message, and how deep and how short they may be. */
const MOST_VALUES = 64;
const DEEPEST = 3;
const SHORTEST = 3;

/** Texts that may be secret, whoever wrote them. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [^]*?(?:-----END [^-]*-----|$)/g, '[key]'],
  [/[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '[token]'],
  [/\/\/[^\s/@]+@/g, '//[credentials]@'],
  [/\b(bearer|basic|digest|dpop)\s+[^\s,;]+/gi, '$1 [credentials]'],
  [/\b([\w-]*(?:pass(?:word|wd|phrase)?|secret|token|api[-_]?key))\b(["']?\s*[=:]\s*)[^\s,;]+/gi, '$1$2[secret]'],
  [/[\w+=-]{32,}/g, '[…]'],
];

// Line breaks would begin another line of the log; other control characters drive terminals.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029]+/g;

/**
 * Writes an error of the application for the log: its name, code and message, then where it was thrown. The message is
 * bounded, and holds neither a value of the input nor anything that looks like a secret.
 */
export function failureText(error: unknown, input?: unknown): string {
  if (!(error instanceof Error)) return `a value that is not an Error (${typeof error})`;
  const code = (error as { code?: unknown }).code;
  const label = typeof code === 'string' ? `${nameOf(error)} [${plain(code)}]` : nameOf(error);
  return [`${label}: ${messageOf(error, input)}`, ...framesOf(error)].join('\n');
}

function nameOf({ name }: Error): string {
  return typeof name === 'string' ? plain(name) : 'Error';
}

function plain(text: string): string {
  return text.slice(0, 64).replaceAll(CONTROL, ' ');
}

function messageOf({ message }: Error, input: unknown): string {
  if (typeof message !== 'string') return '';
  // Bounded before it is searched: the text may be as long as whoever caused it likes.
  let text = message.slice(0, LONGEST * 4);
  for (const value of valuesIn(input)) text = text.replaceAll(value, '[…]');
  for (const [pattern, replacement] of SECRETS) text = text.replaceAll(pattern, replacement);
  text = text.replaceAll(CONTROL, ' ');
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** The texts of an input, the longest first: a short one may be part of another. */
function valuesIn(input: unknown): readonly string[] {
  const values = new Set<string>();
  const collect = (value: unknown, depth: number): void => {
    if (values.size >= MOST_VALUES) return;
    if (typeof value === 'string') {
      if (value.length >= SHORTEST) values.add(value);
    } else if (typeof value === 'object' && value !== null && depth < DEEPEST) {
      for (const item of Object.values(value)) collect(item, depth + 1);
    }
  };
  collect(input, 0);
  return [...values].toSorted((one, other) => other.length - one.length);
}

function framesOf({ stack }: Error): readonly string[] {
  if (typeof stack !== 'string') return [];
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, FRAMES);
}
