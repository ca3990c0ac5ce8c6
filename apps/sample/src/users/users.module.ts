import { Module } from '@nestjs/common';
import { CONFIGURATION, type Configuration } from '../configuration.js';
import { DatabaseModule } from '../database/database.module.js';
import { PASSWORD_COST, Passwords } from './passwords.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [DatabaseModule],
  providers: [
    UsersService,
    Passwords,
    {
      provide: PASSWORD_COST,
      inject: [CONFIGURATION],
      useFactory: ({ passwordCost }: Configuration) => passwordCost,
    },
  ],
  exports: [UsersService],
})
export class UsersModule {}
