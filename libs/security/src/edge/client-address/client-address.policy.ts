import { withoutBlanks } from '../../core/http-grammar.js';
import type { EdgeRequest } from '../edge.request.js';
import { forwardedElementBefore } from './forwarded-element.js';
import { addressOfEntry, peerAddress } from './ip-address.js';
import type { ProxyOptions } from './proxy.options.js';
import { compileTrust, type ProxyTrust } from './trusted-proxies.js';

/** Where a request comes from: the one answer for the limiter, HTTPS, hosts, audit and the application. */
export interface ClientOrigin {
  /** The address of the client, canonical (RFC 5952); `undefined` where the socket has none. */
  readonly address: string | undefined;
  /** Whether the client's own connection was encrypted. */
  readonly secure: boolean;
  /** The host that the client asked for, as a trusted proxy tells it and unchecked; `undefined` where none does. */
  readonly forwardedHost: string | undefined;
}

// Entries of a list that are looked at, and characters of one entry.
const MOST_ENTRIES = 64;
const LONGEST_ENTRY = 512;

const HTTPS = 'https';

/**
 * How to tell where a request comes from. Without options the peer of the socket is the client, and no header field is
 * looked at.
 */
export function compileClientOrigin(options: ProxyOptions | undefined): (request: EdgeRequest) => ClientOrigin {
  if (options === undefined) return ({ socket }) => directOrigin(peerAddress(socket.remoteAddress), socket);
  const trusts = compileTrust(options.trust);
  const read = options.headers === 'forwarded' ? readForwarded : readXForwarded;
  return (request) => {
    const { socket } = request;
    const peer = peerAddress(socket.remoteAddress);
    return trusts(peer, 0) ? read(request, peer, trusts) : directOrigin(peer, socket);
  };
}

function directOrigin(address: string | undefined, socket: EdgeRequest['socket']): ClientOrigin {
  return { address, secure: socket.encrypted === true, forwardedHost: undefined };
}

/** The scheme that the trusted proxy tells beats the socket's: that is the proxy's own connection. */
function isSecure(proto: string | undefined, { socket }: EdgeRequest): boolean {
  if (proto === undefined) return socket.encrypted === true;
  // Any other word, and none, is no TLS (fails closed).
  return proto.length === HTTPS.length && proto.toLowerCase() === HTTPS;
}

/**
 * Each proxy has added the address it was called from on the right, so that only as many entries are its word and
 * the word of those it trusts as there are trusted proxies; what stands further left is the client's own.
 */
function readXForwarded(request: EdgeRequest, peer: string | undefined, trusts: ProxyTrust): ClientOrigin {
  const { headers } = request;
  const list = fieldText(headers['x-forwarded-for']);
  let address = peer;
  let hops = 0;
  if (list !== undefined) {
    let end = list.length;
    do {
      const comma = commaBefore(list, end);
      // The address found so far is the last that can be told (fails closed).
      const found = end - comma > LONGEST_ENTRY ? undefined : addressOfEntry(withoutBlanks(list, comma + 1, end));
      if (found === undefined) break;
      address = found;
      hops++;
      end = comma;
    } while (end !== -1 && hops < MOST_ENTRIES && trusts(address, hops));
  }
  // A proxy that tells no address still tells the scheme and the host.
  const hop = hops === 0 ? 1 : hops;
  const proto = fieldText(headers['x-forwarded-proto']);
  const host = fieldText(headers['x-forwarded-host']);
  return {
    address: address === peer || address === list ? address : detached(address),
    secure: isSecure(proto === undefined ? undefined : entryOfHop(proto, hop), request),
    forwardedHost: host === undefined ? undefined : entryOfHop(host, hop),
  };
}

/** The entry of a hop, counted from the right; the left-most of a list that is shorter. */
function entryOfHop(list: string, hop: number): string {
  let end = list.length;
  for (let i = 1; ; i++) {
    const comma = commaBefore(list, end);
    if (i < hop && comma !== -1) {
      end = comma;
      continue;
    }
    const entry = withoutBlanks(list, comma + 1, end);
    return entry.length === list.length ? entry : (detached(entry) as string);
  }
}

function commaBefore(list: string, end: number): number {
  return end === 0 ? -1 : list.lastIndexOf(',', end - 1);
}

/**
 * As {@link readXForwarded}, from `Forwarded` (RFC 7239). Scheme and host are those of the out-most trusted proxy that
 * tells them.
 */
function readForwarded(request: EdgeRequest, peer: string | undefined, trusts: ProxyTrust): ClientOrigin {
  const list = fieldText(request.headers.forwarded);
  if (list === undefined) return directOrigin(peer, request.socket);
  let address = peer;
  let proto: string | undefined;
  let host: string | undefined;
  let hops = 0;
  let end = list.length;
  do {
    const element = forwardedElementBefore(list, end);
    // The nearest proxy is trusted to tell, and what it tells cannot be read: no TLS, no host (fails closed).
    if (element === undefined && hops === 0) return { address, secure: false, forwardedHost: '' };
    const found = element?.node === undefined ? undefined : addressOfEntry(element.node);
    if (element === undefined || (found === undefined && hops > 0)) break;
    proto = element.proto ?? proto;
    host = element.host ?? host;
    if (found === undefined) break;
    address = found;
    hops++;
    end = element.start - 1;
  } while (end >= 0 && hops < MOST_ENTRIES && trusts(address, hops));
  return {
    address: address === peer ? address : detached(address),
    secure: isSecure(proto, request),
    forwardedHost: detached(host),
  };
}

/** Node joins the lines of these fields with `, `; anything but text was put there by somebody else. */
function fieldText(value: string | string[] | undefined): string | undefined {
  return value === undefined || typeof value === 'string' ? value : '';
}

/**
 * The same text in memory of its own. A part of a string keeps the whole alive: a limiter or a cache that remembers an
 * address of 15 characters would hold a header field of 16 kB for it.
 */
function detached(text: string | undefined): string | undefined {
  return text === undefined || text.length < 13 ? text : Buffer.from(text, 'utf16le').toString('utf16le');
}
