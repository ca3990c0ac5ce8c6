import { createHash } from 'node:crypto';
import type { LeaseClaim } from '../../rate-limiting/concurrency/lease.store.port.js';
import type { CountedPartition, RateLimitAlgorithm } from '../../rate-limiting/rate-limit.store.port.js';

/** What every key may start with. Braces would take the place of the hash tag, by which a cluster finds the node. */
const PREFIX = /^[\w.:~-]{1,64}$/;

export const PREFIX_FIX = "Leave it out for 'palisade'";

export function prefixProblem(value: unknown): string | undefined {
  return typeof value === 'string' && PREFIX.test(value) ? undefined : 'must be 1 to 64 letters, digits and . _ : ~ -';
}

/** Neither braces, which would end the hash tag, nor `#`, with which the hash of a partition begins. */
const PLAIN = /^[\w.:@~-]{1,64}$/;

/**
 * The mark of how a count is written. It stands in the key as well, so that a limit which changes to another algorithm
 * starts anew.
 */
export const FORMS: Readonly<Record<RateLimitAlgorithm, string>> = {
  'token-bucket': 't',
  'sliding-window': 's',
  'fixed-window': 'f',
};

/**
 * What stands in braces in the keys of a partition: a cluster keeps all of them on one node. The partition may be
 * whatever a caller sends; what is long or could be mistaken is hashed, as UTF-16, since UTF-8 has one form for all
 * lone surrogates.
 */
export function hashTag(partition: string): string {
  if (PLAIN.test(partition)) return partition;
  return `#${createHash('sha256').update(partition, 'utf16le').digest('base64url')}`;
}

/** `prefix:{partition}:form:limit`, at most 333 characters; different counts have different keys. */
export function countKey(prefix: string, { limit, partition }: CountedPartition): string {
  return `${prefix}:{${hashTag(partition)}}:${FORMS[limit.algorithm]}:${limit.id}`;
}

/** As for counts, with a mark that no algorithm has: `prefix:{partition}:l:limit`. */
export function leaseKey(prefix: string, { limit, partition }: LeaseClaim): string {
  return `${prefix}:{${hashTag(partition)}}:l:${limit.id}`;
}
