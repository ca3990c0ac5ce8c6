import {
  HttpException,
  Inject,
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type FactoryProvider,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { catchError, map, throwError, type Observable } from 'rxjs';
import { mask, type MaskingViewer } from './masking.policy.js';
import { hasMaskedClasses } from './masking.rules.js';

export { hasMaskedClasses, maskedRoleNames } from './masking.rules.js';

/** The token of a function that tells who looks at the answer of a handler. */
export const MASKING_VIEWER = Symbol('palisade.masking-viewer');

/** `undefined` where nobody is known: nothing restricted is shown then (fails closed). */
export type MaskingViewerFactory = (context: ExecutionContext) => MaskingViewer | undefined;

/** Applies `@Sensitive` and `@VisibleTo` to what handlers answer with, every value of an Observable included. */
@Injectable()
export class MaskingInterceptor implements NestInterceptor {
  constructor(@Inject(MASKING_VIEWER) private readonly viewerOf: MaskingViewerFactory) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (!hasMaskedClasses()) return next.handle();
    const viewer = () => this.viewerOf(context);
    // A handler that answered by itself may return the response object, which leads to the whole server.
    const response: unknown = context.getType() === 'http' ? context.getArgByIndex(1) : undefined;
    return next.handle().pipe(
      map((result) => (result === response ? result : mask(result, viewer))),
      catchError((error: unknown) => throwError(() => maskedException(error, viewer))),
    );
  }
}

/** An exception may carry an instance in its body; it is answered as masked as a result would be. */
function maskedException(error: unknown, viewer: () => MaskingViewer | undefined): unknown {
  if (!(error instanceof HttpException)) return error;
  const body = error.getResponse();
  const masked = mask(body, viewer);
  if (masked === body) return error;
  const copy = Object.create(Object.getPrototypeOf(error) as object, Object.getOwnPropertyDescriptors(error)) as object;
  return Object.defineProperty(copy, 'response', { value: masked });
}

/**
 * Installs the interceptor only where a class with rules was declared before the start: one global interceptor costs
 * every request a chain of observables. Nest skips a factory that answers with `null`. Classes declared later, by a
 * module that is loaded lazily, then answer with their fail-closed `toJSON`.
 */
export const maskingInterceptorProvider: FactoryProvider<MaskingInterceptor | null> = {
  provide: APP_INTERCEPTOR,
  inject: [MASKING_VIEWER],
  useFactory: (viewerOf: MaskingViewerFactory) => (hasMaskedClasses() ? new MaskingInterceptor(viewerOf) : null),
};
