import { Injectable } from '@nestjs/common';
import { and, asc, eq, gt } from 'drizzle-orm';
import { randomUUID } from 'node:crypto';
import { Database } from '../database/database.js';
import { accounts } from '../database/schema.js';
import { LedgerException } from '../errors.js';
import { isIdentifier } from '../identifiers.js';
import type { PageQuery } from '../page.query.js';
import { UsersService } from '../users/users.service.js';
import type { AccountReach } from './account-access.policy.js';
import { accountNotFound } from './account-not-found.js';
import { withinReach } from './account-reach.query.js';
import { createAccountNumber } from './account-number.js';
import { Account } from './account.js';
import type { OpenAccountDto } from './open-account.dto.js';

const NUMBER_ATTEMPTS = 5;

@Injectable()
export class AccountsService {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
  ) {}

  async list(reach: AccountReach, { limit, after }: PageQuery): Promise<Account[]> {
    const rows = await this.database.query((orm) => {
      const behind = after && orm.select({ position: accounts.position }).from(accounts).where(eq(accounts.id, after));
      return orm
        .select()
        .from(accounts)
        .where(and(withinReach(reach), behind ? gt(accounts.position, behind) : undefined))
        .orderBy(asc(accounts.position))
        .limit(limit);
    });
    return rows.map((row) => new Account(row));
  }

  /** @throws {LedgerException} 404, the same whether the account is somebody else's or does not exist */
  async get(reach: AccountReach, id: string): Promise<Account> {
    if (!isIdentifier(id)) throw accountNotFound();
    const [row] = await this.database.query((orm) =>
      orm
        .select()
        .from(accounts)
        .where(and(eq(accounts.id, id), withinReach(reach))),
    );
    if (row === undefined) throw accountNotFound();
    return new Account(row);
  }

  async open({ owner, openingBalance, riskNote }: OpenAccountDto): Promise<Account> {
    const user = (await this.users.findById(owner)) ?? (await this.users.findByUsername(owner));
    if (user === undefined) throw new LedgerException(422, 'owner_unknown', 'The owner is not a user of the bank');
    for (let attempt = 0; attempt < NUMBER_ATTEMPTS; attempt++) {
      const [row] = await this.database.query((orm) =>
        orm
          .insert(accounts)
          .values({
            id: randomUUID(),
            number: createAccountNumber(),
            ownerId: user.id,
            balance: openingBalance,
            riskNote: riskNote ?? null,
          })
          .onConflictDoNothing({ target: accounts.number })
          .returning(),
      );
      if (row !== undefined) return new Account(row);
    }
    throw new Error('No account number was free.');
  }
}
