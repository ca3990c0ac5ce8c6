import { Logger } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { HandlerFunction } from '../core/route-policy.js';
import type { ServedPath } from '../core/transport.port.js';
import { BesideControllers } from './beside-controllers.js';
import type { Edge } from './edge.js';
import { EXPRESS_LIMIT, ExpressParsers, type ExpressLayer } from './express-parsers.js';
import { ForeignHeaders } from './foreign-headers.js';
import type { RegisteredRoutes } from './registered-routes.js';

type HttpAdapter = HttpAdapterHost['httpAdapter'];
type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** What is asked of Express. */
interface ExpressLike {
  disable(setting: string): void;
  use(middleware: (request: IncomingMessage, response: ServerResponse, next: () => void) => void): void;
  readonly router?: { readonly stack?: ExpressLayer[] };
}

/** What is asked of Fastify. */
interface FastifyLike {
  readonly initialConfig?: { readonly bodyLimit?: number };
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): void;
  addHook(name: 'onRoute', hook: (route: { bodyLimit?: number }) => void): void;
}

interface FastifyRequestLike {
  readonly raw: IncomingMessage;
}

interface FastifyReplyLike {
  readonly raw: ServerResponse;
  hijack(): void;
}

/**
 * Installs the edge in front of everything, twice. On the server, where it also sees what the framework answers by
 * itself before any hook (a path that Fastify cannot decode), and what others took over (the polling of socket.io). And
 * in the framework, for requests that do not come from that server: those of `inject()`, of serverless adapters, of a
 * second server that the application opened. A request passes it once.
 */
export class EdgeInstallation {
  private readonly logger = new Logger('SecurityModule');
  private readonly installed = new WeakSet<object>();
  private readonly beside: BesideControllers;
  private readonly foreign: ForeignHeaders;
  private parsers: ExpressParsers | undefined;

  constructor(
    private readonly edge: Edge,
    private readonly registered: RegisteredRoutes,
  ) {
    this.beside = new BesideControllers(registered);
    this.foreign = new ForeignHeaders(edge.parts.declares);
  }

  /** Called early, when there may be no adapter yet, and again before routes are registered. */
  onAdapter(adapter: HttpAdapter | undefined | null): void {
    // An application context without HTTP has none.
    if (typeof adapter?.getType !== 'function' || this.installed.has(adapter)) return;
    this.installed.add(adapter);
    this.foreign.watch(adapter);
    if (adapter.getType() === 'fastify') {
      this.onFastify(adapter.getInstance<FastifyLike>());
      this.beside.watchFastify(adapter);
    } else {
      this.onExpress(adapter, adapter.getInstance<ExpressLike>());
      this.beside.watchExpress(adapter);
    }
  }

  /**
   * When everything is registered that a start registers.
   *
   * @param served the paths that transports serve, each call for itself, with or without the global prefix
   * @throws SecurityConfigurationError when something else says as well which other origins may call
   */
  onStarted(served: readonly ServedPath[], prefix = ''): void {
    this.foreign.check();
    const below =
      prefix === ''
        ? []
        : served.map((each) => ({ ...each, path: `/${prefix.replace(/^\/+|\/+$/g, '')}${each.path}` }));
    this.beside.onStarted([...served, ...below]);
  }

