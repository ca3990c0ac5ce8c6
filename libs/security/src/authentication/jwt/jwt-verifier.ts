import { ApplicationFunctionError, type ApplicationFunctions } from '../../core/application-functions.js';
import type { Clock } from '../../core/clock.js';
import { type Allowed, denied, type DenialReason, type Denied } from '../../core/decision.js';
import { type ConfigurationProblem, SecurityConfigurationError } from '../../core/errors.js';
import { isRecord } from '../../core/options.rules.js';
import { type CompactToken, decodeJson, splitToken } from './compact-token.js';
import { checkEdDsa } from './eddsa-signature.js';
import type { ImportedKey } from './imported-key.js';
import { JwtKeySet } from './jwt-key-set.js';
import type { FoundKey } from './jwt-key-source.js';
import { sealClaims } from './jwt.claims.js';
import { issuersOf, JWT_DEFAULTS, type JwtKeyHint, type JwtOptions } from './jwt.options.js';
import { checkClaims, type Claims, type ClaimRules, mediaTypeOf } from './jwt.policy.js';
import { checkJwtOptions, jwtWarnings } from './jwt.rules.js';
import type { SignatureCheck } from './jwt.strategy.js';
import type { DiagnosisRules } from './token-diagnosis.js';
import { TokenRefusals } from './token-refusals.js';
import { TrustedIssuer } from './trusted-issuer.js';
import { VerifiedTokenCache } from './verified-token-cache.js';

/** A token that is valid, with its claims, frozen through and through. */
export interface VerifiedToken extends Allowed {
  readonly claims: Claims;
}

/** Tell them apart by `allowed`: one property read, and it narrows the type. */
export type JwtOutcome = VerifiedToken | Denied;

const MALFORMED = denied('token_malformed');
const ISSUER_UNTRUSTED = denied('token_issuer_untrusted');
const KEY_UNKNOWN = denied('token_key_unknown');
const CLAIMS_INVALID = denied('token_claims_invalid');
const FAILED = denied('authentication_failed');

/** The surroundings of a verifier, beside its options. */
export interface JwtVerifierSetup {
  /** True where a principal is made from the usual claims, whose types are then checked. @default true */
  readonly mapped?: boolean | undefined;
  /** Logs what goes wrong with key providers, and ends waiting for them. */
  readonly functions?: ApplicationFunctions | undefined;
  /** Seconds for a key provider. */
  readonly timeout?: number | undefined;
}

/** Verifies JSON Web Tokens (RFC 7519) by the rules of RFC 8725. */
export class JwtVerifier {
  /** What is allowed and unwise all the same; for the log in development, and to stop the start in production. */
  readonly warnings: readonly ConfigurationProblem[];
  private readonly issuers: readonly TrustedIssuer[];
  private readonly only: TrustedIssuer | undefined;
  private readonly byName: ReadonlyMap<unknown, TrustedIssuer>;
  private readonly maxLength: number;
  private readonly claimRules: ClaimRules;
  private readonly functions: ApplicationFunctions | undefined;
  private readonly refusals = process.env['NODE_ENV'] === 'production' ? undefined : new TokenRefusals();
  private readonly cache: VerifiedTokenCache<VerifiedToken> | undefined;
  private keyListeners: readonly ((issuer: string) => void)[] = [];
  private readonly subscriptions: (() => void)[] = [];

  /** Throws a {@link SecurityConfigurationError} that names all that is wrong with the options. */
  constructor(
    options: JwtOptions,
    private readonly clock: Clock,
    { mapped = true, functions, timeout }: JwtVerifierSetup = {},
  ) {
    const problems: ConfigurationProblem[] = [];
    checkJwtOptions(options, 'authentication.jwt', problems);
    if (problems.length > 0) throw new SecurityConfigurationError(problems);

    const types = new Set((options.types ?? JWT_DEFAULTS.types).map(mediaTypeOf));
    const header = { types, typeRequired: options.types !== undefined };
    this.functions = functions;
    const patience = functions?.patience(timeout);
    this.issuers = issuersOf(options).map((issuer) => new TrustedIssuer(issuer, header, patience));
    this.only = this.issuers.length === 1 ? this.issuers[0] : undefined;
    this.byName = new Map(this.issuers.map((issuer) => [issuer.rules.issuer, issuer]));
    this.maxLength = options.maxLength ?? JWT_DEFAULTS.maxLength;
    this.claimRules = {
      clockTolerance: options.clockTolerance ?? JWT_DEFAULTS.clockTolerance,
      expiryRequired: options.dangerouslyAllowMissingExpiry !== true,
      mapped,
    };
    this.cache = cacheOf(options.cache);
    this.warnings = jwtWarnings(options);
    this.followKeySets();
  }

