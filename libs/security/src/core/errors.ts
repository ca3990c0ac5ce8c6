import { recognizeAcrossCopies } from './copies.js';
import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import type { Denied, DenialReason } from './decision.js';

interface Denial {
  readonly status: number;
  readonly message: string;
}

/** The status and the fixed text of each reason. Nothing of the request is ever copied into an answer. */
const DENIALS: Readonly<Record<DenialReason, Denial>> = {
  address_blocked: { status: 403, message: 'The address is blocked' },
  address_banned: { status: 403, message: 'The address is banned' },
  request_banned: { status: 403, message: 'The request is refused' },
  host_missing: { status: 400, message: 'The request names no host' },
  host_repeated: { status: 400, message: 'The request names more than one host' },
  host_malformed: { status: 400, message: 'The host of the request is malformed' },
  host_refused: { status: 400, message: 'The host of the request is not served here' },
  https_required: { status: 403, message: 'HTTPS is required' },
  method_refused: { status: 400, message: 'The request method is not accepted' },
  target_malformed: { status: 400, message: 'The request target is malformed' },
  target_not_normalized: { status: 400, message: 'The path of the request is not in its normal form' },
  target_too_long: { status: 414, message: 'The request target is too long' },
  parameters_too_many: { status: 400, message: 'The request has too many parameters' },
  parameter_malformed: { status: 400, message: 'The request has a malformed parameter' },
  parameter_too_long: { status: 400, message: 'The request has a parameter that is too long' },
  parameter_repeated: { status: 400, message: 'The request repeats a parameter' },
  headers_too_many: { status: 431, message: 'The request has too many header fields' },
  header_malformed: { status: 400, message: 'The request has a malformed header field' },
  header_too_long: { status: 431, message: 'The request has a header field that is too long' },
  body_too_large: { status: 413, message: 'The body is too large' },
  input_key_forbidden: { status: 400, message: 'The request has a key that is not allowed anywhere' },
  input_too_deep: { status: 400, message: 'The request is nested too deeply' },
  input_too_many_keys: { status: 400, message: 'The request has too many keys or items' },
  input_text_too_long: { status: 400, message: 'The request has a text that is too long' },
  content_type_unsupported: { status: 415, message: 'The content type is not supported' },
  cors_origin_refused: { status: 403, message: 'The origin is not allowed' },
  cors_method_refused: { status: 403, message: 'The method is not allowed to other origins' },
  cors_header_refused: { status: 403, message: 'A header field is not allowed to other origins' },
  cors_private_network_refused: { status: 403, message: 'Access from a public network is not allowed' },
  csrf_cross_origin: { status: 403, message: 'The request comes from another origin' },
  csrf_token_missing: { status: 403, message: 'The CSRF token is missing' },
  csrf_token_invalid: { status: 403, message: 'The CSRF token is not valid' },
  edge_failed: { status: 500, message: 'The request could not be checked' },
  edge_bypassed: { status: 403, message: 'The request did not pass the edge' },
  credentials_missing: { status: 401, message: 'Authentication is required' },
  credentials_malformed: { status: 400, message: 'The credentials are malformed' },
  credentials_repeated: { status: 400, message: 'The request carries more than one credential' },
  credentials_invalid: { status: 401, message: 'The credentials are not valid' },
  token_malformed: { status: 401, message: 'The access token is malformed' },
  token_algorithm_refused: {
    status: 401,
    message: 'The access token is signed with an algorithm that is not accepted',
  },
  token_type_refused: { status: 401, message: 'The token is of a type that is not accepted' },
  token_critical_header_unknown: {
    status: 401,
    message: 'The access token has a critical header that is not understood',
  },
  token_issuer_untrusted: { status: 401, message: 'The issuer of the access token is not trusted' },
  token_key_unknown: { status: 401, message: 'The key of the access token is not known' },
  token_signature_invalid: { status: 401, message: 'The signature of the access token is not valid' },
  token_expired: { status: 401, message: 'The access token has expired' },
  token_not_yet_valid: { status: 401, message: 'The access token is not valid yet' },
  token_audience_mismatch: { status: 401, message: 'The access token is meant for another audience' },
  token_claims_invalid: { status: 401, message: 'The access token lacks a claim or has one of the wrong type' },
  principal_missing: { status: 401, message: 'Authentication is required' },
  principal_refused: { status: 401, message: 'The caller is not known or not admitted' },
  authentication_failed: { status: 500, message: 'The caller could not be authenticated' },
  role_missing: { status: 403, message: 'The caller lacks the role' },
  permission_missing: { status: 403, message: 'The caller lacks the permission' },
  scope_missing: { status: 403, message: 'The access token lacks the scope' },
  policy_denied: { status: 403, message: 'A policy denies the request' },
  policy_failed: { status: 403, message: 'A policy could not be decided' },
  denied_by_default: { status: 403, message: 'No rule allows the request' },
  rate_limited: { status: 429, message: 'Too many requests' },
  rate_limit_key_refused: { status: 400, message: 'A value that requests are counted by is not text' },
  rate_limit_failed: { status: 500, message: 'The limits of the request could not be told' },
  rate_limit_unavailable: { status: 503, message: 'The request could not be counted' },
  concurrency_exceeded: { status: 429, message: 'Too many requests at the same time' },
  // Nobody reads this answer; the status is the one that proxies log in that case.
  client_gone: { status: 499, message: 'The client has left' },
  // It is the same for accounts that do not exist.
  account_locked: { status: 429, message: 'Too many failed attempts' },
  overloaded: { status: 503, message: 'The server has too much to do' },
  route_unknown: { status: 403, message: 'No policy is known for the handler' },
  transport_unsupported: { status: 403, message: 'The handler is not reachable over this transport' },
};

