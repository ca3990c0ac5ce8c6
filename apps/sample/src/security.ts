import type { SecurityOptions } from '@palisade/nest';
import { AUDIENCE, ISSUER } from './auth/access-token.issuer.js';
import type { SigningKey } from './auth/signing-key.js';

/** Who may do what at Ledger; which handler asks for what is written on the handler. */
export function securityOptions(key: SigningKey): SecurityOptions {
  return {
    authentication: {
      jwt: {
        issuer: ISSUER,
        audience: AUDIENCE,
        algorithms: [key.algorithm],
        types: ['at+jwt'],
        key: key.publicKey,
      },
    },
    authorization: {
      // An auditor stands beside the others: not even an admin sees what is for auditors.
      roles: ['admin > teller > customer', 'auditor'],
      permissions: {
        customer: ['account:read', 'transfer:create'],
        auditor: ['account:read'],
      },
    },
  };
}
