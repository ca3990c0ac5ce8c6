import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import type { ConfigurationProblem } from './errors.js';

const MAPPED_BITS = 96;

/** The ranges behind the names, as Express and proxy-addr understand them. */
const NAMED_RANGES: ReadonlyMap<string, readonly string[]> = new Map([
  ['loopback', ['127.0.0.0/8', '::1/128']],
  ['linklocal', ['169.254.0.0/16', 'fe80::/10']],
  ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
]);

/** A range of addresses: its first one and the length of its prefix in bits. */
export type AddressRange = readonly [ipaddr.IPv4 | ipaddr.IPv6, number];

type Wrong = Pick<ConfigurationProblem, 'problem' | 'fix'>;

const NO_RANGE: Wrong = {
  problem: 'is neither an address, a range nor one of the names loopback, linklocal, uniquelocal',
  fix: "Write '10.0.0.1', '10.0.0.0/8', 'fd00::/8' or 'loopback'; IPv6 without brackets and zone",
};

/** What is wrong with an address, a range (`10.0.0.0/8`) or the name of one. */
export function rangeProblem(entry: unknown): Wrong | undefined {
  if (typeof entry !== 'string') return NO_RANGE;
  if (NAMED_RANGES.has(entry)) return undefined;
  const [address = '', length, ...rest] = entry.split('/');
  if (isIP(address) === 0 || address.includes('%') || rest.length > 0) return NO_RANGE;
  const parsed = ipaddr.parse(address);
  const bits = parsed.kind() === 'ipv4' ? 32 : 128;
  const prefix = length === undefined ? bits : prefixLength(length);
  if (prefix === undefined || prefix > bits) {
    return {
      problem: 'has a prefix length that is none',
      fix: `Write a number of bits, 1 to ${bits}, behind the slash`,
    };
  }
  if (isNetwork(parsed, prefix)) return undefined;
  return {
    problem: 'has bits set behind its prefix, so that it means either one address or the range around it',
    fix: 'Leave out the prefix for the one address, or write the first address of the range',
  };
}

function isNetwork(address: ipaddr.IPv4 | ipaddr.IPv6, prefix: number): boolean {
  return address.toByteArray().every((byte, index) => {
    const kept = Math.min(8, Math.max(0, prefix - index * 8));
    return (byte & (0xff >> kept)) === 0;
  });
}

function prefixLength(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : undefined;
}

/** The ranges of an entry that was checked, as they are written. */
export function writtenRanges(entry: string): readonly AddressRange[] {
  return (NAMED_RANGES.get(entry) ?? [entry]).map((range) => {
    const [address = '', length] = range.split('/');
    const parsed = ipaddr.parse(address);
    const bits = 'octets' in parsed ? 32 : 128;
    return [parsed, length === undefined ? bits : Number(length)];
  });
}

/** The ranges that the entries stand for; those of IPv4 that were written mapped into IPv6 are given as IPv4. */
export function rangesOf(entries: readonly string[]): readonly AddressRange[] {
  return entries.flatMap(writtenRanges).map(([address, prefix]) => {
    if ('octets' in address || !address.isIPv4MappedAddress()) return [address, prefix];
    return [address.toIPv4Address(), prefix - MAPPED_BITS];
  });
}

/** Whether an address, which is canonical, is in one of the ranges. */
export function compileRanges(entries: readonly string[]): (address: string) => boolean {
  const networks: number[] = [];
  const masks: number[] = [];
  const ranges6: [ipaddr.IPv6, number][] = [];
  for (const [address, prefix] of rangesOf(entries)) {
    if ('octets' in address) {
      networks.push(numberOf(address.octets));
      // A number is shifted by 32 bits as by none.
      masks.push(prefix === 0 ? 0 : -1 << (32 - prefix));
    } else {
      ranges6.push([address, prefix]);
    }
  }
  const isIn6 = remembering((address) => {
    if (!ipaddr.IPv6.isValid(address)) return false;
    const parsed = ipaddr.IPv6.parse(address);
    return ranges6.some((range) => parsed.match(range));
  });
  return (address) => {
    if (address.includes(':')) return ranges6.length > 0 && isIn6(address);
    const value = ipv4Number(address);
    if (value === undefined) return false;
    for (let i = 0; i < masks.length; i++) {
      if ((value & (masks[i] as number)) === networks[i]) return true;
    }
    return false;
  };
}

function numberOf([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number {
  return (a << 24) | (b << 16) | (c << 8) | d;
}

// Addresses that are remembered, in each of two generations.
const GENERATION = 1024;

/** IPv6 addresses are slow to read. */
function remembering(find: (address: string) => boolean): (address: string) => boolean {
  let young = new Map<string, boolean>();
  let old = new Map<string, boolean>();
  return (address) => {
    const known = young.get(address);
    if (known !== undefined) return known;
    const found = old.get(address) ?? find(address);
    if (young.size >= GENERATION) {
      old = young;
      young = new Map();
    }
    young.set(address, found);
    return found;
  };
}

const DOT = 0x2e;
const ZERO = 0x30;

/** By hand, as it is asked for every request. Four decimal numbers of up to 255 and nothing else are an address. */
function ipv4Number(address: string): number | undefined {
  let value = 0;
  let octet = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === DOT) {
      if (digits === 0 || ++dots > 3) return undefined;
      value = (value << 8) | octet;
      octet = 0;
      digits = 0;
      continue;
    }
    const digit = code - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return undefined;
    octet = octet * 10 + digit;
    digits++;
    if (octet > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? (value << 8) | octet : undefined;
}
