import type { LockoutOptions, RateLimitingOptions } from '@palisade/nest';
import type { Configuration } from './configuration.js';

/**
 * How often who may call: the names are on the handlers, but for `anonymous`, which holds everywhere. None counts by the
 * name that somebody signs in with: whoever knows the name of a customer could use it up. That is for {@link lockout}.
 */
export function rateLimits({ quotas }: Pick<Configuration, 'quotas'>): RateLimitingOptions {
  return {
    limits: {
      anonymous: { limit: quotas.requests, window: 'minute', by: 'ip' },
      transfers: { limit: quotas.transfers, window: 'minute', by: 'user' },
    },
    global: ['anonymous'],
  };
}

/**
 * Who is locked out; it may be five times as many failures for an account, or an address, in all. Neither keeps a customer
 * out from where they have signed in before.
 */
export function lockout({ quotas }: Pick<Configuration, 'quotas'>): LockoutOptions {
  const maxFailures = quotas.failuresBeforeLock;
  return { maxFailures, account: { maxFailures: 5 * maxFailures }, address: { maxFailures: 5 * maxFailures } };
}
