import { Controller, Get } from '@nestjs/common';
import { AllowHttp, Cors, Public } from '@palisade/nest';
import { sql } from 'drizzle-orm';
import { Database } from '../database/database.js';

@Controller('health')
export class HealthController {
  constructor(private readonly database: Database) {}

  /** @throws {DatabaseUnavailableException} 503 when the database does not answer */
  // Probes come past the proxy that ends TLS, and a status page may stand under any origin.
  @Get()
  @Public()
  @AllowHttp()
  @Cors({ origins: '*' })
  async health(): Promise<{ status: 'ok' }> {
    await this.database.query((orm) => orm.execute(sql`select 1`));
    return { status: 'ok' };
  }
}
