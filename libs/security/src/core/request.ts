import type { ExecutionContext } from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import { Call } from './call.js';
import { namesOfCopies, ONE_COPY, otherCopies } from './copies.js';
import { SecurityConfigurationError } from './errors.js';
import { beginPassage, Passage, passageIn, type Admission } from './passage.js';
import type { Principal } from './principal.js';

/** What the library reads of a request; Express's and Fastify's both have it. */
export interface HttpRequest {
  readonly method?: string;
  readonly url?: string;
  readonly headers: IncomingHttpHeaders;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly params?: unknown;
  readonly cookies?: unknown;
  /** Fastify keeps Node's request here; Express's request is Node's. */
  readonly raw?: { readonly rawHeaders: readonly string[] };
  readonly rawHeaders?: readonly string[];
  readonly socket?: { readonly remoteAddress?: string | undefined };
  user?: unknown;
}

/** Whether an HTTP request is behind it: it came over HTTP, or it is a call of a transport. */
export function carriesRequest(context: ExecutionContext): boolean {
  return context.getType() === 'http' || context instanceof Call;
}

/** To be asked of what carries a request. */
export function httpRequestOf(context: ExecutionContext): HttpRequest {
  return context instanceof Call ? context.request : context.getArgByIndex<HttpRequest>(0);
}

/** Node's request: Express's is one, Fastify's has one. */
export function rawRequestOf(request: HttpRequest): object {
  return request.raw ?? request;
}

export function passageOf(request: HttpRequest): Passage | undefined {
  return passageIn(rawRequestOf(request));
}

/**
 * Commits the one principal of a request, with the route that admitted it. Checks read it back from a private slot:
 * `request.user` is there for handlers, and anything may have written to it.
 */
export function commitPrincipal(request: HttpRequest, principal: Principal, route: object): void {
  let passage = passageOf(request);
  if (passage === undefined) {
    passage = new Passage(peerAddressOf(request), false);
    beginPassage(rawRequestOf(request), passage);
  }
  passage.admission = { principal, route };
  request.user = principal;
}

/** As {@link commitPrincipal}; the calls of a transport share their request, and each has a slot of its own. */
export function commitCaller(context: ExecutionContext, principal: Principal, route: object): void {
  if (context instanceof Call) context.commit(principal, route);
  else commitPrincipal(httpRequestOf(context), principal, route);
}

export function principalOf(request: HttpRequest): Principal | undefined {
  return passageOf(request)?.admission?.principal;
}

/**
 * Returns the passage of a request for a decorator that reads it.
 *
 * @throws SecurityConfigurationError when there is none, or one of another version: what it would say of the caller would be
 *   wrong (fails closed)
 */
export function passageFor(decorator: string, request: HttpRequest): Passage {
  const passage = passageOf(request);
  if (passage?.format === Passage.prototype.format) return passage;
  throw new SecurityConfigurationError([
    {
      where: decorator,
      problem:
        passage === undefined && otherCopies().length === 0
          ? 'reads a request that has not passed SecurityModule'
          : `cannot read what another copy of @palisade/nest knows of the request: there are ${namesOfCopies()}`,
      fix:
        passage === undefined && otherCopies().length === 0
          ? 'Import SecurityModule.forRoot in the application that serves it, in tests as well'
          : ONE_COPY,
    },
  ]);
}

/** Who was let in last, by whatever route. */
export function callerOf(context: ExecutionContext): Principal | undefined {
  return admissionOf(context)?.principal;
}

/**
 * The principal as this route admitted it. A handler that calls `next()` hands the request to another route, which may
 * not take over who was let in under other rules.
 */
export function principalAdmittedBy(route: object, context: ExecutionContext): Principal | undefined {
  const admission = admissionOf(context);
  return admission?.route === route ? admission.principal : undefined;
}

function admissionOf(context: ExecutionContext): Admission | undefined {
  if (context instanceof Call) return context.admission;
  return context.getType() === 'http' ? passageOf(httpRequestOf(context))?.admission : undefined;
}

const AUTHORIZATION = 'authorization';

/**
 * True when a singleton header came more than once. Node keeps only the first `Authorization` line in `headers`, so a
 * second one shows in the raw headers alone (RFC 9110, section 5.3).
 */
export function isAuthorizationRepeated(request: HttpRequest): boolean {
  const raw = request.raw?.rawHeaders ?? request.rawHeaders;
  if (raw === undefined) return false;
  let seen = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === AUTHORIZATION.length && name.toLowerCase() === AUTHORIZATION) {
      if (seen) return true;
      seen = true;
    }
  }
  return false;
}

const IPV4_MAPPED = '::ffff:';

/** The address of the client, behind the proxies that are trusted; of the peer, where no edge was passed. */
export function clientAddressOf(request: HttpRequest): string | undefined {
  const passage = passageOf(request);
  return passage === undefined ? peerAddressOf(request) : passage.address;
}

/** An IPv4 address that came mapped into IPv6 is given as IPv4. */
function peerAddressOf(request: HttpRequest): string | undefined {
  const address = request.socket?.remoteAddress;
  if (address !== undefined && address.startsWith(IPV4_MAPPED) && address.includes('.')) {
    return address.slice(IPV4_MAPPED.length);
  }
  return address;
}
