import 'reflect-metadata';
import {
  Catch,
  type ArgumentsHost,
  type CallHandler,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { catchError, throwError, type Observable } from 'rxjs';
import { isCoded, secondsToWait } from './coded-exception.js';
import type { HandlerFunction } from './route-policy.js';
import { messageRefusal, refusalIn } from './message-refusals.js';

// The metadata keys of @UseGuards, @UseInterceptors and @UseFilters, which @nestjs/common does not export.
const GUARDS = '__guards__';
const INTERCEPTORS = '__interceptors__';
const FILTERS = '__exceptionFilters__';

/** Tells clients what is refused behind the guards, by a pipe or by `Lockout`. */
class MessageRefusalInterceptor implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next
      .handle()
      .pipe(
        catchError((error: unknown) =>
          throwError(() =>
            isCoded(error) ? messageRefusal(execution, error, error.code, secondsToWait(error)) : error,
          ),
        ),
      );
  }
}

/** Stands for what {@link messageRefusal} made, whatever its class. */
class AnyRefusal {
  static [Symbol.hasInstance](thrown: unknown): boolean {
    return refusalIn(thrown) !== undefined;
  }
}

/**
 * Answers refusals where Nest's own filter would not: Nest 11 sends no error to clients of `ws`, and no filter knows the
 * exception where the package of the transport cannot be imported. Every filter that the class names itself comes first.
 */
@Catch(AnyRefusal)
class MessageRefusalFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): Observable<never> | void {
    const refusal = refusalIn(thrown);
    if (host.getType() !== 'ws') return throwError(() => refusal);
    const client = host.switchToWs().getClient<Partial<SocketLike> | undefined>();
    if (typeof client?.readyState === 'number' && typeof client.send === 'function') {
      client.send(JSON.stringify({ event: 'exception', data: refusal }));
    } else {
      client?.emit?.('exception', refusal);
    }
  }
}

/** What is used of a client: those of `ws` have `send` and a state, those of socket.io `emit`. */
interface SocketLike {
  readonly readyState: unknown;
  send(text: string): void;
  emit(event: string, payload: unknown): void;
}

const INTERCEPTOR = new MessageRefusalInterceptor();
const FILTER = new MessageRefusalFilter();

/** Puts a guard in front of those that a class or a handler has; to be asked before Nest prepares handlers. */
export function guardFirst(target: Type | HandlerFunction, guard: Type): void {
  putFirst(GUARDS, guard, target);
}

/** Has what is refused behind the guards of a handler told to its clients. */
export function tellRefusalsOf(handler: HandlerFunction): void {
  putFirst(INTERCEPTORS, INTERCEPTOR, handler);
}

/** Has refusals answered by the class itself, where none of its filters does. */
export function answerRefusalsOf(type: Type): void {
  // Filters are asked in the reverse order.
  putFirst(FILTERS, FILTER, type);
}

function putFirst(key: string, enhancer: unknown, target: Type | HandlerFunction): void {
  const existing = (Reflect.getMetadata(key, target) ?? []) as readonly unknown[];
  if (!existing.includes(enhancer)) Reflect.defineMetadata(key, [enhancer, ...existing], target);
}
