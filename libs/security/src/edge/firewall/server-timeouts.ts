import type { ResolvedFirewallTimeouts } from './firewall.options.js';

/** What of Node's servers is set; those of HTTP/2 alone have none of it. */
export interface TimedServer {
  headersTimeout?: number;
  requestTimeout?: number;
  keepAliveTimeout?: number;
  maxHeadersCount?: number | null;
  connectionsCheckingInterval?: number;
}

/**
 * Sets the time-outs of a server, in milliseconds, and has it hand over every header line. Must be called before the
 * server listens: Node starts looking for late connections then, at the interval it has then. Servers of HTTP/2 lack
 * these properties and are left as they are.
 */
export function applyTimeouts(server: TimedServer, timeouts: ResolvedFirewallTimeouts): void {
  set(server, 'headersTimeout', timeouts.headers);
  set(server, 'requestTimeout', timeouts.request);
  set(server, 'keepAliveTimeout', timeouts.keepAlive);
  // Node's own is 30 seconds, by which a connection would outlive its time.
  set(server, 'connectionsCheckingInterval', Math.min(30_000, Math.ceil(timeouts.headers / 3)));
  // Node would drop lines over its count without a word, the one of a proxy at the end among them. The firewall counts;
  // all of them together are bounded by Node's limit in bytes.
  set(server, 'maxHeadersCount', 0);
}

function set<Name extends keyof TimedServer>(server: TimedServer, name: Name, value: number): void {
  if (name in server) server[name] = value;
}
