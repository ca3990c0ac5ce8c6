import { Logger } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import type { ServedPath } from '../core/transport.port.js';
import {
  describeBeside,
  kindOfMiddleware,
  routesInTree,
  withoutImplied,
  type Beside,
} from './beside-controllers.policy.js';
import { besideIn, type KnownLayers, type RouterLayer } from './express-layers.js';
import type { RegisteredRoutes } from './registered-routes.js';
import { usedMiddleware } from './used-middleware.js';

type HttpAdapter = HttpAdapterHost['httpAdapter'];
type Registration = (...parameters: unknown[]) => unknown;
type Methods = Record<string, Registration | undefined>;

/** What is asked of Express. */
interface ExpressLike {
  readonly router?: { readonly stack?: RouterLayer[] };
}

/** What is asked of Fastify. */
interface FastifyLike {
  printRoutes?(): string;
  addHook(
    name: 'onRoute',
    hook: (route: { readonly method: string | readonly string[]; readonly url: string }) => void,
  ): void;
  addHook(name: 'onReady', hook: (done: (error?: Error) => void) => void): void;
}

/** The hooks of Nest's own adapter for Express, which it registers without names. */
const NESTS_OWN = /\bthis\.(?:onRequestHook|isShuttingDown)\b/;

/**
 * Finds what is reachable beside controllers, for the log: pages of Swagger, static files, raw routes, middleware. The
 * guard is asked for controllers alone, so that a team has to see what else it serves.
 */
export class BesideControllers implements KnownLayers {
  private readonly logger = new Logger('SecurityModule');
  private readonly own = new WeakSet<object>();
  private readonly bound = new WeakSet<object>();
  private readonly ends = new WeakSet<object>();
  /** Of Fastify, which keeps no list that can be read. */
  private readonly found: Beside[] = [];
  private served: readonly ServedPath[] = [];
  private express: ExpressLike | undefined;

  constructor(private readonly registered: RegisteredRoutes) {}

  /** Before anything else is registered, where the adapter is there early enough. */
  watchExpress(adapter: HttpAdapter): void {
    this.express = adapter.getInstance<ExpressLike>();
    const methods = adapter as unknown as Methods;
    this.mark(methods, 'registerSecurityHook', this.own);
    this.mark(methods, 'setNotFoundHandler', this.ends);
    const create = methods['createMiddlewareFactory'];
    if (create === undefined) return;
    methods['createMiddlewareFactory'] = (...parameters) => {
      const bind = create.apply(adapter, parameters) as Registration;
      return (...given: unknown[]) => this.marked(this.bound, () => bind(...given));
    };
  }

  watchFastify(adapter: HttpAdapter): void {
    const instance = adapter.getInstance<FastifyLike>();
    const methods = adapter as unknown as Methods;
    this.found.push(...routesInTree(instance.printRoutes?.() ?? ''));
    instance.addHook('onRoute', ({ method, url }) => {
      if (this.registered.current !== undefined) return;
      for (const each of withoutImplied([method].flat())) this.keepRoute(each, url);
    });
    const { use, createMiddlewareFactory: create } = methods;
    if (use !== undefined) {
      methods['use'] = (...parameters) => {
        this.keepMiddleware(parameters);
        return use.apply(adapter, parameters);
      };
    }
    if (create !== undefined) {
      methods['createMiddlewareFactory'] = async (...parameters) => {
        const bind = (await create.apply(adapter, parameters)) as Registration;
        return (...given: unknown[]) => {
          this.found.push({ path: String(given[0]), kind: 'bound' });
          return bind(...given);
        };
      };
    }
    // Plugins have registered their routes by then.
    instance.addHook('onReady', (done) => {
      this.report(this.found);
      done();
    });
  }

  /** A layer that the library put there itself. */
  keepOwn(layer: object | undefined): void {
    if (layer !== undefined) this.own.add(layer);
  }

  /** When everything is registered that a start registers; what comes later is named when it comes. */
  onStarted(served: readonly ServedPath[]): void {
    this.served = served;
    const stack = this.express?.router?.stack;
    if (stack === undefined) return;
    this.report([...besideIn(stack, this)]);
    Object.defineProperty(stack, 'push', {
      configurable: true,
      writable: true,
      value: (...layers: RouterLayer[]) => {
        // The methods of a route are added to it after its layer.
        queueMicrotask(() => this.reportLate(stack, layers));
        return Array.prototype.push.apply(stack, layers);
      },
    });
  }

  isHandler(handle: object): boolean {
    return this.registered.isHandler(handle);
  }

  isOwn(layer: RouterLayer): boolean {
    if (this.own.has(layer) || this.ends.has(layer)) return true;
    return layer.route === undefined && NESTS_OWN.test(Function.prototype.toString.call(layer.handle));
  }

  isBound(layer: RouterLayer): boolean {
    return this.bound.has(layer);
  }

  isEnd(layer: RouterLayer): boolean {
    return this.ends.has(layer);
  }

  private reportLate(stack: readonly RouterLayer[], layers: readonly RouterLayer[]): void {
    const late = new Set(layers);
    const isEarlier = (layer: RouterLayer): boolean => !late.has(layer) && !this.isEnd(layer);
    this.report([...besideIn(stack, { ...this.known, isOwn: (layer) => isEarlier(layer) || this.isOwn(layer) })]);
  }

  private get known(): KnownLayers {
    return {
      isHandler: (handle) => this.isHandler(handle),
      isOwn: (layer) => this.isOwn(layer),
      isBound: (layer) => this.isBound(layer),
      isEnd: (layer) => this.isEnd(layer),
    };
  }

  private report(found: readonly Beside[]): void {
    const report = describeBeside(found, this.served);
    if (report !== undefined) this.logger[report.level](report.text);
  }

  private mark(methods: Methods, name: string, layers: WeakSet<object>): void {
    const method = methods[name];
    if (method === undefined) return;
    methods[name] = (...parameters) => this.marked(layers, () => method.apply(methods, parameters));
  }

  /** Marks the layers that a call registers. */
  private marked<T>(layers: WeakSet<object>, register: () => T): T {
    const before = new Set(this.express?.router?.stack);
    const registered = register();
    for (const layer of this.express?.router?.stack ?? []) if (!before.has(layer)) layers.add(layer);
    return registered;
  }

  private keepRoute(method: string | undefined, url: string): void {
    // Fastify adds HEAD beside GET by itself, and @fastify/cors a route for preflights.
    if (method === 'HEAD' || (method === 'OPTIONS' && /^\/?\*$/.test(url))) return;
    this.found.push({ method, path: url, kind: 'answers' });
  }

  private keepMiddleware(parameters: readonly unknown[]): void {
    for (const { path, handle } of usedMiddleware(parameters)) {
      const { name } = handle;
      this.found.push({ path, below: true, name: name === '' ? undefined : name, kind: kindOfMiddleware(handle) });
    }
  }
}
