import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { UsersModule } from '../users/users.module.js';
import { SessionController } from './session.controller.js';

@Module({ imports: [AuthModule, UsersModule], controllers: [SessionController] })
export class SessionModule {}
