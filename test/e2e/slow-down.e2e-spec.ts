import { Controller, Get } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Public, RateLimit, Scheduler, type RateLimitingOptions } from '@palisade/nest';
import { once } from 'node:events';
import { connect } from 'node:net';
import { ADAPTERS, type AdapterName } from '../support/application.js';
import { FakeScheduler } from '../support/scheduler.js';
import { securityWith } from '../support/security.js';
import { signingKey, TokenIssuer } from '../support/tokens.js';
import { turns, until } from '../support/waiting.js';
import { edgeOfEachTest, type Answer, type EdgeApplication } from './edge.harness.js';

const key = signingKey('ES256');
const delay = { after: 2, step: '100 ms', max: '250 ms' };

describe.each(ADAPTERS)('Limits that slow down on %s', (adapter: AdapterName) => {
  const startOne = edgeOfEachTest(adapter);
  let scheduler: FakeScheduler;
  let served = 0;

  @Controller()
  @Public()
  class Routes {
    @Get('slow')
    @RateLimit({ limit: '6/minute', delay })
    slow() {
      served++;
      return {};
    }

    @Get('both')
    @RateLimit({ limit: '6/minute', delay }, { limit: '6/minute', delay: { after: 2, step: '1 second' } })
    both() {
      served++;
      return {};
    }

    @Get('free')
    free() {
      return {};
    }
  }

  @Controller('mine')
  class Mine {
    @Get()
    @RateLimit({ limit: '4/minute', by: 'user', plans: { pro: '8/minute' }, delay })
    mine() {
      served++;
      return {};
    }
  }

  afterEach(() => {
    served = 0;
  });

  async function start(rateLimit: RateLimitingOptions = {}): Promise<EdgeApplication> {
    scheduler = new FakeScheduler();
    const security = securityWith(key, { proxy: { trust: 1 }, rateLimit });
    return startOne(security, [Routes, Mine], {
      customize: (builder) => builder.overrideProvider(Scheduler).useValue(scheduler),
    });
  }

  /** Ends when so many requests wait. */
  async function waiting(count: number): Promise<void> {
    await until(() => scheduler.pending === count);
  }

  const from = (address: string) => ({ headers: { 'x-forwarded-for': address } });

  async function after(answer: Promise<Answer>, milliseconds: number): Promise<number> {
    let isAnswered = false;
    void answer.then(() => (isAnswered = true));
    scheduler.advance(milliseconds - 1);
    await turns(20);
    expect(isAnswered).toBe(false);
    scheduler.advance(1);
    return (await answer).status;
  }

  it('let the first requests through at once, each further one later, and deny beyond the limit', async () => {
    const app = await start();
    const call = () => app.send('/slow', from('192.0.2.1'));
    expect([(await call()).status, (await call()).status]).toEqual([200, 200]);
    for (const milliseconds of [100, 200, 250, 250]) {
      const answer = call();
      await waiting(1);
      expect(await after(answer, milliseconds)).toBe(200);
    }
    expect((await call()).status).toBe(429);
    expect(served).toBe(6);
  });

  it('slow nobody else down', async () => {
    const app = await start();
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      for (let i = 0; i < 2; i++) expect((await app.send('/slow', from(address))).status).toBe(200);
    }
    expect((await app.send('/free', from('192.0.2.1'))).status).toBe(200);
  });

  it('go by the principal and the plan as well', async () => {
    const app = await start();
    const call = (claims: object) => {
      const token = new TokenIssuer(key, app.clock).issue(claims);
      return app.send('/mine', { headers: { authorization: `Bearer ${token}` } });
    };
    for (let i = 0; i < 2; i++) expect((await call({ sub: 'alice' })).status).toBe(200);
    for (let i = 0; i < 4; i++) expect((await call({ sub: 'bob', plan: 'pro' })).status).toBe(200);
    const alice = call({ sub: 'alice' });
    await waiting(1);
    const bob = call({ sub: 'bob', plan: 'pro' });
    await waiting(2);
    scheduler.advance(100);
    expect([(await alice).status, (await bob).status]).toEqual([200, 200]);
  });

  it('wait once where several of them say so: the longest', async () => {
    const app = await start();
    const call = () => app.send('/both', from('192.0.2.1'));
    await call();
    await call();
    const answer = call();
    await waiting(1);
    expect(await after(answer, 1000)).toBe(200);
  });

  it('deny where too many wait already', async () => {
    const app = await start({ maxDelayed: 2 });
    for (let i = 0; i < 2; i++) await app.send('/slow', from('192.0.2.1'));
    const waitingOnes = [app.send('/slow', from('192.0.2.1')), app.send('/slow', from('192.0.2.1'))];
    await waiting(2);
    app.takeDenials();
    const denied = await app.send('/slow', from('192.0.2.1'));
    expect(denied.status).toBe(429);
    expect(denied.body['code']).toBe('rate_limited');
    expect(denied.headers['retry-after']).toBe('1');
    expect(app.takeDenials()).toMatchObject([{ reason: 'rate_limited', limit: 'route' }]);
    scheduler.advance(250);
    expect((await Promise.all(waitingOnes)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('do nothing for a client that leaves meanwhile', async () => {
    const app = await start();
    for (let i = 0; i < 2; i++) await app.send('/slow', from('192.0.2.1'));
    served = 0;
    const socket = connect(app.port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    // The second one waits in line behind the first.
    const request = 'GET /slow HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n';
    socket.write(request + request);
    await waiting(2);
    app.takeDenials();
    const gone = once(socket, 'close');
    socket.destroy();
    await gone;
    await waiting(0);
    scheduler.advance(1000);
    await turns(1);
    expect(served).toBe(0);
    expect(app.takeDenials()).toMatchObject([{ reason: 'client_gone' }, { reason: 'client_gone' }]);
  });

  it('have nobody wait under report', async () => {
    const app = await start({ enforcement: 'report' });
    for (let i = 0; i < 8; i++) expect((await app.send('/slow', from('192.0.2.1'))).status).toBe(200);
    expect(scheduler.pending).toBe(0);
  });

  it('answer those who wait when the application ends', async () => {
    const app = await start();
    for (let i = 0; i < 2; i++) await app.send('/slow', from('192.0.2.1'));
    const answer = app.send('/slow', from('192.0.2.1'));
    await waiting(1);
    const closing = app.close();
    expect((await answer).status).toBe(429);
    await closing;
    expect(scheduler.pending).toBe(0);
  });
});
