import { HttpException } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import type { Denied, DenialReason } from './decision.js';

interface Denial {
  readonly status: number;
  readonly message: string;
}

/** The status and the fixed text of each reason. Nothing of the request is ever copied into an answer. */
const DENIALS: Readonly<Record<DenialReason, Denial>> = {
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

/** Thrown by the guards when a request is denied; an ordinary `HttpException` to the filters of the application. */
export class SecurityException extends HttpException {
  readonly code: DenialReason;

  constructor(readonly decision: Denied) {
    const { status, message } = DENIALS[decision.reason];
    super(errorBody(status, message, decision.reason), status);
    this.code = decision.reason;
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

  constructor(readonly problems: readonly ConfigurationProblem[]) {
    super(
      `The security configuration is not valid:\n${problems
        .map(({ where, problem, fix }) => `  - ${where}: ${problem}. ${fix}`)
        .join('\n')}`,
    );
    this.name = 'SecurityConfigurationError';
  }
}
