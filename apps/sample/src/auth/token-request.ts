import type { PipeTransform } from '@nestjs/common';
import { MAX_PASSWORD_LENGTH } from '../users/passwords.js';

/** The codes of RFC 6749, section 5.2, that Ledger uses. */
export type TokenErrorCode = 'invalid_request' | 'invalid_grant' | 'invalid_scope' | 'unsupported_grant_type';

export interface TokenError {
  readonly error: TokenErrorCode;
  readonly description: string;
}

/** A request for a token by the resource owner's password (RFC 6749, section 4.3.2). */
export interface TokenRequest {
  readonly username: string;
  readonly password: string;
}

const MAX_USERNAME_LENGTH = 256;

/** Reads the request, or tells what is wrong with it; nothing of the input is repeated. */
export function readTokenRequest(body: unknown): TokenRequest | TokenError {
  const form = new Map(Object.entries(body ?? {}));
  // RFC 6749, section 3.2: no parameter more than once. Form parsers make lists and objects of these (fails closed).
  for (const value of form.values()) {
    if (typeof value !== 'string') return invalidRequest('A parameter must not be repeated');
  }
  // The same section: a parameter without a value is one that was left out.
  const read = (name: string): string | undefined => (form.get(name) as string | undefined) || undefined;
  const grantType = read('grant_type');
  if (grantType === undefined) return invalidRequest('The parameter grant_type is missing');
  if (grantType !== 'password') {
    return { error: 'unsupported_grant_type', description: 'The grant type must be password' };
  }
  const username = read('username');
  const password = read('password');
  if (username === undefined) return invalidRequest('The parameter username is missing');
  if (password === undefined) return invalidRequest('The parameter password is missing');
  if (username.length > MAX_USERNAME_LENGTH || password.length > MAX_PASSWORD_LENGTH) {
    return invalidRequest('A parameter is too long');
  }
  // Ledger knows roles and permissions only. A scope that was asked for is not silently left out of the token.
  if (read('scope') !== undefined) return { error: 'invalid_scope', description: 'No scope is known here' };
  return { username, password };
}

function invalidRequest(description: string): TokenError {
  return { error: 'invalid_request', description };
}

/** Reads the body in place of the validation pipe, whose errors are not those of OAuth. */
export class TokenRequestPipe implements PipeTransform<unknown, TokenRequest | TokenError> {
  transform(body: unknown): TokenRequest | TokenError {
    return readTokenRequest(body);
  }
}
