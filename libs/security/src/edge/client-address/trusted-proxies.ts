import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { type ProxyOptions, rangesOf } from './proxy.options.js';

/** Whether the proxy at this hop is believed; the peer of the socket is hop 0. */
export type ProxyTrust = (address: string | undefined, hop: number) => boolean;

// How many addresses of trusted proxies are remembered. A stranger's is never: it could be any.
const REMEMBERED = 256;

/** Whom to believe. The addresses asked about are canonical. */
export function compileTrust(trust: ProxyOptions['trust']): ProxyTrust {
  if (typeof trust === 'number') return (_address, hop) => hop < trust;
  const isTrusted = compileRanges(trust);
  const remembered = new Set<string>();
  return (address) => {
    if (address === undefined) return false;
    if (remembered.has(address)) return true;
    if (!isTrusted(address)) return false;
    if (remembered.size < REMEMBERED) remembered.add(address);
    return true;
  };
}

function compileRanges(entries: readonly string[]): (address: string) => boolean {
  const networks: number[] = [];
  const masks: number[] = [];
  const ranges6: [ipaddr.IPv6, number][] = [];
  for (const [address, prefix] of rangesOf(entries)) {
    if ('octets' in address) {
      networks.push(numberOf(address.octets));
      masks.push(-1 << (32 - prefix));
    } else {
      ranges6.push([address, prefix]);
    }
  }
  return (address) => {
    if (isIP(address) === 0) return false;
    const parsed = ipaddr.parse(address);
    if (!('octets' in parsed)) return ranges6.some((range) => parsed.match(range));
    const value = numberOf(parsed.octets);
    for (let i = 0; i < masks.length; i++) {
      if ((value & (masks[i] as number)) === networks[i]) return true;
    }
    return false;
  };
}

function numberOf([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number {
  return (a << 24) | (b << 16) | (c << 8) | d;
}
