import { VisibleTo } from '@palisade/nest';

/** Money somebody keeps at the bank. */
export class Account {
  readonly id: string;
  readonly number: string;
  readonly ownerId: string;
  /** Whole cents. */
  readonly balance: number;
  readonly createdAt: Date;

  /** What the bank notes for itself; everybody but an auditor gets the account without it. */
  @VisibleTo('auditor')
  readonly riskNote: string | null;

  constructor(row: {
    id: string;
    number: string;
    ownerId: string;
    balance: number;
    createdAt: Date;
    riskNote: string | null;
  }) {
    this.id = row.id;
    this.number = row.number;
    this.ownerId = row.ownerId;
    this.balance = row.balance;
    this.createdAt = row.createdAt;
    this.riskNote = row.riskNote;
  }
}
