import type { JwtIssuerOptions, SecurityOptions } from '@palisade/nest';
import { AUDIENCE, ISSUER, type SigningKey } from './tokens.js';

export const ROLES = ['admin > teller > customer', 'auditor'];

/** An issuer that trusts one key, for the audience of the tests. */
export function trusting(key: SigningKey): JwtIssuerOptions {
  return {
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: [key.alg as JwtIssuerOptions['algorithms'][number]],
    key: key.publicKey,
  };
}

export function securityWith(key: SigningKey, options: SecurityOptions = {}): SecurityOptions {
  return {
    ...options,
    authentication: { jwt: trusting(key), ...options.authentication },
    authorization: { roles: ROLES, ...options.authorization },
  };
}
