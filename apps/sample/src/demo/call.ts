import { request } from 'node:http';
import { answerOf, type Answer } from './answer.js';

/** A request of the demo. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'OPTIONS';
  /** Sent as it is. */
  readonly path: string;
  /** @default the address of the server */
  readonly host?: string | undefined;
  readonly token?: string | undefined;
  /** The `Cookie` header. */
  readonly cookie?: string | undefined;
  /** Header lines as they are sent; a name may come twice. */
  readonly lines?: readonly Line[];
  /** Sent as a form. */
  readonly form?: Readonly<Record<string, string>>;
  /** Sent as JSON; text is sent as it is. */
  readonly json?: unknown;
}

const TIMEOUT_MILLISECONDS = 10_000;

type Line = readonly [name: string, value: string];

/** The header lines of a call, but those that every request has. */
export function linesOf({ host, token, cookie, lines = [], form, json }: Call): readonly Line[] {
  return [
    ...lineOf('Host', host),
    ...lineOf('Authorization', token && `Bearer ${token}`),
    ...lineOf('Cookie', cookie),
    ...lines,
    ...lineOf('Content-Type', form && 'application/x-www-form-urlencoded'),
    ...lineOf('Content-Type', form === undefined && json !== undefined ? contentTypeOf(lines) : undefined),
  ];
}

function lineOf(name: string, value: string | undefined): readonly Line[] {
  return value === undefined ? [] : [[name, value]];
}

/** JSON, unless the call says otherwise. */
function contentTypeOf(lines: readonly Line[]): string | undefined {
  return lines.some(([name]) => name === 'Content-Type') ? undefined : 'application/json';
}

export function bodyOf({ form, json }: Call): string | undefined {
  if (form !== undefined) return new URLSearchParams(form).toString();
  return json === undefined || typeof json === 'string' ? json : JSON.stringify(json);
}

/** Sends a call over a connection of its own. */
export function send(port: number, call: Call): Promise<Answer> {
  const body = bodyOf(call);
  const host = call.host === undefined ? ['Host', `127.0.0.1:${port}`] : [];
  const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      method: call.method,
      path: call.path,
      headers: [...host, 'Connection', 'close', ...linesOf(call).flat(), ...length],
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
