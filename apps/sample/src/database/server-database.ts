import { Logger } from '@nestjs/common';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool, type PoolClient } from 'pg';
import { DatabaseUnavailableException } from './database.errors.js';
import { Database, type Orm } from './database.js';

const CONNECTIONS = 10;
const CONNECT_MILLISECONDS = 5_000;
const STATEMENT_MILLISECONDS = 10_000;

/** A PostgreSQL server, by a pool of connections. */
export class ServerDatabase extends Database {
  private readonly logger = new Logger(ServerDatabase.name);
  private readonly pool: Pool;
  private closed: Promise<void> | undefined;

  private constructor(url: string) {
    super();
    this.pool = new Pool({
      connectionString: url,
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_MILLISECONDS,
      statement_timeout: STATEMENT_MILLISECONDS,
      idle_in_transaction_session_timeout: STATEMENT_MILLISECONDS,
      application_name: 'ledger',
    });
    // A connection that breaks emits "error", on the pool while it is idle and on itself while it is in use; without
    // listeners either would end the process.
    this.pool.on('error', () => this.logger.warn('An idle connection to the database was lost'));
    this.pool.on('connect', (client) => client.on('error', () => this.logger.warn('A database connection was lost')));
  }

  /** @throws {DatabaseUnavailableException} when the server cannot be reached */
  static async open(url: string): Promise<ServerDatabase> {
    const database = new ServerDatabase(url);
    try {
      (await database.connect()).release();
      return database;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  close(): Promise<void> {
    this.closed ??= this.pool.end();
    return this.closed;
  }

  protected async onQuery<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return work(drizzle({ client: this.pool }));
  }

  protected async onTransaction<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    const client = await this.connect();
    try {
      return await drizzle({ client }).transaction(work);
    } finally {
      client.release();
    }
  }

  private async connect(): Promise<PoolClient> {
    try {
      return await this.pool.connect();
    } catch {
      throw new DatabaseUnavailableException();
    }
  }
}
