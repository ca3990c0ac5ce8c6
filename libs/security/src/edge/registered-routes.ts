import 'reflect-metadata';
import type { HttpAdapterHost } from '@nestjs/core';
import { originalOf } from '../core/handler-identity.js';
import type { HandlerFunction, RoutePolicy } from '../core/route-policy.js';

/** A route as Nest gave it to the HTTP adapter. */
export interface RegisteredRoute {
  /** In upper case; `ALL` for every method. */
  readonly method: string;
  /** The pattern, prefix and version included, in the framework's own words. */
  readonly path: string;
  readonly handler: HandlerFunction;
}

/** The methods that Nest registers routes with. */
const METHODS = [
  'get',
  'head',
  'post',
  'put',
  'patch',
  'delete',
  'options',
  'all',
  'search',
  'query',
  'propfind',
  'proppatch',
  'mkcol',
  'copy',
  'move',
  'lock',
  'unlock',
] as const;

// The metadata key of @Controller, which Nest does not export by name.
const PATH_METADATA = 'path';

type Registration = (...parameters: unknown[]) => unknown;

/**
 * Listens while Nest registers its routes: nobody else can say which path, with its prefixes and versions, leads to
 * which handler.
 */
export class RegisteredRoutes {
  private readonly routes: RegisteredRoute[] = [];
  private stop: (() => void) | undefined;
  private registering: HandlerFunction | undefined;
  private readonly functions = new WeakSet<object>();

  /** The handler whose route is being registered right now. */
  get current(): HandlerFunction | undefined {
    return this.registering;
  }

  get all(): readonly RegisteredRoute[] {
    return this.routes;
  }

  /** True for what the framework was given as the handler of a controller's route. */
  isHandler(registered: object): boolean {
    return this.functions.has(registered);
  }

  listenTo(adapter: HttpAdapterHost['httpAdapter'] | undefined | null): void {
    if (adapter === undefined || adapter === null || this.stop !== undefined) return;
    const methods = adapter as unknown as Record<string, Registration | undefined>;
    const replaced = METHODS.filter((name) => typeof methods[name] === 'function' && !Object.hasOwn(methods, name));
    for (const name of replaced) {
      const register = methods[name] as Registration;
      methods[name] = (...parameters) => {
        this.registering = this.keep(name, parameters);
        try {
          return register.apply(adapter, parameters);
        } finally {
          this.registering = undefined;
        }
      };
    }
    this.stop = () => {
      for (const name of replaced) delete methods[name];
    };
  }

  /** Leaves the adapter as it was. */
  stopListening(): void {
    this.stop?.();
    this.stop = undefined;
  }

  private keep(name: string, parameters: readonly unknown[]): HandlerFunction | undefined {
    const [path] = parameters;
    const registered = parameters.at(-1);
    if (typeof path !== 'string' || typeof registered !== 'function') return undefined;
    const handler = originalOf(registered);
    if (handler === undefined) return undefined;
    this.routes.push({ method: name.toUpperCase(), path, handler });
    this.functions.add(registered);
    return handler;
  }
}

/** The policies that registered routes may lead to; one handler that several controllers inherit has several. */
export function* reachedBy(
  registered: readonly RegisteredRoute[],
  policies: readonly RoutePolicy[],
): Generator<{ readonly method: string; readonly path: string; readonly policy: RoutePolicy }> {
  const byHandler = new Map<HandlerFunction, RoutePolicy[]>();
  for (const policy of policies) byHandler.set(policy.handler, [...(byHandler.get(policy.handler) ?? []), policy]);
  for (const { method, path, handler } of registered) {
    for (const policy of ofPath(byHandler.get(handler) ?? [], path)) yield { method, path, policy };
  }
}

/**
 * Controllers that inherit one handler are told apart by their paths; where that does not do, the path leads to all of
 * them, and to none if they differ.
 */
function ofPath(policies: readonly RoutePolicy[], path: string): readonly RoutePolicy[] {
  if (policies.length < 2) return policies;
  const segments = `/${path.toLowerCase()}/`.replace(/\/+/g, '/');
  const named = policies.filter(({ controller }) =>
    pathsOf(controller).some((own) => own !== '' && segments.includes(`/${own}/`)),
  );
  return named.length === 0 ? policies : named;
}

function pathsOf(controller: object): readonly string[] {
  const paths: unknown = Reflect.getMetadata(PATH_METADATA, controller);
  return [paths].flat().map((path) =>
    String(path ?? '')
      .toLowerCase()
      .replace(/^\/+|\/+$/g, ''),
  );
}
