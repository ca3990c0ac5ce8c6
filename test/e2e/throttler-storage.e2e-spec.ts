import { Controller, Get, Injectable } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SkipThrottle, Throttle, ThrottlerGuard, ThrottlerModule, type ThrottlerOptions } from '@nestjs/throttler';
import { MemoryRateLimitStore } from '@palisade/nest';
import { FakeClock } from '../support/clock.js';
import { ADAPTERS, startApplication, type RunningApplication } from '../support/application.js';

@Controller()
class Routes {
  @Get('default')
  default() {
    return { served: true };
  }

  @Throttle({ default: { limit: 1, ttl: 5000 } })
  @Get('narrow')
  narrow() {
    return { served: true };
  }

  @SkipThrottle()
  @Get('free')
  free() {
    return { served: true };
  }
}

/** Counts by the user that a header names, so that one machine can be many clients. */
@Injectable()
class ThrottlerByUser extends ThrottlerGuard {
  protected override getTracker(request: { readonly headers: Record<string, unknown> }): Promise<string> {
    return Promise.resolve(String(request.headers['x-user']));
  }
}

describe.each(ADAPTERS)('ThrottlerModule with a MemoryRateLimitStore on %s', (adapter) => {
  let running: RunningApplication;
  const clock = new FakeClock();

  async function start(...throttlers: ThrottlerOptions[]): Promise<void> {
    const storage = new MemoryRateLimitStore({ clock });
    running = await startApplication(adapter, {
      imports: [ThrottlerModule.forRoot({ throttlers, storage })],
      controllers: [Routes],
      providers: [{ provide: APP_GUARD, useClass: ThrottlerByUser }],
    });
  }

  const get = (path: string, user = 'alice') => running.client.get(path, { 'x-user': user });

  afterEach(() => running.close());

  it('lets the limit through and answers the next with 429', async () => {
    await start({ ttl: 10_000, limit: 2 });
    const first = await get('/default');
    expect(first.status).toBe(200);
    expect(first.headers).toMatchObject({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': '10',
    });
    expect((await get('/default')).headers).toMatchObject({ 'x-ratelimit-remaining': '0' });
    const denied = await get('/default');
    expect(denied.status).toBe(429);
    expect(denied.headers).toMatchObject({ 'retry-after': '10' });
  });

  it('serves again when the time is over', async () => {
    await start({ ttl: 10_000, limit: 1 });
    await get('/default');
    expect((await get('/default')).status).toBe(429);
    clock.advance(9);
    expect((await get('/default')).headers).toMatchObject({ 'retry-after': '1' });
    clock.advance(1);
    expect((await get('/default')).status).toBe(200);
  });

  it('blocks for the block duration', async () => {
    await start({ ttl: 1000, limit: 1, blockDuration: 60_000 });
    await get('/default');
    expect((await get('/default')).headers).toMatchObject({ 'retry-after': '60' });
    clock.advance(59);
    expect((await get('/default')).status).toBe(429);
    clock.advance(1);
    expect((await get('/default')).status).toBe(200);
  });

  it('counts clients and routes by themselves, and nothing where it is skipped', async () => {
    await start({ ttl: 10_000, limit: 1 });
    expect((await get('/default')).status).toBe(200);
    expect((await get('/default', 'bob')).status).toBe(200);
    expect((await get('/narrow')).status).toBe(200);
    expect((await get('/default')).status).toBe(429);
    for (let i = 0; i < 3; i++) expect((await get('/free')).status).toBe(200);
  });

  it("takes a route's own limit and time", async () => {
    await start({ ttl: 10_000, limit: 5 });
    await get('/narrow');
    const denied = await get('/narrow');
    expect(denied.status).toBe(429);
    expect(denied.headers).toMatchObject({ 'retry-after': '5' });
  });

  it('counts several throttlers beside one another', async () => {
    await start({ name: 'short', ttl: 1000, limit: 1 }, { name: 'long', ttl: 60_000, limit: 2 });
    await get('/default');
    expect((await get('/default')).headers).toMatchObject({ 'retry-after-short': '1' });
    clock.advance(1);
    expect((await get('/default')).headers).toMatchObject({ 'x-ratelimit-remaining-long': '0' });
    clock.advance(1);
    expect((await get('/default')).headers).toMatchObject({ 'retry-after-long': '60' });
  });
});
