import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { CurrentUser, Permissions, Roles, type Principal } from '@palisade/nest';
import { PageQuery } from '../page.query.js';
import { accountReachOf } from './account-access.policy.js';
import type { Account } from './account.js';
import { AccountsService } from './accounts.service.js';
import { OpenAccountDto } from './open-account.dto.js';

@Controller('accounts')
export class AccountsController {
  constructor(private readonly accounts: AccountsService) {}

  @Get()
  @Permissions('account:read')
  list(@CurrentUser() user: Principal, @Query() page: PageQuery): Promise<Account[]> {
    return this.accounts.list(accountReachOf(user), page);
  }

  @Get(':id')
  @Permissions('account:read')
  get(@CurrentUser() user: Principal, @Param('id') id: string): Promise<Account> {
    return this.accounts.get(accountReachOf(user), id);
  }

  @Post()
  @Roles('teller')
  open(@Body() account: OpenAccountDto): Promise<Account> {
    return this.accounts.open(account);
  }
}
