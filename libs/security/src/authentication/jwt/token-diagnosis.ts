import type { DenialReason } from '../../core/decision.js';
import { isRecord } from '../../core/options.rules.js';
import { decodeJson, splitToken } from './compact-token.js';
import { JWT_ALGORITHMS, type JwtAlgorithm } from './jwt.options.js';
import type { Claims, HeaderRules, IssuerRules } from './jwt.policy.js';

/** The rules that a token was held to. */
export interface DiagnosisRules {
  readonly issuers: readonly IssuerRules[];
  readonly header: HeaderRules;
  /** Names of the keys that are configured, where they are known. */
  readonly kids: readonly string[] | undefined;
  readonly clockTolerance: number;
  readonly expiryRequired: boolean;
  readonly mapped: boolean;
}

/**
 * Explains a refusal to the developer of the application: what was expected, and how the token differs. Of the token it
 * shows no value, only if a member is there, of which type it is and how near it comes.
 */
export function diagnose(reason: DenialReason, token: string, rules: DiagnosisRules, now: number): string | undefined {
  const segments = splitToken(token);
  const header = segmentOf(segments?.header);
  const claims = segmentOf(segments?.payload);
  switch (reason) {
    case 'token_malformed':
      return malformed(token, segments !== undefined);
    case 'token_algorithm_refused':
      return `algorithms are ${listed([...rules.header.algorithms])}, and the token says ${algorithmIn(header)}. ${FIX_ALGORITHM}`;
    case 'token_type_refused':
      return `types are ${listed([...rules.header.types])}, and the "typ" of the token is ${presenceOf(header?.['typ'])}. Sign with one of them in the header, or list the other`;
    case 'token_issuer_untrusted':
      return issuerUntrusted(claims, rules.issuers);
    case 'token_audience_mismatch':
      return audienceMismatch(claims?.['aud'], rules.issuers);
    case 'token_key_unknown':
      return keyUnknown(header?.['kid'], rules.kids);
    case 'token_signature_invalid':
      return `the signature was made with another key than ${[...rules.header.algorithms].some(isSymmetric) ? '`secret`' : '`key`'}. Give what the issuer signs with: the same text in the same encoding, or the public half of the same pair`;
    case 'token_expired':
      return `"exp" lies ${secondsBetween(claims?.['exp'], now)} before the time of this server, and clockTolerance is ${rules.clockTolerance}`;
    case 'token_not_yet_valid':
      return `"nbf" or "iat" lies ahead of the time of this server by more than clockTolerance, ${rules.clockTolerance} seconds. Set the clocks, or check that the issuer writes seconds`;
    case 'token_claims_invalid':
      return claimsInvalid(claims, rules);
    case 'principal_refused':
      return 'the token has no "sub", which the id of the principal is taken from. Sign with a subject, or give authentication.principal';
    default:
      return undefined;
  }
}

const FIX_ALGORITHM = 'Sign with one of them, or list the algorithm of the issuer';

function segmentOf(segment: string | undefined): Claims | undefined {
  const value = segment === undefined ? undefined : decodeJson(segment);
  return isRecord(value) ? value : undefined;
}

function malformed(token: string, hasSegments: boolean): string {
  if (hasSegments) return 'its header is not a JSON object with an "alg" that is text';
  const parts = token.split('.', 6).length;
  if (parts === 5) return 'it is encrypted (five segments), which is not supported. Ask the issuer for signed tokens';
  if (parts === 1)
    return 'it is not a JSON Web Token but opaque text. Ask the issuer for access tokens in the form of JWTs';
  if (/[^\w.-]/.test(token)) return 'it has characters that no token has. Send it without quotation marks or padding';
  return 'it is not three segments in base64url, or it is longer than maxLength';
}

function issuerUntrusted(claims: Claims | undefined, issuers: readonly IssuerRules[]): string {
  const iss = claims?.['iss'];
  const expected = issuers.map(({ issuer }) => issuer);
  const fix =
    iss === undefined
      ? `Sign with { issuer: ${quoted(expected[0] ?? '')} }; @nestjs/jwt sets it in signOptions${alsoMissing(claims)}`
      : 'The two are compared exactly: make `issuer` the value that the issuer writes';
  return `issuer is ${listed(expected)}, and the "iss" of the token is ${nearness(iss, expected)}. ${fix}`;
}

/** A token that nobody gave an issuer has most often nothing else either: one line then says all. */
function alsoMissing(claims: Claims | undefined): string {
  const missing = ['aud', 'exp', 'sub'].filter((name) => claims?.[name] === undefined);
  return missing.length === 0 ? '' : `. It has no ${missing.map(quoted).join(', ')} either`;
}

function audienceMismatch(aud: unknown, issuers: readonly IssuerRules[]): string {
  const expected = issuers.flatMap(({ audiences }) => [...(audiences ?? [])]);
  const fix =
    aud === undefined
      ? `Sign with { audience: ${quoted(expected[0] ?? '')} }; @nestjs/jwt sets it in signOptions`
      : 'The token is meant for another API: ask the issuer for one with this audience';
  const given = Array.isArray(aud) ? 'a list of others' : nearness(aud, expected);
  return `audience is ${listed(expected)}, and the "aud" of the token is ${given}. ${fix}`;
}

