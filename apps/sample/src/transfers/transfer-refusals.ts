import { accountNotFound } from '../accounts/account-not-found.js';
import { LedgerException } from '../errors.js';
import type { TransferRefusal } from './transfer.policy.js';

/** The answer to each refusal. */
const ANSWERS: Readonly<Record<TransferRefusal, () => LedgerException>> = {
  source_unknown: accountNotFound,
  same_account: () => new LedgerException(422, 'same_account', 'The two accounts of a transfer must differ'),
  destination_unknown: () => new LedgerException(422, 'destination_unknown', 'The destination is not an account'),
  insufficient_funds: () => new LedgerException(409, 'insufficient_funds', 'The balance does not cover the amount'),
  balance_limit_exceeded: () =>
    new LedgerException(409, 'balance_limit_exceeded', 'The destination cannot hold the amount'),
};

export function refused(refusal: TransferRefusal): LedgerException {
  return ANSWERS[refusal]();
}
