import { Controller, Get, Query } from '@nestjs/common';
import { Roles } from '@palisade/nest';
import { PageQuery } from '../page.query.js';
import type { User } from '../users/user.js';
import { UsersService } from '../users/users.service.js';

@Controller('admin')
@Roles('admin')
export class AdminController {
  constructor(private readonly users: UsersService) {}

  @Get('users')
  listUsers(@Query() page: PageQuery): Promise<User[]> {
    return this.users.list(page);
  }
}
