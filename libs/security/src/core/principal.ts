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
  /**
   * The verified claims of the token, or what the Passport strategy answered with, frozen. It is not enumerable: a
   * principal that is sent or logged does not take along what else is known of the caller.
   */
  readonly claims: Readonly<Record<string, unknown>>;
  /** The scheme that authenticated the caller: `jwt`, or the name of a Passport strategy. */
  readonly scheme: string;
  /** When the user proved who they are, in milliseconds since the epoch (`auth_time`, OpenID Connect Core, section 2). */
  readonly authenticatedAt?: number | undefined;
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
  const principal = {
    id: init.id,
    kind: init.kind ?? 'user',
    roles: frozen(init.roles),
    permissions: frozen(init.permissions),
    scopes: frozen(init.scopes),
    tenant: init.tenant,
    scheme,
    authenticatedAt: init.authenticatedAt,
    acr: init.acr,
    amr: init.amr === undefined ? undefined : frozen(init.amr),
    tokenId: init.tokenId,
  };
  Object.defineProperty(principal, 'claims', { value: frozenClaims(init.claims), enumerable: false });
  return Object.freeze(principal) as Principal;
}

/**
 * A copy, unless it is frozen already: the object may be an entity that the application still writes to. It stays an
 * instance of its class, whose `@Sensitive` fields stay hidden.
 */
function frozenClaims(claims: Readonly<Record<string, unknown>> | undefined): Readonly<Record<string, unknown>> {
  if (claims === undefined) return NO_CLAIMS;
  if (Object.isFrozen(claims)) return claims;
  const prototype = Object.getPrototypeOf(claims) as object | null;
  return Object.freeze(Object.create(prototype, Object.getOwnPropertyDescriptors(claims)) as Record<string, unknown>);
}

function frozen(values: readonly string[] | undefined): readonly string[] {
  return values === undefined || values.length === 0 ? NONE : Object.freeze([...values]);
}

/** What keeps an answer of the application from being a principal: text in place of a list would grant each letter. */
export function principalProblem(init: unknown): string | undefined {
  if (typeof init !== 'object' || init === null) return 'is no object';
  const { id, kind, claims, authenticatedAt, ...others } = init as Record<string, unknown>;
  if (typeof id !== 'string' || id === '') return 'has no id that is text';
  if (kind !== undefined && kind !== 'user' && kind !== 'service') return 'has a kind that is not known';
  if (claims !== undefined && (typeof claims !== 'object' || claims === null)) return 'has claims that are no object';
  if (authenticatedAt !== undefined && !Number.isFinite(authenticatedAt))
    return 'has an authenticatedAt that is no number';
  for (const name of LISTS) {
    const list = others[name];
    if (list === undefined) continue;
    if (!Array.isArray(list) || !list.every((item) => typeof item === 'string'))
      return `has ${name} that are no list of texts`;
  }
  const text = TEXTS.find((name) => others[name] !== undefined && typeof others[name] !== 'string');
  return text === undefined ? undefined : `has a ${text} that is no text`;
}

const LISTS = ['roles', 'permissions', 'scopes', 'amr'] as const;
const TEXTS = ['tenant', 'acr', 'tokenId'] as const;
