import { LedgerException } from '../errors.js';

/** The one answer to an account that does not exist and to one that is somebody else's. */
export function accountNotFound(): LedgerException {
  return new LedgerException(404, 'account_not_found', 'There is no such account');
}
