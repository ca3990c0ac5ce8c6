import type { PrincipalInit } from '../../core/principal.js';
import type { Claims } from './jwt.policy.js';

/**
 * The principal of a token's claims, as OAuth 2.0 and OpenID Connect name them; `undefined` without a `sub`. The claims
 * have passed `checkClaims`, which looks at the type of each.
 */
export function principalOfClaims(claims: Claims): PrincipalInit | undefined {
  const { iss, sub, client_id, azp, roles, permissions, tenant, tid, auth_time, acr, amr, jti } = claims as TypedClaims;
  if (sub === undefined) return undefined;
  return {
    id: sub,
    // RFC 9068, section 2.2: a client that acts for itself is the subject of its token.
    kind: (client_id ?? azp) === sub ? 'service' : 'user',
    roles: roles ?? [],
    permissions: permissions ?? [],
    scopes: scopesOf(claims as TypedClaims),
    tenant: tenant ?? tid,
    claims,
    authenticatedAt: auth_time === undefined ? undefined : auth_time * 1000,
    acr,
    amr,
    issuer: iss,
    tokenId: jti,
  };
}

interface TypedClaims extends Claims {
  readonly iss?: string;
  readonly sub?: string;
  readonly client_id?: string;
  readonly azp?: string;
  readonly roles?: readonly string[];
  readonly permissions?: readonly string[];
  readonly scope?: string | readonly string[];
  readonly scp?: string | readonly string[];
  readonly tenant?: string;
  readonly tid?: string;
  readonly auth_time?: number;
  readonly acr?: string;
  readonly amr?: readonly string[];
  readonly jti?: string;
}

/** `scope` is RFC 8693's (section 4.2), separated by spaces; some issuers write `scp`, as text or as a list. */
function scopesOf({ scope, scp }: TypedClaims): readonly string[] {
  const scopes = scope ?? scp ?? [];
  return typeof scopes === 'string' ? scopes.split(' ').filter((name) => name !== '') : scopes;
}

const DEEPEST = 32;

/**
 * Freezes claims through and through: they are shared by all requests that bring the token. False where they nest too
 * deep, or have a member called `__proto__`, which would replace the prototype of whatever they are copied into.
 */
export function sealClaims(value: object, depth = 0): boolean {
  if (depth > DEEPEST || Object.hasOwn(value, '__proto__')) return false;
  for (const item of Object.values(value) as unknown[]) {
    if (typeof item === 'object' && item !== null && !sealClaims(item, depth + 1)) return false;
  }
  Object.freeze(value);
  return true;
}
