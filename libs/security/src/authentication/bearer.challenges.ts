import type { Denied, DenialReason } from '../core/decision.js';
import { messageOf, statusOf } from '../core/errors.js';

/**
 * The challenges of RFC 6750, section 3, made once for a realm: `Bearer` alone where no credentials came, an `error`
 * where bad ones did. Only fixed texts and declared scopes go into them, never anything of the request.
 */
export class BearerChallenges {
  private readonly bare: string;
  private readonly byReason = new Map<DenialReason, string>();
  private readonly byScopes = new WeakMap<readonly string[], string>();

  constructor(private readonly realm?: string) {
    this.bare = realm === undefined ? 'Bearer' : `Bearer realm="${realm}"`;
  }

  for(denial: Denied): string {
    return denial.scopes === undefined ? this.forReason(denial.reason) : this.forScopes(denial, denial.scopes);
  }

  private forReason(reason: DenialReason): string {
    let challenge = this.byReason.get(reason);
    if (challenge === undefined) {
      const error = errorOf(reason);
      challenge =
        error === undefined ? this.bare : this.with(`error="${error}", error_description="${messageOf(reason)}"`);
      this.byReason.set(reason, challenge);
    }
    return challenge;
  }

  private forScopes(denial: Denied, scopes: readonly string[]): string {
    let challenge = this.byScopes.get(scopes);
    if (challenge === undefined) {
      challenge = `${this.forReason(denial.reason)}, scope="${scopes.join(' ')}"`;
      this.byScopes.set(scopes, challenge);
    }
    return challenge;
  }

  private with(parameters: string): string {
    return this.realm === undefined ? `Bearer ${parameters}` : `${this.bare}, ${parameters}`;
  }
}

/** The error codes of RFC 6750, section 3.1; none where the request carries no authentication information. */
function errorOf(reason: DenialReason): string | undefined {
  if (reason === 'credentials_missing' || reason === 'principal_missing') return undefined;
  switch (statusOf(reason)) {
    case 400:
      return 'invalid_request';
    case 403:
      return 'insufficient_scope';
    default:
      return 'invalid_token';
  }
}
