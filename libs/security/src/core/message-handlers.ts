import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import type { HandlerFunction } from './route-policy.js';

/** What `ExecutionContext.getType()` answers for handlers of gateways and of microservices. */
export type MessageType = 'ws' | 'rpc';

// The metadata keys of @nestjs/websockets and @nestjs/microservices, which are no dependencies, and of Nest's own routes.
const GATEWAY = 'websockets:is_gateway';
const SUBSCRIPTION = 'websockets:message_mapping';
const PATTERN_KIND = 'microservices:handler_type';
const PATTERN_TRANSPORT = 'microservices:transport';
const PATH = 'path';

const GRPC = 4;
const NO_TYPES: readonly MessageType[] = [];

/** Returns what calls a method beside HTTP and GraphQL: a gateway, a microservice, or both. */
export function messageTypesOf(handler: HandlerFunction): readonly MessageType[] {
  const ofGateway = Reflect.hasMetadata(SUBSCRIPTION, handler);
  const ofMicroservice = Reflect.hasMetadata(PATTERN_KIND, handler);
  if (!ofGateway && !ofMicroservice) return NO_TYPES;
  return [...(ofGateway ? (['ws'] as const) : []), ...(ofMicroservice ? (['rpc'] as const) : [])];
}

export function isMessageType(type: string): type is MessageType {
  return type === 'ws' || type === 'rpc';
}

export function isGateway(type: Type): boolean {
  return Reflect.hasMetadata(GATEWAY, type);
}

/** True for methods of controllers that Nest registers a route for. */
export function isRouted(handler: HandlerFunction): boolean {
  return Reflect.hasMetadata(PATH, handler);
}

/** True for handlers that are called over gRPC alone, whose errors have the codes of gRPC. */
export function isOfGrpc(handler: HandlerFunction): boolean {
  return Reflect.getMetadata(PATTERN_TRANSPORT, handler) === GRPC;
}
