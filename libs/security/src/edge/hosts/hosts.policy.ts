import { type Denied, denied } from '../../core/decision.js';
import type { EdgeRequest } from '../edge.request.js';
import { hostRule, type HostsOptions } from './hosts.options.js';
import { hostText, type ParsedHost, parseHost } from './parsed-host.js';

/** The host is served here. */
export interface AllowedHost {
  readonly allowed: true;
  readonly host: ParsedHost;
}

/** Whether a host is served here: `host_missing`, `host_repeated`, `host_malformed` or `host_refused` where it is not. */
export type HostDecision = AllowedHost | Denied;

/** The hosts that are served here, compiled. */
export interface HostPolicy {
  /** Decides on the value of a `Host` field. */
  decide(raw: string): HostDecision;
  /**
   * Decides on the host that a request is for: the one that a trusted proxy tells, else that of the request itself,
   * which must be in order in either case.
   */
  decideRequest(request: EdgeRequest, forwardedHost: string | undefined): HostDecision;
}

/** Compiles the list; without one every well-formed host is allowed. The options have been checked. */
export function compileHosts(options: HostsOptions | undefined): HostPolicy {
  if (options === undefined) return new MemoizedHosts(undefined);
  return new MemoizedHosts(new HostList('allowed' in options ? options.allowed : options));
}

/** The ports that a name is served on; `undefined` for any. */
type Ports = ReadonlySet<number | undefined> | undefined;

class HostList {
  readonly #names = new Map<string, Ports>();
  /** Under `example.com` what holds for `*.example.com`. */
  readonly #parents = new Map<string, Ports>();
  readonly #longestParent: number;

  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const rule = hostRule(entry);
      // Refused at start; here it allows nothing (fails closed).
      if (typeof rule === 'string') continue;
      const table = rule.isWildcard ? this.#parents : this.#names;
      const { name, port } = rule.host;
      table.set(name, portsWith(table.has(name) ? table.get(name) : new Set(), port));
    }
    this.#longestParent = Math.max(0, ...Array.from(this.#parents.keys(), ({ length }) => length));
  }

  /** The hosts that are known word for word. */
  *spelledOut(): Iterable<ParsedHost> {
    for (const [name, ports] of this.#names) {
      for (const port of ports ?? [undefined]) yield parseHost(hostText({ name, port })) as ParsedHost;
    }
  }

  has({ name, port }: ParsedHost): boolean {
    if (this.#names.has(name) && includesPort(this.#names.get(name), port)) return true;
    for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
      if (name.length - dot - 1 > this.#longestParent) continue;
      const parent = name.slice(dot + 1);
      if (this.#parents.has(parent) && includesPort(this.#parents.get(parent), port)) return true;
    }
    return false;
  }
}

function portsWith(ports: Ports, port: number | undefined): Ports {
  if (port === undefined || ports === undefined) return undefined;
  const all = new Set(ports).add(port);
  // Clients leave out the default port of the scheme (RFC 9110, sections 4.2.1 and 4.2.2).
  return port === 80 || port === 443 ? all.add(undefined) : all;
}

function includesPort(ports: Ports, port: number | undefined): boolean {
  return ports === undefined || ports.has(port);
}

// Allowed hosts in each of the two generations that are remembered.
const GENERATION = 512;

class MemoizedHosts implements HostPolicy {
  readonly #list: HostList | undefined;
  /** What is written in the list: never forgotten, whatever else is asked for. */
  readonly #spelledOut = new Map<string, AllowedHost>();
  #young = new Map<string, AllowedHost>();
  #old = new Map<string, AllowedHost>();
  #lastWellFormed: string | undefined;

  constructor(list: HostList | undefined) {
    this.#list = list;
    for (const host of list?.spelledOut() ?? []) this.#spelledOut.set(hostText(host), allow(host));
  }

  decide(raw: string): HostDecision {
    return this.#spelledOut.get(raw) ?? this.#young.get(raw) ?? this.#recallOrDecide(raw);
  }

  decideRequest(request: EdgeRequest, forwardedHost: string | undefined): HostDecision {
    const raw = readHost(request);
    if (typeof raw !== 'string') return raw;
    if (forwardedHost === undefined) return this.decide(raw);
    if (raw !== this.#lastWellFormed) {
      if (parseHost(raw) === undefined) return denied('host_malformed');
      // Behind a proxy it is the same one, request after request.
      this.#lastWellFormed = raw;
    }
    return this.decide(forwardedHost);
  }

  #recallOrDecide(raw: string): HostDecision {
    const recalled = this.#old.get(raw);
    if (recalled !== undefined) {
      this.#remember(raw, recalled);
      return recalled;
    }
    const host = parseHost(raw);
    if (host === undefined) return denied('host_malformed');
    if (this.#list !== undefined && !this.#list.has(host)) return denied('host_refused');
    const decision = allow(host);
    // Browsers write hosts canonically. Other spellings are without number: `a.test`, `A.test`, `a.test.`
    if (raw === hostText(host)) this.#remember(raw, decision);
    return decision;
  }

  /** Two generations: who asks for thousands of hosts costs others the parsing of theirs, never more memory. */
  #remember(raw: string, decision: AllowedHost): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(raw, decision);
  }
}

