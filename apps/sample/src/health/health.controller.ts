import { Controller, Get } from '@nestjs/common';
import { Public } from '@palisade/nest';
import { sql } from 'drizzle-orm';
import { Database } from '../database/database.js';

@Controller('health')
export class HealthController {
  constructor(private readonly database: Database) {}

  /** @throws {DatabaseUnavailableException} 503 when the database does not answer */
  @Get()
  @Public()
  async health(): Promise<{ status: 'ok' }> {
    await this.database.query((orm) => orm.execute(sql`select 1`));
    return { status: 'ok' };
  }
}
