/** Why a transfer is not booked. */
export type TransferRefusal =
  'same_account' | 'source_unknown' | 'destination_unknown' | 'insufficient_funds' | 'balance_limit_exceeded';

/** An order to move whole cents, with ids in lower case. */
export interface TransferOrder {
  readonly from: string;
  readonly to: string;
  readonly amount: number;
  readonly reference: string | null;
}

export interface AccountState {
  readonly ownerId: string;
  /** Whole cents. */
  readonly balance: number;
}

/**
 * Decides on an order, given who asks and the two accounts as they are now. The source comes first, so that an order
 * on somebody else's account tells nothing about the rest.
 *
 * @returns why not, or `undefined` when the order may be booked
 */
export function refusalOf(
  order: TransferOrder,
  callerId: string,
  source: AccountState | undefined,
  destination: AccountState | undefined,
): TransferRefusal | undefined {
  if (source === undefined || source.ownerId !== callerId) return 'source_unknown';
  if (order.from === order.to) return 'same_account';
  if (destination === undefined) return 'destination_unknown';
  if (source.balance < order.amount) return 'insufficient_funds';
  // Balances stay exact in JSON: neither side of the comparison can leave the safe integers.
  if (destination.balance > Number.MAX_SAFE_INTEGER - order.amount) return 'balance_limit_exceeded';
  return undefined;
}
