import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DenialReason, Denied } from '../core/decision.js';
import { errorBody, messageOf, PROBLEM, problemDocument, statusOf } from '../core/errors.js';
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

/** Node parses on behind such an answer: what comes may be a request, or the middle of the last one (fails closed). */
export function isConnectionEnded({ httpVersionMajor, socket }: IncomingMessage): boolean {
  return httpVersionMajor < 2 && ended.has(socket);
}

/** What Node's compatible request of HTTP/2 stands on. */
interface HasStream extends IncomingMessage {
  readonly stream?: { close(): void };
}

/** The answers to requests that do not get through, as the guards would give them. */
export class EdgeAnswers {
  private readonly refusals = new Map<DenialReason, Refusal>();
  private readonly failure: Refusal;
  private readonly mediaType: string;

  /** @param tellsProblems whether errors are told as problem documents */
  constructor(private readonly tellsProblems: boolean) {
    this.mediaType = tellsProblems ? PROBLEM : 'application/json; charset=utf-8';
    this.failure = this.refusalWith(500, 'The request could not be checked', 'edge_failed');
  }

  /** Answers a request that is denied; always `false`. */
  refuse(
    request: IncomingMessage,
    response: ServerResponse,
    { reason }: Denied,
    fields: Record<string, string> = {},
  ): false {
    const refusal = this.refusalOf(reason);
    // The rest of a body that is too large is not waited for. Where another one ends, a proxy in front may see otherwise
    // (request smuggling, RFC 9112, section 6.3).
    const endsConnection = refusal.status === 413 || carriesBody(request);
    if (request.httpVersionMajor < 2 && endsConnection) endConnection(request, fields);
    this.answer(response, refusal, fields);
    // After the answer: the client could keep the stream half open for ever (RFC 9113, section 8.1).
    if (refusal.status === 413 && request.httpVersionMajor >= 2) (request as HasStream).stream?.close();
    return false;
  }

  /** Answers for an error of the library itself. */
  fail(response: ServerResponse): void {
    if (response.headersSent) response.destroy();
    else this.answer(response, this.failure, {});
  }

  private answer(response: ServerResponse, { status, body, length }: Refusal, fields: Record<string, string>): void {
    fields['content-type'] = this.mediaType;
    fields['content-length'] = String(length);
    response.writeHead(status, fields);
    response.end(body);
  }

  private refusalOf(reason: DenialReason): Refusal {
    const refusal = this.refusals.get(reason) ?? this.refusalWith(statusOf(reason), messageOf(reason), reason);
    this.refusals.set(reason, refusal);
    return refusal;
  }

  private refusalWith(status: number, message: string, code: string): Refusal {
    const body = JSON.stringify((this.tellsProblems ? problemDocument : errorBody)(status, message, code));
    return { status, body, length: Buffer.byteLength(body) };
  }
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
