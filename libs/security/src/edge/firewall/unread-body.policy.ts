import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { ALLOWED, denied, type Decision } from '../../core/decision.js';
import { originalOf } from '../../core/handler-identity.js';
import type { HandlerFunction } from '../../core/route-policy.js';

const UNSUPPORTED = denied('content_type_unsupported');

// Metadata keys of Nest (`ROUTE_ARGS_METADATA`, `INTERCEPTORS_METADATA`), which it does not export by name.
const ROUTE_ARGUMENTS = '__routeArguments__';
const INTERCEPTORS = '__interceptors__';

/** Nest's `RouteParamtypes` of @Body, @UploadedFile, @UploadedFiles and @RawBody. */
const OF_BODY: ReadonlySet<string> = new Set(['3', '8', '9', '12']);

/** How a handler takes the bodies that it is sent. */
export interface BodyUse {
  /** True if Nest injects it, or a file of it. */
  readonly isInjected: boolean;
  /** True if an interceptor stands before the handler, which may parse uploads, as `FileInterceptor` does. */
  readonly isIntercepted: boolean;
  /** True if the route names its content types itself, and so may read what no parser does. */
  readonly isDeclared: boolean;
}

type Handled = { readonly controller: Type; readonly handler: object };

/** Reads from the metadata of Nest how a handler takes its body. */
export function bodyUseOf({ controller, handler }: Handled, isDeclared: boolean): BodyUse {
  return {
    isInjected: methodsOf(controller, handler).some((method) => injectsBody(controller, method)),
    isIntercepted: [controller, handler].some((target) => Reflect.hasMetadata(INTERCEPTORS, target)),
    isDeclared,
  };
}

function injectsBody(controller: Type, method: string): boolean {
  const parameters = Reflect.getMetadata(ROUTE_ARGUMENTS, controller, method) as object | undefined;
  return Object.keys(parameters ?? {}).some((key) => OF_BODY.has(key.slice(0, key.indexOf(':'))));
}

/** The names of a handler: Nest keeps its parameters by name. */
function methodsOf({ prototype }: Type, handler: object): readonly string[] {
  const names: string[] = [];
  for (let level: unknown = prototype; level !== null && level !== undefined; level = Object.getPrototypeOf(level)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (value === handler || isWrapperOf(handler, value)) names.push(name);
    }
  }
  return names;
}

/** True for a function of a tracer that took the place of a handler. */
function isWrapperOf(handler: object, value: unknown): boolean {
  return typeof value === 'function' && originalOf(value as HandlerFunction) === handler;
}

/** Node's request, as far as it tells if anybody has read from it. */
export interface ReadableBody {
  readonly readableDidRead?: boolean;
  readonly readableEnded?: boolean;
}

/** True if a body has arrived and no parser has made anything of it. A platform may have put a parsed one there. */
export function isUnread({ readableDidRead, readableEnded }: ReadableBody, body: unknown): boolean {
  if (readableDidRead !== false || readableEnded === true) return false;
  return body === undefined || body === null || (typeof body === 'object' && Object.keys(body).length === 0);
}

/**
 * Refuses a body that no parser has read before the handler runs, rather than hand on an empty one (RFC 9110, section
 * 15.5.16). Uploads may be left to an interceptor or to the handler; any other type may be left to a handler that takes
 * the request itself and says by @ContentTypes what it reads, or in an application without any parser.
 */
export function decideUnread(use: BodyUse, isMultipart: boolean, isParsing: boolean): Decision {
  if (use.isInjected) return isMultipart && use.isIntercepted ? ALLOWED : UNSUPPORTED;
  return isMultipart || use.isDeclared || !isParsing ? ALLOWED : UNSUPPORTED;
}
