import { shared } from './copies.js';

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
  /** Who vouched for the caller (`iss`). An `id` is unique within its issuer only (RFC 7519, section 4.1.2). */
  readonly issuer?: string | undefined;
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
export const ANONYMOUS: Principal = shared<Principal>('anonymous', () =>
  Object.freeze({
    id: '',
    kind: 'anonymous',
    roles: NONE,
    permissions: NONE,
    scopes: NONE,
    claims: NO_CLAIMS,
    scheme: 'anonymous',
  }),
);

/** Completes and freezes a principal, so that no handler can widen what a later check reads. */
export function createPrincipal(init: PrincipalInit, scheme: string): Principal {
  return new FrozenPrincipal(init, scheme);
}

/** `claims` is a getter of the class, which no enumeration of an instance meets. */
class FrozenPrincipal implements Principal {
  readonly id: string;
  readonly kind: PrincipalKind;
  readonly roles: readonly string[];
  readonly permissions: readonly string[];
  readonly scopes: readonly string[];
  readonly tenant: string | undefined;
  readonly scheme: string;
  readonly issuer: string | undefined;
  readonly authenticatedAt: number | undefined;
  readonly acr: string | undefined;
  readonly amr: readonly string[] | undefined;
  readonly tokenId: string | undefined;
  readonly #claims: Readonly<Record<string, unknown>>;

  constructor(init: PrincipalInit, scheme: string) {
    this.id = init.id;
    this.kind = init.kind ?? 'user';
    this.roles = frozen(init.roles);
    this.permissions = frozen(init.permissions);
    this.scopes = frozen(init.scopes);
    this.tenant = init.tenant;
    this.scheme = scheme;
    this.issuer = init.issuer;
    this.authenticatedAt = init.authenticatedAt;
    this.acr = init.acr;
    this.amr = init.amr === undefined ? undefined : frozen(init.amr);
    this.tokenId = init.tokenId;
    this.#claims = frozenClaims(init.claims);
    Object.freeze(this);
  }

  get claims(): Readonly<Record<string, unknown>> {
    return this.#claims;
  }
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
  if (values === undefined || values.length === 0) return NONE;
  return Object.isFrozen(values) ? values : Object.freeze([...values]);
}

/** The properties of a principal, each read once: getters of an entity count, and cannot answer differently later. */
export function readPrincipal(init: PrincipalInit): PrincipalInit {
  const { id, kind, roles, permissions, scopes, tenant, claims, issuer, authenticatedAt, acr, amr, tokenId } = init;
  return {
    id,
    kind,
    roles,
    permissions,
    scopes,
    tenant,
    claims,
    issuer,
    authenticatedAt,
    acr,
    amr,
    tokenId,
  } as PrincipalInit;
}

/** What keeps what was read from being a principal: text in place of a list would grant each of its letters. */
export function principalProblem(init: PrincipalInit): string | undefined {
  const { id, kind, claims, authenticatedAt } = init as Partial<Record<keyof Principal, unknown>>;
  if (typeof id !== 'string' || id === '') return 'has no id that is text';
  if (kind !== undefined && kind !== 'user' && kind !== 'service') return 'has a kind that is not known';
  if (claims !== undefined && (typeof claims !== 'object' || claims === null)) return 'has claims that are no object';
  if (authenticatedAt !== undefined && !Number.isFinite(authenticatedAt)) {
    return 'has an authenticatedAt that is no number';
  }
  for (const name of LISTS) {
    const list: unknown = init[name];
    if (list === undefined) continue;
    if (!Array.isArray(list) || !list.every((item) => typeof item === 'string')) {
      return `has ${name} that are no list of texts`;
    }
  }
  const text = TEXTS.find((name) => init[name] !== undefined && typeof init[name] !== 'string');
  return text === undefined ? undefined : `has a ${text} that is no text`;
}

const LISTS = ['roles', 'permissions', 'scopes', 'amr'] as const;
const TEXTS = ['tenant', 'issuer', 'acr', 'tokenId'] as const;
