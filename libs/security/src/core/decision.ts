/**
 * Why a request was denied. The codes are stable: they are the `code` of the error body and the `reason` of the event.
 */
export type DenialReason =
  // Edge: the client's address.
  | 'address_blocked'
  | 'address_banned'
  | 'request_banned'
  // Edge: the host, the connection.
  | 'host_missing'
  | 'host_repeated'
  | 'host_malformed'
  | 'host_refused'
  | 'https_required'
  // Edge: the firewall.
  | 'method_refused'
  | 'target_malformed'
  | 'target_not_normalized'
  | 'target_too_long'
  | 'parameters_too_many'
  | 'parameter_malformed'
  | 'parameter_too_long'
  | 'parameter_repeated'
  | 'headers_too_many'
  | 'header_malformed'
  | 'header_too_long'
  | 'body_too_large'
  | 'input_key_forbidden'
  | 'input_too_deep'
  | 'input_too_many_keys'
  | 'input_text_too_long'
  | 'content_type_unsupported'
  // Edge: cross-origin requests.
  | 'cors_origin_refused'
  | 'cors_method_refused'
  | 'cors_header_refused'
  | 'cors_private_network_refused'
  | 'csrf_cross_origin'
  | 'csrf_token_missing'
  | 'csrf_token_invalid'
  | 'edge_bypassed'
  | 'edge_failed'
  // Authentication: what the request brought.
  | 'credentials_missing'
  | 'credentials_malformed'
  | 'credentials_repeated'
  | 'credentials_invalid'
  // Authentication: a JSON Web Token.
  | 'token_malformed'
  | 'token_algorithm_refused'
  | 'token_type_refused'
  | 'token_critical_header_unknown'
  | 'token_issuer_untrusted'
  | 'token_key_unknown'
  | 'token_signature_invalid'
  | 'token_expired'
  | 'token_not_yet_valid'
  | 'token_audience_mismatch'
  | 'token_claims_invalid'
  // Authentication: who it is.
  | 'principal_missing'
  | 'principal_refused'
  | 'authentication_failed'
  // Authorization.
  | 'role_missing'
  | 'permission_missing'
  | 'scope_missing'
  | 'policy_denied'
  | 'policy_failed'
  | 'denied_by_default'
  // Rate limits.
  | 'rate_limited'
  | 'rate_limit_unavailable'
  | 'rate_limit_key_refused'
  | 'rate_limit_failed'
  | 'concurrency_exceeded'
  | 'client_gone'
  // Lockout.
  | 'account_locked'
  // Load.
  | 'overloaded'
  // The way in.
  | 'route_unknown'
  | 'transport_unsupported';

/** The request may go on. */
export interface Allowed {
  readonly allowed: true;
}

/** The request ends here. */
export interface Denied {
  readonly allowed: false;
  readonly reason: DenialReason;
  /** The scopes that the route asks for, where `reason` is `scope_missing` (RFC 6750, section 3). */
  readonly scopes?: readonly string[] | undefined;
}

/** The answer of every check: allowed, or denied with a reason. */
export type Decision = Allowed | Denied;

/** The one decision that allows. */
export const ALLOWED: Allowed = Object.freeze({ allowed: true });

const denials = new Map<DenialReason, Denied>();

/** The denial for a reason; one frozen object a reason, so that denying allocates nothing. */
export function denied(reason: DenialReason): Denied {
  let denial = denials.get(reason);
  if (denial === undefined) {
    denial = Object.freeze({ allowed: false, reason });
    denials.set(reason, denial);
  }
  return denial;
}
