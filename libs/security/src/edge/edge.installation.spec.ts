import { describe, expect, it } from '@jest/globals';
import type { HttpAdapterHost } from '@nestjs/core';
import { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Clock } from '../core/clock.js';
import { SecurityEvents } from '../core/events.js';
import { Edge } from './edge.js';
import { EdgeInstallation } from './edge.installation.js';
import { RegisteredRoutes } from './registered-routes.js';

type Adapter = HttpAdapterHost['httpAdapter'];
type Middleware = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

function requestTo(url: string): IncomingMessage {
  return {
    method: 'GET',
    url,
    httpVersionMajor: 1,
    headers: { host: 'a.example' },
    rawHeaders: ['Host', 'a.example'],
    socket: { remoteAddress: '192.0.2.1' },
  } as unknown as IncomingMessage;
}

class Answer {
  headersSent = false;
  status: number | undefined;
  continued = 0;
  writeHead(status: number): this {
    this.status = status;
    return this;
  }
  writeContinue(): void {
    this.continued++;
  }
  end(): void {}
  setHeader(): void {}
  hasHeader(): boolean {
    return false;
  }
  getHeader(): undefined {}
  removeHeader(): void {}
  getHeaderNames(): string[] {
    return [];
  }
}

const responseTo = () => new Answer() as unknown as ServerResponse & Answer;
const installation = () =>
  new EdgeInstallation(new Edge({}, new SecurityEvents(), new Clock()), new RegisteredRoutes());

class ExpressInstance {
  readonly router = { stack: [] as { handle: Middleware }[] };
  disabled: string[] = [];
  disable(setting: string): void {
    this.disabled.push(setting);
  }
  use(handle: Middleware): void {
    this.router.stack.push({ handle });
  }
}

const expressAdapter = (instance: ExpressInstance) =>
  ({ getType: () => 'express', getInstance: () => instance }) as unknown as Adapter;

describe('EdgeInstallation on Express', () => {
  it('stands first, also where it comes late, and once', () => {
    const instance = new ExpressInstance();
    const earlier: Middleware = (_request, _response, next) => next();
    instance.use(earlier);
    const edge = installation();
    const adapter = expressAdapter(instance);
    edge.onAdapter(adapter);
    edge.onAdapter(adapter);
    expect(instance.router.stack).toHaveLength(2);
    expect(instance.router.stack[1]?.handle).toBe(earlier);
    expect(instance.disabled).toEqual(['x-powered-by']);
  });

  it('lets a request go on once, and ends one that is refused', () => {
    const instance = new ExpressInstance();
    installation().onAdapter(expressAdapter(instance));
    const handle = instance.router.stack[0]?.handle as Middleware;
    let passed = 0;
    const request = requestTo('/a');
    handle(request, responseTo(), () => passed++);
    handle(request, responseTo(), () => passed++);
    expect(passed).toBe(2);
    const refused = responseTo();
    handle(requestTo('/a//b'), refused, () => passed++);
    expect([passed, refused.status]).toEqual([2, 400]);
  });

  it('does without an adapter, or with one of another make', () => {
    expect(() => installation().onAdapter(undefined)).not.toThrow();
    expect(() => installation().onAdapter(null)).not.toThrow();
    expect(() => installation().onAdapter({} as Adapter)).not.toThrow();
    const bare = { getType: () => 'express', getInstance: () => ({}) } as unknown as Adapter;
    expect(() => installation().onAdapter(bare)).not.toThrow();
  });
});

describe('EdgeInstallation on a server', () => {
  const serverWith = (...listeners: (() => void)[]) => {
    const server = new EventEmitter();
    for (const listener of listeners) server.on('request', listener);
    return server as EventEmitter & Server;
  };

  it('stands in front of all listeners, once', () => {
    const seen: string[] = [];
    const server = serverWith(
      () => seen.push('framework'),
      () => seen.push('sockets'),
    );
    const edge = installation();
    edge.onServer(server);
    edge.onServer(server);
    server.emit('request', requestTo('/a'), responseTo());
    expect(seen).toEqual(['framework', 'sockets']);
    const refused = responseTo();
    server.emit('request', requestTo('/a//b'), refused);
    expect([seen.length, refused.status]).toEqual([2, 400]);
    expect(server.listenerCount('request')).toBe(1);
  });

  it('asks for a body only after the request has passed', () => {
    let seen = 0;
    const server = serverWith(() => seen++);
    installation().onServer(server);
    const [passed, refused] = [responseTo(), responseTo()];
    server.emit('checkContinue', requestTo('/a'), passed);
    server.emit('checkContinue', requestTo('/a//b'), refused);
    expect([passed.continued, refused.continued, refused.status, seen]).toEqual([1, 0, 400, 1]);
  });

  it('leaves Expect to an application that answers it itself', () => {
    const server = serverWith();
    server.on('checkContinue', () => undefined);
    installation().onServer(server);
    expect(server.listenerCount('checkContinue')).toBe(1);
  });

  it('does without one', () => {
    expect(() => installation().onServer(undefined)).not.toThrow();
    expect(() => installation().onServer({} as Server)).not.toThrow();
  });
});
