import { ALLOWED, type Decision, denied } from '../../core/decision.js';
import { lowerCased } from '../../core/http-grammar.js';
import { isRecord } from '../../core/options.rules.js';
import { type ImportedKey, MAX_KID_LENGTH } from './imported-key.js';
import type { JwtAlgorithm, JwtKeyHint } from './jwt.options.js';

export interface HeaderRules {
  readonly algorithms: ReadonlySet<JwtAlgorithm>;
  /** As {@link mediaTypeOf} gives them. */
  readonly types: ReadonlySet<string>;
  readonly typeRequired: boolean;
}

export interface IssuerRules {
  readonly issuer: string;
  /** Absent where any audience is accepted. */
  readonly audiences?: ReadonlySet<string> | undefined;
}

export interface ClaimRules {
  /** Seconds. */
  readonly clockTolerance: number;
  readonly expiryRequired: boolean;
  /** Whether a principal is made from the usual names of claims; a function of the application reads its own. */
  readonly mapped: boolean;
}

export type Claims = Readonly<Record<string, unknown>>;

const MALFORMED = denied('token_malformed');
const ALGORITHM_REFUSED = denied('token_algorithm_refused');
const CRITICAL_UNKNOWN = denied('token_critical_header_unknown');
const TYPE_REFUSED = denied('token_type_refused');
const ISSUER_UNTRUSTED = denied('token_issuer_untrusted');
const CLAIMS_INVALID = denied('token_claims_invalid');
const EXPIRED = denied('token_expired');
const NOT_YET_VALID = denied('token_not_yet_valid');
const AUDIENCE_MISMATCH = denied('token_audience_mismatch');

/**
 * Decides on the header of a token before anything is verified. `jku`, `x5u`, `x5c` and `jwk` are not even read: a
 * token does not choose the key it is verified with (RFC 8725, section 3.10).
 */
export function checkHeader(header: unknown, rules: HeaderRules): Decision {
  if (!isRecord(header)) return MALFORMED;
  const { alg, kid, typ, b64 } = header;
  if (typeof alg !== 'string') return MALFORMED;
  if (!rules.algorithms.has(alg as JwtAlgorithm)) return ALGORITHM_REFUSED;
  // RFC 7515, section 4.1.11: an extension that is not understood refuses the token, and none is. `b64` changes what
  // is signed (RFC 7797); some libraries overlook it when `crit` does not name it.
  if ('crit' in header || (b64 !== undefined && b64 !== true)) return CRITICAL_UNKNOWN;
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) return MALFORMED;
  if (typ === undefined) return rules.typeRequired ? TYPE_REFUSED : ALLOWED;
  return typeof typ === 'string' && rules.types.has(mediaTypeOf(typ)) ? ALLOWED : TYPE_REFUSED;
}

/** What a header that passed {@link checkHeader} says of the key. */
export function keyHintOf(header: unknown): JwtKeyHint {
  const { alg, kid } = header as JwtKeyHint;
  return Object.freeze({ alg, kid });
}

/**
 * The one key that a token can mean. Names are compared as they are, and looked up nowhere. A key without a name that is
 * alone serves whatever the token calls its key; where several fit, none does (fails closed).
 */
export function selectKey(keys: readonly ImportedKey[], { alg, kid }: JwtKeyHint): ImportedKey | undefined {
  const byName = kid !== undefined && (keys.length > 1 || keys[0]?.kid !== undefined);
  let found: ImportedKey | undefined;
  for (const key of keys) {
    if (!key.algorithms.has(alg) || (byName && key.kid !== kid)) continue;
    if (found !== undefined) return undefined;
    found = key;
  }
  return found;
}

/** RFC 7515, section 4.1.9: media types know no case, and `application/` may be left out. */
export function mediaTypeOf(typ: string): string {
  const type = lowerCased(typ);
  return type.startsWith('application/') ? type.slice('application/'.length) : type;
}

/** Decides on the claims of a token whose signature is valid. Absent means absent: `null` has the wrong type. */
export function checkClaims(claims: unknown, issuer: IssuerRules, rules: ClaimRules, nowSeconds: number): Decision {
  if (!isRecord(claims)) return CLAIMS_INVALID;
  if (claims['iss'] !== issuer.issuer) return ISSUER_UNTRUSTED;
  if (!areRegisteredTyped(claims) || (rules.mapped && !areTyped(claims))) return CLAIMS_INVALID;
  const time = checkTimes(claims, rules, nowSeconds);
  return time.allowed ? checkAudience(claims['aud'], issuer.audiences) : time;
}

/** Each comparison is written so that a time that is no number denies (fails closed). */
function checkTimes(claims: Claims, { clockTolerance, expiryRequired }: ClaimRules, now: number): Decision {
  const { exp, nbf, iat } = claims;
  if (exp === undefined) {
    if (expiryRequired) return CLAIMS_INVALID;
  } else {
    if (!isFiniteNumber(exp)) return CLAIMS_INVALID;
    if (!(now < exp + clockTolerance)) return EXPIRED;
  }
  return checkStart(nbf, now + clockTolerance) ?? checkStart(iat, now + clockTolerance) ?? ALLOWED;
}

function checkStart(start: unknown, latest: number): Decision | undefined {
  if (start === undefined) return undefined;
  if (!isFiniteNumber(start)) return CLAIMS_INVALID;
  return start <= latest ? undefined : NOT_YET_VALID;
}

/** RFC 7519, section 4.1.3. */
function checkAudience(aud: unknown, accepted: ReadonlySet<string> | undefined): Decision {
  if (aud !== undefined && typeof aud !== 'string' && !isListOfStrings(aud)) return CLAIMS_INVALID;
  if (accepted === undefined) return ALLOWED;
  if (aud === undefined) return AUDIENCE_MISMATCH;
  if (typeof aud === 'string') return accepted.has(aud) ? ALLOWED : AUDIENCE_MISMATCH;
  return aud.some((audience) => accepted.has(audience)) ? ALLOWED : AUDIENCE_MISMATCH;
}

const STRINGS = ['client_id', 'azp', 'tenant', 'tid', 'acr'];
const LISTS = ['roles', 'permissions', 'amr'];
/** The last second that a `Date` can hold. */
const LAST_SECOND = 8_640_000_000_000;

/** The claims of RFC 7519 that are looked at nowhere else. */
function areRegisteredTyped({ sub, jti }: Claims): boolean {
  return (
    (sub === undefined || (typeof sub === 'string' && sub !== '')) && (jti === undefined || typeof jti === 'string')
  );
}

/** RFC 8693, section 4.2 writes text; Spring Authorization Server and others write a list. */
function isScope(scope: unknown): boolean {
  return scope === undefined || typeof scope === 'string' || isListOfStrings(scope);
}

/** Whatever a principal is made from has its type, so that nobody compares a list with a name further on. */
function areTyped(claims: Claims): boolean {
  const { scope, scp, auth_time } = claims;
  if (!isScope(scope) || !isScope(scp)) return false;
  if (auth_time !== undefined && !(isFiniteNumber(auth_time) && Math.abs(auth_time) <= LAST_SECOND)) return false;
  for (const name of STRINGS) {
    if (claims[name] !== undefined && typeof claims[name] !== 'string') return false;
  }
  for (const name of LISTS) {
    if (claims[name] !== undefined && !isListOfStrings(claims[name])) return false;
  }
  return true;
}

function isFiniteNumber(value: unknown): value is number {
  return Number.isFinite(value);
}

function isListOfStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