function allow(host: ParsedHost): AllowedHost {
  return Object.freeze({ allowed: true, host: Object.freeze(host) });
}

const HOST = 'host';
const AUTHORITY = ':authority';
const SLASH = 0x2f;

/**
 * The host that a request is for, as it stands there, or why it names none: `Host`, in HTTP/2 `:authority`. Where a
 * request names its host twice, both must be the same.
 */
export function readHost(request: EdgeRequest): string | Denied {
  // Of two lines Node keeps the first, silently; a proxy in front may have gone by the second (fails closed).
  if (isHostRepeated(request.rawHeaders)) return denied('host_repeated');
  let { host } = request.headers;
  if (request.httpVersionMajor >= 2) {
    const authority = request.headers[AUTHORITY];
    if (authority !== undefined) {
      // RFC 9113, section 8.3.1.
      if (typeof authority !== 'string' || (host !== undefined && !isSameHost(authority, host, undefined))) {
        return denied('host_malformed');
      }
      host = authority;
    }
  }
  if (host === undefined || host === '') return denied('host_missing');
  const target = request.url;
  if (target === undefined) return denied('target_malformed');
  if (target.charCodeAt(0) === SLASH || target === '*') return host;
  return ofAbsoluteTarget(target, host);
}

function isHostRepeated(rawHeaders: readonly string[]): boolean {
  let isSeen = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === HOST.length && name.toLowerCase() === HOST) {
      if (isSeen) return true;
      isSeen = true;
    }
  }
  return false;
}

/**
 * `GET http://example.com/path`: the host of the target counts, and `Host` must be the same (RFC 9112, section 3.2.2).
 * Whatever reads the other of the two would be deceived (fails closed).
 */
function ofAbsoluteTarget(target: string, host: string): string | Denied {
  const scheme = target.slice(0, 8).toLowerCase();
  const isEncrypted = scheme === 'https://';
  if (!isEncrypted && !scheme.startsWith('http://')) return denied('target_malformed');
  const start = isEncrypted ? 8 : 7;
  let end = start;
  while (end < target.length && !isEndOfAuthority(target.charCodeAt(end))) end++;
  return isSameHost(target.slice(start, end), host, isEncrypted ? 443 : 80) ? host : denied('host_malformed');
}

/** `/`, `?` or `#`; a backslash is none here, and no host has one. */
function isEndOfAuthority(code: number): boolean {
  return code === SLASH || code === 0x3f || code === 0x23;
}

/** Whether both are well-formed and the same; `defaultPort` stands for a port that is not written. */
function isSameHost(one: string, other: string, defaultPort: number | undefined): boolean {
  const first = parseHost(one);
  const second = parseHost(other);
  if (first === undefined || second === undefined || first.name !== second.name) return false;
  return (first.port ?? defaultPort) === (second.port ?? defaultPort);
}
