import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common';
import { BodyLimit, CurrentUser, Permissions, RateLimit, type Principal } from '@palisade/nest';
import { accountReachOf } from '../accounts/account-access.policy.js';
import { PageQuery } from '../page.query.js';
import type { Reply } from '../reply.js';
import { CreateTransferDto } from './create-transfer.dto.js';
import { IdempotencyKey } from './idempotency-key.js';
import type { Transfer } from './transfer.js';
import { TransfersService } from './transfers.service.js';

@Controller('transfers')
@Permissions('transfer:create')
export class TransfersController {
  constructor(private readonly transfers: TransfersService) {}

  @Get()
  list(@CurrentUser() user: Principal, @Query() page: PageQuery): Promise<Transfer[]> {
    return this.transfers.list(accountReachOf(user), page);
  }

  // Two ids, an amount and a reference of 140 characters, each of them written as an escape.
  @Post()
  @BodyLimit('4kb')
  @RateLimit('transfers')
  async create(
    @CurrentUser('id') callerId: string,
    @IdempotencyKey() key: string,
    @Body() { from, to, amount, reference }: CreateTransferDto,
    @Res({ passthrough: true }) reply: Reply,
  ): Promise<Transfer> {
    const { transfer, replayed } = await this.transfers.create(callerId, key, {
      from: from.toLowerCase(),
      to: to.toLowerCase(),
      amount,
      reference: reference ?? null,
    });
    if (replayed) reply.header('Idempotency-Replayed', 'true');
    return transfer;
  }
}