function keyUnknown(kid: unknown, kids: readonly string[] | undefined): string {
  const given = `the "kid" of the token is ${presenceOf(kid)}`;
  if (kids === undefined) return `the key provider knows no key for it: ${given}. Answer with the key of that "kid"`;
  return kids.length === 0
    ? `no key fits it: ${given}, and the keys have no names. Give every key a kid`
    : `the keys are named ${listed(kids)}, and ${given}. Add the key that the issuer signs with`;
}

function claimsInvalid(claims: Claims | undefined, { expiryRequired, mapped }: DiagnosisRules): string {
  if (claims === undefined) return 'its claims are not a JSON object';
  if (claims['exp'] === undefined && expiryRequired) {
    return 'it has no "exp", and would be valid for ever. Sign with { expiresIn: \'15m\' }; @nestjs/jwt sets it in signOptions';
  }
  const wrong = TYPES.find(([name, is]) => claims[name] !== undefined && !is(claims[name]));
  if (wrong !== undefined) return `its "${wrong[0]}" is ${typeOf(claims[wrong[0]])}, and has to be ${wrong[2]}`;
  const mistyped = mapped ? MAPPED.find(([name, is]) => claims[name] !== undefined && !is(claims[name])) : undefined;
  if (mistyped !== undefined) {
    return `its "${mistyped[0]}" is ${typeOf(claims[mistyped[0]])}, and has to be ${mistyped[2]}. Where the issuer means something else by it, give authentication.principal`;
  }
  return 'its claims nest too deeply, or have a member called "__proto__"';
}

type TypeRule = readonly [name: string, is: (value: unknown) => boolean, expected: string];

const isText = (value: unknown): boolean => typeof value === 'string';
const isFilled = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isNumber = (value: unknown): boolean => Number.isFinite(value);
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isTextOrTexts = (value: unknown): boolean => isText(value) || isTexts(value);

const TYPES: readonly TypeRule[] = [
  ['sub', isFilled, 'text that is not empty'],
  ['jti', isText, 'text'],
  ['exp', isNumber, 'a number of seconds'],
  ['nbf', isNumber, 'a number of seconds'],
  ['iat', isNumber, 'a number of seconds'],
  ['aud', isTextOrTexts, 'text or a list of texts'],
];
const MAPPED: readonly TypeRule[] = [
  ...['roles', 'permissions', 'amr'].map((name): TypeRule => [name, isTexts, 'a list of texts']),
  ...['client_id', 'azp', 'tenant', 'tid', 'acr'].map((name): TypeRule => [name, isText, 'text']),
  ...['scope', 'scp'].map((name): TypeRule => [name, isTextOrTexts, 'text or a list of texts']),
  ['auth_time', isNumber, 'a number of seconds'],
];

/** Says how a text differs from those that are expected, without repeating it. */
function nearness(given: unknown, expected: readonly string[]): string {
  if (typeof given !== 'string') return presenceOf(given);
  for (const text of expected) {
    if (withoutSlash(given) === withoutSlash(text)) return 'the same but for a slash at its end';
    if (given.toLowerCase() === text.toLowerCase()) return 'the same but for capital letters';
    if (given.trim() === text) return 'the same but for white space around it';
    if (withoutScheme(given) === withoutScheme(text)) return 'the same but for "https://" before it';
  }
  return given === '' ? 'empty' : 'another one';
}

function withoutSlash(text: string): string {
  return text.replace(/\/$/, '');
}

function withoutScheme(text: string): string {
  return withoutSlash(text).replace(/^https?:\/\//, '');
}

function presenceOf(value: unknown): string {
  if (value === undefined) return 'missing';
  return typeof value === 'string' ? 'another one' : typeOf(value);
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'text' : `a ${typeof value}`;
}

function algorithmIn(header: Claims | undefined): string {
  const alg = header?.['alg'];
  if (alg === undefined) return 'none';
  return (JWT_ALGORITHMS as readonly unknown[]).includes(alg) ? `"${String(alg)}"` : 'something else';
}

function isSymmetric(algorithm: JwtAlgorithm): boolean {
  return algorithm.startsWith('HS');
}

function secondsBetween(exp: unknown, now: number): string {
  if (typeof exp !== 'number') return 'some time';
  const seconds = Math.max(0, Math.round(now - exp));
  if (seconds < 120) return `${seconds} seconds`;
  const hours = Math.round(seconds / 3600);
  return hours < 2
    ? `${Math.round(seconds / 60)} minutes`
    : hours < 48
      ? `${hours} hours`
      : `${Math.round(hours / 24)} days`;
}

/** The values of the configuration; a long list says nothing in a line. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 8).map(quoted).join(', ');
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
