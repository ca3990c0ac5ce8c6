import { Module, type DynamicModule } from '@nestjs/common';
import { SecurityModule } from '@palisade/nest';
import { AccountsModule } from './accounts/accounts.module.js';
import { AdminModule } from './admin/admin.module.js';
import { AuthModule } from './auth/auth.module.js';
import { CONFIGURATION, type Configuration } from './configuration.js';
import { HealthModule } from './health/health.module.js';
import { LimitsModule, SharedCounts } from './limits.module.js';
import { MeController } from './me/me.controller.js';
import { securityOptions } from './security.js';
import { SeedingModule } from './seeding/seeding.module.js';
import { SessionModule } from './session/session.module.js';
import { TransfersModule } from './transfers/transfers.module.js';
import { ViolationLog } from './welcome/violation.log.js';
import { WelcomeController } from './welcome/welcome.controller.js';

@Module({
  imports: [
    SecurityModule.forRootAsync({
      imports: [LimitsModule],
      inject: [CONFIGURATION, SharedCounts],
      useFactory: securityOptions,
    }),
    HealthModule,
    AuthModule,
    SessionModule,
    AccountsModule,
    TransfersModule,
    AdminModule,
    SeedingModule,
  ],
  controllers: [MeController, WelcomeController],
  providers: [ViolationLog],
})
export class AppModule {
  static with(configuration: Configuration): DynamicModule {
    return {
      module: AppModule,
      global: true,
      providers: [{ provide: CONFIGURATION, useValue: configuration }],
      exports: [CONFIGURATION],
    };
  }
}
