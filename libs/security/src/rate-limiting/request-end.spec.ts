import type { ExecutionContext } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { whenOver } from './request-end.js';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly execution: ExecutionContext;
}

describe('The end of a request', () => {
  let server: Server;
  let client: Socket;
  const exchanges: Exchange[] = [];
  const told: string[] = [];

  beforeEach(async () => {
    server = createServer((request, response) => {
      request.resume();
      const parts = [request, response];
      const execution = { getArgByIndex: (index: number) => parts[index] } as unknown as ExecutionContext;
      exchanges.push({ request, response, execution });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => client.destroy());
    client.resume();
  });

  afterEach(async () => {
    client.destroy();
    exchanges.length = told.length = 0;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  async function send(...paths: string[]): Promise<readonly Exchange[]> {
    client.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    while (exchanges.length < paths.length) await once(server, 'request');
    return exchanges;
  }

  /** As the server sees it, which may find it reset. */
  const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

  const watch = ({ execution, request }: Exchange) => whenOver(execution, () => told.push(String(request.url)));

  it('is when the answer was sent, and is told once', async () => {
    const [one] = (await send('/one')) as [Exchange];
    watch(one);
    one.response.end('done');
    await once(one.response, 'close');
    expect(told).toEqual(['/one']);
    const gone = closed(one.request.socket);
    client.destroy();
    await gone;
    expect(told).toEqual(['/one']);
  });

  it('is when the client leaves, for those as well that wait behind another on its connection', async () => {
    const all = await send('/one', '/two', '/three');
    all.forEach(watch);
    const gone = closed((all[0] as Exchange).request.socket);
    client.destroy();
    await gone;
    expect(told.toSorted()).toEqual(['/one', '/three', '/two']);
    // Handlers answer in vain.
    for (const { response } of all) response.end('late');
    expect(told).toHaveLength(3);
  });

  it('has happened already to whom a client has left before', async () => {
    const all = await send('/one', '/two');
    const gone = closed((all[0] as Exchange).request.socket);
    client.destroy();
    await gone;
    expect(all.map(watch)).toEqual([undefined, undefined]);
    expect(told).toEqual([]);
  });

  it('has happened already to an answer that was sent', async () => {
    const [one] = (await send('/one')) as [Exchange];
    one.response.end('done');
    await once(one.response, 'close');
    expect(watch(one)).toBeUndefined();
  });

  it('is not told to whom it was called off', async () => {
    const [one, two] = (await send('/one', '/two')) as [Exchange, Exchange];
    watch(one)?.();
    watch(two)?.();
    expect(one.response.listenerCount('close') + two.response.listenerCount('finish')).toBeLessThanOrEqual(1);
    const gone = closed(one.request.socket);
    client.destroy();
    await gone;
    expect(told).toEqual([]);
  });

  it('leaves one listener on a connection, however many requests come over it', async () => {
    const all = await send(...Array.from({ length: 50 }, (_, index) => `/${index}`));
    const { socket } = (all[0] as Exchange).request;
    const before = socket.listenerCount('close');
    all.forEach(watch);
    expect(socket.listenerCount('close')).toBe(before + 1);
  });
});
