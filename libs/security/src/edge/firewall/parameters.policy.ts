import { unescape } from 'node:querystring';
import { ALLOWED, denied, type Decision, type Denied } from '../../core/decision.js';
import type { ResolvedFirewall } from './firewall.options.js';
import { encodedCodePoint, encodedWidth, isControlCharacter } from './percent-encoding.js';

/** Decides on the parameters in the query of a request target. */
export type ParametersPolicy = (target: string) => Decision;

const TOO_MANY = denied('parameters_too_many');
const MALFORMED = denied('parameter_malformed');
const TOO_LONG = denied('parameter_too_long');
const REPEATED = denied('parameter_repeated');

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const PLUS = 0x2b;
const EQUALS = 0x3d;

/** Code points that Unicode gives no character; readers replace, drop or keep them. */
const UNASSIGNED = /\p{Cn}/u;

/**
 * Compiles the rules for parameters of queries. They are split at `&` and the first `=`, as the parsers of Express and
 * Fastify split them. Work is bounded by the length of the target; nothing is decoded unless a rule compares it.
 */
export function compileParameters(firewall: Pick<ResolvedFirewall, 'parameters' | 'allowed'>): ParametersPolicy {
  const { max, maxNameLength, maxValueLength, repeated, accept } = firewall.parameters;
  const toleratesMalformed = firewall.allowed.has('malformedQuery');

  function decide(target: string, query: number): Decision {
    const seen = repeated === 'allow' ? undefined : new Set<string>();
    let count = 0;
    for (let start = query; start < target.length; start += 1) {
      // `a=1&&b=2` has two parameters, to the parsers as well.
      if (target.charCodeAt(start) === AMPERSAND) continue;
      count += 1;
      if (count > max) return TOO_MANY;
      const name = readPart(target, start, true);
      if (name.problem !== undefined) return name.problem;
      const { end, encoded } = name;
      let value = name;
      if (target.charCodeAt(end) === EQUALS) {
        value = readPart(target, end + 1, false);
        if (value.problem !== undefined) return value.problem;
      }
      if (seen !== undefined || accept !== undefined) {
        const decoded = decode(target, start, end, encoded);
        if (seen !== undefined && isRefusedRepetition(seen, decoded)) return REPEATED;
        if (accept !== undefined) {
          const text = value === name ? '' : decode(target, end + 1, value.end, value.encoded);
          if (!accepts(accept, decoded, text)) return MALFORMED;
        }
      }
      start = value.end;
    }
    return ALLOWED;
  }

  /** Reads a name up to `=` or `&`, a value up to `&`. Lengths are those of what it decodes to. */
  function readPart(target: string, from: number, isName: boolean): ParameterPart {
    let at = from;
    let length = 0;
    let encoded = false;
    let beyondAscii = false;
    while (at < target.length) {
      const code = target.charCodeAt(at);
      if (code === AMPERSAND || (isName && code === EQUALS)) break;
      let codePoint = code;
      let width = 1;
      if (code === PERCENT) {
        encoded = true;
        codePoint = encodedCodePoint(target, at);
        if (codePoint >= 0) width = encodedWidth(codePoint);
        // One parser keeps the bytes, another drops the parameter, a third fails (fails closed).
        else if (!toleratesMalformed) return MALFORMED_PART;
        else codePoint = PERCENT;
      } else if (code === PLUS) {
        encoded = true;
      }
      if (isName && isControlCharacter(codePoint)) return MALFORMED_PART;
      if (codePoint > 0x7f) beyondAscii = true;
      length += 1;
      at += width;
    }
    if (length > (isName ? maxNameLength : maxValueLength)) return TOO_LONG_PART;
    if (isName && beyondAscii && UNASSIGNED.test(decode(target, from, at, true))) return MALFORMED_PART;
    return { end: at, encoded, problem: undefined };
  }

  function isRefusedRepetition(seen: Set<string>, name: string): boolean {
    if (!seen.has(name)) {
      seen.add(name);
      return false;
    }
    return repeated === 'refuse' || (repeated !== 'allow' && !repeated.has(name));
  }

  return (target) => {
    const query = target.indexOf('?');
    return query === -1 || query === target.length - 1 ? ALLOWED : decide(target, query + 1);
  };
}

interface ParameterPart {
  readonly end: number;
  readonly encoded: boolean;
  readonly problem: Denied | undefined;
}

const MALFORMED_PART: ParameterPart = { end: 0, encoded: false, problem: MALFORMED };
const TOO_LONG_PART: ParameterPart = { end: 0, encoded: false, problem: TOO_LONG };

/** As forms are decoded; what cannot be decoded as UTF-8, where that is tolerated, is decoded as Node does. */
function decode(target: string, from: number, to: number, encoded: boolean): string {
  const text = target.slice(from, to);
  return encoded ? unescape(text.replaceAll('+', ' ')) : text;
}

function accepts(accept: (name: string, value: string) => boolean, name: string, value: string): boolean {
  try {
    // Only `true`: a promise would admit anything (fails closed).
    return accept(name, value) === true;
  } catch {
    return false;
  }
}
