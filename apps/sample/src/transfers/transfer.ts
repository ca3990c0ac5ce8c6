/** Money that went from one account to another. */
export class Transfer {
  readonly id: string;
  /** The id of the account the money came from. */
  readonly from: string;
  /** The id of the account the money went to. */
  readonly to: string;
  /** Whole cents. */
  readonly amount: number;
  readonly reference: string | null;
  readonly createdAt: Date;

  constructor(row: {
    id: string;
    fromId: string;
    toId: string;
    amount: number;
    reference: string | null;
    createdAt: Date;
  }) {
    this.id = row.id;
    this.from = row.fromId;
    this.to = row.toId;
    this.amount = row.amount;
    this.reference = row.reference;
    this.createdAt = row.createdAt;
  }
}
