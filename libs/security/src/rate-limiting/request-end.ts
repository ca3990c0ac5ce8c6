import type { ExecutionContext } from '@nestjs/common';
import { Call } from '../core/call.js';
import { httpRequestOf, rawRequestOf } from '../core/request.js';
import type { Cancel } from '../core/scheduler.js';

/** What is asked of Node's response. */
export interface RawResponse {
  readonly statusCode: number;
  readonly writableEnded: boolean;
  readonly writableFinished?: boolean | undefined;
  readonly destroyed?: boolean | undefined;
  once(event: 'finish' | 'close', listener: () => void): unknown;
  removeListener(event: 'finish' | 'close', listener: () => void): unknown;
}

/** What is asked of a connection; there is none where a request was made up. */
interface Connection {
  readonly destroyed?: boolean | undefined;
  once?(event: 'close', listener: () => void): unknown;
}

/** Express's response is Node's, Fastify's reply has it; of a call, the edge remembers it. */
export function rawResponseOf(execution: ExecutionContext): RawResponse {
  if (execution instanceof Call) return execution.passage.response as RawResponse;
  const response = execution.getArgByIndex<RawResponse & { readonly raw?: RawResponse }>(1);
  return response.raw ?? response;
}

/** Whom to tell when a connection is gone: one listener for all of its requests. */
const open = new WeakMap<Connection, Set<() => void>>();

/** Who waits for the end of an answer that calls share. */
const awaited = new WeakMap<RawResponse, Set<() => void>>();

/**
 * Calls once, when the answer to a request has ended or its connection is gone, whichever comes first. Returns what calls
 * it off; `undefined` where that has happened already, and nobody is called.
 *
 * The connection is asked as well as the answer: of requests that were sent one behind the other (pipelining), only
 * the first hears that the client has left, and the others never end.
 */
export function whenOver(execution: ExecutionContext, call: () => void): Cancel | undefined {
  if (isOver(execution)) return undefined;
  if (execution instanceof Call) return whenOverOf(execution, call);
  const response = rawResponseOf(execution);
  const socket = connectionOf(execution);
  const siblings = socket === undefined ? undefined : openOn(socket);
  const cancel = () => {
    response.removeListener('finish', over);
    response.removeListener('close', over);
    siblings?.delete(over);
  };
  const over = () => {
    cancel();
    call();
  };
  response.once('finish', over);
  response.once('close', over);
  siblings?.add(over);
  return cancel;
}

/** Whether the answer has ended or the connection is gone; before anybody is told. */
export function isOver(execution: ExecutionContext): boolean {
  const { writableFinished, destroyed } = rawResponseOf(execution);
  return writableFinished === true || destroyed === true || connectionOf(execution)?.destroyed === true;
}

/** Many calls wait for the end of one answer: one listener for all of them, as Node warns of more than ten. */
function whenOverOf(execution: Call, call: () => void): Cancel {
  const response = rawResponseOf(execution);
  const waiting = awaited.get(response) ?? awaitEndOf(execution, response);
  waiting.add(call);
  return () => void waiting.delete(call);
}

function awaitEndOf(execution: Call, response: RawResponse): Set<() => void> {
  const waiting = new Set<() => void>();
  awaited.set(response, waiting);
  const socket = connectionOf(execution);
  const siblings = socket === undefined ? undefined : openOn(socket);
  const over = () => {
    response.removeListener('finish', over);
    response.removeListener('close', over);
    siblings?.delete(over);
    for (const call of waiting) call();
    waiting.clear();
  };
  response.once('finish', over);
  response.once('close', over);
  siblings?.add(over);
  return waiting;
}

function connectionOf(execution: ExecutionContext): Connection | undefined {
  return (rawRequestOf(httpRequestOf(execution)) as { readonly socket?: Connection }).socket;
}

function openOn(socket: Connection): Set<() => void> {
  const known = open.get(socket);
  if (known !== undefined) return known;
  const calls = new Set<() => void>();
  open.set(socket, calls);
  socket.once?.('close', () => {
    for (const over of calls) over();
  });
  return calls;
}
