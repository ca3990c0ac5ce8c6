import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';

/** One connection, over which requests are sent side by side. */
export class Http2Client {
  private readonly session: ClientHttp2Session;

  constructor(port: number) {
    this.session = connect(`http://127.0.0.1:${port}`);
    this.session.on('error', () => undefined);
  }

  get(path: string): Http2Request {
    return new Http2Request(this.session.request({ ':path': path }));
  }

  /** Ends when the server has read all that was sent before. */
  async flushed(): Promise<void> {
    await new Promise((resolve) => this.session.ping(resolve));
  }

  /** The connection is gone, whatever is under way. */
  async destroy(): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.destroy();
    await closed;
  }
}

export class Http2Request {
  /** `undefined` where there is no answer. */
  readonly status: Promise<number | undefined>;

  constructor(private readonly stream: ClientHttp2Stream) {
    stream.on('error', () => undefined);
    let status: number | undefined;
    stream.on('response', (headers) => (status = headers[':status']));
    stream.resume();
    this.status = new Promise((resolve) => stream.on('close', () => resolve(status)));
  }

  /** Calls it off (RST_STREAM); the connection stays. */
  async reset(): Promise<void> {
    const closed = once(this.stream, 'close');
    this.stream.close(constants.NGHTTP2_CANCEL);
    await closed;
  }
}
