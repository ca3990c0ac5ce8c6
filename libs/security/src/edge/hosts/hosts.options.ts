import { isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkOptions, describe, isRecord, OptionalRule, Rule } from '../../core/options.rules.js';
import type { Enforcement } from '../../core/profile.js';
import { type ParsedHost, parseHost } from './parsed-host.js';

/**
 * The hosts that are served here: the list alone, or with how it is enforced. Without it any well-formed host is. Links,
 * redirects and caches that are built from a host nobody checked are the attacker's (OWASP WSTG-INPV-17).
 */
export type HostsOptions = readonly string[] | HostsSettings;

/** The hosts that are served here, and how that is enforced. */
export interface HostsSettings {
  /**
   * Names (`example.com`, also as `bücher.example`), all names below one (`*.example.com`, not `example.com` itself),
   * IPv4 addresses and IPv6 addresses in brackets (`[2001:db8::1]`). A port (`example.com:8443`) is compared exactly, 80
   * and 443 also with a host without port, as clients leave them out; without a port any is accepted.
   */
  readonly allowed: readonly string[];
  /**
   * Whether other hosts are denied or only recorded.
   * @default 'enforce'
   */
  readonly enforcement?: Enforcement | undefined;
}

class HostsRules {
  @Rule(
    (value) => (Array.isArray(value) ? undefined : `must be a list of hosts, not ${describe(value)}`),
    "Give the hosts as ['example.com', '*.example.com']",
  )
  allowed?: unknown;

  @OptionalRule(
    (value) =>
      value === 'enforce' || value === 'report' ? undefined : `must be 'enforce' or 'report', not ${describe(value)}`,
    "Leave it out to deny other hosts; 'report' only records them",
  )
  enforcement?: unknown;
}

/** Adds what is wrong with the options to `problems`. */
export function checkHostsOptions(options: unknown, path: string, problems: ConfigurationProblem[]): void {
  if (Array.isArray(options)) {
    checkList(options, path, problems);
    return;
  }
  checkOptions(HostsRules, options, path, problems);
  if (isRecord(options) && Array.isArray(options.allowed)) checkList(options.allowed, `${path}.allowed`, problems);
}

function checkList(list: readonly unknown[], path: string, problems: ConfigurationProblem[]): void {
  if (list.length === 0) {
    problems.push({
      where: path,
      problem: 'is empty, so that no host at all would be served',
      fix: 'Name the hosts of the application, or leave the option out',
    });
  }
  list.forEach((entry, index) => {
    const rule = hostRule(entry);
    if (typeof rule === 'string') problems.push({ where: `${path}[${index}]`, ...REFUSED[rule] });
  });
}

/** One entry of the list, taken apart. */
export interface HostRule {
  /** For `*.example.com` this is `example.com`. */
  readonly host: ParsedHost;
  readonly isWildcard: boolean;
}

const REFUSED = {
  noText: {
    problem: 'is no text',
    fix: "Write a host as 'example.com', '*.example.com', '192.0.2.1' or '[2001:db8::1]'",
  },
  everything: {
    problem: 'would accept every host',
    fix: "Name the hosts, or the names below one as '*.example.com'; to accept every host, leave the option out",
  },
  wildcard: {
    problem: 'has its wildcard in a place where it has no meaning',
    fix: "A wildcard stands for all names below one and at the beginning alone: '*.example.com'",
  },
  topLevel: {
    problem: 'allows every name of a top-level domain',
    fix: "Write the part that is yours as well: '*.example.com'",
  },
  leadingDot: {
    problem: 'begins with a dot',
    fix: "Write '*.example.com' for the names below one, and 'example.com' for itself",
  },
  bareIPv6: { problem: 'is an IPv6 address without brackets', fix: "Write it as in a URL: '[2001:db8::1]'" },
  url: { problem: 'is a URL or a part of one', fix: "Write the host alone, without scheme and path: 'example.com'" },
  malformed: {
    problem: 'is no host',
    fix: "Write a host as 'example.com', 'example.com:8443', '192.0.2.1' or '[2001:db8::1]'; ports are 1 to 65535",
  },
} as const;

/** Top-level domains under which anybody registers names, beside those of countries; not all there are. */
const OPEN_TO_ALL: ReadonlySet<string> = new Set(
  'com net org info biz name pro edu gov mil int arpa dev app cloud online site tech store shop xyz page web'.split(
    ' ',
  ),
);

/** The entry taken apart, or why it is refused. */
export function hostRule(entry: unknown): HostRule | keyof typeof REFUSED {
  if (typeof entry !== 'string') return 'noText';
  if (entry === '*' || /^\*:\d*$/.test(entry)) return 'everything';
  if (/[/?#@\\]/.test(entry)) return 'url';
  // Node compiles its expression for IPv6 when it is first asked, which takes milliseconds of the start.
  if (entry.includes(':') && isIPv6(entry)) return 'bareIPv6';
  if (entry.startsWith('.')) return 'leadingDot';
  const isWildcard = entry.startsWith('*.');
  const rest = isWildcard ? entry.slice(2) : entry;
  if (rest.includes('*')) return 'wildcard';
  const host = parseHost(inAscii(rest));
  if (host === undefined) return 'malformed';
  if (isWildcard && (rest.startsWith('[') || host.kind === 'address' || /^[\d.]+$/.test(host.name))) return 'wildcard';
  if (isWildcard && (/^[a-z]{2}$/.test(host.name) || OPEN_TO_ALL.has(host.name))) return 'topLevel';
  return { host, isWildcard };
}

/** An internationalized name as it is sent: in punycode (RFC 5891). What is ASCII already stays as it is. */
function inAscii(host: string): string {
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(host)) return host;
  const colon = host.lastIndexOf(':');
  return colon === -1 ? domainToASCII(host) : `${domainToASCII(host.slice(0, colon))}${host.slice(colon)}`;
}
