import { Module } from '@nestjs/common';
import { UsersModule } from '../users/users.module.js';
import { AccessTokenIssuer } from './access-token.issuer.js';
import { SigningModule } from './signing.module.js';
import { TokenController } from './token.controller.js';

@Module({
  imports: [SigningModule, UsersModule],
  controllers: [TokenController],
  providers: [AccessTokenIssuer],
  exports: [AccessTokenIssuer],
})
export class AuthModule {}
