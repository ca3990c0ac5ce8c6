import type { ExecutionContext, Type } from '@nestjs/common';
import { Call } from './call.js';
import { shared as processWide } from './copies.js';
import { CallsOfRequest } from './calls-of-request.js';
import type { Passage } from './passage.js';
import { passageOf } from './request.js';
import type { ConfigurationProblem } from './errors.js';
import type { HandlerFunction } from './route-policy.js';
import type { ServedPath, Transport, TransportApplication, TransportHandler } from './transport.port.js';

const calls = processWide('calls', () => new WeakMap<object, Call>());
const requests = processWide('calls-of-requests', () => new WeakMap<Passage, CallsOfRequest>());
/** What is known of an operation, by the context of the operation, which all of its handlers are given. */
const operations = processWide(
  'operations',
  () => new WeakMap<object, { readonly transport: Transport; readonly passage: Passage }>(),
);

/** The transports of the application beside HTTP. */
export class Transports {
  private readonly byType: ReadonlyMap<string, Transport>;

  constructor(private readonly transports: readonly Transport[] = []) {
    this.byType = new Map(transports.map((transport) => [transport.type, transport]));
  }

  /** What the first transport that knows the method makes of it. */
  handlerOf(method: HandlerFunction, provider: Type, application: TransportApplication): TransportHandler | undefined {
    for (const transport of this.transports) {
      const handler = transport.handlerOf(method, provider, application);
      if (handler !== undefined) return handler;
    }
    return undefined;
  }

  get areNone(): boolean {
    return this.transports.length === 0;
  }

  problemsOf(application: TransportApplication): readonly ConfigurationProblem[] {
    return this.transports.flatMap((transport) => transport.problemsOf?.(application) ?? []);
  }

  pathsOf(application: TransportApplication): readonly ServedPath[] {
    return this.transports.flatMap((transport) => transport.pathsOf?.(application) ?? []);
  }

  serves(type: string): boolean {
    return this.byType.has(type);
  }

  /**
   * The call that an execution is, the same for all who ask; `undefined` where there is no transport for it, or no request
   * behind it that passed the edge.
   */
  receive(execution: ExecutionContext): Call | undefined {
    if (execution instanceof Call) return execution;
    const transport = this.byType.get(execution.getType());
    const received = transport?.callOf(execution);
    if (transport === undefined || received === undefined) return undefined;
    const earlier = calls.get(received.key);
    if (earlier !== undefined) return earlier;
    const passage = passageOf(received.request);
    if (passage?.response === undefined) return undefined;
    const { key, origin = key, operation } = received;
    const known = operations.get(operation) ?? { transport, passage };
    // Requests that share a context would be taken for each other while both are under way (fails closed).
    if (known.passage !== passage) return undefined;
    operations.set(operation, known);
    const shared = requests.get(passage) ?? new CallsOfRequest();
    requests.set(passage, shared);
    const call = new Call(
      execution,
      transport,
      received,
      passage,
      shared,
      origin === key ? undefined : calls.get(origin),
    );
    calls.set(key, call);
    return call;
  }
}

/**
 * The call that an execution is, or is a part of, as the guards received it: for decorators of parameters and
 * interceptors, which know of no transport. `undefined` where no guard has seen it.
 */
export function receivedCall(execution: ExecutionContext): Call | undefined {
  if (execution instanceof Call) return execution;
  for (const argument of execution.getArgs<unknown[]>()) {
    const operation = isObject(argument) ? operations.get(argument) : undefined;
    if (operation === undefined) continue;
    const received = operation.transport.callOf(execution);
    if (received === undefined) return undefined;
    return calls.get(received.key) ?? (received.origin && calls.get(received.origin));
  }
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
