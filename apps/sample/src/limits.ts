import type { HttpRequest, RateLimitingOptions } from '@palisade/nest';

/** How often who may call: the names are on the handlers, but for `anonymous`, which holds everywhere. */
export const RATE_LIMITS: RateLimitingOptions = {
  limits: {
    anonymous: { limit: '600/minute', by: 'ip' },
    // Failures only: whoever knows the password may sign in as often as they like.
    login: { limit: '5/minute', by: ({ request }) => usernameIn(request), countOn: 'failure' },
    loginAddress: { limit: '20/minute', by: 'ip', countOn: 'failure' },
    transfers: { limit: '30/minute', by: 'user' },
  },
  global: ['anonymous'],
};

/** The account that somebody tries to sign in to, whichever way; there is none without a name. */
function usernameIn({ body }: HttpRequest): string | undefined {
  const username: unknown = (body as { username?: unknown } | undefined)?.username;
  return typeof username === 'string' ? username.trim().toLowerCase() : undefined;
}
