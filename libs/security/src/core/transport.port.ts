import type { ExecutionContext, HttpException, Type } from '@nestjs/common';
import type { ConfigurationProblem } from './errors.js';
import type { HttpRequest } from './request.js';
import type { HandlerFunction } from './route-policy.js';

/**
 * How Nest calls handlers over something else than HTTP, while an HTTP request is behind each call. Without a transport
 * for its type, such a call is denied.
 */
export interface Transport {
  /** What `ExecutionContext.getType()` answers for its calls. */
  readonly type: string;
  /**
   * What it makes of a method of a provider, asked once when the application starts; `undefined` where the method is
   * not its own.
   */
  handlerOf(method: HandlerFunction, provider: Type, application: TransportApplication): TransportHandler | undefined;
  /** `undefined` where no HTTP request waits for the answer of the call: it is denied then, even on public routes. */
  callOf(execution: ExecutionContext): TransportCall | undefined;
  /** What it finds wrong when the application is complete; anything stops the start. */
  problemsOf?(application: TransportApplication): readonly ConfigurationProblem[];
  /** The paths that it serves beside controllers, while each call there is guarded. */
  pathsOf?(application: TransportApplication): readonly ServedPath[];
  /** What is thrown in place of the exception of a denial, so that its code reaches the client; the exception itself where it is left out. */
  refusalOf?(exception: HttpException, refusal: TransportRefusal): HttpException;
}

/** A path below which each call is guarded as a handler is. */
export interface ServedPath {
  /** Without the global prefix. */
  readonly path: string;
  /** The name of a page that is shown there to anybody, if there is one. */
  readonly page?: string | undefined;
}

/** What a transport may look up in the application. */
export interface TransportApplication {
  /** The providers' values of all modules, under a token. */
  valuesOf(token: string | symbol): readonly unknown[];
  /** The same for providers whose token is a class of this name. */
  instancesOf(className: string): readonly unknown[];
}

/** What a method is to a transport. */
export type TransportHandler =
  /** Called from outside, behind the guards. */
  | { readonly kind: 'handler' }
  /**
   * Called for a part of what a handler answers. Where no guard is run for it, `unguarded` says what would change that,
   * and it can have no requirements of its own.
   */
  | { readonly kind: 'part'; readonly unguarded?: string | undefined }
  /** Denied, whatever is declared for it. */
  | { readonly kind: 'denied'; readonly because: string }
  /** Called from outside without any guard: it stops the start. */
  | { readonly kind: 'exposed'; readonly because: string; readonly fix: string };

/** One call of one handler. */
export interface TransportCall {
  /** The request that carries it, and perhaps others: what the HTTP framework handed over. */
  readonly request: HttpRequest;
  /** An object that is there for this call alone, and as long as it. */
  readonly key: object;
  /** The key of the call that this one is a part of. */
  readonly origin?: object | undefined;
  /** One of the handler's arguments that no other operation has: the context of the operation. */
  readonly operation: object;
  /** The arguments that the client gave, by name. */
  readonly args?: Readonly<Record<string, unknown>> | undefined;
}

/** What a client is told of a denial. */
export interface TransportRefusal {
  /** The stable code of an error of the library. */
  readonly code: string;
  /** Whole seconds, where waiting helps. */
  readonly retryAfter?: number | undefined;
}
