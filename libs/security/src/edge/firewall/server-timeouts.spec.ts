import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Firewall } from './firewall.policy.js';
import { resolveFirewall, type ResolvedFirewallTimeouts } from './firewall.options.js';
import { applyTimeouts } from './server-timeouts.js';

const SHORT: ResolvedFirewallTimeouts = { headers: 90, request: 150, keepAlive: 20 };
const DEFAULTS = resolveFirewall();

let server: Server | undefined;

afterEach(async () => {
  if (server === undefined) return;
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
  server = undefined;
});

async function serve(timeouts: ResolvedFirewallTimeouts, listener: RequestListener): Promise<Socket> {
  server = createServer(listener);
  applyTimeouts(server, timeouts);
  server.listen(0);
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

async function answerOf(socket: Socket): Promise<string> {
  let answer = '';
  socket.on('data', (data) => (answer += data.toString()));
  await once(socket, 'close');
  return answer;
}

describe('the time-outs', () => {
  it('are set on servers of HTTP and HTTPS', () => {
    for (const created of [createServer(), createHttpsServer()]) {
      applyTimeouts(created, DEFAULTS.timeouts);
      expect(created).toMatchObject({
        headersTimeout: 15_000,
        requestTimeout: 60_000,
        keepAliveTimeout: 5_000,
        connectionsCheckingInterval: 5_000,
        maxHeadersCount: 0,
      });
    }
  });

  it('leave servers of HTTP/2 as they are', () => {
    const created = createHttp2Server();
    const before = Object.keys(created);
    applyTimeouts(created as object, DEFAULTS.timeouts);
    expect(Object.keys(created)).toEqual(before);
  });

  it('end a connection that never finishes its header (slow-loris)', async () => {
    const socket = await serve(SHORT, (_, response) => response.end('served'));
    const answer = answerOf(socket);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ');
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('end a connection that never finishes its body', async () => {
    const socket = await serve(SHORT, (request) => request.resume());
    const answer = answerOf(socket);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345');
    expect(await answer).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('end a connection that waits for nothing', async () => {
    const socket = await serve(SHORT, (_, response) => response.end('served'));
    const answer = answerOf(socket);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('header lines', () => {
  // Node reads 32 lines at a time: at 96 the batches end exactly at the count.
  it.each([96, 100])('over %i are seen to be too many, rather than dropped', async (max) => {
    const firewall = new Firewall(resolveFirewall({ headers: { max } }));
    const reasons: string[] = [];
    const listener: RequestListener = (request, response) => {
      const decision = firewall.decide(request);
      reasons.push(decision.allowed ? 'allowed' : decision.reason);
      response.setHeader('Connection', 'close').end();
    };
    const socket = await serve({ headers: 10_000, request: 10_000, keepAlive: 1_000 }, listener);
    const answers = answerOf(socket);
    const lines = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join('');
    socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${lines(max)}\r\n`);
    await answers;
    expect(reasons).toEqual(['headers_too_many']);
  });
});
