import { describe, expect, it } from '@jest/globals';
import { LedgerException } from '../errors.js';
import { readIdempotencyKey } from './idempotency-key.js';

function codeOf(header: string | string[] | undefined): string | undefined {
  try {
    readIdempotencyKey(header);
    return undefined;
  } catch (error) {
    return error instanceof LedgerException ? error.code : String(error);
  }
}

describe('an idempotency key', () => {
  it.each(['x', '8e03978e-40d5-43dd-bc93-6894a57f9324', '"quoted"', '~!@#', 'x'.repeat(128)])('may be %s', (key) => {
    expect(readIdempotencyKey(key)).toBe(key);
  });

  it('is required', () => {
    expect(codeOf(undefined)).toBe('idempotency_key_missing');
  });

  it.each([
    ['empty', ''],
    ['longer than 128 characters', 'x'.repeat(129)],
    ['several words', 'a b'],
    ['repeated, as Node joins it', 'a, a'],
    ['repeated, as a list', ['a', 'a']],
    ['not ASCII', 'clé'],
    ['with a control character', 'a\tb'],
    ['with a line break at its end', 'a\n'],
  ])('must not be %s', (_, header) => {
    expect(codeOf(header)).toBe('idempotency_key_malformed');
  });
});