  /**
   * Decides on a token. Answers at once, except where a key provider or Ed25519 takes its time; never throws.
   * A token that was verified before is only looked up.
   */
  verify(token: string): JwtOutcome | Promise<JwtOutcome> {
    if (typeof token !== 'string' || token.length > this.maxLength) return MALFORMED;
    const remembered = this.recall(token);
    if (remembered !== undefined) return remembered;

    const segments = splitToken(token);
    if (segments === undefined) return MALFORMED;
    const issuer = this.only ?? this.issuerNamedIn(segments);
    if (issuer === undefined) return ISSUER_UNTRUSTED;
    const header = issuer.headerOf(segments.header);
    if ('allowed' in header) return header;

    const key = issuer.keys.find(header);
    if (key === undefined) return KEY_UNKNOWN;
    if (key instanceof ApplicationFunctionError) return this.failed(key);
    if (header.alg === 'EdDSA' || key instanceof Promise) return this.verifyLater(token, segments, issuer, header, key);
    return this.conclude(token, segments, issuer, header, issuer.strategy.check(token, key.keyObject));
  }

  /** Logs, for the developer and not in production, why a token was refused; once for each cause. */
  explain(reason: DenialReason, token: string): void {
    if (this.refusals === undefined) return;
    const segments = splitToken(token);
    const named = segments === undefined ? undefined : this.issuerNamedIn(segments);
    const issuer = named ?? this.issuers[0];
    if (issuer === undefined) return;
    const rules: DiagnosisRules = {
      issuers: named === undefined ? this.issuers.map((each) => each.rules) : [named.rules],
      header: issuer.headerRules,
      kids: issuer.keys.names,
      ...this.claimRules,
    };
    this.refusals.explain(reason, token, rules, this.clock.now() / 1000);
  }

  /** A token that was verified before, and still holds. */
  recall(token: string): VerifiedToken | undefined {
    return this.cache?.get(token, this.clock.now());
  }

  /** Calls the listener with the name of the issuer when keys were withdrawn and remembered tokens forgotten. */
  onKeysChanged(listener: (issuer: string) => void): void {
    this.keyListeners = [...this.keyListeners, listener];
  }

  /** Lets go of the key sets, which may outlive the application. */
  close(): void {
    for (const unsubscribe of this.subscriptions.splice(0)) unsubscribe();
    this.cache?.clear();
  }

  /** An `iss` that is not verified yet chooses among the configured issuers, and is used for nothing else. */
  private issuerNamedIn({ payload }: CompactToken): TrustedIssuer | undefined {
    const claims = decodeJson(payload);
    return isRecord(claims) ? this.byName.get(claims['iss']) : undefined;
  }

  private async verifyLater(
    token: string,
    segments: CompactToken,
    issuer: TrustedIssuer,
    header: JwtKeyHint,
    pending: ImportedKey | Promise<FoundKey>,
  ): Promise<JwtOutcome> {
    const generation = this.cache?.generation;
    const key = await pending;
    if (key === undefined) return KEY_UNKNOWN;
    if (key instanceof ApplicationFunctionError) return this.failed(key);
    const check =
      header.alg === 'EdDSA' ? await checkEdDsa(token, key.keyObject) : issuer.strategy.check(token, key.keyObject);
    // Withdrawn while the signature was looked at.
    if (!issuer.keys.has(key)) return KEY_UNKNOWN;
    return this.conclude(token, segments, issuer, header, check, generation);
  }

  /** Everything behind the signature, with the time of now. */
  private conclude(
    token: string,
    segments: CompactToken,
    issuer: TrustedIssuer,
    header: JwtKeyHint,
    { denial, payload }: SignatureCheck,
    generation = this.cache?.generation,
  ): JwtOutcome {
    if (denial !== undefined) return denial;
    issuer.rememberHeader(segments.header, header);
    const now = this.clock.now();
    const decision = checkClaims(payload, issuer.rules, this.claimRules, now / 1000);
    if (!decision.allowed) return decision;
    const claims = payload as Claims;
    if (!sealClaims(claims)) return CLAIMS_INVALID;
    const outcome: VerifiedToken = Object.freeze({ allowed: true, claims });
    if (this.cache !== undefined && generation !== undefined) {
      this.cache.set(token, outcome, (claims['exp'] as number | undefined) ?? Infinity, now, generation);
    }
    return outcome;
  }

  /** Nothing is known of the token: it may be valid, and the client must not be told otherwise (RFC 6750, section 3.1). */
  private failed(failure: ApplicationFunctionError): Denied {
    this.functions?.report(failure);
    return FAILED;
  }

  private followKeySets(): void {
    for (const { keys, rules } of this.issuers) {
      if (!(keys instanceof JwtKeySet)) continue;
      this.subscriptions.push(
        keys.onChange((change) => {
          if (change !== 'removed') return;
          this.cache?.clear();
          for (const listener of this.keyListeners) listener(rules.issuer);
        }),
      );
    }
  }
}

function cacheOf(options: JwtOptions['cache']): VerifiedTokenCache<VerifiedToken> | undefined {
  if (options === false) return undefined;
  const { max, ttl } = JWT_DEFAULTS.cache;
  return new VerifiedTokenCache(options?.max ?? max, options?.ttl ?? ttl);
}
