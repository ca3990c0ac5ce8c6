import { ApplicationFunctionError } from '../core/application-functions.js';

// Plain text, as nearly all keys are: nothing of it would change.
const PLAIN = /^[\x21-\x40\x5b-\x7e]+$/;
// What nobody sees, and data bases may leave out when they compare: zero-width characters, soft hyphens, NUL.
const INVISIBLE = /[\p{Cc}\p{Default_Ignorable_Code_Point}]/gu;

const ASCII = /^[\x20-\x7e]*$/;
// Unicode puts marks that follow each other in order in a time that grows with the square of their number.
const LONGEST = 1000;

/**
 * Returns one spelling for all that mean the same name to whoever looks an account up: NFKC, without invisible characters
 * and the blanks around it, in lower case. `undefined` for more than 1000 characters that are not all ASCII: to normalize
 * as many as a body may have takes seconds.
 */
export function normalizedText(text: string): string | undefined {
  if (PLAIN.test(text)) return text;
  // Without them first, as they keep letters and marks from being composed.
  const visible = text.replace(INVISIBLE, '').trim();
  if (ASCII.test(visible)) return visible.toLowerCase();
  if (visible.length > LONGEST) return undefined;
  // Lower case may take apart what was composed.
  return visible.normalize('NFKC').toLowerCase().normalize('NFKC').trim();
}

/** How keys that functions answer are spelled: one spelling for all that are compared as one, or `false` for exactly. */
export type KeyNormalization = ((key: string) => string) | false;

/**
 * Returns the text that a key is counted under: `''` where there is none, `undefined` where it is neither text nor a
 * number. A list of one name is another spelling of the name to some data bases, and would have a quota of its own
 * (fails closed).
 */
export function keyText(key: unknown, normalization?: KeyNormalization): string | undefined {
  if (key === undefined || key === null) return '';
  const text = typeof key === 'string' ? key : textOfNumber(key);
  if (text === undefined || normalization === false) return text;
  try {
    const normal: unknown = (normalization ?? normalizedText)(text);
    return typeof normal === 'string' ? normal : undefined;
  } catch (error) {
    // An error of the server, which no client can mend by another key.
    if (error instanceof ApplicationFunctionError) throw error;
    return undefined;
  }
}

function textOfNumber(key: unknown): string | undefined {
  return typeof key === 'bigint' || (typeof key === 'number' && Number.isFinite(key)) ? String(key) : undefined;
}
