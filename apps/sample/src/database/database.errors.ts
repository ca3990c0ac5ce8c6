import { DrizzleQueryError } from 'drizzle-orm';
import { LedgerException } from '../errors.js';

/** A statement failed. The message names the SQLSTATE only: the driver's own may quote parameters. */
export class DatabaseError extends Error {
  constructor(
    readonly sqlState: string,
    readonly constraint: string | undefined,
  ) {
    super(`A statement failed with SQLSTATE ${sqlState}${constraint === undefined ? '' : ` (${constraint})`}.`);
    this.name = 'DatabaseError';
  }
}

/** The database cannot be reached or does not answer in time. */
export class DatabaseUnavailableException extends LedgerException {
  constructor() {
    super(503, 'database_unavailable', 'The database does not answer');
  }
}

interface DriverError {
  readonly code?: unknown;
  readonly constraint?: unknown;
}

// Connection exceptions, insufficient resources, operator intervention (which a time-out is), and lock time-outs.
const UNAVAILABLE = /^(?:08|53|57|55P03)/;
const SQL_STATE = /^[0-9A-Z]{5}$/;

/** Runs `work` and passes on what it throws, errors of the driver without what they quote. */
export async function translateDatabaseError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DrizzleQueryError ? translate(error.cause as DriverError | undefined) : error;
  }
}

function translate(cause: DriverError | undefined): Error {
  const state = cause?.code;
  if (typeof state !== 'string' || !SQL_STATE.test(state) || UNAVAILABLE.test(state)) {
    return new DatabaseUnavailableException();
  }
  return new DatabaseError(state, typeof cause?.constraint === 'string' ? cause.constraint : undefined);
}
