import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { LedgerException } from '../errors.js';

// Visible ASCII. Node joins repeated lines with ", ", so that a second key shows as a blank, which is none.
const KEY = /^[\x21-\x7e]{1,128}$/;

/** @throws {LedgerException} 400 when the header is missing, repeated or malformed (fails closed) */
export function readIdempotencyKey(header: string | readonly string[] | undefined): string {
  if (header === undefined) {
    throw new LedgerException(400, 'idempotency_key_missing', 'The header Idempotency-Key is required');
  }
  if (typeof header !== 'string' || !KEY.test(header)) {
    throw new LedgerException(
      400,
      'idempotency_key_malformed',
      'The header Idempotency-Key must come once, with 1 to 128 visible ASCII characters',
    );
  }
  return header;
}

/** The request's `Idempotency-Key`. */
export const IdempotencyKey = createParamDecorator((_: unknown, context: ExecutionContext) =>
  readIdempotencyKey(context.switchToHttp().getRequest<IncomingMessage>().headers['idempotency-key']),
);
