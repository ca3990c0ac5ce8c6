import 'reflect-metadata';
import type { ExecutionContext } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { WsException } from '@nestjs/websockets';
import { describe, expect, it } from '@jest/globals';
import { denied, type DenialReason } from './decision.js';
import { SecurityException } from './errors.js';
import { isRefusalKnown, loadRefusals, messageRefusal, refusalIn } from './message-refusals.js';

const GRPC = 4;

function execution(type: string, transport?: number): ExecutionContext {
  const handler = () => undefined;
  if (transport !== undefined) Reflect.defineMetadata('microservices:transport', transport, handler);
  return { getType: () => type, getHandler: () => handler } as unknown as ExecutionContext;
}

function refusalOf(reason: DenialReason, type: string, transport?: number): Error {
  return messageRefusal(execution(type, transport), new SecurityException(denied(reason)), reason, undefined);
}

describe('What a client is told over messages', () => {
  it('is kept in the exception of HTTP until the package of the transport is imported', async () => {
    expect(isRefusalKnown('rpc')).toBe(false);
    const early = refusalOf('rate_limited', 'rpc');
    expect(early).toBeInstanceOf(SecurityException);
    expect(refusalIn(early)).toMatchObject({ status: 'error', statusCode: 429, code: 'rate_limited' });
    await loadRefusals(new Set(['ws', 'rpc']));
    expect(isRefusalKnown('rpc')).toBe(true);
  });

  it.each([
    ['ws', WsException],
    ['rpc', RpcException],
  ] as const)('is an exception of the application over %s, with the one of HTTP as its cause', (type, Exception) => {
    const exception = new SecurityException(denied('overloaded'));
    const refusal = messageRefusal(execution(type), exception, 'overloaded', 3);
    expect(refusal).toBeInstanceOf(Exception);
    expect(refusal.cause).toBe(exception);
    expect((refusal as WsException | RpcException).getError()).toEqual({
      status: 'error',
      statusCode: 503,
      message: exception.message,
      code: 'overloaded',
      retryAfter: 3,
    });
  });

  it('is the exception itself over everything else', () => {
    expect(refusalOf('role_missing', 'http')).toBeInstanceOf(SecurityException);
    expect(refusalIn(refusalOf('role_missing', 'http'))).toBeUndefined();
  });

  it.each([
    ['credentials_malformed', 3],
    ['credentials_missing', 16],
    ['transport_unsupported', 7],
    ['rate_limited', 8],
    ['overloaded', 14],
    ['authentication_failed', 13],
  ] as const)('has a status of gRPC over gRPC (%s: %d)', (reason, code) => {
    const refusal = refusalOf(reason, 'rpc', GRPC) as RpcException;
    expect(refusal.getError()).toEqual({ code, message: expect.stringMatching(new RegExp(`\\(${reason}\\)$`)) });
  });
});
