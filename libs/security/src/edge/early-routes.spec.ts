import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EarlyRoutes } from './early-routes.js';

const A = { name: 'A' };
const B = { name: 'B' };
const BOTH = { name: 'both' };
const combine = (one: object, other: object): object => (one === other ? one : BOTH);

function routesOf(...entries: readonly (readonly [method: string, path: string, route: object])[]) {
  const routes = new EarlyRoutes<object>(combine);
  for (const [method, path, route] of entries) expect(routes.add(method, path, route)).toBe(true);
  return routes;
}

describe('EarlyRoutes', () => {
  it.each([
    ['/items', '/items'],
    ['/items', '/ITEMS'],
    ['/items', '/items/'],
    ['/', '/'],
    ['/items/:id', '/items/1'],
    ['/items/:id', '/items/a%20b'],
    ['/items/:id', '/Items/1/'],
    ['/items/:id/parts/:part', '/items/1/parts/2'],
    ['/files/*path', '/files/a/b/c'],
    ['/files/*', '/files/a/b'],
    ['/{*rest}', '/anything/at/all'],
    ['/v1{/optional}', '/v1'],
    ['/v1{/optional}', '/v1/optional'],
    ['/items/:id(\\d+)', '/items/12'],
    ['/a::b', '/a:b'],
  ])('finds the route %s for %s', (pattern, path) => {
    expect(routesOf(['GET', pattern, A]).find('GET', path)).toBe(A);
  });

  it.each([
    ['/items', '/item'],
    ['/items', '/items/1'],
    ['/items/:id', '/items'],
    ['/items/:id', '/items/1/2'],
    ['/items/:id/parts', '/items/1/other'],
    ['/files/*path', '/file/a'],
  ])('does not take the route %s for %s', (pattern, path) => {
    expect(routesOf(['GET', pattern, A]).find('GET', path)).toBeUndefined();
  });

  it('goes by the method; HEAD is answered by GET, and a route for all methods by any', () => {
    const routes = routesOf(['GET', '/items', A], ['ALL', '/all', B]);
    expect(routes.find('HEAD', '/items')).toBe(A);
    expect(routes.find('POST', '/items')).toBeUndefined();
    expect(routes.find('PATCH', '/all')).toBe(B);
  });

  it('prefers a method of its own to GET, and to all', () => {
    const routes = routesOf(['ALL', '/items', A], ['HEAD', '/items', B]);
    expect(routes.find('HEAD', '/items')).toBe(B);
    expect(routes.find('GET', '/items')).toBe(A);
  });

  it('prefers a fixed path to a pattern, and a longer fixed beginning to a shorter one', () => {
    const routes = routesOf(['GET', '/items/:id', A], ['GET', '/items/new', B]);
    expect(routes.find('GET', '/items/new')).toBe(B);
    const patterns = routesOf(['GET', '/:any/x', A], ['GET', '/items/:id', B]);
    expect(patterns.find('GET', '/items/x')).toBe(B);
  });

  it('takes the pattern that was registered first, of those alike', () => {
    expect(routesOf(['GET', '/items/:id', A], ['GET', '/items/*rest', B]).find('GET', '/items/1')).toBe(A);
  });

  it.each(['/items', '/items/:id'])('answers with what versions of one route have in common (%s)', (path) => {
    const routes = routesOf(['GET', path, A], ['GET', path, B]);
    expect(routes.find('GET', path.replace(':id', '1'))).toBe(BOTH);
    expect(routesOf(['GET', path, A], ['GET', path, A]).find('GET', path.replace(':id', '1'))).toBe(A);
  });

  it('finds what is registered decoded and asked for encoded, as Fastify does', () => {
    expect(routesOf(['PUT', '/café/x', A]).find('PUT', '/caf%C3%A9/x')).toBe(A);
    expect(routesOf(['PUT', '/café/x', A]).find('PUT', '/caf%E9/x')).toBeUndefined();
  });

  it('says so where it cannot read a pattern', () => {
    expect(new EarlyRoutes(combine).add('GET', '/a/:', A)).toBe(false);
  });

  it('costs the same for one route as for thousands: only the patterns of a beginning are tried', () => {
    const routes = new EarlyRoutes<object>(combine);
    const wanted = { name: 'wanted' };
    for (let i = 0; i < 2000; i++) routes.add('GET', `/area${i}/:id`, i === 1234 ? wanted : A);
    expect(routes.find('GET', '/area1234/5')).toBe(wanted);
  });

  it('never throws, whatever the path', () => {
    const routes = routesOf(['GET', '/items/:id', A], ['GET', '/files/*path', B], ['GET', '/fixed', A]);
    fc.assert(
      fc.property(
        fc.string(),
        fc.oneof(
          fc.string(),
          fc.webPath(),
          fc.string().map((rest) => `/items/${rest}`),
        ),
        (method, path) => {
          const found = routes.find(method, path);
          expect(found === undefined || found === A || found === B).toBe(true);
        },
      ),
    );
  });
});
