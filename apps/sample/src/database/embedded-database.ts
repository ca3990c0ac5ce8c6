import { PGlite } from '@electric-sql/pglite';
import { drizzle, type PgliteDatabase } from 'drizzle-orm/pglite';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Database, type Orm } from './database.js';
import { DirectoryLock } from './directory-lock.js';

/** PostgreSQL compiled to WebAssembly, in this process: one connection, so transactions follow one another. */
export class EmbeddedDatabase extends Database {
  private readonly orm: PgliteDatabase;

  private constructor(
    private readonly client: PGlite,
    private readonly lock?: DirectoryLock,
  ) {
    super();
    this.orm = drizzle(client);
  }

  /**
   * @param directory where the data lives; in memory without one
   * @throws {Error} when another process uses the directory
   */
  static async open(directory?: string): Promise<EmbeddedDatabase> {
    if (directory === undefined) return new EmbeddedDatabase(await PGlite.create());
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const lock = await DirectoryLock.acquire(join(directory, 'ledger.lock'));
    try {
      return new EmbeddedDatabase(await PGlite.create(join(directory, 'postgres')), lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (!this.client.closed) await this.client.close();
    await this.lock?.release();
  }

  protected onQuery<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return work(this.orm);
  }

  protected onTransaction<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return this.orm.transaction(work);
  }
}
