import { describe, expect, it } from '@jest/globals';
import { DrizzleQueryError } from 'drizzle-orm';
import { LedgerException } from '../errors.js';
import { DatabaseError, DatabaseUnavailableException, translateDatabaseError } from './database.errors.js';

const failing = (cause: Error) => () =>
  Promise.reject(new DrizzleQueryError('select $1', ['hunter2'], Object.assign(cause, { detail: 'hunter2' })));
const coded = (code: string) => Object.assign(new Error('invalid input: "hunter2"'), { code });

describe('an error of the database', () => {
  it('names its SQLSTATE and its constraint, and none of the values', async () => {
    const cause = Object.assign(coded('23505'), { constraint: 'users_username_key' });
    const error = await translateDatabaseError(failing(cause)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error).toMatchObject({ sqlState: '23505', constraint: 'users_username_key' });
    expect((error as Error).stack).not.toContain('hunter2');
    expect((error as Error).cause).toBeUndefined();
  });

  it.each(['08006', '53300', '57P01', '57014', '55P03', 'ECONNREFUSED'])(
    'is answered with 503 when the database is away (%s)',
    async (code) => {
      await expect(translateDatabaseError(failing(coded(code)))).rejects.toThrow(DatabaseUnavailableException);
    },
  );

  it('is answered with 503 when the driver gives no code', async () => {
    await expect(translateDatabaseError(failing(new Error('Connection terminated')))).rejects.toMatchObject({
      status: 503,
      code: 'database_unavailable',
    });
  });
});

describe('any other error', () => {
  it('passes unchanged', async () => {
    const refusal = new LedgerException(409, 'insufficient_funds', 'x');
    await expect(translateDatabaseError(() => Promise.reject(refusal))).rejects.toBe(refusal);
  });
});