  /** In front of every listener that is there; `false` where the edge of another application stands there already. */
  onServer(server: Server | undefined): boolean {
    if (typeof server?.listeners !== 'function' || this.installed.has(server)) return true;
    this.installed.add(server);
    if (isGuarded(server)) {
      this.logger.warn(
        'The HTTP server is shared with another application, whose edge and time-outs stand in front of this one: ' +
          'its hosts, addresses and bodies have to admit what is meant for this one',
      );
      return false;
    }
    markGuarded(server);
    const listeners = server.listeners('request') as Listener[];
    server.removeAllListeners('request');
    const proceed: Listener = (request, response) => {
      for (const listener of listeners) listener.call(server, request, response);
    };
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.pass(request, response, proceed));
    if (server.listenerCount('checkContinue') > 0) return true;
    // Node would ask for the body before anybody has looked at its length (RFC 9110, section 10.1.1).
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      this.pass(request, response, () => {
        response.writeContinue();
        server.emit('request', request, response);
      });
    });
    if (server.listenerCount('checkExpectation') > 0) return true;
    // Any other expectation Node would answer by itself.
    server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      this.pass(request, response, () => {
        response.writeHead(417, { 'content-length': '0' });
        response.end();
      });
    });
    return true;
  }

  /** Fastify is told how much a route takes when the route is registered; by handler, in bytes. */
  expectBodies(adapter: HttpAdapter, declared: ReadonlyMap<HandlerFunction, number>): void {
    const { declaredBodyLimit } = this.edge.parts;
    // A hook costs something for every route there is.
    if (declared.size === 0 && declaredBodyLimit === undefined) return;
    const instance = adapter.getInstance<FastifyLike>();
    instance.addHook('onRoute', (route) => {
      const handler = this.registered.current;
      // What is not Nest's, and what the application said itself, is left alone.
      if (handler === undefined || route.bodyLimit !== undefined) return;
      const limit = declared.get(handler) ?? declaredBodyLimit ?? 0;
      const isRaised = limit !== Number.POSITIVE_INFINITY && limit > (instance.initialConfig?.bodyLimit ?? 0);
      // A smaller one is the edge's to enforce.
      if (isRaised) route.bodyLimit = limit;
    });
  }

  /** Has larger and smaller bodies parsed, now that it is known which there are. */
  onBodyLimits(): void {
    const { records } = this.edge.parts;
    this.edge.parts.parsesBodies = this.parsers?.areThere === true;
    // A parser would enforce what is only to be recorded.
    const limits = records.firewall
      ? this.edge.bodyLimits.filter((limit) => limit > EXPRESS_LIMIT)
      : this.edge.bodyLimits;
    for (const mediaType of this.parsers?.add(limits, this.edge.bodyLimitOf) ?? []) {
      this.logger.warn(`${mediaType} is read by a parser of the application, whose own limit holds beside @BodyLimit`);
    }
  }

  private onExpress(adapter: HttpAdapter, instance: ExpressLike): void {
    if (typeof instance?.use !== 'function') return;
    this.parsers = new ExpressParsers(adapter, () => instance.router?.stack);
    instance.disable?.('x-powered-by');
    instance.use((request, response, next) => {
      // Most come from the server, and have passed there.
      if (this.edge.hasPassed(request)) next();
      else this.pass(request, response, () => next());
    });
    // Where the adapter came late, the parsers of bodies stand before it.
    const stack = instance.router?.stack;
    this.beside.keepOwn(stack?.at(-1));
    if (Array.isArray(stack) && stack.length > 1) stack.unshift(stack.pop() as ExpressLayer);
  }

  private onFastify(instance: FastifyLike): void {
    instance.addHook('onRequest', (request, reply, done) => {
      if (this.edge.hasPassed(request.raw)) return done();
      const passed = this.edge.enter(request.raw, reply.raw);
      const go = (on: boolean): void => {
        if (on) done();
        else reply.hijack();
      };
      if (typeof passed === 'boolean') go(passed);
      else void passed.then(go);
      return undefined;
    });
  }

  /** `next` gets both, so that no closure has to be made for a request. */
  private pass(request: IncomingMessage, response: ServerResponse, next: Listener): void {
    if (this.edge.hasPassed(request)) return next(request, response);
    const passed = this.edge.enter(request, response);
    if (passed === true) next(request, response);
    else if (passed !== false) void passed.then((on) => on && next(request, response));
  }
}

// Registered: the other application may have a copy of the package of its own.
const GUARDED = Symbol.for('@palisade/nest:server');

/** Whether the edge of another application stands in front of a server. In its place, this one would judge requests of both. */
function isGuarded(server: object): boolean {
  return GUARDED in server;
}

function markGuarded(server: object): void {
  Object.defineProperty(server, GUARDED, { value: true });
}
