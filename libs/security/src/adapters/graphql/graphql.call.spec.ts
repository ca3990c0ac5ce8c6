import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, it } from '@jest/globals';
import { resolverCall } from './graphql.call.js';

const request = { headers: {}, url: '/graphql' };
const root = { prev: undefined, key: 'accounts' };

function executionOf(
  context: unknown,
  info: unknown = { path: root, operation: { operation: 'query' } },
  args: unknown = {},
) {
  return { getArgs: () => [undefined, args, context, info] } as unknown as ExecutionContext;
}

describe('The call of a resolver', () => {
  it('has the request that Apollo has in the context', () => {
    expect(resolverCall(executionOf({ req: request }))?.request).toBe(request);
  });

  it('has the request that mercurius has the reply for, whatever else the context says', () => {
    const other = { headers: {} };
    expect(resolverCall(executionOf({ reply: { request }, req: other }))?.request).toBe(request);
  });

  it('is told by where its field stands, as a part of the field at the root', () => {
    const path = { prev: { prev: root, key: 0 }, key: 'balance' };
    const call = resolverCall(executionOf({ req: request }, { path }, { page: 2 }));
    expect(call).toMatchObject({ args: { page: 2 } });
    expect([call?.key, call?.origin]).toEqual([path, root]);
    expect(call?.key).toBe(path);
    expect(call?.origin).toBe(root);
  });

  it.each([
    ['without a context', undefined],
    ['with a context that is no object', 'context'],
    ['without a request', {}],
    ['with something else in place of a request', { req: 'request' }],
    ['with a request without headers', { req: { url: '/graphql' } }],
    ['with the request of a handshake', { req: { headers: { upgrade: 'WebSocket' } } }],
    ['with the handshake of mercurius', { reply: { request: { headers: { upgrade: 'websocket' } } } }],
  ])('is none %s', (_, context) => {
    expect(resolverCall(executionOf(context))).toBeUndefined();
  });

  it.each([
    ['of a subscription', { path: root, operation: { operation: 'subscription' } }],
    ['of a mutation by a method that changes nothing', { path: root, operation: { operation: 'mutation' } }],
    ['without a path', {}],
    ['without info, as of a reference', undefined],
  ])('is none %s', (_, info) => {
    const args = [{}, {}, { req: { ...request, method: 'HEAD' } }, info];
    expect(resolverCall({ getArgs: () => args } as unknown as ExecutionContext)).toBeUndefined();
  });
});
