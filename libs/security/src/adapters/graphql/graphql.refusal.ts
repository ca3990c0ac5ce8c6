import type { HttpException } from '@nestjs/common';
import type { TransportRefusal } from '../../core/transport.port.js';

/**
 * The exception, as GraphQL servers show it: they take `extensions` over. Nest's driver for Apollo replaces the code of
 * whatever has a `response`, so that the view has none; filters of the application read it with `getResponse()`.
 */
export function graphqlRefusal(exception: HttpException, { code, retryAfter }: TransportRefusal): HttpException {
  const status = exception.getStatus();
  const response = exception.getResponse();
  const { fields } = response as { readonly fields?: unknown };
  const extensions = {
    code,
    status,
    ...(retryAfter !== undefined && { retryAfter }),
    // What is wrong with the arguments.
    ...(fields !== undefined && { fields }),
  };
  // A view, as the exception may be the application's, and be thrown for several fields.
  return Object.create(exception, {
    extensions: { value: extensions, enumerable: true },
    response: { value: undefined },
    getResponse: { value: () => response },
  }) as HttpException;
}
