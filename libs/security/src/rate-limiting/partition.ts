import { createHash } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { Principal } from '../core/principal.js';
import { keyText, type KeyNormalization } from './key-text.policy.js';
import type { RateLimitContext, RateLimitKey } from './rate-limiting.options.js';

/** Whose requests are counted together, as the name that a store keeps them under. */
export type Partition = (context: RateLimitContext) => string;

/** As {@link Partition}; `undefined` where a function answers with a key that nobody can be counted under. */
export type KeyedPartition = (context: RateLimitContext) => string | undefined;

/** As {@link Partition}, for whoever is counted by address. */
export type AddressPartition = (context: Pick<RateLimitContext, 'address'> & Partial<RateLimitContext>) => string;

const LONGEST = 256;

/** Who has no address, such as the peer of a Unix socket, shares one count (fails closed). */
const NOWHERE = 'unknown';

/**
 * Compiles whose requests are counted together. Addresses stand as they are, everything else behind a letter and a
 * colon, which no address begins with: nobody can pass for somebody counted by address.
 *
 * @param normalization how keys are spelled that a function answers; those of principals stand as they are
 */
export function compilePartition(
  by: RateLimitKey,
  addressOf: Partition,
  normalization?: KeyNormalization,
): KeyedPartition {
  if (by === 'ip') return addressOf;
  if (typeof by === 'function') {
    return (context) => {
      const key = keyText(by(context), normalization);
      return key === '' ? addressOf(context) : key && partitionOfKey(key);
    };
  }
  return (context) => {
    const { principal } = context;
    if (principal === undefined || principal.kind === 'anonymous') return addressOf(context);
    // Two issuers may both have a tenant of that name.
    if (by === 'tenant' && principal.tenant !== undefined) return named('t', principal, principal.tenant);
    if (by === 'api-key' && principal.scheme === 'api-key')
      return named('a', principal, principal.tokenId ?? principal.id);
    return named('u', principal, principal.id);
  };
}

/** Who is counted under a key that the application chose. */
export function partitionOfKey(key: string): string {
  return bounded(`k:${key}`);
}

function named(letter: string, { issuer }: Principal, id: string): string {
  // The length of the issuer keeps ("a", "b|c") and ("a|b", "c") apart.
  return bounded(issuer === undefined ? `${letter}:${id}` : `${letter}${issuer.length}:${issuer}|${id}`);
}

function bounded(partition: string): string {
  if (partition.length <= LONGEST) return partition;
  // UTF-8 has one form for all lone surrogates, by which different keys would be one.
  return `h:${createHash('sha256').update(partition, 'utf16le').digest('base64url')}`;
}

// IPv6 clients whose subnet is remembered, in each of two generations.
const GENERATION = 2048;

/** The address of an IPv4 client, the subnet of an IPv6 client. */
export function compileAddress(ipv6Prefix: number): AddressPartition {
  let young = new Map<string, string>();
  let old = new Map<string, string>();
  return ({ address }) => {
    if (address === undefined) return NOWHERE;
    if (!address.includes(':')) return address;
    const known = young.get(address);
    if (known !== undefined) return known;
    const subnet = old.get(address) ?? subnetOf(address, ipv6Prefix);
    if (young.size >= GENERATION) {
      old = young;
      young = new Map();
    }
    young.set(address, subnet);
    return subnet;
  };
}

/** The loopback address, which @nestjs/throttler does not take for a subnet. */
const LOOPBACK = '::1';

/** Compiles whom `ThrottlerGuard` counts: the address of an IPv4 client, the subnet of an IPv6 client, the loopback. */
export function compileTracker<Context extends Pick<RateLimitContext, 'address'>>(
  addressOf: (context: Context) => string,
): (context: Context) => string {
  return (context) => (context.address === LOOPBACK ? LOOPBACK : addressOf(context));
}

function subnetOf(address: string, prefix: number): string {
  if (!ipaddr.IPv6.isValid(address)) return NOWHERE;
  const parsed = ipaddr.IPv6.parse(address);
  // The same client, however its address was written.
  if (parsed.isIPv4MappedAddress()) return parsed.toIPv4Address().toString();
  const bytes = parsed.toByteArray().map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefix - index * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
  return `${new ipaddr.IPv6(bytes).toString()}/${prefix}`;
}
