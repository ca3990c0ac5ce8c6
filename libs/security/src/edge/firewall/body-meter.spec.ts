import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { meterBody } from './body-meter.js';

let server: Server;

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

interface Outcome {
  readonly answer: string;
  readonly read: string;
  readonly refusals: number;
}

async function answerTo(chunks: readonly string[], limit: number, enforces = true): Promise<Outcome> {
  let read = '';
  let refusals = 0;
  server = createServer((request: IncomingMessage, response: ServerResponse) => {
    meterBody(request, limit, () => {
      refusals += 1;
      if (enforces) response.writeHead(413, { Connection: 'close' }).end('too large');
      return !enforces;
    });
    request.on('data', (chunk: Buffer) => (read += chunk.toString()));
    request.on('end', () => response.writeHead(200, { Connection: 'close' }).end('read'));
  }).listen(0);
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let answer = '';
  socket.on('data', (data) => (answer += data.toString()));
  socket.on('error', () => undefined);
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const chunk of chunks) socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  socket.write('0\r\n\r\n');
  await once(socket, 'close');
  return { answer, read, refusals };
}

describe('a body without a declared length', () => {
  it('is read as far as allowed', async () => {
    const { answer, read } = await answerTo(['01234', '56789'], 10);
    expect(answer).toContain('HTTP/1.1 200');
    expect(read).toBe('0123456789');
  });

  it('is refused while it is read (body-02), and no parser sees it whole', async () => {
    const { answer, read, refusals } = await answerTo(['01234', '56789', '0', '1'], 10);
    expect(refusals).toBe(1);
    expect(answer).toContain('HTTP/1.1 413');
    expect(answer).not.toContain('HTTP/1.1 200');
    expect(read).toBe('0123456789');
  });

  it('is refused at its first byte where there may be none', async () => {
    const { answer, read } = await answerTo(['0', '1'], 0);
    expect(answer).toContain('HTTP/1.1 413');
    expect(read).toBe('');
  });

  it('is read to its end, and told of once, where the limit is only recorded', async () => {
    const { answer, read, refusals } = await answerTo(['01234', '56789', '0', '1'], 10, false);
    expect(answer).toContain('HTTP/1.1 200');
    expect(read).toBe('012345678901');
    expect(refusals).toBe(1);
  });
});
