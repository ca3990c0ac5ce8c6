import { Sensitive } from '@palisade/nest';

export type Role = 'customer' | 'teller' | 'auditor' | 'admin';

/** Somebody who can sign in. The same object serves the bank and its answers: the hash never leaves in one. */
export class User {
  readonly id: string;
  readonly username: string;
  readonly name: string;
  readonly roles: readonly Role[];
  readonly createdAt: Date;

  @Sensitive()
  readonly passwordHash: string;

  constructor(row: {
    id: string;
    username: string;
    name: string;
    roles: readonly string[];
    createdAt: Date;
    passwordHash: string;
  }) {
    this.id = row.id;
    this.username = row.username;
    this.name = row.name;
    // The table's check constraint admits no other role.
    this.roles = row.roles as readonly Role[];
    this.createdAt = row.createdAt;
    this.passwordHash = row.passwordHash;
  }
}
