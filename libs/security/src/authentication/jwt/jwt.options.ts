import type { KeyObject, webcrypto } from 'node:crypto';
import type { JWK } from 'jose';
import type { JwtKeySet } from './jwt-key-set.js';

/** Signature algorithms (RFC 7518, section 3.1; RFC 8037). `none` is not one. */
export const JWT_ALGORITHMS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;

/** One of {@link JWT_ALGORITHMS}. */
export type JwtAlgorithm = (typeof JWT_ALGORITHMS)[number];

/** What the header of a token says of its key; everything else in the header is ignored. */
export interface JwtKeyHint {
  readonly alg: JwtAlgorithm;
  readonly kid?: string | undefined;
}

/** A public key: PEM (SPKI, PKCS #1 or a certificate), JWK, or an imported key. */
export type JwtPublicKey = string | JWK | KeyObject | webcrypto.CryptoKey;

/**
 * Answers with the key of a token, or `undefined` when there is none: the token is refused with 401. A function that
 * throws, answers with a key that cannot be used, or not within `authentication.timeout`, is an error of the server: 500,
 * an event `authentication_failed` and a log line. The key sets of jose (`createRemoteJWKSet`) are such functions.
 *
 * Text is always a public key and bytes are always a shared secret. A key it stops giving is refused once `cache.ttl`
 * is over; one that must go at once belongs in a `JwtKeySet`.
 */
export type JwtKeyProvider = (hint: JwtKeyHint) => JwtKeyLike | undefined | Promise<JwtKeyLike | undefined>;

/** A public key, or the bytes of a shared secret. */
export type JwtKeyLike = JwtPublicKey | Uint8Array;

/** Who is trusted to issue tokens, for whom, and with which keys. */
export interface JwtIssuerOptions {
  /** The exact value of `iss` (RFC 7519, section 4.1.1). */
  issuer: string;
  /** This API's name in `aud`; with several, one must match (RFC 7519, section 4.1.3). */
  audience?: string | readonly string[] | undefined;
  /** Accept tokens meant for anybody. Every service that shares the issuer can then replay its tokens here. */
  dangerouslyAcceptAnyAudience?: boolean | undefined;
  /** The algorithms that tokens may be signed with. HS* and asymmetric ones never mix for one issuer. */
  algorithms: readonly JwtAlgorithm[];
  /** The shared secret for HS*: at least as many bytes as the hash is wide (RFC 7518, section 3.2). */
  secret?: string | Uint8Array | KeyObject | undefined;
  /** The public key or keys, or a function that finds them. */
  key?: JwtPublicKey | { readonly keys: readonly JWK[] } | JwtKeySet | JwtKeyProvider | undefined;
}

/** What holds for the tokens of every issuer. */
export interface JwtCommonOptions {
  /**
   * Accepted values of `typ`, without regard to case or an `application/` prefix (RFC 8725, section 3.11). Once given,
   * a token without `typ` is refused.
   * @default JWT, at+jwt, and none
   */
  types?: readonly string[] | undefined;
  /**
   * How far clocks may differ, in seconds, at most 300.
   * @default 5
   */
  clockTolerance?: number | undefined;
  /** Accept tokens without `exp`: they stay valid for ever. */
  dangerouslyAllowMissingExpiry?: boolean | undefined;
  /**
   * Longest token accepted, in characters.
   * @default 8192
   */
  maxLength?: number | undefined;
  /**
   * Where tokens are taken from. Two at once are refused with 400.
   * @default ['header']
   */
  from?: readonly JwtTransport[] | undefined;
  /** The `realm` of the challenge (RFC 9110, section 11.5). */
  realm?: string | undefined;
  /**
   * Verified tokens that are remembered until they expire, so that a token seen before costs a look-up. `false`
   * switches it off. It is emptied when a key of a `JwtKeySet` is withdrawn.
   * @default { max: 10000, ttl: 300 }
   */
  cache?: JwtCacheOptions | false | undefined;
}

/** How many verified tokens are remembered, and for how long. */
export interface JwtCacheOptions {
  /**
   * How many tokens, from 2 to 1,000,000.
   * @default 10000
   */
  max?: number | undefined;
  /**
   * For how long at most, in seconds; never beyond the token's expiry.
   * @default 300
   */
  ttl?: number | undefined;
}

/** The `Authorization` header, a cookie, a query parameter, a form field, or a function of one's own. */
export type JwtTransport =
  | 'header'
  | { readonly cookie: string }
  | { readonly query: string }
  | { readonly form: string }
  | ((request: object) => string | undefined);

/** One issuer, or several in `issuers`. */
export type JwtOptions = JwtCommonOptions &
  (
    | (JwtIssuerOptions & { issuers?: undefined })
    | ({ issuers: readonly JwtIssuerOptions[] } & { [K in keyof JwtIssuerOptions]?: undefined })
  );

/** What holds where an option is left out. `typ` may be missing as well, unless `types` is given. */
export const JWT_DEFAULTS = {
  types: ['JWT', 'at+jwt'],
  clockTolerance: 5,
  maxLength: 8192,
  cache: { max: 10_000, ttl: 300 },
} as const;

/** The issuers, however they are given. */
export function issuersOf(options: JwtOptions): readonly JwtIssuerOptions[] {
  return options.issuers ?? [options];
}
