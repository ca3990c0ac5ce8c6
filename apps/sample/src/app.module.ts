import { Module, type DynamicModule } from '@nestjs/common';
import { SecurityModule } from '@palisade/nest';
import { AccountsModule } from './accounts/accounts.module.js';
import { AdminModule } from './admin/admin.module.js';
import { AuthModule } from './auth/auth.module.js';
import { SigningKey } from './auth/signing-key.js';
import { SigningModule } from './auth/signing.module.js';
import { CONFIGURATION, type Configuration } from './configuration.js';
import { HealthModule } from './health/health.module.js';
import { MeController } from './me/me.controller.js';
import { securityOptions } from './security.js';
import { SeedingModule } from './seeding/seeding.module.js';
import { TransfersModule } from './transfers/transfers.module.js';

@Module({
  imports: [
    SecurityModule.forRootAsync({ imports: [SigningModule], inject: [SigningKey], useFactory: securityOptions }),
    HealthModule,
    AuthModule,
    AccountsModule,
    TransfersModule,
    AdminModule,
    SeedingModule,
  ],
  controllers: [MeController],
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
