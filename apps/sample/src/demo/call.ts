import { request } from 'node:http';
import { answerOf, type Answer } from './answer.js';

/** A request of the demo. */
export interface Call {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly token?: string | undefined;
  /** Header lines as they are sent; a name may come twice. */
  readonly lines?: readonly (readonly [name: string, value: string])[];
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as JSON; text is sent as it is. */
  readonly json?: unknown;
}

const TIMEOUT_MILLISECONDS = 10_000;

/** The header lines of a call, but those that every request has. */
export function linesOf({ token, lines = [], form, json }: Call): (readonly [string, string])[] {
  const authorization = token === undefined ? [] : [['Authorization', `Bearer ${token}`] as const];
  if (form !== undefined) return [...authorization, ...lines, ['Content-Type', 'application/x-www-form-urlencoded']];
  return json === undefined
    ? [...authorization, ...lines]
    : [...authorization, ...lines, ['Content-Type', 'application/json']];
}

export function bodyOf({ form, json }: Call): string | undefined {
  if (form !== undefined) return new URLSearchParams(form).toString();
  return json === undefined || typeof json === 'string' ? json : JSON.stringify(json);
}

/** Sends a call over a connection of its own. */
export function send(port: number, call: Call): Promise<Answer> {
  const body = bodyOf(call);
  const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      method: call.method,
      path: call.path,
      headers: ['Host', `127.0.0.1:${port}`, 'Connection', 'close', ...linesOf(call).flat(), ...length],
      agent: false,
      timeout: TIMEOUT_MILLISECONDS,
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('The server did not answer in time.')));
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve(answerOf(incoming.statusCode ?? 0, incoming.headers, Buffer.concat(chunks).toString())),
      );
    });
    outgoing.end(body);
  });
}
