import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import * as http2 from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { CspReportEndpoint } from './csp-report.endpoint.js';
import type { CspViolation } from '../../core/events.js';
import { compileCspReporting, type CspReportingOptions } from './csp-reporting.options.js';

const BY_URI = 'application/csp-report';
const BY_API = 'application/reports+json';
const REPORT = JSON.stringify({
  'csp-report': { 'effective-directive': 'img-src', 'document-uri': 'https://a.example/', 'blocked-uri': 'data' },
});
const REPORTS = JSON.stringify(
  ['font-src', 'style-src-attr'].map((effectiveDirective) => ({
    type: 'csp-violation',
    body: { effectiveDirective, documentURL: 'https://a.example/', blockedURL: 'inline' },
  })),
);

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  jest.useRealTimers();
  await Promise.all(closing.splice(0).map((close) => close()));
});

interface Served {
  readonly port: number;
  readonly violations: CspViolation[];
  readonly endpoint: CspReportEndpoint;
  readonly time: { now: number };
}

interface Setup {
  readonly options?: Partial<CspReportingOptions>;
  readonly address?: () => string | undefined;
  readonly publish?: (violation: CspViolation) => void;
}

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

async function served(setup: Setup = {}, create: (handler: Handler) => Server = createServer): Promise<Served> {
  const violations: CspViolation[] = [];
  const time = { now: 0 };
  const endpoint = new CspReportEndpoint(
    compileCspReporting({ path: '/csp', ...setup.options }),
    () => time.now,
    setup.publish ?? ((violation) => void violations.push(violation)),
  );
  const server = create((req, res) => endpoint.handle(req, res, (setup.address ?? (() => '192.0.2.1'))()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return { port: (server.address() as AddressInfo).port, violations, endpoint, time };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

function send(port: number, body: string | Buffer, headers: Record<string, string>, method = 'POST'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', method, path: '/csp', headers, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode as number,
          headers: answer.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function post(port: number, body: string | Buffer, type: string): Promise<Answer> {
  return send(port, body, { 'Content-Type': type });
}

/** What the server answers to the bytes until it closes the connection. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    // A reset after the answer is how a server ends a body without end.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
  });
}

describe('the endpoint for reports', () => {
  it('takes what report-uri sends', async () => {
    const { port, violations } = await served();
    const { status, body } = await post(port, REPORT, BY_URI);
    expect([status, body]).toEqual([204, '']);
    expect(violations.map(({ effectiveDirective }) => effectiveDirective)).toEqual(['img-src']);
  });

  it('takes what the Reporting API sends', async () => {
    const { port, violations } = await served();
    expect((await post(port, REPORTS, `${BY_API}; charset=utf-8`)).status).toBe(204);
    expect(violations.map(({ effectiveDirective }) => effectiveDirective)).toEqual(['font-src', 'style-src-attr']);
  });

  it.each(['', 'garbage', '{"csp-report":7}', '\u0000', '[]'])(
    'answers %j like a report, and tells nobody',
    async (body) => {
      const { port, violations } = await served();
      expect((await post(port, body, BY_URI)).status).toBe(204);
      expect((await post(port, body, BY_API)).status).toBe(204);
      expect(violations).toEqual([]);
    },
  );

  it('takes a body that comes byte by byte, with letters that are cut in two', async () => {
    const { port, violations } = await served();
    const report = JSON.stringify({
      'csp-report': { 'effective-directive': 'img-src', 'document-uri': 'https://a.example/é/日本' },
    });
    const answered = new Promise<number>((resolve, reject) => {
      const sent = request(
        { port, host: '127.0.0.1', method: 'POST', headers: { 'Content-Type': BY_URI }, agent: false },
        (answer) => resolve(answer.resume().statusCode as number),
      );
      sent.on('error', reject);
      sent.setNoDelay(true);
      for (const byte of Buffer.from(report)) sent.write(Buffer.from([byte]));
      sent.end();
    });
    expect(await answered).toBe(204);
    expect(violations[0]?.documentUri).toBe('https://a.example/%C3%A9/%E6%97%A5%E6%9C%AC');
  });

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('takes no %s', async (method) => {
    const { port } = await served();
    const { status, headers } = await send(port, '', {}, method);
    expect([status, headers.allow]).toEqual([405, 'POST']);
  });

  it.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded'])(
    'takes no %s, which a form of another site could send',
    async (type) => {
      const { port, violations } = await served();
      expect((await post(port, REPORT, type)).status).toBe(415);
      expect(violations).toEqual([]);
    },
  );

  it('takes nothing without a content type', async () => {
    const { port } = await served();
    expect((await send(port, REPORT, {})).status).toBe(415);
  });

  it('takes a body of exactly the limit', async () => {
    const { port, violations } = await served({ options: { maxBytes: 1024 } });
    expect((await post(port, REPORT.padEnd(1024), BY_URI)).status).toBe(204);
    expect(violations).toHaveLength(1);
  });

  it('refuses a length beyond the limit before it reads, and closes', async () => {
    const { port, violations } = await served({ options: { maxBytes: 1024 } });
    const head = `POST /csp HTTP/1.1\r\nHost: a\r\nContent-Type: ${BY_URI}\r\nContent-Length: 1025\r\n\r\n`;
    expect(await raw(port, head)).toMatch(/^HTTP\/1\.1 413 [^]*\r\nConnection: close\r\n/);
    expect(violations).toEqual([]);
  });

  it('refuses a body of no stated length as soon as it passes the limit, and closes', async () => {
    const { port, violations } = await served({ options: { maxBytes: 1024 } });
    const head = `POST /csp HTTP/1.1\r\nHost: a\r\nContent-Type: ${BY_URI}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    // The body never ends; an answer can only come of the limit.
    expect(await raw(port, `${head}800\r\n${REPORT.padEnd(2048)}\r\n`)).toMatch(
      /^HTTP\/1\.1 413 [^]*\r\nConnection: close\r\n/,
    );
    expect(violations).toEqual([]);
  });

  it.each([
    ['GET', ''],
    ['POST', 'Content-Type: text/plain\r\n'],
  ])('closes after a %s that it refuses, instead of reading a body of any length', async (method, header) => {
    const { port } = await served();
    const head = `${method} /csp HTTP/1.1\r\nHost: a\r\n${header}Content-Length: 1000000000\r\n\r\n`;
    expect(await raw(port, head)).toMatch(/^HTTP\/1\.1 4\d\d [^]*\r\nConnection: close\r\n/);
  });

  it('takes a flood of one address up to its limit, and others still', async () => {
    let address = '192.0.2.1';
    const { port, violations, time } = await served({
      options: { perMinute: { address: 3, total: 5 } },
      address: () => address,
    });
    const flood = async (count: number) =>
      (await Promise.all(Array.from({ length: count }, () => post(port, REPORT, BY_URI)))).map(({ status }) => status);
    expect((await flood(8)).toSorted()).toEqual([204, 204, 204, 429, 429, 429, 429, 429]);
    address = '192.0.2.2';
    expect((await flood(4)).toSorted()).toEqual([204, 204, 429, 429]);
    expect(violations).toHaveLength(5);
    time.now = 60_000;
    expect(await flood(1)).toEqual([204]);
  });

  it('has room again when clients went away in the middle of their bodies', async () => {
    const gone: Promise<unknown>[] = [];
    const { port } = await served({}, (handler) =>
      createServer((req, res) => {
        gone.push(new Promise((resolve) => req.once('close', resolve)));
        handler(req, res);
        if (gone.length <= 8) req.socket.destroy();
      }),
    );
    const head = `POST /csp HTTP/1.1\r\nHost: a\r\nContent-Type: ${BY_URI}\r\nContent-Length: 100\r\n\r\n{`;
    for (let client = 0; client < 8; client++) await raw(port, head);
    await Promise.all(gone);
    expect((await post(port, REPORT, BY_URI)).status).toBe(204);
  });

  it('gives up on a body that takes longer than ten seconds, and closes', async () => {
    // Node's own timers do not pass here.
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    let begun: () => void;
    const arrived = new Promise<void>((resolve) => (begun = resolve));
    const { port, violations } = await served({}, (handler) =>
      createServer((req, res) => {
        handler(req, res);
        begun();
      }),
    );
    const head = `POST /csp HTTP/1.1\r\nHost: a\r\nContent-Type: ${BY_URI}\r\nContent-Length: 100\r\n\r\n{`;
    const answer = raw(port, head);
    await arrived;
    expect(jest.getTimerCount()).toBe(1);
    jest.advanceTimersByTime(10_000);
    expect(await answer).toMatch(/^HTTP\/1\.1 408 [^]*\r\nConnection: close\r\n/);
    expect(violations).toEqual([]);
  });

  it('leaves no timer behind', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    const { port } = await served();
    expect((await post(port, REPORT, BY_URI)).status).toBe(204);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('answers also when whoever listens fails', async () => {
    let calls = 0;
    const { port } = await served({
      publish: () => {
        calls++;
        throw new Error('sink');
      },
    });
    expect((await post(port, REPORTS, BY_API)).status).toBe(204);
    expect(calls).toBe(2);
  });

  it('leaves a request alone that is answered already', async () => {
    const { port, violations } = await served({}, (handler) =>
      createServer((req, res) => {
        res.writeHead(503).end();
        handler(req, res);
      }),
    );
    expect((await post(port, REPORT, BY_URI)).status).toBe(503);
    expect(violations).toEqual([]);
  });
});

describe('the endpoint for reports over HTTP/2', () => {
  async function exchange(
    port: number,
    headers: http2.OutgoingHttpHeaders,
    write: (stream: http2.ClientHttp2Stream) => void,
  ): Promise<number | undefined> {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request({ ':path': '/csp', ':method': 'POST', ...headers });
    let status: number | undefined;
    stream.on('response', (answer) => (status = answer[':status']));
    stream.resume();
    // Writing on after the server has closed the stream.
    stream.on('error', () => undefined);
    write(stream);
    await new Promise((resolve) => stream.once('close', resolve));
    await new Promise<void>((resolve) => session.close(resolve));
    return status;
  }

  const overHttp2 = (handler: Handler) =>
    http2.createServer(handler as unknown as Parameters<typeof http2.createServer>[1]) as unknown as Server;

  it('takes a report', async () => {
    const { port, violations } = await served({}, overHttp2);
    expect(await exchange(port, { 'content-type': BY_URI }, (stream) => stream.end(REPORT))).toBe(204);
    expect(violations).toHaveLength(1);
  });

  it('has room again when clients cancelled in the middle of their bodies', async () => {
    const gone: Promise<unknown>[] = [];
    const { port, violations } = await served({}, (handler) =>
      overHttp2((req, res) => {
        gone.push(new Promise((resolve) => req.once('close', resolve)));
        handler(req, res);
        // Once the server knows of the stream, the client cancels it.
        if (gone.length <= 8) res.writeContinue();
      }),
    );
    for (let client = 0; client < 8; client++) {
      await exchange(port, { 'content-type': BY_URI }, (stream) => {
        stream.write('{');
        stream.once('continue', () => stream.close(http2.constants.NGHTTP2_CANCEL));
      });
    }
    await Promise.all(gone);
    expect(await exchange(port, { 'content-type': BY_URI }, (stream) => stream.end(REPORT))).toBe(204);
    expect(violations).toHaveLength(1);
  });

  it('refuses a body that passes the limit, and ends the stream', async () => {
    const { port, violations } = await served({ options: { maxBytes: 1024 } }, overHttp2);
    // The client never ends its body.
    const status = await exchange(port, { 'content-type': BY_URI }, (stream) => stream.write(REPORT.padEnd(2048)));
    expect(status).toBe(413);
    expect(violations).toEqual([]);
  });

  it('refuses what is no report, and ends the stream', async () => {
    const { port } = await served({}, overHttp2);
    expect(await exchange(port, { 'content-type': 'text/plain' }, (stream) => stream.write('x'))).toBe(415);
  });
});
