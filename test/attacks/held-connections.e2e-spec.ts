import { Controller, Get, Sse, StreamableFile } from '@nestjs/common';
import { afterEach, expect, it } from '@jest/globals';
import { ConcurrencyLimit, MemoryLeaseStore, Public } from '@palisade/nest';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { NEVER, type Observable } from 'rxjs';
import { Wire } from '../conformance/wire.js';
import { turns, until } from '../support/waiting.js';
import { attackEdge } from './edge-victim.js';

const PLACES = 3;
const ATTACKER = '127.0.0.66';

/** More than the buffers of both ends take. */
const LARGE = Buffer.alloc(64 * 1024 * 1024, 'x');

const store = new MemoryLeaseStore();

@Controller()
@Public()
class Routes {
  @Get('large')
  @ConcurrencyLimit('downloads')
  large() {
    return new StreamableFile(LARGE);
  }

  @Sse('events')
  @ConcurrencyLimit('downloads')
  events(): Observable<{ data: string }> {
    return NEVER;
  }

  @Get('small')
  @ConcurrencyLimit('downloads')
  small() {
    return { served: true };
  }

  @Get('never')
  @ConcurrencyLimit('downloads')
  never() {
    return new Promise(() => undefined);
  }
}

const subject = {
  security: { rateLimit: { concurrency: { limits: { downloads: PLACES }, store } } },
  controllers: [Routes],
};

attackEdge('A client that holds on to what it is served', subject, (victim) => {
  const sockets: Socket[] = [];

  afterEach(async () => {
    await Promise.all(sockets.splice(0).map(cut));
    await until(() => store.size === 0);
  });

  async function cut(socket: Socket): Promise<void> {
    if (socket.closed) return;
    const closed = once(socket, 'close');
    socket.destroy();
    await closed;
  }

  /** Asks, and reads nothing. */
  function hold(...paths: string[]): Socket {
    const socket = new Wire(victim.port, { from: ATTACKER }).open();
    socket.on('error', () => socket.destroy());
    socket.pause();
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: bank.example\r\n\r\n`).join(''));
    sockets.push(socket);
    return socket;
  }

  const ask = (from: string) => victim.call('/small', { from });

  it.each(['/large', '/events', '/never'])(
    'has its own places taken, and nobody else is kept out: %s',
    async (path) => {
      for (let i = 0; i < PLACES; i++) hold(path);
      await until(() => store.size === PLACES);
      for (let i = 0; i < 20; i++) hold(path);
      victim.expectRefused(await ask(ATTACKER), 'concurrency_exceeded');
      expect(store.size).toBe(PLACES);
      expect((await ask('127.0.0.7')).body).toEqual({ served: true });
    },
  );

  it('has no more places on one connection than on many', async () => {
    hold(...Array<string>(50).fill('/never'));
    await until(() => store.size === PLACES);
    victim.expectRefused(await ask(ATTACKER), 'concurrency_exceeded');
    expect((await ask('127.0.0.7')).body).toEqual({ served: true });
  });

  it('leaves nothing behind by leaving, however often and whenever it does', async () => {
    for (let round = 0; round < 100; round++) {
      const held = [hold('/large'), hold('/never', '/never', '/large'), hold('/events', '/small')];
      await turns(round % 7);
      await Promise.all(held.map(cut));
    }
    await until(() => store.size === 0);
    expect(store).toEqual(new MemoryLeaseStore());
    expect((await ask(ATTACKER)).body).toEqual({ served: true });
  });
});
