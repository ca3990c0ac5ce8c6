import type { ExecutionContext } from '@nestjs/common';
import type { HttpRequest } from '../../core/request.js';
import type { TransportCall } from '../../core/transport.port.js';

/** What is read of the context of an operation: Apollo's has the request, that of mercurius the reply to it. */
interface OperationContext {
  readonly req?: unknown;
  readonly reply?: { readonly request?: unknown } | undefined;
}

/** Where a field stands in the answer; the same object for all that is below it. */
interface FieldPath {
  readonly prev?: FieldPath | undefined;
}

interface FieldInfo {
  readonly path?: FieldPath | undefined;
  readonly operation?: { readonly operation?: unknown } | undefined;
}

/** The call of a resolver: graphql gives it the parent, the arguments, the context of the operation, and what field it is. */
export function resolverCall(execution: ExecutionContext): TransportCall | undefined {
  const [, args, context, info] = execution.getArgs<[unknown, unknown, unknown, FieldInfo | undefined]>();
  const { path, operation } = info ?? {};
  if (!isObject(context) || !isObject(path) || operation?.operation === 'subscription') return undefined;
  const request = requestOf(context);
  if (request === undefined) return undefined;
  // What a browser sends without asking: mercurius refuses mutations by GET, and takes them by HEAD.
  if (operation?.operation === 'mutation' && request.method !== 'POST') return undefined;
  return {
    request,
    key: path,
    origin: rootOf(path),
    operation: context,
    args: isObject(args) ? (args as Readonly<Record<string, unknown>>) : undefined,
  };
}

/** Each field at the root has a path of its own, however often the document names it. */
function rootOf(path: FieldPath): FieldPath {
  let root = path;
  while (root.prev !== undefined) root = root.prev;
  return root;
}

/** Operations over a WebSocket have the request of its handshake, which nobody answers any more (fails closed). */
function requestOf({ reply, req }: OperationContext): HttpRequest | undefined {
  const request = reply?.request ?? req;
  if (!isObject(request) || !isObject((request as Partial<HttpRequest>).headers)) return undefined;
  const { headers } = request as HttpRequest;
  return headers.upgrade?.toLowerCase() === 'websocket' ? undefined : (request as HttpRequest);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
