import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';

/** A refusal of the bank, in the shape of every other error: Nest's body and a stable code. */
export class LedgerException extends HttpException {
  constructor(
    status: number,
    readonly code: string,
    message: string,
  ) {
    super({ statusCode: status, error: STATUS_CODES[status] ?? 'Error', message, code }, status);
  }
}
