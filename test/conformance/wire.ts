import { maxHeaderSize } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { HttpAnswer } from '../support/http-client.js';

export interface WireOptions {
  readonly tls?: boolean | undefined;
  /** The address of this end: Linux answers on all of 127.0.0.0/8. */
  readonly from?: string | undefined;
}

/** A request as its bytes: nothing is added to it, and nothing is put right. */
export interface WireRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: string | Buffer | undefined;
}

export function bytesOf({ method, target, headers, body = '' }: WireRequest): Buffer {
  const lines = [`${method} ${target} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

/** Writes bytes to a port of the loopback interface and reads what comes back. */
export class Wire {
  constructor(
    readonly port: number,
    private readonly options: WireOptions = {},
  ) {}

  /** The first answer that is not interim. */
  async send(request: WireRequest): Promise<HttpAnswer> {
    const answers = answersIn(await this.exchange(bytesOf(request)));
    const [answer] = answers.filter(({ status }) => status >= 200);
    if (answer === undefined) throw new Error('The connection was closed without an answer');
    return answer;
  }

  /**
   * Everything that comes back until the server closes the connection.
   *
   * @param finished whether the server is told that nothing more will come
   */
  exchange(bytes: Buffer | string, finished = false): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = this.open();
      let received = '';
      socket.setEncoding('latin1');
      socket.on('data', (chunk: string) => {
        received += chunk;
      });
      // A server that has answered may reset the connection while the rest of a request is on its way.
      socket.on('error', (error) => received === '' && reject(error));
      socket.on('close', () => resolve(received));
      if (finished) socket.end(bytes);
      else socket.write(bytes);
    });
  }

  open(): Socket {
    const { tls = false, from } = this.options;
    const to = { port: this.port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }) };
    // The certificate is made by the test, and names nobody.
    return tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
  }
}

export interface WireAnswer extends HttpAnswer {
  /** Whether the body is there to its end, as far as its length is known. */
  readonly whole: boolean;
}

/** The answers in what came over a connection, one after the other. */
export function answersIn(text: string): WireAnswer[] {
  const answers: WireAnswer[] = [];
  let from = 0;
  while (from < text.length) {
    const end = text.indexOf('\r\n\r\n', from);
    if (end === -1) {
      if (text.length - from > 2 * maxHeaderSize) throw new Error('The head of the answer does not end');
      break;
    }
    const [statusLine = '', ...lines] = text.slice(from, end).split('\r\n');
    const status = Number(/^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(statusLine)?.[1]);
    if (Number.isNaN(status)) throw new Error('What came back is no answer of HTTP');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    const bodyAt = end + 4;
    const length = lengthOf(status, headers, text.slice(bodyAt));
    const rest = text.slice(bodyAt);
    const body = rest.slice(0, length ?? rest.length);
    const plain = headers['transfer-encoding'] === 'chunked' ? unchunked(body) : body;
    const decoded = Buffer.from(plain, 'latin1').toString();
    answers.push({
      status,
      headers,
      names: Object.keys(headers),
      text: decoded,
      whole: length !== undefined && rest.length >= length,
      get body() {
        return JSON.parse(decoded) as Record<string, unknown>;
      },
    });
    from = bodyAt + body.length;
  }
  return answers;
}

/** Bytes of the body in what follows the head; `undefined` where only the end of the connection tells. */
function lengthOf(status: number, headers: Record<string, string>, rest: string): number | undefined {
  if (status < 200 || status === 204 || status === 304) return 0;
  // An answer to HEAD tells the length of what it does not have.
  if (rest.startsWith('HTTP/1.')) return 0;
  if (headers['content-length'] !== undefined) return Number(headers['content-length']);
  if (headers['transfer-encoding'] !== 'chunked') return undefined;
  const end = rest.startsWith('0\r\n\r\n') ? 0 : rest.indexOf('\r\n0\r\n\r\n') + 2;
  return end === 1 ? undefined : end + 5;
}

function unchunked(body: string): string {
  let text = '';
  let at = 0;
  for (;;) {
    const end = body.indexOf('\r\n', at);
    const size = end === -1 ? 0 : Number.parseInt(body.slice(at, end), 16);
    if (!(size > 0)) return text;
    text += body.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}
