import type { HttpRequest, LockoutOptions, RateLimitingOptions } from '@palisade/nest';
import type { Configuration } from './configuration.js';

/** How often who may call: the names are on the handlers, but for `anonymous`, which holds everywhere. */
export function rateLimits({ quotas }: Pick<Configuration, 'quotas'>): RateLimitingOptions {
  return {
    limits: {
      anonymous: { limit: quotas.requests, window: 'minute', by: 'ip' },
      // Failures only: whoever knows the password may sign in as often as they like.
      login: {
        limit: quotas.failuresOfAccount,
        window: 'minute',
        by: ({ request }) => usernameIn(request),
        countOn: 'failure',
      },
      loginAddress: { limit: quotas.failuresOfAddress, window: 'minute', by: 'ip', countOn: 'failure' },
      transfers: { limit: quotas.transfers, window: 'minute', by: 'user' },
    },
    global: ['anonymous'],
  };
}

/** Who is locked out; it may be five times as many failures for an account, or an address, in all. */
export function lockout({ quotas }: Pick<Configuration, 'quotas'>): LockoutOptions {
  const maxFailures = quotas.failuresBeforeLock;
  return { maxFailures, account: { maxFailures: 5 * maxFailures }, address: { maxFailures: 5 * maxFailures } };
}

/** The account that somebody tries to sign in to, whichever way; there is none without a name. */
function usernameIn({ body }: HttpRequest): string | undefined {
  const username: unknown = (body as { username?: unknown } | undefined)?.username;
  return typeof username === 'string' ? username.trim().toLowerCase() : undefined;
}
