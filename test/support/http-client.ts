import { request as send, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names in lower case, in the order they came, each as often as it came. */
  readonly names: readonly string[];
  readonly text: string;
  /** The parsed body; throws where it is no JSON. */
  readonly body: Record<string, unknown>;
}

export interface HttpCall {
  readonly method?: string;
  /** A list sends the header once for each value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The value of `Host`. @default the address */
  readonly host?: string | undefined;
  /** Objects are sent as JSON. */
  readonly body?: string | Buffer | object;
}

/** A client that sends what it is told, repeated headers and odd targets included. */
export class HttpClient {
  constructor(readonly port: number) {}

  get(path: string, headers: HttpCall['headers'] = {}): Promise<HttpAnswer> {
    return this.call(path, { headers });
  }

  withToken(path: string, token: string, call: HttpCall = {}): Promise<HttpAnswer> {
    return this.call(path, { ...call, headers: { ...call.headers, authorization: `Bearer ${token}` } });
  }

  post(path: string, body: string | object, headers: HttpCall['headers'] = {}): Promise<HttpAnswer> {
    return this.call(path, { method: 'POST', body, headers });
  }

  call(path: string, { method = 'GET', headers = {}, host, body }: HttpCall): Promise<HttpAnswer> {
    const json = typeof body === 'object' && !Buffer.isBuffer(body);
    const payload = json ? JSON.stringify(body) : (body as string | Buffer | undefined);
    const lines: string[] = ['host', host ?? `127.0.0.1:${this.port}`, 'connection', 'close'];
    for (const [name, values] of Object.entries(headers)) {
      for (const value of [values].flat()) lines.push(name, value);
    }
    const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    if (json && !names.has('content-type')) lines.push('content-type', 'application/json');
    if (payload !== undefined && !names.has('content-length') && !names.has('transfer-encoding')) {
      lines.push('content-length', String(Buffer.byteLength(payload)));
    }
    return new Promise((resolve, reject) => {
      const outgoing = send({
        host: '127.0.0.1',
        port: this.port,
        path,
        method,
        headers: lines,
        agent: false,
      });
      outgoing.on('error', reject);
      outgoing.on('response', (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            names: incoming.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()),
            text,
            get body() {
              return JSON.parse(text) as Record<string, unknown>;
            },
          });
        });
      });
      outgoing.end(payload);
    });
  }

  /** Sends bytes as they are and answers with what comes back until the server closes. */
  raw(bytes: string | Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write(bytes));
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
    });
  }
}
