import type ipaddr from 'ipaddr.js';
import { rangeProblem, writtenRanges } from '../../core/address-ranges.js';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, OptionalRule, Rule } from '../../core/options.rules.js';

/** Which proxies stand in front of the application, and how they tell of the client. */
export interface ProxyOptions {
  /**
   * Who is believed: the number of proxies in front of the application (1 to 32; the peer of the socket is the first),
   * or their addresses, ranges (`10.0.0.0/8`) and the names `loopback`, `linklocal`, `uniquelocal`. Ranges are the
   * safer choice: a number also believes whoever reaches the application past its proxies. Behind a Unix socket, which
   * has no address, give a number.
   */
  readonly trust: number | readonly string[];
  /**
   * The header fields that the proxies write: `X-Forwarded-For`, `-Proto` and `-Host`, or `Forwarded` (RFC 7239). The
   * proxies must set or remove each of these themselves; what they pass on unseen is the client's word. The other
   * family is ignored.
   * @default 'x-forwarded'
   */
  readonly headers?: 'x-forwarded' | 'forwarded' | undefined;
}

/** The most proxies that may stand in a row, by number. */
const MOST_HOPS = 32;

// The largest private ranges are 10.0.0.0/8 and fc00::/7; nobody's own part of the public Internet is wider than this.
const WIDEST_IPV4 = 8;
const WIDEST_IPV6 = 7;
const WIDEST_PUBLIC_IPV6 = 16;
/** As wide as the widest of IPv4, whose addresses stand behind the prefix. */
const WIDEST_TRANSLATED = { '6to4': 16 + WIDEST_IPV4, rfc6052: 96 + WIDEST_IPV4 } as const;
const MAPPED_BITS = 96;

const LIST_THE_PROXIES = 'Give the number of proxies, or a list of their addresses and ranges';

class ProxyRules {
  @Rule(trustProblem, LIST_THE_PROXIES)
  trust?: unknown;

  @OptionalRule(
    (value) =>
      value === 'x-forwarded' || value === 'forwarded'
        ? undefined
        : `must be 'x-forwarded' or 'forwarded', not ${describe(value)}`,
    "Leave it out for the X-Forwarded fields; 'forwarded' reads the field of RFC 7239",
  )
  headers?: unknown;
}

/** Adds what is wrong with the options to `problems`. */
export function checkProxyOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  checkOptions(ProxyRules, options, path, problems);
  if (!isRecord(options) || !Array.isArray(options.trust)) return;
  options.trust.forEach((entry: unknown, index) => {
    const wrong = trustedRangeProblem(entry);
    if (wrong !== undefined) problems.push({ where: `${path}.trust[${index}]`, ...wrong });
  });
}

function trustProblem(trust: unknown): string | undefined {
  if (Array.isArray(trust)) {
    return trust.length === 0 ? 'names nobody: leave the whole option out to trust nobody' : undefined;
  }
  if (trust === undefined) return 'is missing';
  if (trust === true) return 'would believe whatever anybody writes: the client could choose its own address';
  if (trust === 0) return 'of 0 is no proxy at all: leave the whole option out to trust nobody';
  if (typeof trust !== 'number') return `must be a number or a list, not ${describe(trust)}`;
  if (Number.isInteger(trust) && trust > 0 && trust <= MOST_HOPS) return undefined;
  return `must be a whole number from 1 to ${MOST_HOPS}`;
}

type Wrong = Pick<ConfigurationProblem, 'problem' | 'fix'>;

const EVERYBODY: Wrong = {
  problem: 'takes in strangers: whoever connects from such an address could choose the address it is known by',
  fix: 'Name the addresses of the proxies alone; /8 is the widest range of IPv4, /16 of public IPv6',
};

function trustedRangeProblem(entry: unknown): Wrong | undefined {
  if (entry === '*') return EVERYBODY;
  const wrong = rangeProblem(entry);
  if (wrong !== undefined) return wrong;
  const isWide = writtenRanges(entry as string).some(
    ([address, prefix]) => address.range() === 'unspecified' || isTooWide(address, prefix),
  );
  return isWide ? EVERYBODY : undefined;
}

function isTooWide(address: ipaddr.IPv4 | ipaddr.IPv6, prefix: number): boolean {
  if ('octets' in address) return prefix < WIDEST_IPV4;
  if (address.isIPv4MappedAddress()) return prefix < MAPPED_BITS + WIDEST_IPV4;
  const range = address.range();
  // Behind these stands all of IPv4 (RFC 3056, RFC 6052).
  if (range === '6to4' || range === 'rfc6052') return prefix < WIDEST_TRANSLATED[range];
  return prefix < (range === 'uniqueLocal' || range === 'linkLocal' ? WIDEST_IPV6 : WIDEST_PUBLIC_IPV6);
}
