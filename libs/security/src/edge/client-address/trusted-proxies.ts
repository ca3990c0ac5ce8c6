import { compileRanges } from '../../core/address-ranges.js';
import type { ProxyOptions } from './proxy.options.js';

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
