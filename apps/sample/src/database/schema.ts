import { bigint, boolean, check, index, pgTable, primaryKey, text, timestamp, uuid } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';

// The tables as the queries see them. What creates them is in migrations.ts.

const createdAt = () => timestamp('created_at', { withTimezone: true }).notNull().defaultNow();
/** Ascends with insertion; pages are cut by it. */
const position = () => bigint('position', { mode: 'number' }).notNull().generatedAlwaysAsIdentity();

export const users = pgTable('users', {
  id: uuid('id').primaryKey(),
  position: position().unique(),
  username: text('username').notNull().unique(),
  name: text('name').notNull(),
  roles: text('roles').array().notNull(),
  passwordHash: text('password_hash').notNull(),
  demo: boolean('demo').notNull().default(false),
  createdAt: createdAt(),
});

export const accounts = pgTable(
  'accounts',
  {
    id: uuid('id').primaryKey(),
    position: position().unique(),
    number: text('number').notNull().unique(),
    ownerId: uuid('owner_id')
      .notNull()
      .references(() => users.id),
    balance: bigint('balance', { mode: 'number' }).notNull(),
    riskNote: text('risk_note'),
    createdAt: createdAt(),
  },
  (table) => [
    index('accounts_by_owner').on(table.ownerId, table.position),
    check('accounts_balance_bounds', sql`${table.balance} between 0 and 9007199254740991`),
  ],
);

export const transfers = pgTable(
  'transfers',
  {
    id: uuid('id').primaryKey(),
    position: position().unique(),
    fromId: uuid('from_id')
      .notNull()
      .references(() => accounts.id),
    toId: uuid('to_id')
      .notNull()
      .references(() => accounts.id),
    amount: bigint('amount', { mode: 'number' }).notNull(),
    reference: text('reference'),
    createdAt: createdAt(),
  },
  (table) => [
    index('transfers_by_source').on(table.fromId, table.position),
    index('transfers_by_destination').on(table.toId, table.position),
    check('transfers_amount_bounds', sql`${table.amount} between 1 and 9007199254740991`),
    check('transfers_two_accounts', sql`${table.fromId} <> ${table.toId}`),
  ],
);

/** What came of each `Idempotency-Key`; kept as long as the transfers, so that a key is never booked twice. */
export const transferRequests = pgTable(
  'transfer_requests',
  {
    /** The token's subject as it came: whoever owns no account has no row in `users` to point at. */
    subject: text('subject').notNull(),
    key: text('key').notNull(),
    fingerprint: text('fingerprint').notNull(),
    /** `booked` or why not; empty only while its transaction runs. */
    outcome: text('outcome'),
    transferId: uuid('transfer_id').references(() => transfers.id),
    createdAt: createdAt(),
  },
  (table) => [primaryKey({ columns: [table.subject, table.key] })],
);
