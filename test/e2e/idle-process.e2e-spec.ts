import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ADAPTERS } from '../support/application.js';
import { HttpClient } from '../support/http-client.js';
import type { IdleOrder } from './idle-process.program.js';

// A deadline that wakes nobody shows in a process that has nothing else to do, and not in one that is the client as well.
// No test measures time: an answer that waits for another event never comes.

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** The process, and the first that it says. */
async function start(order: IdleOrder): Promise<{ readonly child: ChildProcess; readonly said: unknown }> {
  const hooks = pathToFileURL(resolve('test/redis/typescript.mjs')).href;
  const child = fork(resolve('test/e2e/idle-process.program.ts'), [JSON.stringify(order)], {
    // V8 would wake the process after a while to see whether memory can be given back.
    execArgv: ['--no-memory-reducer', '--import', hooks],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`The process ended with ${String(code)}`);
  });
  const [said] = (await Promise.race([once(child, 'message'), exited])) as [unknown];
  exited.catch(() => undefined);
  return { child, said };
}

/** Ends by itself when it is told to close, with the code. */
async function closed(child: ChildProcess): Promise<unknown> {
  const exited = once(child, 'exit');
  child.send('close');
  const [code] = (await exited) as [unknown];
  return code;
}

describe.each(ADAPTERS)('A process on %s that does nothing else', (adapter) => {
  describe('and is asked for what never answers', () => {
    let child: ChildProcess;
    let port: number;

    beforeAll(async () => {
      const started = await start({ adapter, kind: 'deadlines' });
      child = started.child;
      port = Number(started.said);
    });
    afterAll(() => void child.kill('SIGKILL'));

    const from = (address: string) => ({ 'x-forwarded-for': address });

    it.each([
      ['a limit whose store is stuck', '/limited', from('203.0.113.1'), 503, 'rate_limit_unavailable'],
      ['a limit that a handler asks', '/asks', {}, 500, undefined],
      ['a lockout whose store is stuck', '/login', from('203.0.113.2'), 503, 'rate_limit_unavailable'],
      ['a ban whose store is stuck', '/plain', from('203.0.113.3'), 503, 'rate_limit_unavailable'],
      ['a ban that a handler asks for', '/bans', {}, 500, undefined],
      ['a place whose store is stuck', '/held', from('203.0.113.4'), 503, 'rate_limit_unavailable'],
      ['a limit that slows down', '/delayed', {}, 200, undefined],
      ['an origin whose function is stuck', '/plain', { origin: 'https://stuck.example' }, 200, undefined],
    ])('answers when the time of %s is over', async (_, path, headers, status, code) => {
      const answer = await new HttpClient(port).get(path, headers);
      expect(answer.status).toBe(status);
      if (code !== undefined) expect(answer.body).toMatchObject({ code });
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    });

    it('answers when the time of a report is over that never comes whole', async () => {
      const socket = connect(port, '127.0.0.1');
      socket.write(
        'POST /reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/csp-report\r\nContent-Length: 99\r\n\r\n{',
      );
      const [head] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(head.toString('latin1')).toMatch(/^HTTP\/1\.1 408 /);
    });

    it('ends by itself once it is closed', async () => {
      expect(await closed(child)).toBe(0);
    });
  });

  it('goes on with what happens again and again, and ends by itself once it is closed', async () => {
    const { child, said } = await start({ adapter, kind: 'intervals' });
    try {
      const client = new HttpClient(Number(said));
      expect((await client.get('/sample')).body).toEqual({ served: true });
      expect((await client.get('/renewal')).body).toEqual({ served: true });
      expect(await closed(child)).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('ends by itself where it serves nobody and is not closed', async () => {
    const { child } = await start({ adapter, kind: 'unclosed' });
    const [code] = (await once(child, 'exit')) as [unknown];
    expect(code).toBe(0);
  });
});
