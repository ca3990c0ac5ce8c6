import { HttpException, type ExecutionContext } from '@nestjs/common';
import { isMessageType, isOfGrpc, type MessageType } from './message-handlers.js';

/** The error that a client of a gateway or of a microservice gets. */
export interface MessageRefusal {
  /** As in every error of Nest over these transports; absent over gRPC. */
  readonly status?: 'error';
  /** The status that the denial would have over HTTP; absent over gRPC. */
  readonly statusCode?: number;
  readonly message: string;
  /** The stable code of the denial; over gRPC the status of gRPC, and the message ends with the code. */
  readonly code: string | number;
  /** Whole seconds, where waiting helps. */
  readonly retryAfter?: number;
}

type RefusalClass = new (refusal: object) => Error;

/** The exceptions that Nest's filters of a transport tell the client, by the package that has them. */
const SOURCES = {
  ws: { from: '@nestjs/websockets', name: 'WsException' },
  rpc: { from: '@nestjs/microservices', name: 'RpcException' },
} as const;

// Of the process, as the packages are: handlers, and what is put on them, may belong to several applications.
const classes = new Map<MessageType, RefusalClass>();
const refusals = new WeakMap<object, MessageRefusal>();

/**
 * Imports the exceptions of the transports that an application has handlers for. Neither package is a dependency, and the
 * names are kept from bundlers, which would fail where one is not installed.
 */
export async function loadRefusals(types: ReadonlySet<MessageType>): Promise<void> {
  for (const type of types) {
    if (classes.has(type)) continue;
    const { from, name } = SOURCES[type];
    const specifier: string = from;
    const exports = (await import(specifier).catch(() => ({}))) as Record<string, unknown>;
    if (typeof exports[name] === 'function') classes.set(type, exports[name] as RefusalClass);
  }
}

/** True where Nest's own filters understand what {@link messageRefusal} makes. */
export function isRefusalKnown(type: MessageType): boolean {
  return classes.has(type);
}

/**
 * Returns what to throw in place of an exception over HTTP: Nest's filters of the other transports answer such an exception
 * with "Internal server error". The exception itself is its `cause`, for filters of the application.
 */
export function messageRefusal(
  execution: ExecutionContext,
  exception: HttpException,
  code: string,
  retryAfter: number | undefined,
): Error {
  const type = execution.getType<string>();
  if (!isMessageType(type)) return exception;
  const refusal = isOfGrpc(execution.getHandler())
    ? grpcRefusal(exception, code)
    : plainRefusal(exception, code, retryAfter);
  const Refusal = classes.get(type);
  const thrown = Refusal === undefined ? exception : Object.assign(new Refusal(refusal), { cause: exception });
  refusals.set(thrown, refusal);
  return thrown;
}

export function refusalIn(thrown: unknown): MessageRefusal | undefined {
  return typeof thrown === 'object' && thrown !== null ? refusals.get(thrown) : undefined;
}

function plainRefusal(exception: HttpException, code: string, retryAfter: number | undefined): MessageRefusal {
  const { fields } = exception.getResponse() as { readonly fields?: unknown };
  return {
    status: 'error',
    statusCode: exception.getStatus(),
    message: exception.message,
    code,
    ...(retryAfter !== undefined && { retryAfter }),
    // What is wrong with the payload.
    ...(fields !== undefined && { fields }),
  };
}

/** https://grpc.io/docs/guides/status-codes */
const GRPC_CODES: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  413: 8,
  429: 8,
  499: 1,
  500: 13,
  503: 14,
};
const GRPC_UNKNOWN = 2;

function grpcRefusal(exception: HttpException, code: string): MessageRefusal {
  return { code: GRPC_CODES[exception.getStatus()] ?? GRPC_UNKNOWN, message: `${exception.message} (${code})` };
}
