import { Inject, Logger, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { AccountsService } from '../accounts/accounts.service.js';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { UsersModule } from '../users/users.module.js';
import { UsersService } from '../users/users.service.js';
import { DEMO_USERS, type DemoUser } from './demo-users.js';

/** Puts the demo users into the database outside production, and keeps them out of production. */
@Module({ imports: [AccountsModule, UsersModule] })
export class SeedingModule implements OnApplicationBootstrap {
  private readonly logger = new Logger('Seeding');

  constructor(
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
    private readonly users: UsersService,
    private readonly accounts: AccountsService,
  ) {}

  /** @throws {Error} in production, when the database has demo users: their password may be known to anybody */
  async onApplicationBootstrap(): Promise<void> {
    const { demo } = this.configuration;
    if (demo !== undefined) {
      for (const user of DEMO_USERS) await this.seed(user, demo.password);
    } else if (await this.users.hasDemoUsers()) {
      throw new Error('The database holds demo users. Production needs a database that was never used for a demo.');
    }
  }

  private async seed({ username, name, roles, account }: DemoUser, password: string): Promise<void> {
    const seeded = await this.users.upsertDemoUser({ username, name, roles, password });
    if (seeded === undefined) this.logger.warn(`The demo user ${username} is left out: a real user has the name`);
    else if (seeded.isNew && account !== undefined) await this.accounts.open({ owner: username, ...account });
  }
}
