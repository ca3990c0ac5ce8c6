import { Catch, HttpException, Inject, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { errorBody, PROBLEM, PROBLEM_DOCUMENTS, problemDocument } from '../core/errors.js';
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
  @Inject(PROBLEM_DOCUMENTS) private readonly tellsProblems!: boolean;

  override catch(exception: unknown, host: ArgumentsHost): void {
    const answer = unreadableRequest(exception);
    const bodyOf = this.tellsProblems ? problemDocument : errorBody;
    const known = answer && new HttpException(bodyOf(answer.status, answer.message, answer.code), answer.status);
    // Over other transports there is no answer of its own to give it with.
    if (host.getType() !== 'http') throw known ?? exception;
    if (this.tellsProblems && known !== undefined) {
      this.httpAdapterHost?.httpAdapter.setHeader(host.getArgByIndex(1), 'Content-Type', PROBLEM);
    }
    super.catch(known ?? exception, host);
  }
}
