import { describe, expect, it } from '@jest/globals';
import type { ConfigurationProblem } from '../../core/errors.js';
import { checkLockoutOptions, resolveLockout } from './lockout.options.js';

function problemsOf(options: unknown): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  checkLockoutOptions(options, 'lockout', problems);
  return problems;
}

describe('The options of lockout', () => {
  it.each<unknown>([
    {},
    { maxFailures: 1, window: 1, duration: '1 day' },
    { account: false, address: false, familiar: false },
    { account: { maxFailures: 100, window: '1 hour', duration: '1 hour' }, address: { maxFailures: 1 } },
    { maxFailures: 50, account: false },
    { delay: {} },
    { delay: { after: 3, first: 500, longest: '1 hour' } },
    { familiar: '90 days', normalize: (text: string) => text, onStoreError: 'local', enforcement: 'report' },
  ])('are accepted: %j', (options) => {
    expect(problemsOf(options)).toEqual([]);
  });

  it.each<[unknown, string, string]>([
    [{ maxFailure: 5 }, 'lockout.maxFailure', 'is not an option'],
    [{ maxFailures: 0 }, 'lockout.maxFailures', 'whole number from 1'],
    [{ maxFailures: Infinity }, 'lockout.maxFailures', 'whole number from 1'],
    [{ window: 'soon' }, 'lockout.window', 'is no duration'],
    [{ duration: 0 }, 'lockout.duration', 'is no duration'],
    [{ account: { maxFailures: 5 } }, 'lockout.account.maxFailures', 'one address alone'],
    [{ maxFailures: 20 }, 'lockout.account.maxFailures', 'one address alone'],
    [{ account: { duration: 'x' } }, 'lockout.account.duration', 'is no duration'],
    [{ account: [] }, 'lockout.account', 'must be an object'],
    [{ address: { maxFailures: 0 } }, 'lockout.address.maxFailures', 'whole number'],
    [{ address: 20 }, 'lockout.address', 'must be an object'],
    [{ delay: false }, 'lockout.delay', 'must be an object'],
    [{ delay: true }, 'lockout.delay', 'must be an object'],
    [{ delay: { first: '2 hours' } }, 'lockout.delay.first', 'longer than an hour'],
    [{ delay: { factor: 3 } }, 'lockout.delay.factor', 'is not an option'],
    [{ familiar: true }, 'lockout.familiar', 'is no duration'],
    [{ normalize: 'lower' }, 'lockout.normalize', 'must be a function'],
    [{ normalize: async (typed: string) => typed }, 'lockout.normalize', 'must answer at once'],
    [{ onStoreError: 'shut' }, 'lockout.onStoreError', 'must be one of'],
    [{ enforcement: 'off' }, 'lockout.enforcement', 'must be one of'],
    [false, 'lockout', 'must be an object'],
  ])('are refused: %j', (options, where, problem) => {
    expect(problemsOf(options)).toContainEqual(
      expect.objectContaining({ where, problem: expect.stringContaining(problem) }),
    );
  });

  it('have defaults that keep one account under a hundred guesses an hour', () => {
    const { pair, account, address, onStoreError, delay } = resolveLockout();
    expect([pair.maxFailures, account?.maxFailures, address?.maxFailures]).toEqual([5, 20, 20]);
    expect(onStoreError).toBe('closed');
    expect(delay).toBeUndefined();
    // OWASP ASVS 4.0, 2.2.1. From one address where it signs in, and from all others together.
    const rounds = (threshold: typeof pair) => Math.ceil(3_600_000 / threshold.duration);
    const guesses = rounds(pair) * pair.maxFailures + rounds(account as typeof pair) * 20;
    expect(guesses).toBeLessThanOrEqual(100);
  });

  it('have the account and the address take over window and duration', () => {
    const { account, address } = resolveLockout({ window: '1 minute', duration: '1 hour', address: { duration: 7 } });
    expect(account).toEqual({ maxFailures: 20, window: 60_000, duration: 3_600_000 });
    expect(address).toEqual({ maxFailures: 20, window: 60_000, duration: 7 });
  });
});

describe('An identifier', () => {
  const { normalize } = resolveLockout();

  it.each([
    ['Alice@Bank.Example', 'alice@bank.example'],
    ['  alice\t', 'alice'],
    ['ａｌｉｃｅ', 'alice'],
    ['ﬁnn', 'finn'],
    ['e\u0301ve', '\u00e9ve'],
    ['', ''],
  ])('%j is %j', (typed, expected) => {
    expect(normalize(typed)).toBe(expected);
  });
});