/** The body of every error the library answers with: Nest's shape and a stable code. */
export interface SecurityErrorBody {
  readonly statusCode: number;
  /** The reason phrase of the status. */
  readonly error: string;
  readonly message: string;
  readonly code: string;
}

export function errorBody(statusCode: number, message: string, code: string): SecurityErrorBody {
  return { statusCode, error: STATUS_CODES[statusCode] ?? 'Error', message, code };
}

/** The media type of problem documents. */
export const PROBLEM = 'application/problem+json';

/** Whether an application has asked for problem documents; `true` or `false`. */
export const PROBLEM_DOCUMENTS = Symbol('palisade.problem-documents');

/** An error as a problem document (RFC 9457, section 3): its type is the status, and `code` tells the reason. */
export interface ProblemDocument {
  readonly type: 'about:blank';
  /** The reason phrase of the status. */
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
}

export function problemDocument(status: number, detail: string, code: string): ProblemDocument {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code };
}

/** Thrown by the guards when a request is denied; an ordinary `HttpException` to the filters of the application. */
export class SecurityException extends HttpException {
  readonly code: DenialReason;
  #problem: ProblemDocument | undefined;

  /** @param options its `cause` is for the filters of the application, and in no answer */
  constructor(
    readonly decision: Denied,
    options?: { readonly cause?: unknown },
  ) {
    const { status, message } = DENIALS[decision.reason];
    super(errorBody(status, message, decision.reason), status, options);
    this.code = decision.reason;
  }

  /** @internal Has a problem document for its body from here on. */
  becomeProblem(): void {
    this.#problem = problemDocument(this.getStatus(), messageOf(this.code), this.code);
  }

  override getResponse(): string | object {
    return this.#problem ?? super.getResponse();
  }
}

export function isDenialReason(value: unknown): value is DenialReason {
  return typeof value === 'string' && Object.hasOwn(DENIALS, value);
}

export function statusOf(reason: DenialReason): number {
  return DENIALS[reason].status;
}

export function messageOf(reason: DenialReason): string {
  return DENIALS[reason].message;
}

/** One thing that is wrong with the configuration: where, what, and what mends it. */
export interface ConfigurationProblem {
  /** The path of the option (`authentication.jwt.audience`) or the name of the handler (`AccountsController.list`). */
  readonly where: string;
  readonly problem: string;
  readonly fix: string;
}

/** Stops the start of the application; names every problem found, each with its fix. */
export class SecurityConfigurationError extends Error {
  readonly code = 'configuration_invalid';

  constructor(
    readonly problems: readonly ConfigurationProblem[],
    options?: ErrorOptions,
  ) {
    super(
      `The security configuration is not valid:\n${problems
        .map(({ where, problem, fix }) => `  - ${where}: ${problem}. ${fix}`)
        .join('\n')}`,
      options,
    );
    this.name = 'SecurityConfigurationError';
  }
}

recognizeAcrossCopies(SecurityException, 'security-exception');
recognizeAcrossCopies(SecurityConfigurationError, 'configuration-error');
