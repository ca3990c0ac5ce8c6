import { sql } from 'drizzle-orm';
import { pgTable, text } from 'drizzle-orm/pg-core';
import { createHash } from 'node:crypto';
import type { Database } from './database.js';
import { MIGRATIONS, type Migration } from './migrations.js';

const applied = pgTable('schema_migrations', {
  name: text('name').primaryKey(),
  checksum: text('checksum').notNull(),
});

/** Any constant will do that no other user of the database's advisory locks has taken. */
const LOCK = 0x1ed6e2;

/**
 * Brings the schema up to date: all steps in one transaction, and one process at a time.
 *
 * @returns the names of the steps that were run now
 * @throws {Error} when the database has a step that is unknown here, or one that has changed since it ran
 */
export async function migrate(database: Database, migrations: readonly Migration[] = MIGRATIONS): Promise<string[]> {
  return database.transaction(async (orm) => {
    await orm.execute(sql`set local statement_timeout = '60s'`);
    await orm.execute(sql`select pg_advisory_xact_lock(${LOCK}::bigint)`);
    await orm.execute(sql`create table if not exists schema_migrations (
      name text primary key,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`);
    const checksums = new Map((await orm.select().from(applied)).map(({ name, checksum }) => [name, checksum]));
    refuseUnknown(checksums.keys(), migrations);
    const run: string[] = [];
    for (const { name, statements } of migrations) {
      const checksum = checksumOf(statements);
      const known = checksums.get(name);
      if (known === checksum) continue;
      if (known !== undefined) throw new Error(`Migration ${name} has changed since it was applied to this database.`);
      for (const statement of statements) await orm.execute(sql.raw(statement));
      await orm.insert(applied).values({ name, checksum });
      run.push(name);
    }
    return run;
  });
}

function refuseUnknown(names: Iterable<string>, migrations: readonly Migration[]): void {
  const known = new Set(migrations.map(({ name }) => name));
  const unknown = [...names].filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new Error(`The database was migrated by a newer version of Ledger (${unknown.join(', ')}). Start that one.`);
  }
}

function checksumOf(statements: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(statements)).digest('hex');
}
