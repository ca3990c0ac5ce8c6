import ipaddr from 'ipaddr.js';
import { isIPv4, isIPv6 } from 'node:net';

/** A host as the `Host` field names it, taken apart (RFC 9110, section 7.2). */
export interface ParsedHost {
  /** The name in lower case without a dot at its end, the IPv4 address, or the IPv6 address in brackets (RFC 5952). */
  readonly name: string;
  /** As it was given; `undefined` stands for the default port of the scheme. */
  readonly port: number | undefined;
  /** `loopback` are the addresses of the machine itself, `localhost` and the names below it. */
  readonly kind: 'name' | 'address' | 'loopback';
}

const LONGEST = 255;
const LONGEST_LABEL = 63;

const COLON = 0x3a;
const DOT = 0x2e;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

/**
 * Takes the value of a `Host` field apart; `undefined` for whatever is no host: user information, blanks, an empty name
 * or label, a port that is none, anything outside ASCII, percent-encoding, addresses in other than the usual notation,
 * more than 255 characters (fails closed).
 */
export function parseHost(value: string): ParsedHost | undefined {
  const { length } = value;
  if (length === 0 || length > LONGEST) return undefined;
  if (value.charCodeAt(0) === 0x5b) return parseBracketed(value);
  let label = 0;
  let end = length;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if (code === COLON) {
      end = i;
      break;
    }
    if (code === DOT) {
      if (label === 0) return undefined;
      label = 0;
    } else {
      if (!isNameCharacter(code) || ++label > LONGEST_LABEL) return undefined;
    }
  }
  if (end === 0) return undefined;
  const port = end === length ? undefined : parsePort(value, end + 1);
  if (port === 0) return undefined;
  const isRooted = value.charCodeAt(end - 1) === DOT;
  const name = value.slice(0, isRooted ? end - 1 : end).toLowerCase();
  return parseName(name, port);
}

function parseName(name: string, port: number | undefined): ParsedHost | undefined {
  if (isIPv4(name)) return { name, port, kind: name.startsWith('127.') ? 'loopback' : 'address' };
  // `127.1`, `0x7f000001` and `2130706433` are addresses to a browser: to compare names of them would be to guess.
  if (endsInNumber(name)) return undefined;
  return { name, port, kind: name === 'localhost' || name.endsWith('.localhost') ? 'loopback' : 'name' };
}

function parseBracketed(value: string): ParsedHost | undefined {
  const end = value.indexOf(']');
  if (end === -1) return undefined;
  const text = value.slice(1, end);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const isPortless = end === value.length - 1;
  if (!isPortless && value.charCodeAt(end + 1) !== COLON) return undefined;
  const port = isPortless ? undefined : parsePort(value, end + 2);
  if (port === 0) return undefined;
  const address = ipaddr.IPv6.parse(text);
  const isMapped = address.isIPv4MappedAddress();
  // `::192.0.2.1` is another address, though the parser takes it for the mapped one (fails closed).
  if (isMapped && !/ffff:/i.test(text)) return undefined;
  const isLoopback = (isMapped ? address.toIPv4Address() : address).range() === 'loopback';
  return { name: `[${address.toString()}]`, port, kind: isLoopback ? 'loopback' : 'address' };
}

function isNameCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === HYPHEN ||
    // In no name of the DNS for hosts, but in those of containers.
    code === UNDERSCORE
  );
}

/** A port from 1 to 65535 without leading zeros; 0 for anything else. */
function parsePort(value: string, start: number): number {
  const digits = value.length - start;
  if (digits < 1 || digits > 5 || value.charCodeAt(start) === 0x30) return 0;
  let port = 0;
  for (let i = start; i < value.length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    port = port * 10 + digit;
  }
  return port > 65_535 ? 0 : port;
}

/** Whether the last label is a number, which makes an IPv4 address of the whole (WHATWG URL, "ends in a number"). */
function endsInNumber(name: string): boolean {
  return /(?:^|\.)(?:\d+|0x[\da-f]*)$/.test(name);
}

/** The host as it is written canonically. */
export function hostText({ name, port }: Pick<ParsedHost, 'name' | 'port'>): string {
  return port === undefined ? name : `${name}:${port}`;
}
