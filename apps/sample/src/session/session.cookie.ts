import type { AccessToken } from '../auth/access-token.issuer.js';

/** With this prefix browsers take it over TLS alone, for this host alone and from no other name of the domain (RFC 6265bis). */
export const SESSION_COOKIE = '__Host-ledger-session';

// No script may read it, and it does not come along with requests of other sites.
const ATTRIBUTES = 'Path=/; Secure; HttpOnly; SameSite=Strict';

/** The value of `Set-Cookie` that begins a session: it ends when the token does. */
export function sessionCookie({ value, expiresIn }: AccessToken): string {
  return `${SESSION_COOKIE}=${value}; Max-Age=${expiresIn}; ${ATTRIBUTES}`;
}

/** The value of `Set-Cookie` that ends one. */
export const ENDED_SESSION_COOKIE = `${SESSION_COOKIE}=; Max-Age=0; ${ATTRIBUTES}`;
