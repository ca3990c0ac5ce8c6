import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { Database, type DatabaseSettings } from './database.js';
import { EmbeddedDatabase } from './embedded-database.js';
import { migrate } from './migrator.js';
import { ServerDatabase } from './server-database.js';

export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  return settings.kind === 'server' ? ServerDatabase.open(settings.url) : EmbeddedDatabase.open(settings.directory);
}

@Module({
  providers: [
    {
      provide: Database,
      inject: [CONFIGURATION],
      useFactory: async (configuration: Configuration): Promise<Database> => {
        const database = await openDatabase(configuration.database);
        await migrate(database);
        return database;
      },
    },
  ],
  exports: [Database],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  /** After the last request: Nest calls it when the server has closed. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
