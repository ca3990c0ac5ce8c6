import parseForwarded from 'forwarded-parse';
import { withoutBlanks } from '../../core/http-grammar.js';

/** What one proxy says in a `Forwarded` field: one element of its list (RFC 7239, section 4). */
export interface ForwardedElement {
  /** The index at which the element begins; the comma before it ends the next one to the left. */
  readonly start: number;
  readonly node: string | undefined;
  readonly proto: string | undefined;
  readonly host: string | undefined;
}

const LONGEST = 512;

const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;

/**
 * The element that ends before `end`, or `undefined` where it is malformed. Reading goes from the right and one element
 * at a time: what a client sent stands on the left, and an open quote there would otherwise take the elements of the
 * proxies into itself. An element with an escape is refused for the same reason: no address, scheme or host needs one
 * (fails closed).
 */
export function forwardedElementBefore(header: string, end: number): ForwardedElement | undefined {
  let quoted = false;
  let pairs = 1;
  let i = end - 1;
  for (; i >= 0; i--) {
    const code = header.charCodeAt(i);
    if (code === QUOTE) quoted = !quoted;
    else if (code === BACKSLASH || end - i > LONGEST) return undefined;
    else if (code === SEMICOLON && !quoted) pairs++;
    else if (code === COMMA && !quoted) break;
  }
  if (quoted) return undefined;
  const start = i + 1;
  const parameters = parametersOf(withoutBlanks(header, start, end));
  // A parameter that came twice has taken the place of the first: there are fewer than were written (fails closed).
  if (parameters === undefined || Object.keys(parameters).length !== pairs) return undefined;
  return { start, node: parameters.for, proto: parameters.proto, host: parameters.host };
}

function parametersOf(element: string): Partial<Record<string, string>> | undefined {
  try {
    const elements = parseForwarded(element);
    return elements.length === 1 ? elements[0] : undefined;
  } catch {
    return undefined;
  }
}
