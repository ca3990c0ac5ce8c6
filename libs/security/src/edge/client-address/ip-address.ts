import ipaddr from 'ipaddr.js';
import { isIPv4, isIPv6 } from 'node:net';

const IPV4_MAPPED = '::ffff:';

// The longest IPv6 address with a zone, brackets and a port is shorter.
const LONGEST = 96;

const COLON = 0x3a;
const UNDERSCORE = 0x5f;

/**
 * The address of a socket's peer in the form used everywhere: IPv4 where it came mapped into IPv6, no zone. The
 * operating system wrote it, so that its form is not checked again.
 */
export function peerAddress(remote: string | undefined): string | undefined {
  if (remote === undefined || !remote.includes(':')) return remote;
  if (remote.startsWith(IPV4_MAPPED) && remote.includes('.')) return remote.slice(IPV4_MAPPED.length);
  const zone = remote.indexOf('%');
  return zone === -1 ? remote : remote.slice(0, zone);
}

/**
 * The address in an entry that a proxy wrote (`192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`), in its
 * canonical form (RFC 5952), or `undefined` for anything else: names, `unknown`, `_hidden`, `127.1`, octal numbers.
 */
export function addressOfEntry(entry: string): string | undefined {
  if (entry.length > LONGEST) return undefined;
  if (isIPv4(entry)) return entry;
  if (entry.startsWith('[')) {
    const end = entry.indexOf(']');
    if (end === -1 || (end + 1 < entry.length && !isPort(entry, end + 1))) return undefined;
    return canonicalIPv6(entry.slice(1, end));
  }
  const colon = entry.indexOf(':');
  if (colon === -1) return undefined;
  if (entry.indexOf(':', colon + 1) !== -1) return canonicalIPv6(entry);
  const address = entry.slice(0, colon);
  return isIPv4(address) && isPort(entry, colon) ? address : undefined;
}

/** An IPv6 address without its zone, in lower case and compressed, or the IPv4 address that it maps. */
function canonicalIPv6(text: string): string | undefined {
  const zone = text.indexOf('%');
  const address = zone === -1 ? text : text.slice(0, zone);
  if (!isIPv6(address)) return undefined;
  const parsed = ipaddr.IPv6.parse(address);
  if (!parsed.isIPv4MappedAddress()) return parsed.toString();
  // `::10.0.0.1` is no mapped address, though the parser takes it for one: it must not pass for 10.0.0.1.
  return /ffff:/i.test(address) ? parsed.toIPv4Address().toString() : undefined;
}

/** `:` and up to five digits, or the obfuscated form of RFC 7239, section 6.3 (`:_name`). The number is not used. */
function isPort(entry: string, colon: number): boolean {
  const first = colon + 1;
  if (entry.charCodeAt(colon) !== COLON || first === entry.length) return false;
  if (entry.charCodeAt(first) === UNDERSCORE) return true;
  if (entry.length - first > 5) return false;
  for (let i = first; i < entry.length; i++) {
    const code = entry.charCodeAt(i);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
