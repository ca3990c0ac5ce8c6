import 'reflect-metadata';
import { HttpException, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { catchError, tap, throwError, type Observable } from 'rxjs';
import type { Call } from './call.js';
import { isCoded, secondsToWait, type CodedException } from './coded-exception.js';
import type { HandlerFunction } from './route-policy.js';
import { receivedCall } from './transports.js';

// The metadata key of @UseInterceptors, which @nestjs/common does not export.
const INTERCEPTORS = '__interceptors__';

/**
 * Hears how the calls of a transport end: their HTTP answer says 200, whatever came of them. It knows of nothing but the call,
 * so that one serves all applications of a process.
 */
class OutcomeInterceptor implements NestInterceptor {
  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    const call = receivedCall(execution);
    return call === undefined ? next.handle() : observed(call, next.handle());
  }
}

const OUTCOME = new OutcomeInterceptor();

/** Has the calls of a handler observed; to be asked before Nest prepares the handler. */
export function observeOutcomeOf(handler: HandlerFunction): void {
  const existing = (Reflect.getMetadata(INTERCEPTORS, handler) ?? []) as readonly unknown[];
  // Around those of the handler: what they make of an error is the outcome.
  if (!existing.includes(OUTCOME)) Reflect.defineMetadata(INTERCEPTORS, [OUTCOME, ...existing], handler);
}

function observed(call: Call, answers: Observable<unknown>): Observable<unknown> {
  let answer: unknown;
  return answers.pipe(
    // An error that is returned is as good as thrown, to GraphQL at least.
    tap({
      next: (value) => (answer = value),
      complete: () => call.end(answer instanceof Error ? statusOf(answer) : 200),
    }),
    catchError((error: unknown) => {
      call.end(statusOf(error));
      return throwError(() => (isCoded(error) ? refusalOf(call, error) : error));
    }),
  );
}

function statusOf(error: unknown): number {
  return error instanceof HttpException ? error.getStatus() : 500;
}

/** What was refused behind the guards, by `Lockout` or a pipe, is told as what a guard refuses. */
function refusalOf(call: Call, error: CodedException): HttpException {
  return call.refusalOf(error, error.code, secondsToWait(error));
}
