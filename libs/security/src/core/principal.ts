/** What a {@link Principal} is: a person, a program acting for itself, or nobody known. */
export type PrincipalKind = 'user' | 'service' | 'anonymous';

/** Who calls. It is `request.user`, and what `@CurrentUser()` injects. */
export interface Principal {
  /** The stable identifier: the token's `sub`, the user's id. Empty for an anonymous caller. */
  readonly id: string;
  readonly kind: PrincipalKind;
  /** Roles as granted, before the hierarchy is applied. */
  readonly roles: readonly string[];
  /** Permissions granted to the principal itself, beside those its roles carry. */
  readonly permissions: readonly string[];
  /** OAuth 2.0 scopes (RFC 6749, section 3.3). */
  readonly scopes: readonly string[];
  readonly tenant?: string | undefined;
  /** The verified claims of the token, or what the Passport strategy answered with. Frozen one level deep. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The scheme that authenticated the caller: `jwt`, or the name of a Passport strategy. */
  readonly scheme: string;
  /** When the user proved who they are (`auth_time`, OpenID Connect Core, section 2). */
  readonly authenticatedAt?: Date | undefined;
  /** Authentication context class (`acr`). */
  readonly acr?: string | undefined;
  /** Authentication methods (`amr`, RFC 8176). */
  readonly amr?: readonly string[] | undefined;
  /** The token's identifier (`jti`, RFC 7519, section 4.1.7). */
  readonly tokenId?: string | undefined;
}

/** What a `principal` function answers with: `id` is required, the rest has defaults. */
export type PrincipalInit = Partial<Omit<Principal, 'scheme'>> & Pick<Principal, 'id'>;

const NONE: readonly string[] = Object.freeze([]);
const NO_CLAIMS: Readonly<Record<string, unknown>> = Object.freeze({});

/** The caller of a route that credentials are optional for and who sent none. */
export const ANONYMOUS: Principal = Object.freeze({
  id: '',
  kind: 'anonymous',
  roles: NONE,
  permissions: NONE,
  scopes: NONE,
  claims: NO_CLAIMS,
  scheme: 'anonymous',
});

/** Completes and freezes a principal, so that no handler can widen what a later check reads. */
export function createPrincipal(init: PrincipalInit, scheme: string): Principal {
  return Object.freeze({
    id: init.id,
    kind: init.kind ?? 'user',
    roles: frozen(init.roles),
    permissions: frozen(init.permissions),
    scopes: frozen(init.scopes),
    tenant: init.tenant,
    claims: frozenClaims(init.claims),
    scheme,
    authenticatedAt: init.authenticatedAt,
    acr: init.acr,
    amr: init.amr === undefined ? undefined : frozen(init.amr),
    tokenId: init.tokenId,
  });
}

/** A copy, unless it is frozen already: the object may be an entity that the application still writes to. */
function frozenClaims(claims: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> {
  if (claims === undefined) return NO_CLAIMS;
  return Object.isFrozen(claims) ? claims : Object.freeze({ ...claims });
}

function frozen(values: readonly string[] | undefined): readonly string[] {
  return values === undefined || values.length === 0 ? NONE : Object.freeze([...values]);
}
