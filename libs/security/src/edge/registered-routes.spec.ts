import { describe, expect, it } from '@jest/globals';
import type { HttpAdapterHost } from '@nestjs/core';
import 'reflect-metadata';
import { markHandler } from '../core/handler-identity.js';
import type { HandlerFunction, RoutePolicy } from '../core/route-policy.js';
import { reachedBy, RegisteredRoutes } from './registered-routes.js';

class Adapter {
  readonly calls: unknown[][] = [];
  get(...parameters: unknown[]): this {
    this.calls.push(['get', ...parameters]);
    return this;
  }
  all(...parameters: unknown[]): this {
    this.calls.push(['all', ...parameters]);
    return this;
  }
}

function handler(): HandlerFunction {
  const made: HandlerFunction = () => undefined;
  markHandler(made);
  return made;
}

const asAdapter = (adapter: Adapter) => adapter as unknown as HttpAdapterHost['httpAdapter'];

describe('RegisteredRoutes', () => {
  it('hears which path leads to which handler, and registers it all the same', () => {
    const adapter = new Adapter();
    const routes = new RegisteredRoutes();
    const [one, two] = [handler(), handler()];
    routes.listenTo(asAdapter(adapter));
    expect(adapter.get('/v1/items', one)).toBe(adapter);
    adapter.all('/any', () => undefined, two);
    expect(routes.all).toEqual([
      { method: 'GET', path: '/v1/items', handler: one },
      { method: 'ALL', path: '/any', handler: two },
    ]);
    expect(adapter.calls).toHaveLength(2);
  });

  it('takes no note of what is none of Nest’s handlers', () => {
    const adapter = new Adapter();
    const routes = new RegisteredRoutes();
    routes.listenTo(asAdapter(adapter));
    adapter.get('/plain', () => undefined);
    adapter.get('etag');
    adapter.get(/expression/, handler());
    expect(routes.all).toEqual([]);
    expect(adapter.calls).toHaveLength(3);
  });

  it('leaves the adapter as it was, listens once, and does without one', () => {
    const adapter = new Adapter();
    const routes = new RegisteredRoutes();
    routes.listenTo(undefined);
    routes.listenTo(asAdapter(adapter));
    routes.listenTo(asAdapter(adapter));
    const heard = handler();
    adapter.get('/a', heard);
    expect(routes.all).toHaveLength(1);
    routes.stopListening();
    routes.stopListening();
    expect(Object.keys(adapter)).toEqual(['calls']);
    adapter.get('/b', heard);
    expect(routes.all).toHaveLength(1);
  });
});

describe('reachedBy', () => {
  const policyOf = (of: HandlerFunction, path: string | string[]) => {
    class Controller {}
    Reflect.defineMetadata('path', path, Controller);
    return { handler: of, controller: Controller, id: String(path) } as unknown as RoutePolicy;
  };
  const reached = (path: string, policies: readonly RoutePolicy[], of: HandlerFunction) =>
    [...reachedBy([{ method: 'GET', path, handler: of }], policies)].map(({ policy }) => policy.id);

  it('is the policy of the handler', () => {
    const [one, two] = [handler(), handler()];
    expect(reached('/a', [policyOf(one, 'x'), policyOf(two, 'y')], one)).toEqual(['x']);
    expect(reached('/a', [policyOf(two, 'y')], one)).toEqual([]);
  });

  it.each<[string, readonly string[]]>([
    ['/cats/item', ['cats']],
    ['/api/v1/Dogs/item', ['/dogs/']],
    ['/other/item', ['cats', '/dogs/']],
  ])('is told apart by the path of the controller where it inherits the handler: %s', (path, expected) => {
    const inherited = handler();
    expect(reached(path, [policyOf(inherited, 'cats'), policyOf(inherited, '/dogs/')], inherited)).toEqual(expected);
  });

  it('goes by every path of a controller', () => {
    const inherited = handler();
    const policies = [policyOf(inherited, ['cats', 'kittens']), policyOf(inherited, 'dogs')];
    expect(reached('/kittens/item', policies, inherited)).toEqual(['cats,kittens']);
  });
});
