import { Catch, HttpException, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { errorBody } from '../core/errors.js';
import { unreadableRequest } from './unreadable-request.policy.js';

/** Stands for the errors of reading a request in `@Catch`: Nest asks `instanceof`, so that no other error is taken. */
abstract class UnreadableRequest {
  static [Symbol.hasInstance](exception: unknown): boolean {
    return unreadableRequest(exception) !== undefined;
  }
}

/**
 * Answers requests that could not be read (malformed or oversized bodies, unknown content types, paths that cannot be
 * decoded) with a stable `code` and a fixed text: the parsers' own messages quote the body. Every other exception goes
 * to the filters of the application.
 */
@Catch(UnreadableRequest)
export class UnreadableBodyFilter extends BaseExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): void {
    const answer = unreadableRequest(exception);
    const known = answer && new HttpException(errorBody(answer.status, answer.message, answer.code), answer.status);
    // Over other transports there is no answer of its own to give it with.
    if (host.getType() !== 'http') throw known ?? exception;
    super.catch(known ?? exception, host);
  }
}
