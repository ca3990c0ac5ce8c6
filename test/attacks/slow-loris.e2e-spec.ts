import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { expect, it } from '@jest/globals';
import { Public } from '@palisade/nest';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { attackEdge, type EdgeVictim } from './edge-victim.js';

@Controller()
@Public()
class Routes {
  @Get()
  home() {
    return { served: true };
  }

  @Post()
  @HttpCode(200)
  post() {
    return { posted: true };
  }
}

const HEAD = 'POST / HTTP/1.1\r\nHost: bank.example\r\nContent-Type: application/json\r\n';

/** What a slow client has sent when it stops, or goes on with a byte at a time. */
const SLOW: readonly (readonly [string, string, string])[] = [
  ['nothing', '', ''],
  ['nothing, and then blank lines', '', '\r\n'],
  ['half of the first line', 'GET / HT', ''],
  ['the first line, and then a target without end', 'GET /', 'x'],
  ['half of the header', 'GET / HTTP/1.1\r\nHost: bank.example\r\nX-A: ', ''],
  ['a header without end', 'GET / HTTP/1.1\r\nHost: bank.example\r\nX-A: ', 'a'],
  ['headers without end', 'GET / HTTP/1.1\r\nHost: bank.example\r\n', 'X: y\r\n'],
  ['half of the body', `${HEAD}Content-Length: 100\r\n\r\n{"a":`, ''],
  ['a body by the byte', `${HEAD}Content-Length: 10000\r\n\r\n`, ' '],
  ['a chunk without end', `${HEAD}Transfer-Encoding: chunked\r\n\r\nfff\r\n`, ' '],
  ['chunks without end', `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
];

const timeouts = { headers: 1000, request: 1000, keepAlive: 100 };

/** Sends the beginning, then drips for as long as the server lets it. */
function dawdle(victim: EdgeVictim, beginning: string, drop: string): { socket: Socket; ended: Promise<string> } {
  const socket = victim.wire.open();
  let received = '';
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    received += chunk;
  });
  socket.on('error', () => socket.destroy());
  if (beginning !== '') socket.write(beginning);
  const dripping = setInterval(() => drop !== '' && socket.writable && socket.write(drop), 50);
  const ended = once(socket, 'close').then(() => {
    clearInterval(dripping);
    return received;
  });
  return { socket, ended };
}

const subject = { security: { firewall: { timeouts } }, controllers: [Routes] };

attackEdge('A client that takes its time', subject, (victim) => {
  it.each(SLOW)('(%s) is cut off', async (_, beginning, drop) => {
    const answer = await dawdle(victim, beginning, drop).ended;
    expect(answer).not.toContain('served');
    expect(answer).not.toContain('posted');
    if (answer !== '') expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  });

  it('does not keep others from being served, however many they are', async () => {
    const slow = Array.from({ length: 200 }, () => dawdle(victim, 'GET / HTTP/1.1\r\nX-A: ', 'a'));
    expect((await victim.call('/')).body).toEqual({ served: true });
    const answers = await Promise.all(slow.map(({ ended }) => ended));
    expect(answers.filter((answer) => answer.includes('served'))).toEqual([]);
    expect((await victim.call('/')).body).toEqual({ served: true });
  });

  it('is not kept when it was served and asks for no more', async () => {
    const { ended } = dawdle(victim, 'GET / HTTP/1.1\r\nHost: bank.example\r\n\r\n', '');
    expect(await ended).toContain('served');
  });
});
