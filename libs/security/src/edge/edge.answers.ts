import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DenialReason, Denied } from '../core/decision.js';
import { errorBody, messageOf, statusOf } from '../core/errors.js';
import { carriesBody } from './firewall/content-type.policy.js';
import type { HttpsRedirect } from './https/https.policy.js';

/** What stands in an answer that the edge gives by itself. */
interface Refusal {
  readonly status: number;
  readonly body: string;
  readonly length: number;
}

/** Connections that are closed behind the answer that is on its way. */
const ended = new WeakSet<object>();

const refusals = new Map<DenialReason, Refusal>();
const FAILED: Refusal = refusalWith(500, 'The request could not be checked', 'edge_failed');

function refusalWith(status: number, message: string, code: string): Refusal {
  const body = JSON.stringify(errorBody(status, message, code));
  return { status, body, length: Buffer.byteLength(body) };
}

function refusalOf(reason: DenialReason): Refusal {
  const refusal = refusals.get(reason) ?? refusalWith(statusOf(reason), messageOf(reason), reason);
  refusals.set(reason, refusal);
  return refusal;
}

/** Node parses on behind such an answer: what comes may be a request, or the middle of the last one (fails closed). */
export function isConnectionEnded({ httpVersionMajor, socket }: IncomingMessage): boolean {
  return httpVersionMajor < 2 && ended.has(socket);
}

/** What Node's compatible request of HTTP/2 stands on. */
interface HasStream extends IncomingMessage {
  readonly stream?: { close(): void };
}

/** Answers a request that is denied, as the guards would; always `false`. */
export function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  { reason }: Denied,
  fields: Record<string, string> = {},
): false {
  const refusal = refusalOf(reason);
  // The rest of a body that is too large is not waited for. Where another one ends, a proxy in front may see otherwise
  // (request smuggling, RFC 9112, section 6.3).
  if (request.httpVersionMajor < 2 && (refusal.status === 413 || carriesBody(request))) endConnection(request, fields);
  answer(response, refusal, fields);
  // After the answer: the client could keep the stream half open for ever (RFC 9113, section 8.1).
  if (refusal.status === 413 && request.httpVersionMajor >= 2) (request as HasStream).stream?.close();
  return false;
}

function answer(response: ServerResponse, { status, body, length }: Refusal, fields: Record<string, string>): void {
  fields['content-type'] = 'application/json; charset=utf-8';
  fields['content-length'] = String(length);
  response.writeHead(status, fields);
  response.end(body);
}

function endConnection({ socket }: IncomingMessage, fields: Record<string, string>): void {
  fields['connection'] = 'close';
  ended.add(socket);
}

export function redirect(
  request: IncomingMessage,
  response: ServerResponse,
  { status, location }: HttpsRedirect,
): false {
  const fields: Record<string, string> = { location, 'content-length': '0' };
  if (request.httpVersionMajor < 2 && carriesBody(request)) endConnection(request, fields);
  response.writeHead(status, fields);
  response.end();
  return false;
}

/** Answers for an error of the library itself. */
export function answerFailure(response: ServerResponse): void {
  if (response.headersSent) response.destroy();
  else answer(response, FAILED, {});
}
