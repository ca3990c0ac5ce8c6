import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import type { Socket } from 'node:net';

const TEXT = 0x81;
const MASKED = 0x80;

/** A WebSocket (RFC 6455) for messages that fit into one short frame each way: Node 20 has no client. */
export class WebSocketClient {
  private readonly received: string[] = [];
  private rest = Buffer.alloc(0);

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.read(chunk));
  }

  static async connect(port: number, path: string, protocol: string): Promise<WebSocketClient> {
    const upgrade = request({
      host: '127.0.0.1',
      port,
      path,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
        'sec-websocket-protocol': protocol,
      },
    }).end();
    const [, socket] = (await once(upgrade, 'upgrade')) as [unknown, Socket];
    return new WebSocketClient(socket);
  }

  send(message: object): void {
    const payload = Buffer.from(JSON.stringify(message));
    const mask = randomBytes(4);
    const length = payload.length < 126 ? [payload.length] : [126, payload.length >> 8, payload.length & 0xff];
    const masked = payload.map((byte, index) => byte ^ (mask[index % 4] as number));
    this.socket.write(Buffer.from([TEXT, (length[0] as number) | MASKED, ...length.slice(1), ...mask, ...masked]));
  }

  /** The next message, or `undefined` where the server closes. */
  async next(): Promise<Record<string, unknown> | undefined> {
    while (this.received.length === 0) {
      if (this.socket.destroyed || this.socket.readableEnded) return undefined;
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
    }
    return JSON.parse(this.received.shift() as string) as Record<string, unknown>;
  }

  close(): void {
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    this.rest = Buffer.concat([this.rest, chunk]);
    while (this.rest.length >= 2) {
      const short = (this.rest[1] as number) & 0x7f;
      const start = short === 126 ? 4 : 2;
      const length = short === 126 ? this.rest.readUInt16BE(2) : short;
      if (this.rest.length < start + length) return;
      if (this.rest[0] === TEXT) this.received.push(this.rest.subarray(start, start + length).toString());
      this.rest = this.rest.subarray(start + length);
    }
  }
}
