import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { translateDatabaseError } from './database.errors.js';

/** Embedded PostgreSQL in this process (in memory, or in a directory), or a PostgreSQL server. */
export type DatabaseSettings =
  | { readonly kind: 'embedded'; readonly directory?: string | undefined }
  | { readonly kind: 'server'; readonly url: string };

/** What queries are written on; the same for both kinds of database and inside a transaction. */
export type Orm = PgDatabase<PgQueryResultHKT>;

/** The one way to the data. Errors of the driver come out without the query's parameters, which may be secret. */
export abstract class Database {
  query<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return translateDatabaseError(() => this.onQuery(work));
  }

  /** Commits when `work` is done, rolls back when it throws. Inside, use only the `orm` that is passed in. */
  transaction<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return translateDatabaseError(() => this.onTransaction(work));
  }

  abstract close(): Promise<void>;
  protected abstract onQuery<T>(work: (orm: Orm) => Promise<T>): Promise<T>;
  protected abstract onTransaction<T>(work: (orm: Orm) => Promise<T>): Promise<T>;
}
